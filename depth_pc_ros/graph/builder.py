"""Builds the network's input: once per goal a `GoalGraph`, then one `Frame` per image.

Points of all samples lie one after another; index vectors say which cluster and which sample a point belongs to, so a
batch of goals is a goal graph too. Section III-A of the paper: the nucleus is the central point of a cluster. The index
vectors are the edges: points of one cluster are linked (intra), and all clusters of one sample with each other (inter).
Points are normalised image coordinates.
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace

import numpy as np
import torch
from torch import Tensor

from depth_pc_ros.errors import GoalError
from depth_pc_ros.graph.clustering import cluster_points, find_nuclei
from depth_pc_ros.graph.depth import normalise_depth, normalise_depth_batch


@dataclass(frozen=True)
class GoalGraph:
    """What is built once per goal, for P points in C clusters of `num_samples` goals; index vectors are int64.

    goal: (P, 2) float32. depth: (P,) float32, normalised per sample (`graph.depth`), 0 where unknown.
    depth_known: (P,) bool. sample: (P,). cluster: (P,), numbered through all samples.
    nucleus: (C,) index of the point nearest the cluster's mean. cluster_sample: (C,).
    """

    goal: Tensor
    depth: Tensor
    depth_known: Tensor
    sample: Tensor
    cluster: Tensor
    nucleus: Tensor
    cluster_sample: Tensor
    num_samples: int

    @property
    def num_points(self) -> int:
        return len(self.goal)

    @property
    def num_clusters(self) -> int:
        return len(self.nucleus)

    def to(self, device: torch.device | str) -> "GoalGraph":
        tensors = {f.name: getattr(self, f.name) for f in fields(self) if f.name != "num_samples"}
        return replace(self, **{name: tensor.to(device) for name, tensor in tensors.items()})


@dataclass(frozen=True)
class Frame:
    """What one image of every sample adds to a `GoalGraph`. Points not seen hold zeros.

    current: (P, 2) float32. seen: (P,) bool. depth: (P,) float32, normalised per sample over the points seen, 0 where
    unknown. depth_known: (P,) bool. cluster_seen: (C,) bool, any of its points is seen.
    """

    current: Tensor
    seen: Tensor
    depth: Tensor
    depth_known: Tensor
    cluster_seen: Tensor


def build_graph(goal: np.ndarray, depth: np.ndarray | None = None) -> GoalGraph:
    """The graph of one goal.

    goal: (N, 2) finite, N >= 1. depth: (N,) metric or relative, larger = farther, NaN where unknown; None: all unknown.
    Raises GoalError.
    """
    points = np.array(goal, np.float32)
    if points.ndim != 2 or points.shape[1] != 2 or len(points) == 0:
        raise GoalError(f"goal: expected shape (N, 2) with N >= 1, got {points.shape}")
    if not np.isfinite(points).all():
        raise GoalError("goal: expected finite coordinates, got NaN or inf")
    normalised, known = normalise_depth(_depth_or_unknown(depth, len(points)))
    labels = cluster_points(points)
    nuclei = find_nuclei(points, labels)
    return GoalGraph(
        goal=torch.from_numpy(points),
        depth=torch.from_numpy(normalised),
        depth_known=torch.from_numpy(known),
        sample=torch.zeros(len(points), dtype=torch.int64),
        cluster=torch.from_numpy(labels),
        nucleus=torch.from_numpy(nuclei),
        cluster_sample=torch.zeros(len(nuclei), dtype=torch.int64),
        num_samples=1,
    )


def collate(graphs: Sequence[GoalGraph]) -> GoalGraph:
    """One graph of several on one device: samples, clusters and points keep their order and are numbered through."""
    if not graphs:
        raise GoalError("graphs: expected at least one, got none")
    parts = {f.name: [getattr(graph, f.name) for graph in graphs] for f in fields(GoalGraph)}
    for offset_by, names in (
        ([graph.num_points for graph in graphs], ["nucleus"]),
        ([graph.num_clusters for graph in graphs], ["cluster"]),
        (parts["num_samples"], ["sample", "cluster_sample"]),
    ):
        offsets = np.cumsum([0, *offset_by[:-1]]).tolist()
        for name in names:
            parts[name] = [part + offset for part, offset in zip(parts[name], offsets)]
    num_samples = sum(parts.pop("num_samples"))
    return GoalGraph(**{name: torch.cat(part) for name, part in parts.items()}, num_samples=num_samples)


def build_frame(graph: GoalGraph, current: np.ndarray, depth: np.ndarray | None = None) -> Frame:
    """What one image adds to a graph of one goal, on the graph's device.

    current: (N, 2), the goal's points now, NaN where not seen. depth: (N,) in the current view, larger = farther, NaN
    where unknown; None: all unknown. Raises GoalError.
    """
    if graph.num_samples != 1:
        raise GoalError(f"graph: expected one sample, got {graph.num_samples}")
    points = np.array(current, np.float32)
    _expect_shape("current", (graph.num_points, 2), points.shape)
    seen = np.isfinite(points).all(axis=1)
    points[~seen] = 0
    normalised, known = normalise_depth(np.where(seen, _depth_or_unknown(depth, graph.num_points), np.nan))
    return _frame(graph, *(torch.from_numpy(a).to(graph.goal.device) for a in (points, seen, normalised, known)))


def frame_from_tensors(graph: GoalGraph, current: Tensor, seen: Tensor, depth: Tensor, depth_known: Tensor) -> Frame:
    """What one image of every sample adds to a graph; for one sample the same as `build_frame`.

    current: (P, 2), anything where not seen. seen: (P,) bool. depth: (P,) as it was measured, larger = farther: it is
    normalised here, over the points seen. depth_known: (P,) bool. Raises GoalError.
    """
    P = graph.num_points
    for name, tensor, shape in (
        ("current", current, (P, 2)),
        ("seen", seen, (P,)),
        ("depth", depth, (P,)),
        ("depth_known", depth_known, (P,)),
    ):
        _expect_shape(name, shape, tuple(tensor.shape))
    current = torch.where(seen[:, None], current, 0).float()
    normalised, known = normalise_depth_batch(depth, depth_known & seen, graph.sample, graph.num_samples)
    return _frame(graph, current, seen, normalised, known)


def _frame(graph, current, seen, depth, depth_known):
    num_seen = torch.zeros(graph.num_clusters, dtype=torch.int32, device=seen.device)
    num_seen.index_add_(0, graph.cluster, seen.int())
    return Frame(current, seen, depth, depth_known, num_seen > 0)


def _depth_or_unknown(depth, n):
    if depth is None:
        return np.full(n, np.nan)
    depth = np.asarray(depth, np.float64)
    _expect_shape("depth", (n,), depth.shape)
    return depth


def _expect_shape(name, expected, got):
    if got != expected:
        raise GoalError(f"{name}: expected shape {expected}, got {got}")
