import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from depth_pc_ros.geometry import se3


@pytest.fixture
def rng():
    return np.random.default_rng(7)


def random_pose(rng, angle=2.0):
    return se3.exp(np.concatenate([rng.normal(size=3), angle * rng.normal(size=3) / 2]))


def test_log_inverts_exp(rng):
    for scale in (1e-9, 1e-4, 0.5, 3.0):
        twist = rng.normal(size=6)
        twist[3:] *= scale / np.linalg.norm(twist[3:])
        np.testing.assert_allclose(se3.log(se3.exp(twist)), twist, atol=1e-8)


@pytest.mark.parametrize("angle", [0.0, 1e-160, 1e-9, 1e-3, 1.0, 3.0, np.pi - 1e-7, np.pi])
def test_rotations_agree_with_scipy(rng, angle):
    for axis in (*np.eye(3), *-np.eye(3), *rng.normal(size=(20, 3))):
        w = angle * axis / np.linalg.norm(axis)
        R = Rotation.from_rotvec(w).as_matrix()
        np.testing.assert_allclose(se3.exp_so3(w), R, atol=1e-14)
        found = se3.log_so3(R)
        np.testing.assert_allclose(found, Rotation.from_matrix(R).as_rotvec(), atol=1e-14)
        np.testing.assert_allclose(found, w if found @ w >= 0 else -w, atol=1e-14)  # at pi both signs are right


def test_exp_of_pure_rotation_about_z_is_a_screw():
    T = se3.exp(np.array([1.0, 0, 0, 0, 0, np.pi]))
    np.testing.assert_allclose(T[:3, 3], [0, 2 / np.pi, 0], atol=1e-12)  # half a circle of circumference 2


def test_inverse_and_composition(rng):
    T = random_pose(rng)
    np.testing.assert_allclose(T @ se3.inverse(T), np.eye(4), atol=1e-12)


def test_transform_is_the_homogeneous_product_for_one_point_and_many(rng):
    T, points = random_pose(rng), rng.normal(size=(2, 5, 3))
    now = se3.transform(T, points)
    assert now.shape == points.shape
    np.testing.assert_allclose(T @ np.append(points[1, 3], 1.0), np.append(now[1, 3], 1.0))
    np.testing.assert_allclose(se3.transform(T, points[1, 3]), now[1, 3])


def test_skew_is_the_cross_product(rng):
    a, b = rng.normal(size=(5, 3)), rng.normal(size=(5, 3))
    np.testing.assert_allclose(np.einsum("nij,nj->ni", se3.skew(a), b), np.cross(a, b), atol=1e-12)


def test_adjoint_matches_the_motion_of_a_rigid_body(rng):
    T_tool_cam, twist_cam, dt = random_pose(rng), rng.normal(size=6), 1e-6
    T_tool_moved = T_tool_cam @ se3.exp(twist_cam * dt) @ se3.inverse(T_tool_cam)
    np.testing.assert_allclose(se3.log(T_tool_moved) / dt, se3.adjoint(T_tool_cam) @ twist_cam, atol=1e-4)


def test_adjoint_lever_arm_by_hand():
    """Camera 0.1 m along the tool's x axis, rotating at 1 rad/s about z: the tool's origin moves at -0.1 m/s in y."""
    T_tool_cam = se3.from_rt(np.eye(3), [0.1, 0, 0])
    np.testing.assert_allclose(se3.adjoint(T_tool_cam) @ [0, 0, 0, 0, 0, 1], [0, -0.1, 0, 0, 0, 1])


def test_look_at_puts_target_on_the_axis_and_up_upwards():
    T = se3.look_at(np.array([0.1, 0.2, 0.8]), np.array([0, 0, 0.1]), np.array([0, 1.0, 0]))
    target_cam = se3.inverse(T) @ [0, 0, 0.1, 1]
    np.testing.assert_allclose(target_cam[:2], 0, atol=1e-12)
    assert target_cam[2] > 0
    assert (se3.inverse(T)[:3, :3] @ [0, 1.0, 0])[1] < 0  # image y points down
    np.testing.assert_allclose(np.linalg.det(T[:3, :3]), 1)


def test_look_at_refuses_a_parallel_up():
    with pytest.raises(ValueError, match="up"):
        se3.look_at(np.array([0, 0, 1.0]), np.zeros(3), np.array([0, 0, 1.0]))


def test_pose_error_units():
    T = se3.from_rt(se3.exp_so3(np.radians([0, 0, 30])), [0.003, 0.004, 0])
    np.testing.assert_allclose(se3.pose_error(T, np.eye(4)), (0.005, 30))
