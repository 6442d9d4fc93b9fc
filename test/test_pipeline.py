"""The pipeline on images of a textured plane, closed loop."""

import subprocess
import sys

import numpy as np
import pytest

from depth_pc_ros.errors import ConfigError, GoalError, GoalTextureError, ImageError
from depth_pc_ros.geometry import se3
from depth_pc_ros.pipeline import ServoPipeline
from depth_pc_ros.types import ServoState

DT = 0.04
WAITS = {"age_s": 0.0}  # of a simulator that waits for each twist


def servo(pipeline, plane, intrinsics, T_world_cam, steps=250, lag_frames=0, latency=WAITS):
    """Drive until converged; return the result, the final pose and the twists. latency: arguments of every `step`."""
    twists, pending = [], [np.zeros(6)] * lag_frames
    for k in range(steps):
        result = pipeline.step(plane.view(T_world_cam, intrinsics), k * DT, **latency)
        if result.converged:
            break
        assert result.state is ServoState.SERVOING, result.message
        twists.append(result.twist)
        pending.append(result.twist)
        T_world_cam = T_world_cam @ se3.exp(pending.pop(0) * DT)
    return result, T_world_cam, np.array(twists)


@pytest.mark.parametrize("controller", ["pbvs", "ibvs"])
def test_converges_to_the_goal_within_the_limits(controller, plane, intrinsics, T_world_goal, move):
    pipeline = ServoPipeline.from_config(controller=controller)
    pipeline.set_goal(plane.view(T_world_goal, intrinsics), intrinsics.matrix, distance=0.6)
    start = move(T_world_goal, (0.08, -0.06, 0.1), roll_deg=35, tilt_deg=4)
    result, T_world_cam, twists = servo(pipeline, plane, intrinsics, start)
    assert result.converged
    assert not result.twist.any()
    error_m, error_deg = se3.pose_error(T_world_cam, T_world_goal)
    assert error_m < 0.003
    assert error_deg < 0.3
    config = pipeline.config
    assert np.linalg.norm(twists[:, :3], axis=1).max() <= config.max_linear + 1e-9
    assert np.linalg.norm(twists[:, 3:], axis=1).max() <= config.max_angular + 1e-9
    acceleration = np.diff(twists, axis=0) / DT
    assert np.linalg.norm(acceleration[:, :3], axis=1).max() <= config.max_linear_acceleration + 1e-6
    assert np.linalg.norm(twists[0, :3]) <= config.max_linear_acceleration * DT + 1e-9  # ramps from zero


@pytest.mark.parametrize("latency", [{}, WAITS])
def test_a_latency_that_is_not_given_is_assumed(latency, plane, intrinsics, T_world_goal, move):
    """The camera moves with 0.12 s of latency: it does not pass the goal, unless a latency of 0 is given."""
    pipeline = ServoPipeline.from_config(controller="pbvs")
    pipeline.set_goal(plane.view(T_world_goal, intrinsics), intrinsics.matrix, distance=0.6)
    start = move(T_world_goal, (0.0, 0.0, -0.15))
    result, _, twists = servo(pipeline, plane, intrinsics, start, 100, lag_frames=3, latency=latency)
    path = (se3.inverse(start) @ T_world_goal)[:3, 3]
    past_m = DT * np.cumsum(twists[:, :3] @ path).max() / 0.15 - 0.15
    if latency:
        assert past_m > 0.005
    else:
        assert past_m < 0.002
        assert result.converged


def test_the_scale_of_the_distance_is_found_from_the_twists(plane, intrinsics, T_world_goal, move):
    pipeline = ServoPipeline.from_config(controller="pbvs")
    pipeline.set_goal(plane.view(T_world_goal, intrinsics), intrinsics.matrix, distance=1.2)  # 0.6 m in truth
    start = move(T_world_goal, (0.08, -0.06, 0.1), roll_deg=35, tilt_deg=4)
    assert servo(pipeline, plane, intrinsics, start)[0].converged
    assert pipeline.servo.scale == pytest.approx(0.5, rel=0.1)
    pipeline.reset()
    assert pipeline.servo.scale == 1.0


def test_step_reports_times_matches_and_error(plane, intrinsics, T_world_goal, move):
    pipeline = ServoPipeline.from_config()
    count = pipeline.set_goal(plane.view(T_world_goal, intrinsics), intrinsics.matrix)
    result = pipeline.step(plane.view(move(T_world_goal, (0.05, 0, 0)), intrinsics), 0.0)
    assert set(result.timings_ms) == {"detect", "match", "control"}
    assert 40 < result.num_matches <= count
    # 5 cm sideways at 0.6 m is about 0.083 on the normalised plane
    np.testing.assert_allclose(result.error, 0.05 / 0.6, rtol=0.15)
    np.testing.assert_allclose(result.error_px, result.error * intrinsics.focal)
    assert result.twist.shape == (6,)
    assert result.twist.dtype == np.float64


def test_same_images_give_the_same_twists(plane, intrinsics, T_world_goal, move):
    runs = []
    for _ in range(2):
        pipeline = ServoPipeline.from_config()
        pipeline.set_goal(plane.view(T_world_goal, intrinsics), intrinsics.matrix, distance=0.6)
        start = move(T_world_goal, (0.05, 0.05, 0.05), roll_deg=60)
        runs.append(servo(pipeline, plane, intrinsics, start, steps=15)[2])
    np.testing.assert_array_equal(*runs)


def test_occluded_view_is_lost_with_zero_twist_then_ramps_again(plane, intrinsics, T_world_goal, move):
    pipeline = ServoPipeline.from_config()
    pipeline.set_goal(plane.view(T_world_goal, intrinsics), intrinsics.matrix)
    view = plane.view(move(T_world_goal, (0.05, 0, 0.05)), intrinsics)
    for k in range(5):
        moving = pipeline.step(view, k * DT)
    lost = pipeline.step(np.zeros_like(view), 5 * DT)
    again = pipeline.step(view, 6 * DT)
    assert lost.state is ServoState.LOST
    assert not lost.twist.any()
    assert 0 < np.linalg.norm(again.twist) < np.linalg.norm(moving.twist)


def test_depth_is_used_and_named(plane, intrinsics, T_world_goal, move):
    """With metric depth the translation is right although the distance given is twice too large."""
    start = move(T_world_goal, (0.03, -0.02, 0.05))
    pipeline = ServoPipeline.from_config(speed="paper")
    pipeline.set_goal(
        plane.view(T_world_goal, intrinsics), intrinsics.matrix, 1.2, plane.depth(T_world_goal, intrinsics)
    )
    result = pipeline.step(plane.view(start, intrinsics), 0.0, plane.depth(start, intrinsics))
    wanted = (se3.inverse(start) @ T_world_goal)[:3, 3]
    np.testing.assert_allclose(result.twist[:3], 2 * wanted, atol=2 * 0.002)
    assert result.depth_source == "camera"


def test_bad_input_is_named_and_the_old_goal_stays(plane, intrinsics, T_world_goal):
    pipeline = ServoPipeline.from_config()
    goal = plane.view(T_world_goal, intrinsics)
    with pytest.raises(GoalError, match="set_goal"):
        pipeline.step(goal, 0.0)
    pipeline.set_goal(goal, intrinsics.matrix)
    with pytest.raises(GoalTextureError, match="keypoints"):
        pipeline.set_goal(np.zeros_like(goal), intrinsics.matrix)
    with pytest.raises(GoalError, match="distance"):
        pipeline.set_goal(goal, intrinsics.matrix, distance=float("nan"))
    with pytest.raises(ImageError, match="goal depth"):
        pipeline.set_goal(goal, intrinsics.matrix, depth=np.ones((2, 2), np.float32))
    with pytest.raises(ImageError, match="uint8 RGB"):
        pipeline.step(goal[..., 0], 0.0)
    with pytest.raises(ImageError, match="size"):
        pipeline.step(goal[:240, :320], 0.0)
    assert pipeline.step(goal, 1.0).state is ServoState.SERVOING


def test_unknown_override_is_named():
    with pytest.raises(ConfigError, match="unknown key 'kontroller'"):
        ServoPipeline.from_config(kontroller="pbvs")


def test_import_needs_no_ros():
    code = (
        "import sys; sys.modules.update(dict.fromkeys(['rclpy', 'sensor_msgs', 'depth_pc_interfaces']));"
        "import depth_pc_ros.pipeline; print('ok')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stdout.strip() == "ok", done.stderr


def test_mask_and_region_leave_out_keypoints_and_a_wrong_one_keeps_the_goal(plane, intrinsics, T_world_goal):
    pipeline = ServoPipeline.from_config(controller="pbvs", roi="0 0 400 480")
    image, K = plane.view(T_world_goal, intrinsics), intrinsics.matrix
    mask = np.ones((480, 640), bool)
    mask[:200] = False
    count = pipeline.set_goal(image, K, distance=0.6, mask=mask)
    points = pipeline.matcher.goal_points
    assert count == len(points) > 50
    assert (points[:, 0] < 399.5).all()
    assert (points[:, 1] > 199.5).all()
    with pytest.raises(ImageError, match="mask: expected the image's size 640 x 480, got 640 x 100"):
        pipeline.set_goal(image, K, mask=mask[:100])
    assert len(pipeline.servo.goal.keypoints) == count


def test_at_the_goal_the_result_says_how_much_agrees(plane, intrinsics, T_world_goal, move):
    pipeline = ServoPipeline.from_config(controller="pbvs")
    pipeline.set_goal(plane.view(T_world_goal, intrinsics), intrinsics.matrix, distance=0.6)
    start = move(T_world_goal, (0.03, -0.02, 0.03), roll_deg=10)
    assert np.isnan(pipeline.step(plane.view(start, intrinsics), -1.0, **WAITS).agreement)
    result, *_ = servo(pipeline, plane, intrinsics, start)
    assert result.converged
    assert result.agreement > 0.99


def test_a_scene_that_is_exchanged_around_a_gripper_is_ambiguous_and_says_why(plane, intrinsics, T_world_goal):
    goal = plane.view(T_world_goal, intrinsics)
    live = np.ascontiguousarray(goal[::-1])  # mirrored: no motion gives that
    gripper = np.rot90(goal[:240, 200:440])
    for image in (goal, live):
        image[240:, 200:440] = gripper
    pipeline = ServoPipeline.from_config(controller="pbvs")
    pipeline.set_goal(goal, intrinsics.matrix, distance=0.6)
    for k in range(40):
        result = pipeline.step(live, k * DT, **WAITS)
    assert result.state is ServoState.AMBIGUOUS
    assert not result.twist.any()
    assert "of the goal's texture is not where it should be" in result.message
