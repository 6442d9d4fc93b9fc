import cv2
import numpy as np
import pytest

from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.errors import GoalTextureError, ImageError
from depth_pc_ros.perception.factory import make_matcher


@pytest.fixture(scope="module")
def rng():
    return np.random.default_rng(4)


@pytest.fixture(scope="module")
def print_(rng):
    """A richly textured picture (480, 640, 3) uint8."""
    cells = rng.uniform(0, 255, (48, 64, 3)).astype(np.uint8)
    return cv2.resize(cells, (640, 480), interpolation=cv2.INTER_NEAREST)


@pytest.fixture
def view(plane, intrinsics, T_world_goal, move, rng):
    """Noisy views of the plane: `view(k)` is k steps away from the goal, seen past what `overlay` draws."""

    def see(k, overlay=lambda image: image, roll_deg=3.0):
        T = move(T_world_goal, (0.004 * k, -0.003 * k, 0.003 * k), roll_deg * k)
        image = overlay(plane.view(T, intrinsics).copy())
        return np.clip(image + rng.normal(0, 2, image.shape), 0, 255).astype(np.uint8)

    return see


@pytest.fixture
def matcher():
    return make_matcher(MatcherConfig())


def approach(matcher, view, overlay=lambda image: image, end=lambda image: image):
    """Matches of the goal pose after an approach over a few images."""
    for k in range(12, 0, -3):
        matcher.match(view(k, overlay))
    for _ in range(10):
        matches = matcher.match(view(0, end))
    return matches


def gripper(print_):
    def draw(image):
        image[300:, 180:460] = print_[300:, 180:460]
        return image

    return draw


def test_far_away_nothing_is_said_and_at_the_goal_all_agrees(matcher, view, intrinsics):
    matcher.set_goal(view(0), intrinsics)
    far = matcher.match(view(12))
    assert np.isnan(far.agreement)
    assert far.doubt == ""
    at_goal = approach(matcher, view)
    assert at_goal.agreement > 0.99
    assert at_goal.doubt == ""


def test_a_hand_in_view_lowers_the_agreement_without_doubt(matcher, view, intrinsics, print_):
    def hand(image):
        image[:, 120:440] = print_[:, 120:440]
        return image

    matcher.set_goal(view(0), intrinsics)
    matches = approach(matcher, view, end=hand)
    assert 0.35 < matches.agreement < 0.6
    assert matches.doubt == ""


def test_what_was_never_seen_elsewhere_must_agree_well(matcher, view, intrinsics, print_, plane, T_world_goal):
    """The scene was exchanged; only what is fixed to the camera looks as in the goal image."""
    matcher.set_goal(view(0, gripper(print_)), intrinsics)
    other = np.ascontiguousarray(plane.view(T_world_goal, intrinsics)[::-1, :, ::-1])
    matches = matcher.match(gripper(print_)(other))
    assert matches.num_matched > 20
    assert matches.agreement < 0.5
    assert "not where it should be" in matches.doubt


def test_behind_a_gripper_the_scene_is_matched(matcher, view, intrinsics, print_):
    matcher.set_goal(view(0, gripper(print_)), intrinsics)
    matches = matcher.match(view(12, gripper(print_)))
    away = np.linalg.norm(matches.current_points - matcher.goal_points, axis=1)[matches.matched]
    assert matches.num_matched > 40
    assert np.mean(away > 12) > 0.95


def test_a_gripper_is_found_left_out_and_kept(matcher, view, intrinsics, print_):
    goal = view(0, gripper(print_))
    matcher.set_goal(goal, intrinsics)
    for k in range(40, 0, -2):
        matcher.match(view(k, gripper(print_), roll_deg=1.0))
    matcher.forget()
    matches = matcher.match(view(0, gripper(print_)))
    at = matcher.goal_points[matches.matched]
    on_gripper = (at[:, 1] > 310) & (at[:, 0] > 190) & (at[:, 0] < 450)
    assert np.mean(on_gripper) < 0.05
    assert matches.doubt == ""
    matcher.set_goal(goal, intrinsics)
    matches = matcher.match(view(0, gripper(print_)))
    at = matcher.goal_points[matches.matched]
    assert np.mean((at[:, 1] > 310) & (at[:, 0] > 190) & (at[:, 0] < 450)) > 0.2


def test_a_large_part_that_moved_raises_doubt(matcher, view, intrinsics, print_):
    """The board is where it was in the goal image, and the rest is elsewhere."""

    def board(x):
        def draw(image):
            image[100:380, x : x + 280] = print_[100:380, 100:380]
            return image

        return draw

    matcher.set_goal(view(0, board(150)), intrinsics)
    for k in (20, 15, 10, 5, *[0] * 10):
        matches = matcher.match(view(6 + k, board(150 + 4 * k)))
    assert matches.num_matched > 20
    assert 0.2 < matches.agreement < 0.8
    assert "to elsewhere" in matches.doubt


def test_masked_places_are_matched_neither_in_goal_nor_in_live_images(matcher, view, intrinsics, print_):
    mask = np.full((480, 640), 255, np.uint8)
    mask[290:, 170:470] = 0
    matcher.set_goal(view(0, gripper(print_)), intrinsics, mask)
    masked = lambda px: mask[tuple(np.rint(px).astype(int).T[::-1])] == 0  # noqa: E731
    assert not masked(matcher.goal_points).any()
    for k in (12, 11, 10, 0):
        matches = matcher.match(view(k, gripper(print_)))
        assert matches.num_matched > 30
        assert not masked(matches.current_points[matches.matched]).any()
    assert matches.agreement > 0.99


def test_a_refused_goal_keeps_the_old_goal_and_its_mask(matcher, view, intrinsics):
    mask = np.zeros((480, 640), bool)
    mask[:, :320] = True
    count = matcher.set_goal(view(0), intrinsics, mask)
    with pytest.raises(GoalTextureError):
        matcher.set_goal(np.full((480, 640, 3), 90, np.uint8), intrinsics)
    with pytest.raises(ImageError, match="640 x 480"):
        matcher.set_goal(view(0), intrinsics, mask[:100])
    assert len(matcher.goal_points) == count
    matches = matcher.match(view(1))
    assert (matches.current_points[matches.matched, 0] < 320.5).all()
