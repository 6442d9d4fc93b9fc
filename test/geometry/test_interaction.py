import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.interaction import interaction_matrix


def test_interaction_matrix_matches_finite_differences():
    rng = np.random.default_rng(3)
    points_cam = np.column_stack([rng.uniform(-0.4, 0.4, (40, 2)), rng.uniform(0.3, 2, 40)])
    points = points_cam[:, :2] / points_cam[:, 2:]
    L = interaction_matrix(points, points_cam[:, 2])
    dt = 1e-6
    for axis in range(6):
        twist = np.eye(6)[axis]
        # The camera moves by exp(twist dt), so static points move by its inverse in camera coordinates.
        T = se3.inverse(se3.exp(twist * dt))
        later = se3.transform(T, points_cam)
        difference = (later[:, :2] / later[:, 2:] - points) / dt
        np.testing.assert_allclose(L @ twist, difference, atol=2e-5)
