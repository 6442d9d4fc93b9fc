from pathlib import Path

import numpy as np
import pybullet_data
import pytest

from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.arm import damped_inverse
from depth_pc_ros.sim.bullet import BulletClient
from depth_pc_ros.sim.kinematics import SerialChain

PANDA = str(Path(pybullet_data.getDataPath()) / "franka_panda/panda.urdf")
T_WORLD_BASE = se3.from_rt(se3.exp_so3(np.array([0.0, 0.0, 0.4])), np.array([0.3, -0.1, 0.05]))


@pytest.fixture(scope="module")
def chain() -> SerialChain:
    return SerialChain(PANDA, range(7), 8, T_WORLD_BASE)


def random_angles(count: int) -> np.ndarray:
    return np.random.default_rng(0).uniform(-2, 2, (count, 7))


def test_forward_kinematics_are_those_of_pybullet(chain):
    client = BulletClient()
    quaternion = client.getQuaternionFromEuler([0, 0, 0.4])
    body = client.loadURDF(
        PANDA, T_WORLD_BASE[:3, 3].tolist(), quaternion, useFixedBase=True, flags=client.URDF_IGNORE_VISUAL_SHAPES
    )
    for q in random_angles(20):
        for joint in range(7):
            client.resetJointState(body, joint, q[joint])
        position, quaternion = client.getLinkState(body, 8, computeForwardKinematics=1)[4:6]
        T, _ = chain.solve(q)
        assert np.abs(T[:3, 3] - position).max() < 1e-6
        R = np.reshape(client.getMatrixFromQuaternion(quaternion), (3, 3))
        assert np.abs(T[:3, :3] - R).max() < 1e-6
    client.close()


def test_jacobian_is_the_derivative_of_the_pose(chain):
    step = 1e-6
    for q in random_angles(5):
        T, J = chain.solve(q)
        numeric = [se3.log(se3.inverse(T) @ chain.solve(q + step * e)[0]) / step for e in np.eye(7)]
        assert np.abs(J - np.stack(numeric, axis=1)).max() < 1e-5


def test_damped_inverse_is_exact_when_regular_and_bounded_when_singular(chain):
    _, J = chain.solve(np.array([0.1, -0.6, 0.2, -2.2, 0.1, 1.6, 0.7]))
    assert np.abs(J @ damped_inverse(J) - np.eye(6)).max() < 1e-10
    J[5] = J[4] + 1e-9
    assert np.linalg.norm(damped_inverse(J, 0.01), 2) <= 1 / 0.01


def test_joint_that_does_not_rotate_about_z_is_refused():
    with pytest.raises(ValueError, match="revolute"):
        SerialChain(PANDA, (0, 9), 8, np.eye(4))
