"""Weighted Gauss-Newton over relative pose and relief, for batches of goals, differentiable in the weights.

Unit of length: the median depth of the goal's points. A goal point with ray `b = (x, y, 1)` and normalised
relative depth `n` lies at depth `z = 1 + a n`, with one unknown relief factor `a` per goal: relative depth is known up
to scale and shift, and is measured from its median. The current view sees it at `pi(R b z + t)`, with
`T_cam_goal = (R, t)`. Minimised, over pose and `a`, are the weighted squared residuals and `((a - a_0) / sigma)^2`.

Source of the unrolling: P.-E. Sarlin et al., "Back to the feature: learning robust camera
localization from pixels to pose", CVPR 2021.
"""

from dataclasses import dataclass

import torch
from torch import Tensor

from depth_pc_ros.networks import se3
from depth_pc_ros.networks.planar import similarity_sums

RELIEF_LOW, RELIEF_HIGH = 0.0, 0.4
_MIN_DEPTH = 0.1  # points nearer to the camera than this (in goal distances) are left out
_DAMPING = 1e-4


@dataclass(frozen=True)
class PoseProblem:
    """Matches of a batch.

    goal, current: (P, 2) normalised plane. depth: (P,) normalised relative depth, 0 where unknown. weight: (P,) >= 0.
    sample: (P,). relief_prior: (B,) `a_0`, and its sigma. noise: of a residual, normalised plane.
    """

    goal: Tensor
    current: Tensor
    depth: Tensor
    weight: Tensor
    sample: Tensor
    relief_prior: Tensor
    relief_sigma: float = 0.05
    noise: float = 1e-3


def residuals(problem: PoseProblem, T: Tensor, relief: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """Residuals (P, 2), points in the current camera (P, 3), and which are in front of it (P,) bool.

    T: (B, 4, 4) `T_cam_goal`. relief: (B,).
    """
    rays = torch.cat([problem.goal, torch.ones_like(problem.goal[:, :1])], dim=1)
    z = 1 + relief[problem.sample] * problem.depth
    R, t = T[:, :3, :3][problem.sample], T[:, :3, 3][problem.sample]
    q = (R @ (rays * z[:, None])[..., None])[..., 0] + t
    in_front = q[:, 2] > _MIN_DEPTH
    safe = torch.where(in_front, q[:, 2], torch.ones_like(q[:, 2]))
    residual = q[:, :2] / safe[:, None] - problem.current
    return torch.where(in_front[:, None], residual, torch.zeros_like(residual)), q, in_front


@torch.no_grad()
def _normal_equations(problem: PoseProblem, T: Tensor, relief: Tensor, scale: float | None) -> Tensor:
    """Each match's share (P, 56) at weight 1: its part of H (7, 7) row by row, then of the gradient (7,)."""
    residual, q, in_front = residuals(problem, T, relief)
    pull = in_front.to(residual.dtype)
    if scale is not None:
        pull = pull / (1 + (residual**2).sum(1) / scale**2) ** 2
    z = torch.where(in_front, q[:, 2], torch.ones_like(q[:, 2]))
    x, y = q[:, 0] / z, q[:, 1] / z
    zero = torch.zeros_like(x)
    # Left perturbation `exp(d) T`: dq = v + w x q.
    J_u = torch.stack([1 / z, zero, -x / z, -x * y, 1 + x * x, -y], dim=1)
    J_v = torch.stack([zero, 1 / z, -y / z, -1 - y * y, x * y, x], dim=1)
    rays = torch.cat([problem.goal, torch.ones_like(problem.goal[:, :1])], dim=1)
    dq = (T[:, :3, :3][problem.sample] @ (rays * problem.depth[:, None])[..., None])[..., 0]
    J_a = torch.stack([(dq[:, 0] - x * dq[:, 2]) / z, (dq[:, 1] - y * dq[:, 2]) / z], dim=1)
    J = torch.cat([torch.stack([J_u, J_v], dim=1), J_a[..., None]], dim=2)
    info_J = J * (pull / problem.noise**2)[:, None, None]
    H = info_J.transpose(1, 2) @ J
    g = (info_J * residual[..., None]).sum(1)
    return torch.cat([H.reshape(-1, 49), g], dim=1)


def step(problem: PoseProblem, T: Tensor, relief: Tensor, scale: float | None = None) -> tuple[Tensor, Tensor]:
    """One step: new `T_cam_goal` (B, 4, 4) and relief (B,).

    scale: residual (normalised plane) at which a match has a quarter of its influence (Geman-McClure); None: least
    squares. Gradients go through the step itself, to weights and relief prior, not through the linearisation point.
    """
    num = len(T)
    T, relief = T.detach(), relief.detach()
    each = problem.weight[:, None] * _normal_equations(problem, T, relief, scale)
    total = torch.zeros(num, 56, dtype=each.dtype, device=each.device).index_add(0, problem.sample, each)
    H, g = total[:, :49].reshape(-1, 7, 7), total[:, 49:]
    prior = 1 / problem.relief_sigma**2
    extra = torch.zeros(num, 7, dtype=H.dtype, device=H.device)
    extra[:, 6] = prior
    g = g + extra * (relief - problem.relief_prior)[:, None]
    diagonal = torch.diagonal(H, dim1=1, dim2=2)
    H = H + torch.diag_embed(extra + _DAMPING * diagonal + 1e-2)
    delta = -torch.linalg.solve(H, g)
    size = torch.maximum(delta[:, 3:6].norm(dim=1), delta[:, :3].norm(dim=1)).clamp_min(1e-9)
    delta = delta * (0.5 / size).clamp(max=1.0)[:, None]
    return se3.exp(delta[:, :6]) @ T, (relief + delta[:, 6]).clamp(RELIEF_LOW, RELIEF_HIGH)


def planar_start(problem: PoseProblem, num_samples: int) -> Tensor:
    """`T_cam_goal` (B, 4, 4) from the similarity (rotation, scale, translation) that best maps goal to current points.

    Weighted Procrustes on the plane; exact for a rotation about the optical axis, an initial pose for other motions.
    """
    goal_mean, current_mean, moments = similarity_sums(
        problem.goal, problem.current, problem.weight, problem.sample, num_samples
    )
    angle = torch.atan2(moments[:, 1], moments[:, 0])
    scale = (moments[:, :2].norm(dim=1) / moments[:, 2].clamp_min(1e-9)).clamp(0.3, 3.0)
    zero, one = torch.zeros_like(angle), torch.ones_like(angle)
    R = se3.exp_so3(torch.stack([zero, zero, angle], dim=1))
    # The scene's centre ray b is seen at pi(R b + t) = current_mean, at depth 1 / scale.
    centre = torch.cat([current_mean, one[:, None]], dim=1) / scale[:, None]
    t = centre - (R @ torch.cat([goal_mean, one[:, None]], dim=1)[..., None])[..., 0]
    return se3.from_rt(R, t)
