"""Rigid motions on SE(3).

`T_a_b` is a (4, 4) float64 matrix: the pose of frame b in frame a, it maps b-coordinates to a-coordinates.
A twist is (6,) `[v, w]`: m/s and rad/s, expressed in the moving frame, about its origin.

Source: J. Sola, J. Deray, D. Atchuthan, "A micro Lie theory for state estimation in robotics", 2018.
"""

import math

import numpy as np


def from_rt(R: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Assemble a (4, 4) pose from a rotation (3, 3) and a translation (3,) in metres."""
    T = np.eye(4)
    T[:3, :3] = R
    T[:3, 3] = t
    return T


def inverse(T: np.ndarray) -> np.ndarray:
    """Inverse of a (4, 4) pose: `T_b_a` from `T_a_b`."""
    R_inv = T[:3, :3].T
    return from_rt(R_inv, -R_inv @ T[:3, 3])


def transform(T_a_b: np.ndarray, points: np.ndarray) -> np.ndarray:
    """Points (..., 3) in frame a, m, of the same ones in frame b."""
    return points @ T_a_b[:3, :3].T + T_a_b[:3, 3]


def skew(a: np.ndarray) -> np.ndarray:
    """The (..., 3, 3) matrices with `skew(a) @ b == cross(a, b)`, for vectors of shape (..., 3)."""
    a = np.asarray(a, dtype=np.float64)
    out = np.zeros((*a.shape[:-1], 3, 3))
    out[..., 0, 1], out[..., 0, 2], out[..., 1, 2] = -a[..., 2], a[..., 1], -a[..., 0]
    return out - np.swapaxes(out, -1, -2)


def exp_so3(w: np.ndarray) -> np.ndarray:
    """Rotation (3, 3) of a rotation vector (3,) in radians."""
    theta = math.hypot(*w)
    # sin(theta) / theta and (1 - cos(theta)) / theta^2, exact for small angles too
    first = math.sin(theta) / theta if theta else 1.0
    second = 2 * (math.sin(theta / 2) / theta) ** 2 if theta else 0.5
    W = skew(w)
    return np.eye(3) + first * W + second * W @ W


def log_so3(R: np.ndarray) -> np.ndarray:
    """Rotation vector (3,) `theta * u` in radians, theta in [0, pi], of a rotation (3, 3).

    By the quaternion whose largest part is found first, so that it is exact near pi too (S. W. Shepperd, "Quaternion
    from rotation matrix", 1978).
    """
    (xx, xy, xz), (yx, yy, yz), (zx, zy, zz) = np.asarray(R, dtype=np.float64).tolist()
    trace = xx + yy + zz
    largest = max(xx, yy, zz, trace)
    if largest == trace:
        x, y, z, w = zy - yz, xz - zx, yx - xy, 1 + trace
    elif largest == xx:
        x, y, z, w = 1 + 2 * xx - trace, yx + xy, zx + xz, zy - yz
    elif largest == yy:
        x, y, z, w = yx + xy, 1 + 2 * yy - trace, zy + yz, xz - zx
    else:
        x, y, z, w = zx + xz, zy + yz, 1 + 2 * zz - trace, yx - xy
    sine = math.hypot(x, y, z)
    if sine == 0:
        return np.zeros(3)
    return 2 * math.atan2(sine, abs(w)) / math.copysign(sine, w) * np.array([x, y, z])


def rotation_angle(R: np.ndarray) -> float:
    """Angle of a rotation (3, 3) in radians, in [0, pi]."""
    return float(np.linalg.norm(log_so3(R)))


def _left_jacobian(w: np.ndarray) -> np.ndarray:
    theta = np.linalg.norm(w)
    W = skew(w)
    if theta < 1e-6:
        return np.eye(3) + W / 2 + W @ W / 6
    a = (1 - np.cos(theta)) / theta**2
    b = (theta - np.sin(theta)) / theta**3
    return np.eye(3) + a * W + b * W @ W


def exp(twist: np.ndarray) -> np.ndarray:
    """Pose (4, 4) reached from identity after one second of a constant twist (6,)."""
    v, w = twist[:3], twist[3:]
    return from_rt(exp_so3(w), _left_jacobian(w) @ v)


def log(T: np.ndarray) -> np.ndarray:
    """Twist (6,) whose `exp` is the pose T (4, 4)."""
    w = log_so3(T[:3, :3])
    return np.concatenate([np.linalg.solve(_left_jacobian(w), T[:3, 3]), w])


def adjoint(T_a_b: np.ndarray) -> np.ndarray:
    """The (6, 6) map of a rigid body's twist from frame b (about b's origin) to frame a (about a's origin).

    `v_a = R v_b + t x (R w_b)`, `w_a = R w_b`: a sensor's twist becomes the tool's twist, lever arm included.
    """
    R, t = T_a_b[:3, :3], T_a_b[:3, 3]
    A = np.zeros((6, 6))
    A[:3, :3] = R
    A[3:, 3:] = R
    A[:3, 3:] = skew(t) @ R
    return A


def pbvs_twist(T_cam_goal: np.ndarray, point: np.ndarray | None = None) -> np.ndarray:
    """Camera twist (6,) at unit gain that leads to the goal pose (4, 4), `w = theta u (R)`.

    point: (3,) m, at X* in the goal camera and now at `X = R X* + t`. It moves straight to X* in the camera's frame,
    so on a straight line in the image: it stays in view if both ends are. `v = X - X* - w x X`. None: the camera itself
    moves straight, `v = t`.

    Source of both laws: F. Chaumette, S. Hutchinson, "Visual servo control. I. Basic approaches", IEEE RAM 13(4), 2006.
    """
    w = log_so3(T_cam_goal[:3, :3])
    if point is None:
        return np.concatenate([T_cam_goal[:3, 3], w])
    now = transform(T_cam_goal, point)
    return np.concatenate([now - point - np.cross(w, now), w])


def look_at(eye: np.ndarray, target: np.ndarray, up: np.ndarray) -> np.ndarray:
    """`T_world_cam` (4, 4) of an optical camera (z forward, x right, y down) at `eye` that looks at `target`.

    eye, target: (3,) metres in the world. up: (3,) world direction that appears upwards in the image.
    """
    z = np.asarray(target, dtype=np.float64) - eye
    z /= np.linalg.norm(z)
    x = np.cross(z, up)
    norm = np.linalg.norm(x)
    if norm < 1e-9:
        raise ValueError(f"up: expected a direction not parallel to the view, got {up} for view {z}")
    x /= norm
    return from_rt(np.stack([x, np.cross(z, x), z], axis=1), eye)


def pose_error(T_a: np.ndarray, T_b: np.ndarray) -> tuple[float, float]:
    """Distance of two poses (4, 4) of one frame: translation in metres, rotation in degrees."""
    return (
        float(np.linalg.norm(T_a[:3, 3] - T_b[:3, 3])),
        float(np.degrees(rotation_angle(T_a[:3, :3].T @ T_b[:3, :3]))),
    )
