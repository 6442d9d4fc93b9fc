import cv2
import numpy as np
import pytest

from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.errors import GoalError, GoalTextureError
from depth_pc_ros.perception import matchers
from depth_pc_ros.perception.factory import make_detecting_matcher

KINDS = ["akaze", "sift", "orb", "brisk"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("roll_deg", "tilt_deg"), [(0, 0), (25, 8), (170, -5)])
def test_matches_are_right_and_subpixel(kind, roll_deg, tilt_deg, plane, intrinsics, T_world_goal, move):
    matcher = make_detecting_matcher(MatcherConfig(matcher=kind))
    count = matcher.set_goal(plane.view(T_world_goal, intrinsics), intrinsics)
    assert 20 <= count <= 1500
    T_world_cam = move(T_world_goal, (0.03, 0.02, 0.04), roll_deg, tilt_deg)
    matches = matcher.match(plane.view(T_world_cam, intrinsics))
    truth = plane.true_pixels(matcher.goal_points, T_world_goal, T_world_cam, intrinsics)
    error = np.linalg.norm(matches.current_points - truth, axis=1)[matches.matched]
    assert matches.num_matched >= 40
    assert np.median(error) < 0.15
    assert np.mean(error < 3.0) > 0.95
    assert (matches.scores[~matches.matched] == 0).all()
    assert (matches.scores[matches.matched] > 0).all()


def test_patch_alignment_is_what_makes_positions_subpixel(plane, intrinsics, T_world_goal, move):
    T_world_cam = move(T_world_goal, (0.03, 0.02, 0.04), 25, 8)
    medians = {}
    for refine in (False, True):
        matcher = make_detecting_matcher(MatcherConfig(matcher="orb", refine=refine))
        matcher.set_goal(plane.view(T_world_goal, intrinsics), intrinsics)
        matches = matcher.match(plane.view(T_world_cam, intrinsics))
        truth = plane.true_pixels(matcher.goal_points, T_world_goal, T_world_cam, intrinsics)
        medians[refine] = np.median(np.linalg.norm(matches.current_points - truth, axis=1)[matches.matched])
    assert medians[True] < 0.25 * medians[False]


@pytest.mark.parametrize("gamma", [0.45, 2.2])
def test_another_light_keeps_positions_subpixel(gamma, plane, intrinsics, T_world_goal, move):
    T_world_cam = move(T_world_goal, (0.03, 0.02, 0.04), 25, 8)
    matcher = make_detecting_matcher(MatcherConfig())
    matcher.set_goal(plane.view(T_world_goal, intrinsics), intrinsics)
    light = np.rint(255 * (np.arange(256) / 255) ** gamma).astype(np.uint8)
    matches = matcher.match(light[plane.view(T_world_cam, intrinsics)])
    truth = plane.true_pixels(matcher.goal_points, T_world_goal, T_world_cam, intrinsics)
    error = np.linalg.norm(matches.current_points - truth, axis=1)[matches.matched]
    assert matches.num_matched >= 30
    assert np.median(error) < 0.25


def test_identical_image_matches_itself_exactly(plane, intrinsics, T_world_goal):
    matcher = make_detecting_matcher(MatcherConfig())
    image = plane.view(T_world_goal, intrinsics)
    count = matcher.set_goal(image, intrinsics)
    matches = matcher.match(image)
    assert matches.num_matched > 0.9 * min(count, matchers.MOST_MATCHES)
    moved_px = matches.current_points[matches.matched] - matcher.goal_points[matches.matched]
    np.testing.assert_allclose(moved_px, 0, atol=0.01)


def test_one_live_keypoint_serves_one_goal_keypoint(plane, intrinsics, T_world_goal, move):
    matcher = make_detecting_matcher(MatcherConfig(ratio=1.0))
    matcher.set_goal(plane.view(T_world_goal, intrinsics), intrinsics)
    matches = matcher.match(plane.view(move(T_world_goal, (0.1, 0, 0.1), 40), intrinsics))
    current = matches.current_points[matches.matched]
    assert len(np.unique(current, axis=0)) == len(current)


@pytest.mark.parametrize("kind", KINDS)
def test_goal_without_texture_is_refused_and_the_old_goal_stays(kind, plane, intrinsics, T_world_goal):
    matcher = make_detecting_matcher(MatcherConfig(matcher=kind))
    count = matcher.set_goal(plane.view(T_world_goal, intrinsics), intrinsics)
    with pytest.raises(GoalTextureError, match=kind):
        matcher.set_goal(np.full((480, 640, 3), 128, np.uint8), intrinsics)
    assert len(matcher.goal_points) == count


@pytest.mark.parametrize("kind", KINDS)
def test_blank_live_image_matches_nothing(kind, plane, intrinsics, T_world_goal):
    matcher = make_detecting_matcher(MatcherConfig(matcher=kind))
    matcher.set_goal(plane.view(T_world_goal, intrinsics), intrinsics)
    assert matcher.match(np.zeros((480, 640, 3), np.uint8)).num_matched == 0


def test_unrelated_image_matches_next_to_nothing(plane, intrinsics, T_world_goal):
    matcher = make_detecting_matcher(MatcherConfig())
    matcher.set_goal(plane.view(T_world_goal, intrinsics), intrinsics)
    noise = np.random.default_rng(5).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    assert matcher.match(noise).num_matched < 15


def test_few_matches_that_agree_lead_to_more(plane, intrinsics, T_world_goal, move, monkeypatch):
    T_world_cam = move(T_world_goal, (0.03, 0.02, 0.04), 25, 40)  # strongly tilted
    counts = []
    for sparse in (0, 10000):
        monkeypatch.setattr(matchers, "_SPARSE", sparse)
        matcher = make_detecting_matcher(MatcherConfig())
        matcher.set_goal(plane.view(T_world_goal, intrinsics), intrinsics)
        matches = matcher.match(plane.view(T_world_cam, intrinsics))
        truth = plane.true_pixels(matcher.goal_points, T_world_goal, T_world_cam, intrinsics)
        error = np.linalg.norm(matches.current_points - truth, axis=1)[matches.matched]
        assert np.mean(error < 3.0) > 0.9
        counts.append(matches.num_matched)
    assert counts[1] > 1.2 * counts[0] > 0


def test_match_before_goal_is_an_error():
    with pytest.raises(GoalError, match="set_goal"):
        make_detecting_matcher(MatcherConfig()).match(np.zeros((480, 640, 3), np.uint8))


@pytest.mark.parametrize("name", ["akaze", "sift", "orb"])
def test_a_masked_gripper_uses_up_no_keypoints(name, intrinsics):
    """OpenCV's SIFT counts the strongest keypoints first, and leaves out the masked ones then."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (480, 640), dtype=np.uint8)
    grey = cv2.GaussianBlur(noise, (0, 0), 2.0)
    grey[:, :320] = noise[:, :320]
    image = cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB)
    mask = np.zeros((480, 640), bool)
    mask[:, 330:] = True
    matcher = make_detecting_matcher(MatcherConfig(matcher=name, max_keypoints=300))
    assert matcher.set_goal(image, intrinsics, mask) > 200
    assert (matcher.goal_points[:, 0] >= 329).all()
