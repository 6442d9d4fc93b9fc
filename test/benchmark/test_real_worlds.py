"""Views of a recorded frame from other poses."""

import numpy as np
import pytest
from real_recordings import CAMERA, Shots

from depth_pc_ros.benchmark.real_fillers import Fillers
from depth_pc_ros.benchmark.real_pairs import Pair
from depth_pc_ros.benchmark.real_worlds import ExactFrame, FilledWorld, FrameWorld, surface
from depth_pc_ros.benchmark.recordings.frames import Camera, Frame
from depth_pc_ros.geometry import se3


@pytest.fixture(scope="module")
def shots(plane):
    return Shots(plane, 1)


@pytest.fixture(scope="module")
def world(shots):
    return FrameWorld(shots.images[0], shots.depths_m[0], CAMERA, shots.poses[0])


def test_from_its_own_pose_a_frame_is_itself(world, shots):
    image, depth_m = world.view(shots.poses[0])
    known = depth_m > 0
    assert known.mean() > 0.97
    np.testing.assert_array_equal(image[known], shots.images[0][known])
    np.testing.assert_allclose(depth_m[known], shots.depths_m[0][known], atol=2e-3)


@pytest.mark.parametrize("twist", [(0.05, 0, 0, 0, 0, 0), (0, 0, 0.15, 0, 0, 0.6), (0.1, -0.05, -0.1, 0.1, 0.15, -1.2)])
def test_from_elsewhere_it_is_what_the_camera_would_see(twist, world, shots, plane):
    T = shots.poses[0] @ se3.exp(np.array(twist, dtype=float))
    image, depth_m = world.view(T)
    known = depth_m > 0
    assert known.mean() > 0.4
    truth = plane.view(T, CAMERA).astype(int)
    # Only resampled: a shift of half a pixel would give several times as much.
    assert np.abs(image[known].astype(int) - truth[known]).mean() < 2.5
    assert np.median(np.abs(depth_m[known] - plane.depth(T, CAMERA)[known])) < 1e-3


def test_holes_have_one_colour_and_no_depth(world, shots):
    image, depth_m = world.view(shots.poses[0])
    assert (depth_m[:36, :36] == 0).all()
    assert len(np.unique(image[depth_m == 0], axis=0)) == 1


def test_what_is_in_front_hides_what_is_behind():
    image = np.zeros((480, 640, 3), np.uint8)
    image[:, 300:340] = 255
    depth_m = np.full((480, 640), 1.0, np.float32)
    depth_m[:, 300:340] = 0.5
    shifted = np.eye(4)
    shifted[0, 3] = 0.1  # the near bar moves by twice as much: over what was beside it
    view, z = FrameWorld(image, depth_m, CAMERA, np.eye(4)).view(shifted)
    bar = slice(int(305 - 0.1 * 600 / 0.5), int(335 - 0.1 * 600 / 0.5))
    assert (view[200, bar] == 255).all()
    np.testing.assert_allclose(z[200, bar], 0.5)


def test_nothing_is_seen_from_behind(world, shots):
    image, depth_m = world.view(shots.poses[0] @ se3.exp(np.array([0, 0, 0, 0, np.pi, 0])))
    assert not depth_m.any()
    assert len(np.unique(image.reshape(-1, 3), axis=0)) == 1


def test_an_edge_is_no_surface():
    depth_m = np.full((9, 9), 1.0, np.float32)
    depth_m[:, 5:] = 2.0
    assert surface(depth_m)[4].tolist() == [True] * 4 + [False, False] + [True] * 3


def test_an_exact_frame_never_changes(shots):
    with ExactFrame(shots.images[0], shots.depths_m[0], CAMERA) as world:
        image, depth_m = world.view(np.eye(4))
    np.testing.assert_array_equal(image, shots.images[0])
    np.testing.assert_array_equal(depth_m, shots.depths_m[0])


@pytest.fixture(scope="module")
def frames(plane):
    """Of one place, and views of it from further to the right each; the last is as good as the first."""
    shots = Shots(plane, 1)
    poses = [shots.poses[0] @ se3.exp(np.array([x, 0, 0, 0, 0, 0.0])) for x in (0, 0.12, 0.2, 0.28, 0.001)]
    raw = Camera(CAMERA.matrix, (), CAMERA.size)
    seen = [(plane.view(T, CAMERA), plane.depth(T, CAMERA)) for T in poses]
    return [Frame("a", str(k), T, raw, lambda both=both: both) for k, (T, both) in enumerate(zip(poses, seen))]


def test_what_a_frame_does_not_show_of_the_goal_other_frames_fill(frames):
    goal, live = frames[0], frames[3]
    chosen = Fillers(frames).of(Pair(0, 3, 0.0, 0.4, 0.5, 0.68))
    assert chosen[0] == 1  # shows more of the goal than frame 2; frame 4 is the goal itself
    assert set(chosen) <= {1, 2}
    worlds = [FrameWorld(*f.load(), f.intrinsics, f.T_world_cam) for f in (live, *(frames[k] for k in chosen))]
    alone, alone_m = worlds[0].view(goal.T_world_cam)
    image, depth_m = FilledWorld(worlds[0], worlds[1:]).view(goal.T_world_cam)
    assert (alone_m == 0).mean() > 0.3
    assert (depth_m == 0).mean() < 0.22
    np.testing.assert_array_equal(image[alone_m > 0], alone[alone_m > 0])
    known = depth_m > 0
    assert np.abs(image[known].astype(int) - goal.load()[0][known]).mean() < 2.5
    assert np.median(np.abs(depth_m[known] - goal.load()[1][known])) < 1e-3


def test_frames_of_another_sequence_fill_nothing(frames):
    elsewhere = [Frame("a" if k == 3 else "b", f.name, f.T_world_cam, f.camera, f.read) for k, f in enumerate(frames)]
    assert Fillers(elsewhere).of(Pair(0, 3, 0.0, 0.4, 0.5, 0.68)) == ()
