"""Rigid motions for batches of torch tensors, differentiable; the same conventions as `geometry.se3`.

Source: J. Sola, J. Deray, D. Atchuthan, "A micro Lie theory for state estimation in robotics", 2018.
"""

import torch
from torch import Tensor

_SMALL = 1e-8  # squared angle below which the series are used


def skew(a: Tensor) -> Tensor:
    """(..., 3, 3) matrices with `skew(a) @ b == cross(a, b)`, of (..., 3)."""
    x, y, z = a.unbind(-1)
    zero = torch.zeros_like(x)
    return torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], dim=-1).reshape(*a.shape[:-1], 3, 3)


def _coefficients(w: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """sin(t)/t, (1 - cos t)/t^2 and (t - sin t)/t^3 of t = |w|, each (..., 1, 1)."""
    square = (w * w).sum(-1)[..., None, None]
    small = square < _SMALL
    safe = torch.where(small, torch.ones_like(square), square)
    t = safe.sqrt()
    a = torch.where(small, 1 - square / 6, torch.sin(t) / t)
    b = torch.where(small, 0.5 - square / 24, (1 - torch.cos(t)) / safe)
    c = torch.where(small, 1 / 6 - square / 120, (t - torch.sin(t)) / (safe * t))
    return a, b, c


def exp_so3(w: Tensor) -> Tensor:
    """Rotations (..., 3, 3) of rotation vectors (..., 3) in radians."""
    a, b, _ = _coefficients(w)
    W = skew(w)
    return torch.eye(3, dtype=w.dtype, device=w.device) + a * W + b * W @ W


def exp(twist: Tensor) -> Tensor:
    """Poses (..., 4, 4) reached from identity after one second of constant twists (..., 6) `[v, w]`."""
    v, w = twist[..., :3], twist[..., 3:]
    a, b, c = _coefficients(w)
    W = skew(w)
    eye = torch.eye(3, dtype=twist.dtype, device=twist.device)
    return from_rt(eye + a * W + b * W @ W, ((eye + b * W + c * W @ W) @ v[..., None])[..., 0])


def log_so3(R: Tensor) -> Tensor:
    """Rotation vectors (..., 3) in radians, angle in [0, pi], of rotations (..., 3, 3); not differentiable at pi."""
    # The quaternion's largest component is found first: its formula is the accurate one.
    m00, m11, m22 = R[..., 0, 0], R[..., 1, 1], R[..., 2, 2]
    squares = torch.stack([1 + m00 + m11 + m22, 1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22], dim=-1)
    products = torch.stack(
        [
            squares[..., 0], R[..., 2, 1] - R[..., 1, 2], R[..., 0, 2] - R[..., 2, 0], R[..., 1, 0] - R[..., 0, 1],
            R[..., 2, 1] - R[..., 1, 2], squares[..., 1], R[..., 0, 1] + R[..., 1, 0], R[..., 0, 2] + R[..., 2, 0],
            R[..., 0, 2] - R[..., 2, 0], R[..., 0, 1] + R[..., 1, 0], squares[..., 2], R[..., 1, 2] + R[..., 2, 1],
            R[..., 1, 0] - R[..., 0, 1], R[..., 0, 2] + R[..., 2, 0], R[..., 1, 2] + R[..., 2, 1], squares[..., 3],
        ],
        dim=-1,
    ).reshape(*R.shape[:-2], 4, 4)  # fmt: skip
    best = squares.argmax(dim=-1)[..., None, None].expand(*R.shape[:-2], 1, 4)
    q = products.gather(-2, best)[..., 0, :]
    q = q / q.norm(dim=-1, keepdim=True)
    q = torch.where(q[..., :1] < 0, -q, q)
    sine = q[..., 1:].norm(dim=-1, keepdim=True).clamp_min(1e-12)
    angle = 2 * torch.atan2(sine, q[..., :1])
    return q[..., 1:] * (angle / sine)


def from_rt(R: Tensor, t: Tensor) -> Tensor:
    """Poses (..., 4, 4) of rotations (..., 3, 3) and translations (..., 3)."""
    top = torch.cat([R, t[..., None]], dim=-1)
    last = torch.tensor([0.0, 0.0, 0.0, 1.0], dtype=R.dtype, device=R.device).expand(*R.shape[:-2], 1, 4)
    return torch.cat([top, last], dim=-2)


def inverse(T: Tensor) -> Tensor:
    """Inverses of poses (..., 4, 4)."""
    R_inv = T[..., :3, :3].transpose(-1, -2)
    return from_rt(R_inv, -(R_inv @ T[..., :3, 3:])[..., 0])


def rotation_from_6d(a: Tensor) -> Tensor:
    """Rotations (..., 3, 3) whose first two columns are nearest to (..., 6), one after the other.

    Source: Y. Zhou et al., "On the continuity of rotation representations in neural networks", CVPR 2019.
    """
    x = torch.nn.functional.normalize(a[..., :3], dim=-1, eps=1e-6)
    y = a[..., 3:] - (x * a[..., 3:]).sum(-1, keepdim=True) * x
    y = torch.nn.functional.normalize(y, dim=-1, eps=1e-6)
    return torch.stack([x, y, torch.linalg.cross(x, y)], dim=-1)


def pbvs_twist(T_cam_goal: Tensor) -> Tensor:
    """The expert: twists (..., 6) at unit gain that lead straight to the goal, as `geometry.se3.pbvs_twist`
    without a point."""
    return torch.cat([T_cam_goal[..., :3, 3], log_so3(T_cam_goal[..., :3, :3])], dim=-1)
