"""The paper's network: matches and relative depth in, camera velocity out."""

import torch
from torch import Tensor, nn

from depth_pc_ros.graph.builder import Frame, GoalGraph
from depth_pc_ros.networks.encoder import MIN_MOTION, EncoderConfig, GraphEncoder
from depth_pc_ros.networks.layers import mlp


class DepthPcNet(nn.Module):
    """Depth-PC (paper, Fig. 4): a decoupled head, direction and norm apart, that the depth embedding refines.

    The velocity is that of the PBVS expert whose camera goes straight, at unit gain, its linear part in units of the
    goal distance. The norm is predicted relative to the median image motion, so that its target stays finite at the
    goal.
    """

    def __init__(self, config: EncoderConfig):
        super().__init__()
        self.config = config
        self.encoder = GraphEncoder(config)
        width = config.width
        self.head = mlp(width, 2 * width, 7)
        self.refine = mlp(2 * width, width, 7) if config.fusion != "none" else None

    def start(self, graph: GoalGraph) -> Tensor:
        """Memory before the first frame."""
        return self.encoder.start(graph)

    def forward(self, graph: GoalGraph, frame: Frame, memory: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Returns unit directions (B, 6) `[v / distance, w]`, log norms (B,), and the memory for the next frame."""
        encoding = self.encoder(graph, frame, memory)
        raw = self.head(encoding.pooled)
        if self.refine is not None:
            raw = raw + self.refine(torch.cat([encoding.pooled, encoding.depth], dim=1))
        direction = nn.functional.normalize(raw[:, :6], dim=1, eps=1e-6)
        log_norm = raw[:, 6].clamp(-4, 4) + torch.log(encoding.motion.clamp_min(MIN_MOTION))
        return direction, log_norm, encoding.clusters

    def act(self, graph: GoalGraph, frame: Frame, memory: Tensor, T_warm: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Velocities (B, 6) at unit gain, `[v / distance, w]`, the memory, and `T_warm` (unused) for the next frame."""
        direction, log_norm, memory = self(graph, frame, memory)
        return direction * log_norm.exp()[:, None], memory, T_warm
