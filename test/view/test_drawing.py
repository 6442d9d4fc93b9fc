"""The pictures: what is drawn where, in which colour."""

import numpy as np
import pytest

from depth_pc_ros.types import Matches
from depth_pc_ros.view.drawing import (
    Reduction,
    depth_picture,
    difference,
    draw_goal,
    draw_live,
    draw_matches,
    jpeg,
    overlay,
    trust_colours,
)

GREY = np.full((60, 80, 3), 90, np.uint8)
POINTS = np.array([[20.0, 30.0], [60.0, 40.0]])  # of the goal
GREEN, RED = [60, 255, 90], [255, 60, 0]


@pytest.fixture
def matches() -> Matches:
    """The first keypoint is matched 12 px to the right of its goal, the second one is not."""
    current = np.array([[32.0, 30.0], [np.nan, np.nan]])
    return Matches(current, np.array([True, False]), np.array([1.0, 0.0], np.float32))


def is_near(pixel, colour) -> bool:
    return bool(np.abs(pixel.astype(int) - colour).max() <= 20)


def test_trust_goes_from_red_over_yellow_to_green():
    colours = trust_colours(np.array([0.0, 0.5, 1.0]))
    assert colours.tolist() == [RED, [255, 220, 0], GREEN]


def test_the_live_image_has_a_dot_at_a_match_and_a_line_to_its_goal(matches):
    picture = draw_live(GREY, POINTS, matches)
    assert is_near(picture[30, 32], GREEN)
    assert is_near(picture[30, 26], GREEN)  # half way
    assert (picture[40, 60] == 90).all()  # not matched: nothing
    assert (GREY == 90).all()


def test_the_goal_image_has_a_dot_at_every_keypoint(matches):
    picture = draw_goal(GREY, POINTS, matches)
    assert is_near(picture[30, 20], GREEN)
    assert is_near(picture[40, 60], [150, 150, 150])
    assert (picture[30, 32] == 90).all()


def test_matches_side_by_side_are_lines_from_the_goal_to_the_live_image(matches):
    picture = draw_matches(GREY, GREY, POINTS, matches)
    assert picture.shape == (60, 160, 3)
    assert is_near(picture[30, 66], GREEN)  # half way from 20 to 80 + 32
    assert (picture[40] == 90).all()


def test_no_match_draws_nothing():
    assert (draw_live(GREY, POINTS, Matches.none(2)) == 90).all()
    assert (draw_live(GREY, np.zeros((0, 2)), Matches.none(0)) == 90).all()


def test_overlay_and_difference():
    other = GREY.copy()
    other[:30] = 190
    both = overlay(GREY, other)
    assert both[0, 0].tolist() == [140] * 3
    assert both[59, 0].tolist() == [90] * 3
    apart = difference(GREY, other)
    assert apart[0, 0].sum() > 500  # 100 grey levels: as bright as it gets
    assert apart[59, 0].sum() < 10


def test_depth_is_red_where_near_blue_where_far_and_black_where_unknown():
    depth = np.tile(np.linspace(0.5, 2.0, 80, dtype=np.float32), (60, 1))
    depth[:5] = np.nan
    picture = depth_picture(depth)
    near, far = picture[30, 4].astype(int), picture[30, 75].astype(int)
    assert near[0] > near[2] + 80
    assert far[2] > far[0]
    assert not picture[:5].any()
    assert depth_picture(-depth)[30, 75, 0] > 100  # relative depth may have any sign
    assert not depth_picture(np.full((4, 4), np.nan)).any()
    assert depth_picture(np.ones((4, 4))).shape == (4, 4, 3)


def test_a_reduction_keeps_points_on_their_place():
    image = np.zeros((480, 1280, 3), np.uint8)
    image[200:204, 600:604] = 255
    reduction = Reduction((1280, 480), 320)
    small = reduction.image(image)
    assert small.shape == (120, 320, 3)
    (point,) = reduction.points(np.array([[601.5, 201.5]]))
    assert point == pytest.approx([150.0, 50.0])
    assert small[50, 150].tolist() == [255] * 3
    matches = Matches(np.array([[601.5, 201.5]]), np.ones(1, bool), np.ones(1, np.float32), agreement=0.5)
    assert reduction.matches(matches).current_points[0] == pytest.approx([150.0, 50.0])
    assert reduction.matches(matches).agreement == 0.5


def test_a_small_image_stays_as_it_is():
    assert Reduction((80, 60)).image(GREY) is GREY


def test_a_picture_becomes_a_jpeg_of_its_colours():
    from depth_pc_ros.files.image_file import decode_image

    red = np.zeros((48, 64, 3), np.uint8)
    red[..., 0] = 200
    decoded = decode_image(jpeg(red), "jpeg")
    assert np.abs(decoded.astype(int) - red).max() < 12
