import numpy as np
import pytest

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.arm_models import PANDA
from depth_pc_ros.sim.arm_poses import _path_is_free, sample_arm_pair
from depth_pc_ros.sim.panda import URDF, PandaArm
from depth_pc_ros.sim.scenes import SCENE_CENTRE


@pytest.fixture
def arm() -> PandaArm:
    return PandaArm()


@pytest.mark.parametrize("axis", range(6))
def test_a_twist_of_the_tool_moves_it_along_that_twist(arm, axis):
    twist = 0.2 * np.eye(6)[axis]
    T_start = arm.tool_pose
    for _ in range(20):
        executed = arm.step(twist, 0.02)
        assert np.abs(executed - twist).max() < 1e-4
    assert not arm.at_limit
    error_m, error_deg = se3.pose_error(T_start @ se3.exp(0.4 * twist), arm.tool_pose)
    assert error_m < 1e-5
    assert error_deg < 1e-3


def test_camera_is_rigidly_on_the_hand(arm):
    arm.step(np.array([0.1, 0.1, -0.2, 0.3, -0.4, 0.5]), 0.1)
    assert np.allclose(se3.inverse(arm.tool_pose) @ arm.camera_pose, PANDA.T_tool_cam, atol=1e-12)
    assert np.allclose(PANDA.T_tool_cam[:3, :3] @ PANDA.T_tool_cam[:3, :3].T, np.eye(3))


def test_speed_limits_slow_the_tool_but_keep_its_direction(arm):
    twist = np.array([1.5, -1.0, 0.5, 2.0, 3.0, -6.0])
    q = arm.joint_positions
    executed = arm.step(twist, 0.02)
    assert arm.at_limit
    assert (np.abs(arm.joint_positions - q) <= PANDA.max_speed_rad_s * 0.02 + 1e-12).all()
    assert np.linalg.norm(executed) < np.linalg.norm(twist)
    assert executed @ twist / np.linalg.norm(executed) / np.linalg.norm(twist) > 0.999


def test_joint_limits_are_never_exceeded_and_the_arm_halts_there(arm):
    rng = np.random.default_rng(3)
    for _ in range(8):
        arm.reset(sample_pose_near(arm))
        twist = rng.standard_normal(6) * (0.4, 0.4, 0.4, 0.8, 0.8, 0.8)
        for _ in range(120):
            q = arm.joint_positions
            arm.step(twist, 0.05)
            assert (arm.joint_positions >= PANDA.lower_rad).all()
            assert (arm.joint_positions <= PANDA.upper_rad).all()
            assert (np.abs(arm.joint_positions - q) <= PANDA.max_speed_rad_s * 0.05 + 1e-9).all()
        assert arm.at_limit  # nothing travels on for six seconds
        assert np.abs(arm.step(twist, 0.05)).max() < 0.05


def sample_pose_near(arm: PandaArm) -> np.ndarray:
    arm.set_joints(PANDA.home_rad)
    return arm.camera_pose


def test_zero_twist_does_not_move(arm):
    q = arm.joint_positions
    arm.step(np.zeros(6), 0.1)
    assert np.array_equal(arm.joint_positions, q)
    assert not arm.at_limit


def test_reset_reaches_the_pose_exactly_and_always_in_the_same_posture(arm, intrinsics):
    for seed in range(3):
        for T in sample_arm_pair(seed, SCENE_CENTRE, intrinsics, arm):
            arm.reset(T)
            error_m, error_deg = se3.pose_error(arm.camera_pose, T)
            assert error_m < 1e-4
            assert error_deg < 1e-2
            q = arm.joint_positions
            arm.step(np.full(6, 0.1), 0.1)
            arm.reset(T)
            assert np.array_equal(arm.joint_positions, q)


def test_unreachable_pose_is_refused_and_the_arm_stays(arm):
    q = arm.joint_positions
    far = se3.look_at(np.array([2.0, 0.0, 0.6]), np.array([2.1, 0.0, 0.0]), np.array([1.0, 0.0, 0.0]))
    with pytest.raises(SceneError, match="cannot reach"):
        arm.reset(far)
    assert np.array_equal(arm.joint_positions, q)


@pytest.mark.parametrize("bad", [np.full(6, np.nan), np.zeros(7)])
def test_bad_twist_is_refused(arm, bad):
    with pytest.raises(ValueError, match="twist_tool"):
        arm.step(bad, 0.02)


def test_paths_to_the_goal_stay_inside_the_joint_limits(arm, intrinsics):
    for seed in range(10):
        T_world_goal, T_world_start = sample_arm_pair(seed, SCENE_CENTRE, intrinsics, arm)
        translation_m, rotation_deg = se3.pose_error(T_world_start, T_world_goal)
        assert 0.10 <= translation_m <= 0.25
        assert 19.9 <= rotation_deg <= 60.1
        assert np.allclose(arm.camera_pose, T_world_start, atol=1e-5)
        assert _path_is_free(arm, T_world_goal, SCENE_CENTRE)


def test_camera_does_not_see_its_own_arm(arm, intrinsics):
    from depth_pc_ros.sim.bullet import BulletClient
    from depth_pc_ros.sim.tiny_renderer import projection_matrix, view_matrix

    client = BulletClient()
    body = client.loadURDF(str(URDF), PANDA.T_world_base[:3, 3].tolist(), useFixedBase=True)
    for finger in (9, 10):
        client.resetJointState(body, finger, 0.04)
    for joint, angle in enumerate(arm.joint_positions):
        client.resetJointState(body, joint, angle)

    def sees_something(T_world_cam) -> bool:
        projection = projection_matrix(intrinsics, near_m=0.01)
        matrices = [m.T.ravel().tolist() for m in (view_matrix(T_world_cam), projection)]
        image = client.getCameraImage(intrinsics.width, intrinsics.height, *matrices, renderer=client.ER_TINY_RENDERER)
        return bool((np.asarray(image[4]) >= 0).any())

    assert sees_something(arm.camera_pose @ se3.from_rt(np.eye(3), np.array([0.0, 0.0, -0.6])))  # from behind
    assert not sees_something(arm.camera_pose)
    client.close()
