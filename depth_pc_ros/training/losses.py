"""The losses of a policy: the expert's velocity, or for the geometric one the right matches and the true pose."""

import torch
from torch import Tensor, nn
from torch_geometric.utils import scatter

from depth_pc_ros.networks import se3
from depth_pc_ros.networks.depth_pc import DepthPcNet
from depth_pc_ros.networks.depth_pc_geo import DepthPcGeoNet

ARRIVED = 3e-3  # rad and goal distances: nearer to the goal a direction means nothing
MIN_MATCHES = 8  # with fewer the servo does not move, so they are not trained on


def policy_loss(net: nn.Module, graph, frame, right: Tensor, memory, T_warm, T_true: Tensor, median_depth: Tensor):
    """One frame of a batch.

    right: (P,) bool. T_true: (B, 4, 4) true `T_cam_goal`, and median_depth (B,) of the goal's points, both in goal
    distances.

    Returns the loss, velocities (B, 6) and memory and `T_warm` for the next frame, and numbers to log.
    """
    if isinstance(net, DepthPcGeoNet):
        # Relative depth is measured from its median, so the solver's unit of length is the median depth.
        t = T_true[:, :3, 3] / median_depth[:, None]
        return _geometric(net, graph, frame, right, memory, T_warm, se3.from_rt(T_true[:, :3, :3], t))
    return _velocity(net, graph, frame, memory, T_warm, T_true)


def _velocity(net: DepthPcNet, graph, frame, memory, T_warm, T_true: Tensor):
    """Cosine of the direction, whole and by its halves, and the distance of log norms."""
    direction, log_norm, memory = net(graph, frame, memory)
    expert = se3.pbvs_twist(T_true)
    norm = expert.norm(dim=1)
    has = enough_matches(graph, frame).to(norm.dtype)
    counts = (norm > ARRIVED) * has
    total = counts.sum().clamp_min(1.0)
    direction_error = 1 - nn.functional.cosine_similarity(direction, expert, dim=1)
    halves = sum(
        1 - nn.functional.cosine_similarity(direction[:, part], expert[:, part], dim=1)
        for part in (slice(0, 3), slice(3, 6))
    )
    size = nn.functional.smooth_l1_loss(log_norm, norm.clamp_min(ARRIVED).log(), reduction="none")
    # Near the goal a direction means nothing, but the camera must come to rest.
    rest = ((direction * log_norm.exp()[:, None] - expert).norm(dim=1) / (norm + 0.01)).clamp_max(5.0)
    loss = (counts * (direction_error + 0.3 * halves + 0.3 * size)).sum() / total
    loss = loss + 0.2 * (has * rest / (1 + rest)).sum() / has.sum().clamp_min(1.0)
    numbers = {"direction": (counts * direction_error).sum() / total, "norm": (counts * size).sum() / total}
    return loss, direction.detach() * log_norm.detach().exp()[:, None], memory, T_warm, numbers


def _geometric(net: DepthPcGeoNet, graph, frame, right: Tensor, memory, T_warm, T_true: Tensor):
    """Cross entropy of the matches, and the errors of the predicted pose and of each Gauss-Newton step."""
    output = net(graph, frame, memory)
    label = right[output.index].to(output.logits.dtype)
    each = nn.functional.binary_cross_entropy_with_logits(output.logits, label, reduction="none")
    has = enough_matches(graph, frame).to(T_true.dtype)
    total = has.sum().clamp_min(1.0)
    # Half by match, half by scene, so that neither the many nor the few decide alone.
    by_scene = scatter(each, graph.sample[output.index], dim_size=graph.num_samples, reduce="mean")
    judge = 0.5 * each.mean() + 0.5 * (has * by_scene).sum() / total
    guess = (has * _pose_error(output.T_start, T_true)).sum() / total
    poses = net.solve(graph, frame, output, T_warm)
    # Relative to the remaining motion, so that the last millimetres count as much as the first decimetres.
    size = se3.pbvs_twist(T_true).norm(dim=1) + 0.02
    errors = []
    for T in poses[1:]:
        error = _pose_error(T, T_true) / size
        errors.append((has * error / (1 + error)).sum() / total)  # lost ones have less weight, but not zero
    solve = torch.stack(errors).mean()
    loss = judge + 0.3 * guess + 0.5 * solve
    accuracy = ((output.logits > 0) == right[output.index]).float().mean()
    T = poses[-1].detach()
    numbers = {"judge": judge, "accuracy": accuracy, "guess": guess, "solve": errors[-1]}
    return loss, se3.pbvs_twist(T), output.memory, T, numbers


def _pose_error(T: Tensor, T_true: Tensor) -> Tensor:
    """(B,) rotation, by the chord, plus translation; rad and goal distances, smooth everywhere but at zero."""
    rotation = ((T[:, :3, :3] - T_true[:, :3, :3]) ** 2).sum((1, 2)).div(2).add(1e-10).sqrt()
    translation = ((T[:, :3, 3] - T_true[:, :3, 3]) ** 2).sum(1).add(1e-10).sqrt()
    return rotation + translation


def enough_matches(graph, frame) -> Tensor:
    """(B,) bool: enough points are seen to move."""
    seen = torch.zeros(graph.num_samples, device=graph.goal.device).index_add(0, graph.sample, frame.seen.float())
    return seen >= MIN_MATCHES
