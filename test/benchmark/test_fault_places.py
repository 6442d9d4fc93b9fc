"""Faults of the place: a board that moved, things that repeat, special starts."""

import cv2
import numpy as np
import pytest

from depth_pc_ros.benchmark import fault_places
from depth_pc_ros.benchmark.chessboard import Chessboard
from depth_pc_ros.benchmark.disturbances import stream
from depth_pc_ros.benchmark.episodes import Episode
from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.poses import sample_pair
from depth_pc_ros.sim.scenes import SCENE_CENTRE, Scene
from depth_pc_ros.sim.workplace import DEFAULT_INTRINSICS

SIZE = DEFAULT_INTRINSICS.size


def episode(seed: int) -> Episode:
    """An empty table."""
    scene = Scene("default", 0, (), "wood", 0)
    return Episode("dev/M/000", "M", seed, *sample_pair(seed, SCENE_CENTRE, DEFAULT_INTRINSICS, "M"), scene)


def staged(kind, seed: int, **more) -> Episode:
    return kind(stream(seed, "fault"), SIZE, **more).stage(episode(seed))


@pytest.mark.parametrize("share", [0.15, 0.3, 0.45, 0.6])
def test_a_board_fills_its_share_of_the_goal_image_and_was_moved(share):
    for seed in range(4):
        now = staged(fault_places.MovedBoard, seed, share=share)
        before, after = (np.array([body.position_m for body in place.bodies]) for place in (now.goal_place, now.place))
        half_m = np.array(now.place.bodies[0].size_m)[:2] / 2
        pixels = DEFAULT_INTRINSICS.project(se3.transform(se3.inverse(now.T_world_goal), before))
        hull = cv2.convexHull(pixels.astype(np.float32))
        margin = (
            half_m * DEFAULT_INTRINSICS.focal / np.linalg.norm(now.T_world_goal[:3, 3] - before.mean(axis=0))
        ).mean()
        side = np.sqrt(cv2.contourArea(hull)) + 2 * margin  # tiles reach beyond their centres
        assert side**2 / (SIZE[0] * SIZE[1]) == pytest.approx(share, rel=0.3)
        shift = np.linalg.norm(after.mean(axis=0) - before.mean(axis=0))
        assert 0.03 <= shift <= 0.1
        R, t = _rigid(before, after)
        assert 5 <= np.degrees(np.arccos((np.trace(R) - 1) / 2)) <= 20
        np.testing.assert_allclose(before @ R.T + t, after, atol=1e-9)
        same = [(b.size_m, b.texture_seed) for b in now.place.bodies]
        assert same == [(b.size_m, b.texture_seed) for b in now.goal_place.bodies]


def _rigid(a: np.ndarray, b: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The rotation and translation that move points a to b, of points in a plane of constant height."""
    u, _, vt = np.linalg.svd((b - b.mean(0)).T @ (a - a.mean(0)))
    R = u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt
    return R, b.mean(0) - R @ a.mean(0)


def test_repeated_packages_are_equal_and_apart():
    bodies = staged(fault_places.Repeated, 0).place.bodies
    assert len(bodies) == 6
    assert len({(body.size_m, body.texture_seed) for body in bodies}) == 1
    places = np.array([body.position_m for body in bodies])
    apart = np.linalg.norm(places[:, None] - places, axis=2)[np.triu_indices(6, 1)]
    assert apart.min() > 0.09


def test_a_chessboard_repeats_itself_after_two_squares():
    picture = Chessboard(9, 7, 0.03).picture()
    step = 2 * Chessboard.SQUARE_PX
    assert picture.shape == (140, 180, 3)
    np.testing.assert_array_equal(picture[:, step:], picture[:, :-step])
    assert (picture[:, step // 2 :] != picture[:, : -step // 2]).all()


@pytest.mark.parametrize("edge", [True, False])
def test_the_start_is_about_one_period_off(edge):
    for seed in range(5):
        now = staged(fault_places.OnePeriodOff, seed, edge=edge)
        offset = (now.T_world_start - now.T_world_goal)[:3, 3] / now.place.square_m
        squares = np.rint(offset)
        assert tuple(np.abs(squares)) in {(1, 1, 0), (2, 0, 0), (0, 2, 0)}
        assert np.abs(offset - squares).max() < 0.3
        assert se3.pose_error(now.T_world_start, now.T_world_goal)[1] < 4


def test_a_pure_roll_has_no_translation():
    for seed in range(5):
        now = staged(fault_places.PureRoll, seed)
        metres, degrees = se3.pose_error(now.T_world_start, now.T_world_goal)
        assert metres < 1e-12
        assert 150 <= degrees <= 180
        turn = se3.log_so3(now.T_world_goal[:3, :3].T @ now.T_world_start[:3, :3])
        np.testing.assert_allclose(turn[:2], 0, atol=1e-6)
