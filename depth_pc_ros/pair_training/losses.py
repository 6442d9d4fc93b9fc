"""Losses and measures of the networks that see pairs of images."""

import torch
from torch import Tensor, nn
from torch.nn import functional

from depth_pc_ros.networks import se3

_FADE = 0.85  # weight of a step's flow against that of the next one; RAFT has 0.8 and 12 steps
_TINY = 1e-6


def pose_loss(net: nn.Module, live: Tensor, goal: Tensor, T_cam_goal: Tensor) -> dict[str, Tensor]:
    """Mean error of the translation, in units of the goal's distance, and of the rotation, rad; their sum `loss`.

    Norms, not squares, so that small errors still count. In a planar scene seen from a fixed range of distances both
    errors move pixels about equally, hence equal weights.
    """
    T = net.pose_of(net(live, goal).float())
    translation = (T[:, :3, 3] - T_cam_goal[:, :3, 3]).square().sum(-1)
    # Frobenius distance of rotations over sqrt(2): the angle, where it is small.
    rotation = (T[:, :3, :3] - T_cam_goal[:, :3, :3]).square().sum((-2, -1)) / 2
    terms = {"translation": (translation + _TINY).sqrt().mean(), "rotation": (rotation + _TINY).sqrt().mean()}
    return {"loss": terms["translation"] + terms["rotation"], **terms}


def flow_loss(net: nn.Module, live: Tensor, goal: Tensor, goal_to_live: Tensor) -> dict[str, Tensor]:
    """Mean end point error (px) of the flow from goal to live, and its sum `loss` with the cells' flows of all steps.

    Pixels that leave the live image do not count.
    """
    flow, coarse = net(goal, live)
    truth, seen = true_flow(goal_to_live, goal.shape[-2:])
    stride = flow.shape[-1] // coarse[0].shape[-1]
    inside = functional.avg_pool2d(seen[:, None].float(), stride)[:, 0] == 1
    of_cells = functional.avg_pool2d(truth, stride)  # the pixels' mean: within a cell a homography is about linear
    end_point = _mean_length(flow - truth, seen)
    steps = [_mean_length(stride * cells - of_cells, inside) for cells in coarse]
    loss = end_point + sum(_FADE ** (len(steps) - 1 - k) * error for k, error in enumerate(steps))
    return {"loss": loss, "end_point_px": end_point}


def _mean_length(error: Tensor, where: Tensor) -> Tensor:
    """Of vectors (B, 2, h, w), over the places (B, h, w)."""
    lengths = (error.square().sum(1) + _TINY).sqrt()
    return torch.where(where, lengths, 0).sum() / where.sum().clamp_min(1)


def true_flow(goal_to_live: Tensor, size) -> tuple[Tensor, Tensor]:
    """Flow (B, 2, h, w) px of homographies (B, 3, 3), and which pixels stay inside the image (B, h, w)."""
    height, width = size
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    pixels = torch.stack([x, y, torch.ones_like(x)]).to(goal_to_live).flatten(1)
    mapped = goal_to_live @ pixels
    to = mapped[:, :2] / mapped[:, 2:].clamp_min(_TINY)
    seen = (mapped[:, 2] > _TINY) & (to >= 0).all(1) & (to[:, 0] <= width - 1) & (to[:, 1] <= height - 1)
    flow = (to - pixels[:2]).unflatten(2, (height, width))
    return flow, seen.unflatten(1, (height, width))


def pose_errors(T: Tensor, T_cam_goal: Tensor) -> tuple[Tensor, Tensor]:
    """Of poses (B, 4, 4): translation (B,) in units of the goal's distance, rotation (B,) in degrees."""
    turn = se3.log_so3(T[:, :3, :3].transpose(1, 2) @ T_cam_goal[:, :3, :3])
    return (T[:, :3, 3] - T_cam_goal[:, :3, 3]).norm(dim=-1), torch.rad2deg(turn.norm(dim=-1))
