"""Rotations as unit quaternions, in the order x y z w of ROS messages.

By tf_transformations, which a ROS installation has; else by transforms3d, which that wraps and PyPI has. transforms3d
itself orders w x y z.
"""

import numpy as np

from depth_pc_ros.extras import require
from depth_pc_ros.geometry.se3 import from_rt

try:
    from tf_transformations import quaternion_from_matrix, quaternion_matrix
except ImportError:
    require("ros", "transforms3d")
    from transforms3d.quaternions import mat2quat, quat2mat

    def quaternion_from_matrix(matrix: np.ndarray) -> np.ndarray:
        return np.roll(mat2quat(matrix[:3, :3]), -1)

    def quaternion_matrix(quaternion: np.ndarray) -> np.ndarray:
        return quat2mat(np.roll(quaternion, 1))


def quaternion_of(R: np.ndarray) -> np.ndarray:
    """Unit quaternion (4,) x y z w, with w >= 0, of a rotation (3, 3)."""
    return np.asarray(quaternion_from_matrix(from_rt(R, np.zeros(3))))


def rotation_of(quaternion) -> np.ndarray:
    """Rotation (3, 3) of a quaternion (4,) x y z w of any length but 0. Raises ValueError."""
    quaternion = np.asarray(quaternion, dtype=np.float64)
    if not quaternion.any():
        raise ValueError("quaternion: expected a length above 0, got 0 0 0 0")
    return quaternion_matrix(quaternion)[:3, :3]
