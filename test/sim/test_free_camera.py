import numpy as np
import pytest

from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.free_camera import FreeCamera

START = se3.look_at(np.array([0.3, -0.2, 0.7]), np.zeros(3), np.array([0.0, 1.0, 0.0]))


def test_many_small_steps_equal_one_exponential():
    twist = np.array([0.1, -0.05, 0.2, 0.3, -0.2, 0.5])
    camera = FreeCamera(START)
    for _ in range(100):
        executed = camera.step(twist, 0.02)
    assert np.allclose(executed, twist)
    assert not camera.at_limit
    assert np.allclose(camera.camera_pose, START @ se3.exp(2.0 * twist), atol=1e-12)


def test_stays_a_rotation_over_many_steps():
    camera = FreeCamera(START)
    for _ in range(3000):
        camera.step(np.array([0.0, 0, 0, 1.0, -2.0, 0.5]), 0.02)
    R = camera.camera_pose[:3, :3]
    assert np.abs(R @ R.T - np.eye(3)).max() < 1e-14


@pytest.mark.parametrize("twist", [[20, 0, 0, 0, 0, 1], [0, 0.5, 0, 0, -40, 0], [3, 4, 0, 9, 0, 0]])
def test_too_fast_is_slowed_and_keeps_its_direction(twist):
    camera = FreeCamera(START, max_linear_m_s=1.0, max_angular_rad_s=2.0)
    executed = camera.step(twist, 0.02)
    assert camera.at_limit
    assert np.linalg.norm(executed[:3]) <= 1.0 + 1e-12
    assert np.linalg.norm(executed[3:]) <= 2.0 + 1e-12
    cosine = executed @ twist / np.linalg.norm(executed) / np.linalg.norm(twist)
    assert cosine == pytest.approx(1.0)


@pytest.mark.parametrize("bad", [np.full(6, np.nan), np.array([np.inf, 0, 0, 0, 0, 0]), np.zeros(5)])
def test_bad_twist_is_refused_and_nothing_moves(bad):
    camera = FreeCamera(START)
    with pytest.raises(ValueError, match="twist_cam"):
        camera.step(bad, 0.02)
    assert np.array_equal(camera.camera_pose, START)


@pytest.mark.parametrize("dt_s", [0.0, -0.1, np.nan, 5.0])
def test_bad_time_step_is_refused(dt_s):
    with pytest.raises(ValueError, match="dt_s"):
        FreeCamera(START).step(np.zeros(6), dt_s)


def test_pose_that_is_not_rigid_is_refused():
    with pytest.raises(ValueError, match="T_world_cam"):
        FreeCamera(2 * np.eye(4))
