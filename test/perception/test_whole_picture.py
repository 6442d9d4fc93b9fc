import cv2
import numpy as np
import pytest

from depth_pc_ros.perception.whole_picture import WholePicture
from depth_pc_ros.types import Matches

BLOCK = (slice(100, 380), slice(180, 540))  # 33 % of the image


@pytest.fixture
def picture_of():
    """A textured image (480, 640) uint8 of a seed."""

    def make(seed):
        cells = np.random.default_rng(seed).integers(0, 255, (48, 64), dtype=np.uint8)
        return cv2.GaussianBlur(cv2.resize(cells, (640, 480), interpolation=cv2.INTER_NEAREST), (0, 0), 1.0)

    return make


@pytest.fixture
def points():
    grid = np.stack(np.meshgrid(np.arange(20.0, 620, 40), np.arange(20.0, 460, 40)), -1).reshape(-1, 2)
    return grid[(grid[:, 0] < 170) | (grid[:, 0] > 550)]


def verdict(goal, points, live):
    """The picture after images 20 px from the goal and at it. live: image of the shift in px."""
    picture, seen = WholePicture(goal, points), np.ones(len(points), bool)
    for shift in (20, 0):
        picture.see(live(shift), Matches(points + (shift, 0.0), seen, seen.astype(np.float32)))
    return picture


def test_a_changed_part_of_the_scene_raises_doubt(picture_of, points):
    goal, scene, other = picture_of(0), picture_of(0), picture_of(1)
    scene[BLOCK] = other[BLOCK]
    picture = verdict(goal, points, lambda shift: np.roll(scene, shift, axis=1))
    assert 0.5 < picture.agreement < 0.8
    assert "is another part of the scene" in picture.doubt


def test_a_hand_that_does_not_move_with_the_scene_does_not(picture_of, points):
    goal, other = picture_of(0), picture_of(1)

    def live(shift):
        image = np.roll(goal, shift, axis=1)
        image[BLOCK] = other[BLOCK]
        return image

    picture = verdict(goal, points, live)
    assert 0.5 < picture.agreement < 0.8
    assert picture.doubt == ""


def test_the_same_hand_before_anything_moved_does(picture_of, points):
    goal, other = picture_of(0), picture_of(1)
    live = goal.copy()
    live[BLOCK] = other[BLOCK]
    picture, seen = WholePicture(goal, points), np.ones(len(points), bool)
    picture.see(live, Matches(points, seen, seen.astype(np.float32)))
    assert "not where it should be" in picture.doubt
    picture.see(goal, Matches(points + 9.0, seen, seen.astype(np.float32)))
    assert np.isnan(picture.agreement)
    assert picture.doubt == ""


@pytest.mark.parametrize("moved_share", [0.0, 0.55, 0.8])
def test_matches_that_never_moved_are_doubted_whatever_share_of_the_matches_is_elsewhere(
    picture_of, points, moved_share
):
    goal, other = picture_of(0), picture_of(1)
    live = other.copy()
    edges = (slice(None), slice(0, 170)), (slice(None), slice(550, 640))  # a frame fixed to the camera
    for edge in edges:
        live[edge] = goal[edge]
    seen = np.ones(len(points), bool)
    away = np.where(np.arange(len(points)) < moved_share * len(points), 40.0, 0.0)
    picture = WholePicture(goal, points)
    for _ in range(10):
        picture.see(live, Matches(points + away[:, None], seen, seen.astype(np.float32)))
        assert "not where it should be" in picture.doubt


def test_another_motion_is_doubted_as_long_as_enough_is_left_of_it(picture_of, points):
    goal, other = picture_of(0), picture_of(1)
    live = goal.copy()
    live[:, :300] = other[:, :300]  # a part of the scene that was moved
    seen, scores = np.ones(len(points), bool), np.ones(len(points), np.float32)
    elsewhere = np.flatnonzero(points[:, 0] < 300)
    picture = WholePicture(goal, points)
    picture.see(live, Matches(points, seen, scores))

    def weighed(count):
        matched = np.isin(np.arange(len(points)), elsewhere[:count])
        picture.weigh(Matches(np.where(matched[:, None], points + 50.0, np.nan), matched, matched * scores), 0)
        return "moved together" in picture.doubt

    assert not weighed(11)  # too few to begin with
    assert weighed(12)
    assert weighed(10)  # not found as well in each image
    assert weighed(0)
    assert weighed(9)
    assert weighed(8)  # as many as there may be by chance
    assert weighed(8)
    assert not weighed(8)
