"""The paper's fusion and graph with a geometric output: match weights, an initial pose, and Gauss-Newton steps."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from depth_pc_ros.graph.builder import Frame, GoalGraph
from depth_pc_ros.networks import se3
from depth_pc_ros.networks.encoder import EncoderConfig, GraphEncoder
from depth_pc_ros.networks.gauss_newton import PoseProblem, planar_start, residuals, step
from depth_pc_ros.networks.layers import mlp

_RELIEF = 0.08  # usual mean deviation of depth from its median, in goal distances


@dataclass(frozen=True)
class GeoOutput:
    """The network's output for one frame.

    index: (S,) the points that are seen. logits: (S,) of each match to be right. T_start: (B, 4, 4) `T_cam_goal`,
    length unit the goal distance. relief: (B,) prior of the relief factor (see `gauss_newton`). memory: (C, width).
    """

    index: Tensor
    logits: Tensor
    T_start: Tensor
    relief: Tensor
    memory: Tensor


class DepthPcGeoNet(nn.Module):
    """Judges every match with the features of its cluster and of the whole scene, and predicts pose and relief.

    `solve` turns that into a pose by a few weighted Gauss-Newton steps; their gradients reach the weights.
    """

    SCALES = (
        0.05,
        0.02,
        0.01,
        0.005,
        0.005,
        0.005,
    )  # residual at which a match's influence is a quarter, per step; normalised

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.config = config
        self.encoder = GraphEncoder(config)
        width = config.width
        self.judge = mlp(3 * width, width, 1)
        self.guess = mlp(2 * width, 2 * width, 10)

    def start(self, graph: GoalGraph) -> Tensor:
        """Memory before the first frame."""
        return self.encoder.start(graph)

    def forward(self, graph: GoalGraph, frame: Frame, memory: Tensor) -> GeoOutput:
        encoding = self.encoder(graph, frame, memory)
        index = encoding.index
        cluster, sample = graph.cluster[index], graph.sample[index]
        around = torch.cat([encoding.points, encoding.clusters[cluster], encoding.pooled[sample]], dim=1)
        raw = self.guess(torch.cat([encoding.pooled, encoding.depth], dim=1))
        upright = raw.new_tensor([1.0, 0, 0, 0, 1, 0])
        T_start = se3.from_rt(se3.rotation_from_6d(raw[:, :6] + upright), raw[:, 6:9])
        relief = _RELIEF * torch.exp(torch.tanh(raw[:, 9]))
        return GeoOutput(index, self.judge(around)[:, 0], T_start, relief, encoding.clusters)

    def solve(self, graph: GoalGraph, frame: Frame, output: GeoOutput, T_warm: Tensor) -> list[Tensor]:
        """Poses `T_cam_goal` (B, 4, 4) by Gauss-Newton, after each step: a list. Length unit: the goal distance.

        The steps begin at the best of the network's prediction, the planar start and `T_warm` (B, 4, 4), the last
        frame's pose, or the identity.
        """
        index = output.index
        problem = PoseProblem(
            goal=graph.goal[index],
            current=frame.current[index],
            depth=graph.depth[index],
            weight=torch.sigmoid(output.logits),
            sample=graph.sample[index],
            relief_prior=output.relief,
        )
        with torch.no_grad():
            starts = [output.T_start, planar_start(problem, graph.num_samples), T_warm]
            cost = torch.stack([_robust_cost(problem, T, output.relief) for T in starts])
            best = cost.argmin(dim=0)
            T = torch.stack(starts)[best, torch.arange(graph.num_samples, device=best.device)]
        relief, poses = output.relief, []
        for scale in self.SCALES:
            T, relief = step(problem, T, relief, scale)
            poses.append(T)
        return poses

    def act(self, graph: GoalGraph, frame: Frame, memory: Tensor, T_warm: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Velocities (B, 6) at unit gain, `[v / distance, w]`, the memory, and the solved pose for the next frame."""
        output = self(graph, frame, memory)
        T = self.solve(graph, frame, output, T_warm)[-1]
        return se3.pbvs_twist(T), output.memory, T


def _robust_cost(problem: PoseProblem, T: Tensor, relief: Tensor) -> Tensor:
    """Weighted sum (B,) of saturating residuals of a start."""
    residual, _, in_front = residuals(problem, T, relief)
    square = (residual**2).sum(1) / 0.1**2
    each = problem.weight * torch.where(in_front, square / (1 + square), torch.ones_like(square))
    return torch.zeros(len(T), dtype=each.dtype, device=each.device).index_add(0, problem.sample, each)
