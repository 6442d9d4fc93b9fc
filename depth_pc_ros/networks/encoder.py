"""Matches and depth of one frame into features of points, clusters and samples: the part both policies share.

Paper, section III-B and C, after CNS: points and depth are aligned and fused (eq. 5-8), points are gathered into
their cluster (PointTransformerConv), clusters exchange messages (PointEdgeConv), a GRU remembers, attention pools.
"""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from depth_pc_ros.config import Config, option
from depth_pc_ros.graph.builder import Frame, GoalGraph
from depth_pc_ros.graph.depth import rank_by_sample
from depth_pc_ros.networks.layers import (
    AttentionalPooling,
    ClusterEdgeConv,
    ContextBlock,
    CrossAttention,
    FeatureAlignment,
    Slots,
    mlp,
)
from depth_pc_ros.networks.operators import PointTransformerConv, scatter
from depth_pc_ros.networks.planar import similarity_sums

POINT_FEATURES, PLANAR_FEATURES = 21, 18
DEPTH_FEATURES = 4
MIN_MOTION = 2e-4  # normalised plane, 0.1 px at f = 540 px: image motion below it is noise


@dataclass(frozen=True)
class EncoderConfig(Config):
    """Size and variant of the encoder."""

    width: int = option(64, "Features per point and cluster.", 8, 512)
    fusion: str = option(
        "cluster",
        "How depth joins the points: `cluster` (the paper's cluster cross attention), `full` (cross attention over all "
        "points), `concat`, or `none` (no depth: CNS).",
        choices=("cluster", "full", "concat", "none"),
    )
    planar: bool = option(
        False, "Also feed the image motion that the best rotation, scale and translation of the whole image leave."
    )  # fmt: skip
    context_blocks: int = option(0, "Context-normalised layers on the points, before the clusters.", 0, 12)


@dataclass(frozen=True)
class Encoding:
    """Features of one frame.

    index: (S,) the points that are seen. points: (S, width). clusters: (C, width), also the memory for the next frame.
    pooled: (B, width). depth: (B, width) depth embedding, zero without fusion. motion: (B,) median image motion.
    """

    index: Tensor
    points: Tensor
    clusters: Tensor
    pooled: Tensor
    depth: Tensor
    motion: Tensor


def median_motion(distance: Tensor, sample: Tensor, num_samples: int) -> Tensor:
    """Median (B,) of `distance` (S,) >= 0 over the rows of each sample, 0 without rows."""
    if len(distance) == 0:
        return distance.new_zeros(num_samples)
    if num_samples == 1:  # the same in one operation: a servo has one sample
        return distance.median()[None]
    ranked, first, size = rank_by_sample(distance, sample, num_samples)
    middle = (first + (size - 1).clamp_min(0) // 2).clamp_max(len(distance) - 1)
    return torch.where(size > 0, ranked[middle], distance.new_zeros(()))


def moments(place: Tensor, motion: Tensor) -> Tensor:
    """Motion (S, 2) times powers of place (S, 2): (S, 10). Near the goal rotation and translation differ only here."""
    x, y = place[:, :1], place[:, 1:]
    powers = torch.cat([x, y, 2 * x * x, 2 * x * y, 2 * y * y], dim=1)
    return (powers[:, :, None] * motion[:, None, :]).flatten(1)


def similarity(goal: Tensor, current: Tensor, sample: Tensor, num_samples: int) -> tuple[Tensor, Tensor, Tensor]:
    """Rotation, scale and translation that best map each sample's goal points to its current points (S, 2), robustly.

    Returns the mapped points (S, 2), the complex factor (B, 2) and the translation (B, 2) of the weighted mean point.
    Least squares, three times; residuals above the median get less and less weight.
    """

    def fit(weight: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        goal_mean, current_mean, sums = similarity_sums(goal, current, weight, sample, num_samples)
        factor = sums[:, :2] / sums[:, 2:].clamp_min(1e-6)
        g = goal - goal_mean[sample]
        real, imaginary = factor[sample].unbind(1)
        rotated = torch.stack([real * g[:, 0] - imaginary * g[:, 1], imaginary * g[:, 0] + real * g[:, 1]], dim=1)
        return rotated + current_mean[sample], factor, current_mean - goal_mean

    found = fit(goal.new_ones(len(goal)))
    for _ in range(2):
        off = (current - found[0]).norm(dim=1)
        usual = median_motion(off, sample, num_samples).clamp_min(MIN_MOTION)
        found = fit(1 / (1 + (off / (2 * usual[sample])) ** 2) ** 2)
    return found


def _planar_features(goal, current, sample, num_samples) -> list[Tensor]:
    """PLANAR_FEATURES of each point: its sample's rotation, scale and translation, and its motion relative to these."""
    mapped, factor, translation = similarity(goal, current, sample, num_samples)
    scale = factor.norm(dim=1, keepdim=True).clamp_min(1e-3)
    whole = torch.cat([factor / scale, scale.log(), translation], dim=1)[sample]
    left = current - mapped
    spread = median_motion(left.norm(dim=1), sample, num_samples).clamp_min(MIN_MOTION)
    pattern = torch.asinh(left / spread[sample, None])
    return [whole, pattern, 4 * moments(current, pattern), torch.log(spread)[sample, None] / 5]


class GraphEncoder(nn.Module):
    """See the module. Pure function of goal, frame and memory."""

    def __init__(self, config: EncoderConfig):
        super().__init__()
        width = config.width
        self.config = config
        inputs = POINT_FEATURES + (PLANAR_FEATURES if config.planar else 0)
        self.align_points = FeatureAlignment(inputs, width)
        if config.fusion != "none":
            self.align_depth = FeatureAlignment(DEPTH_FEATURES, width)
            self.attention = CrossAttention(width)
            self.fuse = nn.Linear(2 * width, width)
            self.embed_depth = mlp(width, width, width)
        self.context = nn.ModuleList(ContextBlock(width) for _ in range(config.context_blocks))
        self.gather = PointTransformerConv(width, pos_nn=mlp(4, width, width), attn_nn=mlp(width, width))
        self.between = ClusterEdgeConv(width)
        self.memory = nn.GRUCell(width, width)
        self.pool = AttentionalPooling(width)

    def start(self, graph: GoalGraph) -> Tensor:
        """Memory (C, width) before the first frame."""
        return graph.goal.new_zeros(graph.num_clusters, self.config.width)

    def forward(self, graph: GoalGraph, frame: Frame, memory: Tensor) -> Encoding:
        """One frame; memory: (C, width) from the frame before, or from `start`."""
        num = graph.num_samples
        index = torch.nonzero(frame.seen)[:, 0]
        goal, current = graph.goal[index], frame.current[index]
        sample, cluster = graph.sample[index], graph.cluster[index]
        moved = current - goal
        motion = median_motion(moved.norm(dim=1), sample, num)
        scale = motion.clamp_min(MIN_MOTION)
        # The motion in units of its median, so that its pattern looks the same far away and at the goal.
        pattern = torch.asinh(moved / scale[sample, None])
        products = (goal[:, :, None] * current[:, None, :]).flatten(1)
        size = torch.log(scale)[sample, None] / 5
        features = [2 * goal, 2 * current, pattern, 6 * products, 4 * moments(goal, pattern), size]
        if self.config.planar:
            features += _planar_features(goal, current, sample, num)
        x = self.align_points(torch.cat(features, dim=1))
        depth = x.new_zeros(num, self.config.width)
        if self.config.fusion != "none":
            x, depth = self._fuse(x, graph, frame, index, sample, cluster)
        for block in self.context:
            x = block(x, sample, num)
        clusters = self._gather(x, goal, moved / scale[sample, None], cluster, graph)
        seen = frame.cluster_seen
        clusters = nn.functional.gelu(self._between(clusters, graph, seen)) + clusters
        memory = torch.where(seen[:, None], self.memory(clusters, memory), memory)
        rows = torch.nonzero(seen)[:, 0]
        pooled = self.pool(memory[rows], graph.cluster_sample[rows], num)
        return Encoding(index, x, memory, pooled, depth, motion)

    def _fuse(self, x, graph, frame, index, sample, cluster) -> tuple[Tensor, Tensor]:
        """Fused point features (S, width) and the depth embedding (B, width)."""
        known = torch.stack([graph.depth_known[index], frame.depth_known[index]], dim=1).to(x.dtype)
        z = self.align_depth(torch.cat([torch.stack([graph.depth[index], frame.depth[index]], dim=1), known], dim=1))
        other = z
        if self.config.fusion != "concat":
            by_cluster = self.config.fusion == "cluster"
            slots = Slots.of(cluster, graph.num_clusters) if by_cluster else Slots.of(sample, graph.num_samples)
            other, z = self.attention(x, z, slots)
        x = x + self.fuse(torch.cat([x, other], dim=1))
        return x, self.embed_depth(scatter(z, sample, dim_size=graph.num_samples, reduce="mean"))

    def _gather(self, x, goal, moved, cluster, graph) -> Tensor:
        """Points to their cluster (C, width). A cluster's own feature is the mean of its seen points."""
        centre = scatter(x, cluster, dim_size=graph.num_clusters, reduce="mean")
        edges = torch.stack([torch.arange(len(cluster), device=cluster.device), cluster])
        nuclei = graph.goal[graph.nucleus]
        # Relative places only: where a point lies about its nucleus, and how it moves relative to its cluster.
        moved = torch.asinh(moved)
        mean = scatter(moved, cluster, dim_size=graph.num_clusters, reduce="mean")
        places = (torch.cat([8 * goal, moved], dim=1), torch.cat([8 * nuclei, mean], dim=1))
        return self.gather((x, centre), places, edges)

    def _between(self, clusters, graph, seen) -> Tensor:
        rows = torch.nonzero(seen)[:, 0]
        places = graph.goal[graph.nucleus[rows]]
        out = self.between(clusters[rows], 2 * places, graph.cluster_sample[rows], graph.num_samples)
        return torch.zeros_like(clusters).index_copy(0, rows, out)
