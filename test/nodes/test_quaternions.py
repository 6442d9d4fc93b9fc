import runpy
import sys
from types import ModuleType

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from depth_pc_ros.nodes import quaternions
from depth_pc_ros.nodes.quaternions import quaternion_of, rotation_of

HALF_TURNS = Rotation.from_rotvec(np.pi * np.eye(3))
ROTATIONS = Rotation.concatenate([Rotation.identity(), HALF_TURNS, Rotation.random(500, random_state=0)])


@pytest.mark.parametrize("rotation", list(ROTATIONS[:4]), ids=["none", "x", "y", "z"])
def test_order_is_x_y_z_w(rotation):
    np.testing.assert_allclose(quaternion_of(rotation.as_matrix()), rotation.as_quat(canonical=True), atol=1e-15)


def test_both_directions_agree_with_scipy():
    for rotation in ROTATIONS:
        quaternion = rotation.as_quat(canonical=True)  # w >= 0
        np.testing.assert_allclose(rotation_of(quaternion), rotation.as_matrix(), atol=2e-15)
        np.testing.assert_allclose(quaternion_of(rotation.as_matrix()), quaternion, atol=2e-15)


def test_length_does_not_matter_unless_it_is_zero():
    np.testing.assert_allclose(
        rotation_of([0, 0, 3, 3]), Rotation.from_euler("z", 90, degrees=True).as_matrix(), atol=1e-15
    )
    with pytest.raises(ValueError, match="expected a length above 0, got 0 0 0 0"):
        rotation_of([0, 0, 0, 0])


def test_tf_transformations_is_used_where_it_is_installed(monkeypatch):
    """It takes and gives (4, 4) matrices, and answers a quaternion as a tuple."""
    installed = ModuleType("tf_transformations")
    installed.quaternion_from_matrix = lambda matrix: (*matrix[:3, 3], float(matrix.shape == (4, 4)))
    installed.quaternion_matrix = lambda quaternion: np.diag(quaternion)
    monkeypatch.setitem(sys.modules, "tf_transformations", installed)
    module = runpy.run_path(quaternions.__file__)
    np.testing.assert_array_equal(module["quaternion_of"](np.eye(3)), [0, 0, 0, 1])
    np.testing.assert_array_equal(module["rotation_of"]([1, 2, 3, 4]), np.diag([1, 2, 3]))
