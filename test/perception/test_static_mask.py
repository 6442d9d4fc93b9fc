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


def seen(wall, k, overlay=None, step=(4, 2)):
    """The image k of a camera that moves past the wall, and true matches of a grid of its points."""
    x, y = 100 + step[0] * k, 100 + step[1] * k
    image = wall[y : y + SIZE[1], x : x + SIZE[0]].copy()
    if overlay is not None:
        image[300:, 200:400] = overlay[300:480, 200:400]
    grid = np.stack(np.meshgrid(np.arange(150, 1000, 40), np.arange(150, 800, 40)), -1).reshape(-1, 2)
    points = grid - np.array([x, y], float)
    inside = ((points >= 0) & (points < SIZE)).all(axis=1)
    points[~inside] = np.nan
    return image, Matches(points, inside, inside.astype(np.float32))


def test_what_stays_while_the_camera_moves_is_marked_and_nothing_else(wall):
    static, overlay = StaticMask(SIZE), wall[700:, 500:]
    for k in range(40):
        static.see(*seen(wall, k, overlay))
    marked = static.mask
    assert np.mean(marked[320:460, 220:380]) > 0.9
    marked[285:, 185:415] = False
    assert np.mean(marked) < 0.002


def test_the_mask_outlives_a_break_and_is_taken_back_where_the_place_moves_again(wall):
    static, overlay = StaticMask(SIZE), wall[700:, 500:]
    for k in range(40):
        static.see(*seen(wall, k, overlay))
    static.forget()
    assert static.share > 0.1
    for k in range(60):
        static.see(*seen(wall, k))
    assert static.share < 0.005


def test_a_hand_that_is_held_still_for_a_moment_is_not_marked(wall):
    static, overlay = StaticMask(SIZE), wall[700:, 500:]
    for k in range(40):
        static.see(*seen(wall, k, overlay if 10 <= k < 20 else None))
        assert static.share == 0


def test_plain_periodic_and_striped_pictures_are_not_static():
    rows, columns = np.mgrid[:1400, :1400]
    board = np.where((rows // 24 + columns // 24) % 2, 200, 50)
    stripes = np.where(rows // 30 % 2, 200, 50)  # along the motion
    for picture, step in ((board, (8, 0)), (stripes, (5, 0)), (np.full_like(board, 100), (5, 0))):
        static = StaticMask(SIZE)
        for k in range(40):
            static.see(*seen(cv2.GaussianBlur(picture.astype(np.uint8), (0, 0), 1.0), k, step=step))
        assert static.share == 0


def test_a_camera_that_stands_still_marks_nothing(wall):
    static = StaticMask(SIZE)
    for _ in range(40):
        static.see(*seen(wall, 0))
    assert static.share == 0
