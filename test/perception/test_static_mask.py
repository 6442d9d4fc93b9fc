import cv2
import numpy as np
import pytest

from depth_pc_ros.perception.static_mask import StaticMask
from depth_pc_ros.types import Matches

SIZE = (640, 480)


@pytest.fixture(scope="module")
def wall():
    """A large textured picture (H, W) uint8."""
    rng = np.random.default_rng(3)
    picture = sum(
        cv2.resize(rng.uniform(0, 85, (cells, cells)), (1400, 1400), interpolation=cv2.INTER_NEAREST)
        for cells in (30, 90, 200)
    )
    return cv2.GaussianBlur(picture, (0, 0), 1.5).astype(np.uint8)


GRID = np.stack(np.meshgrid(np.arange(20, 640, 40), np.arange(20, 480, 40)), -1).reshape(-1, 2).astype(float)


def view(wall, k, step, overlay=None):
    """The image of a camera that is k steps before its goal."""
    x, y = 300 + step[0] * k, 300 + step[1] * k
    image = wall[y : y + SIZE[1], x : x + SIZE[0]].copy()
    if overlay is not None:
        image[300:, 200:400] = overlay[300:480, 200:400]
    return image


def approach(wall, overlay=None, at_goal=None, step=(4, 2), static=None):
    """The mask after an approach of 40 images with true matches. at_goal: the overlay of the goal image."""
    static = static or StaticMask(view(wall, 0, step, at_goal), GRID)
    for k in range(40, 0, -1):
        points = GRID - np.array(step) * k
        inside = ((points >= 0) & (points < SIZE)).all(axis=1)
        points[~inside] = np.nan
        static.see(view(wall, k, step, overlay), Matches(points, inside, inside.astype(np.float32)))
    return static


def test_what_stays_while_the_camera_moves_is_marked_and_nothing_else(wall):
    overlay = wall[700:, 500:]
    marked = approach(wall, overlay, overlay).mask
    assert np.mean(marked[320:460, 220:380]) > 0.9
    marked[285:, 185:415] = False
    assert np.mean(marked) < 0.002


def test_marks_are_taken_back_where_the_place_moves(wall):
    overlay = wall[700:, 500:]
    static = StaticMask(view(wall, 0, (4, 2)), GRID)
    static._votes[150:, 100:200] = 3
    assert approach(wall, static=static).share < 0.005
    assert approach(wall, overlay).share < 0.002  # of the live image only: it matches nothing


def test_plain_periodic_and_striped_pictures_are_not_static():
    rows, columns = np.mgrid[:1400, :1400]
    board = np.where((rows // 24 + columns // 24) % 2, 200, 50)
    stripes = np.where(rows // 30 % 2, 200, 50)  # along the motion
    for picture, step in ((board, (8, 0)), (stripes, (5, 0)), (np.full_like(board, 100), (5, 0))):
        assert approach(cv2.GaussianBlur(picture.astype(np.uint8), (0, 0), 1.0), step=step).share == 0


def test_at_the_goal_nothing_is_marked(wall):
    static = StaticMask(view(wall, 0, (4, 2)), GRID)
    seen = np.ones(len(GRID), bool)
    for k in range(40):
        static.see(view(wall, 0, (4, 2)), Matches(GRID + 0.1 * k, seen, seen.astype(np.float32)))
    assert static.share == 0


def test_a_place_that_is_marked_stays_until_it_is_seen_to_move(wall):
    static = StaticMask(view(wall, 0, (4, 2)), GRID)
    place = np.zeros(SIZE[::-1], bool)
    place[100:300, 200:400] = True
    assert static.mark(place)
    assert static.mask[120:280, 220:380].all()
    assert 0.12 < static.share < 0.2
    approach(wall, static=static)
    assert approach(wall, static=static).share < 0.02
