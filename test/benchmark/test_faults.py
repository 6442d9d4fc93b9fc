"""Each fault does what its row says, on images, twists and depths."""

import numpy as np
import pytest

from depth_pc_ros.benchmark import faults
from depth_pc_ros.benchmark.disturbances import stream
from depth_pc_ros.benchmark.settings import DT_S
from depth_pc_ros.geometry import se3

SIZE = (640, 480)
GREY = np.full((480, 640, 3), 120, np.uint8)
TWIST = np.array([0.1, -0.05, 0.2, 0.3, 0.1, -0.4])


def make(kind, seed=0, **more):
    return kind(stream(seed, "fault"), SIZE, **more)


@pytest.mark.parametrize("share", [0.1, 0.2, 0.3, 0.4])
def test_a_gripper_covers_its_share_from_a_border_of_goal_and_live_image(share):
    for seed in range(3):
        gripper = make(faults.Gripper, seed, share=share, texture="plain")
        seen = gripper.scene(GREY, 0)
        covered = (seen != GREY).any(axis=2)
        assert covered.mean() == pytest.approx(share, abs=0.02)
        assert covered[0].any() != covered[-1].any()
        np.testing.assert_array_equal(gripper.goal_scene(GREY), seen)
        np.testing.assert_array_equal(gripper.scene(GREY, 50), seen)
        assert gripper.mask is None


def test_a_grippers_texture_is_as_rich_as_its_name():
    contrast = []
    for texture in ("plain", "moderate", "rich"):
        gripper = make(faults.Gripper, share=0.3, texture=texture)
        seen = gripper.scene(GREY, 0)[..., 1].astype(float)
        steps = np.abs(np.diff(seen, axis=1))[gripper.covered[:, 1:] & gripper.covered[:, :-1]]
        contrast.append(steps.mean())
    assert contrast[0] < 0.1
    assert contrast[1] > 4 * contrast[0]
    assert contrast[2] > 3 * contrast[1]


def test_a_known_mask_hides_the_gripper_and_little_more():
    gripper = make(faults.Gripper, share=0.2, texture="rich", known=True)
    assert gripper.mask.dtype == np.uint8
    assert not gripper.mask[gripper.covered].any()
    assert 0.2 < (gripper.mask == 0).mean() < 0.26


@pytest.mark.parametrize("noisy", [False, True])
def test_a_frozen_stream_repeats_the_last_image(noisy):
    frozen = make(faults.Frozen, noisy=noisy)
    assert 10 <= frozen.begin_step < 40

    def seen(step):  # a camera that adds `step` to every pixel, as noise would be
        return frozen.stream(frozen.scene(GREY + np.uint8(step), step) + np.uint8(step % 7), step)

    images = [seen(step) for step in range(60)]
    begin = frozen.begin_step
    assert (images[begin - 1] != images[begin - 2]).all()
    for step in range(begin, 60):
        change = images[step].astype(int) - images[begin - 1]
        assert np.all(change == (step % 7 - (begin - 1) % 7 if noisy else 0))


def test_a_turned_frame_turns_velocity_and_rotation():
    got = make(faults.Executed, matrix=faults.turned("z", 180)).executed(TWIST, 0)
    np.testing.assert_allclose(got, TWIST * [-1, -1, 1, -1, -1, 1], atol=1e-12)
    got = make(faults.Executed, matrix=faults.turned("z", 90)).executed(TWIST, 0)
    np.testing.assert_allclose(got, [0.05, 0.1, 0.2, -0.1, 0.3, -0.4], atol=1e-12)


def test_camera_link_axes_point_forward_left_and_up():
    forward, left, up = faults.camera_link()[:3, :3].T
    np.testing.assert_array_equal(forward, [0, 0, 1])
    np.testing.assert_array_equal(left, [-1, 0, 0])
    np.testing.assert_array_equal(up, [0, -1, 0])
    assert np.linalg.det(faults.camera_link()[3:, 3:]) == pytest.approx(1)


def test_a_mirrored_motion_is_that_seen_in_a_mirror():
    mirror = np.diag([-1.0, 1, 1, 1])
    np.testing.assert_allclose(se3.exp(faults.mirrored() @ TWIST), mirror @ se3.exp(TWIST) @ mirror, atol=1e-12)


def test_deaf_and_slow_arms():
    assert not make(faults.Executed, matrix=faults.DEAF).executed(TWIST, 3).any()
    np.testing.assert_allclose(make(faults.Executed, matrix=faults.slowed(0.2)).executed(TWIST, 3), 0.2 * TWIST)
    changing = make(faults.ChangingSpeed)
    factors = np.array([changing.executed(TWIST, step)[0] / TWIST[0] for step in range(150)])
    assert factors.min() == pytest.approx(0.2, abs=0.02)
    assert factors.max() == pytest.approx(1.0, abs=0.02)
    assert np.abs(np.diff(factors)).max() < 0.06


def test_depth_in_wrong_units_is_given_where_it_says():
    depth = np.full((2, 2), 0.5, np.float32)
    both, goal, live = (make(faults.DepthUnits, factor=1000, given=given) for given in ("both", "goal", "live"))
    assert both.depth(depth)[0, 0] == both.goal_depth(depth)[0, 0] == goal.goal_depth(depth)[0, 0] == 500
    assert live.depth(depth).dtype == np.float32
    assert live.goal_depth(depth) is None
    assert goal.depth(depth) is None


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_a_hand_covers_its_share_and_moves_slowly(share):
    hand = make(faults.Hand, share=share)
    masks = [(hand.scene(GREY, step) != GREY).any(axis=2) for step in range(60)]
    assert all(mask.mean() == pytest.approx(share, abs=0.03) for mask in masks)
    assert 0.002 < (masks[0] != masks[-1]).mean() < 0.15


def test_a_slow_camera_gives_its_images_evenly():
    camera = make(faults.SlowCamera, rate_hz=2)
    assert [step for step in range(100) if camera.delivers(step)] == [0, 25, 50, 75]


def test_drop_outs_last_as_long_as_the_images_between_them():
    camera = make(faults.DropOuts)
    arrives = np.array([camera.delivers(step) for step in range(2000)])
    assert arrives[0]
    changes = np.flatnonzero(np.diff(arrives.astype(int)))
    lengths = np.diff(changes) * DT_S
    assert 0.2 - DT_S <= lengths.min() < 0.4
    assert 0.8 < lengths.max() <= 1 + DT_S
    assert arrives.mean() == pytest.approx(0.5, abs=0.1)


def test_a_moving_target_has_its_speed_and_stays_at_its_height():
    target = make(faults.MovingTarget, speed_m_s=0.01)
    second = sum(target.drift() for _ in range(50))
    assert np.linalg.norm(second) == pytest.approx(0.01)
    assert second[2] == 0
    assert not target.over(True, 100)
    assert target.over(False, target.RUN_STEPS - 1)


def test_a_target_jumps_once_after_the_arrival_and_the_run_goes_on():
    target = make(faults.MovedAfterArrival, distance_m=0.005)
    moved, end = {}, None
    for step in range(400):
        if target.over(step >= 30, step):
            end = step
            break
        if target.drift().any():
            moved[step] = np.linalg.norm(target.drift())
    assert moved == {55: pytest.approx(0.005)}
    assert end == 55 + target.WATCH_STEPS
