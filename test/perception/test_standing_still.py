"""A tool in view that outvotes the scene at a first answer: its matches stand still, the picture contradicts them."""

import cv2
import numpy as np
import pytest

from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.geometry import se3
from depth_pc_ros.perception.agreement import small_texture
from depth_pc_ros.perception.factory import make_matcher
from depth_pc_ros.perception.standing_still import explained_by, standing_still
from depth_pc_ros.types import Matches

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


def say_at_goal(goal_px, live_px):
    """Whether matches (M, 2) px say that the camera is at the goal, as those of the tool do."""
    return np.median(np.linalg.norm(live_px - goal_px, axis=1)) < 1.5


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


def test_a_detection_of_the_tool_does_not_take_the_place_of_the_scene(seen, plane, intrinsics, T_world_goal):
    before, after = (tilted(degrees) @ se3.exp(np.radians([0, 0, 0, 0, 0, 170])) for degrees in (48, 47))
    live, matcher = seen(after), make_matcher(MatcherConfig(wide_baseline="sift"))
    matcher.set_goal(seen(T_world_goal), intrinsics)
    tracker = matcher._matcher._matcher  # of AKAZE alone
    own = tracker.match(live)
    assert say_at_goal(tracker.goal_points[own.matched], own.current_points[own.matched])
    points = plane.true_pixels(tracker.goal_points, T_world_goal, before, intrinsics)
    on_scene = ((points > 20) & (points < (620, 290))).all(axis=1) & (tracker.goal_points[:, 1] < 280)
    on_scene &= np.cumsum(on_scene) <= own.num_matched // 2  # the tool has more
    points[~on_scene] = np.nan
    tracker.follow(Matches(points, on_scene, on_scene.astype(np.float32)), seen(before)[..., 1], loosely=True)
    tracker.detect_next()
    matches = tracker.match(live)
    truth = plane.true_pixels(tracker.goal_points, T_world_goal, after, intrinsics)
    error = np.linalg.norm(matches.current_points - truth, axis=1)[matches.matched]
    assert matches.num_matched >= 20
    assert np.mean(error < 5.0) > 0.9


def test_the_picture_tells_what_groups_of_matches_explain(seen, plane, intrinsics, T_world_goal):
    goal, live = (seen(T)[..., 1] for T in (T_world_goal, tilted(20)))
    grid = np.stack(np.meshgrid(np.arange(40, 600, 20), np.arange(40, 460, 20)), axis=-1).reshape(-1, 2).astype(float)
    scene = grid[grid[:, 1] < 280]
    tool = np.repeat(grid[(grid[:, 1] > 310) & (abs(grid[:, 0] - 320) < 130)], 9, axis=0)  # as many as it may have
    truth = plane.true_pixels(scene, T_world_goal, tilted(20), intrinsics)
    of_scene, of_tool, of_none, of_few = explained_by(
        goal, live, [(scene, truth), (tool, tool), (scene, scene[::-1].copy()), (scene[:3], truth[:3])]
    )
    assert of_scene > 10 * of_tool
    assert of_scene > 10 * of_none
    assert of_few == 0
    assert explained_by(goal, goal, [(scene, scene)])[0] > 0  # at the goal what stands still is the goal


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
    elsewhere = np.full((480, 640, 3), 128, np.uint8)
    elsewhere[:, ::40], elsewhere[::40] = 60, 200
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
