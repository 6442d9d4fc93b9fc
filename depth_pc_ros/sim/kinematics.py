"""Forward kinematics and Jacobian of a chain of revolute joints, read from a URDF by PyBullet.

PyBullet's own `calculateJacobian` is not used: its linear part is wrong for links with inertial frames, as the Panda's.
"""

from itertools import pairwise

import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.bullet import BulletClient


class SerialChain:
    """Revolute joints that rotate about the z axis of their link, from the world to a tool.

    urdf: path. joints: PyBullet indices of the n joints, base first. tool_link: index of the tool's link.
    T_world_base: (4, 4) pose of the base.
    """

    def __init__(self, urdf: str, joints, tool_link: int, T_world_base: np.ndarray):
        client = BulletClient()
        try:
            flags = client.URDF_IGNORE_VISUAL_SHAPES | client.URDF_IGNORE_COLLISION_SHAPES
            body = client.loadURDF(urdf, useFixedBase=True, flags=flags)
            info = [client.getJointInfo(body, j) for j in joints]
            self.joint_names = tuple(i[1].decode() for i in info)
            if not all(i[2] == client.JOINT_REVOLUTE and np.allclose(i[13], (0, 0, 1)) for i in info):
                raise ValueError(f"urdf: expected revolute joints about z, got {self.joint_names} in {urdf}")
            frames = [T_world_base]
            for link in (*joints, tool_link):  # all joints are at zero after loading
                position, quaternion = client.getLinkState(body, link, computeForwardKinematics=1)[4:6]
                R = np.array(client.getMatrixFromQuaternion(quaternion)).reshape(3, 3)
                frames.append(T_world_base @ se3.from_rt(R, position))
        finally:
            client.close()
        self._T_parent_link = [se3.inverse(a) @ b for a, b in pairwise(frames)]
        self._T_world_base = T_world_base

    def solve(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """See `arm.Chain`. Column i of the Jacobian is `[z_i x (p_tool - p_i), z_i]` rotated into tool axes."""
        T = self._T_world_base
        axes, origins = [], []
        for T_parent_link, angle in zip(self._T_parent_link[:-1], q, strict=True):
            T = T @ T_parent_link
            axes.append(T[:3, 2])
            origins.append(T[:3, 3])
            c, s = np.cos(angle), np.sin(angle)
            T = T @ np.array([[c, -s, 0.0, 0.0], [s, c, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0], [0.0, 0.0, 0.0, 1.0]])
        T = T @ self._T_parent_link[-1]
        z = np.array(axes)
        R_tool_world = T[:3, :3].T
        linear = np.cross(z, T[:3, 3] - np.array(origins))
        return T, np.concatenate([R_tool_world @ linear.T, R_tool_world @ z.T], axis=0)
