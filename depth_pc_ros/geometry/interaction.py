"""Image Jacobian of points.

Source: F. Chaumette, S. Hutchinson, "Visual servo control. I. Basic approaches", IEEE RAM 13(4), 2006, eq. 11.
"""

import numpy as np


def interaction_matrix(points: np.ndarray, depth_m: np.ndarray) -> np.ndarray:
    """Image Jacobian (N, 2, 6): `d(x, y)/dt = L @ [v, w]` for a static point and a moving camera.

    points: (N, 2) normalised coordinates. depth_m: (N,) depth z in metres in the camera frame.
    The twist is the camera's, in its optical frame, in m/s and rad/s.
    """
    x, y = points[:, 0], points[:, 1]
    z_inv = 1.0 / depth_m
    zero = np.zeros_like(x)
    row_x = np.stack([-z_inv, zero, x * z_inv, x * y, -(1 + x * x), y], axis=-1)
    row_y = np.stack([zero, -z_inv, y * z_inv, 1 + y * y, -x * y, -x], axis=-1)
    return np.stack([row_x, row_y], axis=1)
