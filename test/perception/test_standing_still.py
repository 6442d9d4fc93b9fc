"""A tool in view that outvotes the scene at a first answer: its matches stand still, the picture contradicts them."""

import cv2
import numpy as np
import pytest

from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.geometry import se3
from depth_pc_ros.perception.agreement import small_texture
from depth_pc_ros.perception.factory import make_matcher
from depth_pc_ros.perception.standing_still import say_at_goal, standing_still

TOOL = np.s_[300:, 180:460]


@pytest.fixture(scope="module")
def tool():
    """A picture of a tool with more texture than the scene: (180, 280, 3) uint8."""
    noise = np.random.default_rng(7).integers(0, 255, (60, 94, 3), dtype=np.uint8)
    return cv2.resize(noise, (280, 180), interpolation=cv2.INTER_CUBIC)


@pytest.fixture
def seen(plane, intrinsics, tool):
    """The plane from a pose, low in contrast, with the tool before it or without."""

    def view(T_world_cam, with_tool=True):
        image = (0.5 * plane.view(T_world_cam, intrinsics) + 60).astype(np.uint8)
        if with_tool:
            image[TOOL] = tool
        return image

    return view


def tilted(degrees):
    angle = np.radians(degrees)
    eye = 0.6 * np.array([np.sin(angle), 0, np.cos(angle)])
    return se3.look_at(eye, np.zeros(3), np.array([0.0, 1.0, 0.0]))


def test_a_first_answer_is_that_of_the_scene_not_of_the_tool(seen, plane, intrinsics, T_world_goal):
    goal, start = seen(T_world_goal), tilted(48)
    matcher = make_matcher(MatcherConfig(wide_baseline="sift"))
    matcher.set_goal(goal, intrinsics)
    own = matcher._matcher._matcher.match(seen(start))  # of AKAZE alone
    assert say_at_goal(matcher.goal_points[own.matched], own.current_points[own.matched])
    matcher.forget()
    for degrees in (48, 46, 44):  # and from then on
        matches = matcher.match(seen(tilted(degrees)))
        truth = plane.true_pixels(matcher.goal_points, T_world_goal, tilted(degrees), intrinsics)
        error = np.linalg.norm(matches.current_points - truth, axis=1)[matches.matched]
        assert matches.num_matched >= 20
        assert np.mean(error < 5.0) > 0.9


def test_at_the_goal_the_tool_and_the_scene_agree(seen, intrinsics, T_world_goal):
    goal = seen(T_world_goal)
    assert standing_still(small_texture(goal[..., 1]), goal[..., 1], None) is None
    matcher = make_matcher(MatcherConfig(wide_baseline="sift"))
    matcher.set_goal(goal, intrinsics)
    matches = matcher.match(goal)
    moved = np.linalg.norm(matches.current_points - matcher.goal_points, axis=1)[matches.matched]
    assert matches.num_matched > 150
    assert np.median(moved) < 0.1
    assert matcher._matcher._still_mask is None


def test_without_a_rival_what_stands_still_stays(seen, intrinsics, T_world_goal, tool):
    matcher = make_matcher(MatcherConfig(wide_baseline="sift"))
    matcher.set_goal(seen(T_world_goal), intrinsics)
    elsewhere = np.random.default_rng(1).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    elsewhere[TOOL] = tool
    matches = matcher.match(elsewhere)
    points = matcher.goal_points[matches.matched]
    assert matches.num_matched >= 20
    assert say_at_goal(points, matches.current_points[matches.matched])
    assert "not where it should be" in matches.doubt
    matcher.set_goal(seen(T_world_goal, with_tool=False), intrinsics)
    assert matcher._matcher._still_mask is None


def test_the_mask_covers_what_stands_still_and_little_else(seen, T_world_goal):
    goal, live = (seen(T)[..., 1] for T in (T_world_goal, tilted(48)))
    mask = standing_still(small_texture(goal), live, None)
    assert mask[TOOL].mean() > 0.95
    mask[270:, 150:490] = False
    assert mask.mean() < 0.1
    allowed = np.ones(goal.shape, bool)
    allowed[TOOL] = False
    left = standing_still(small_texture(goal), live, allowed)
    assert left[330:460, 210:430].mean() < 0.05
