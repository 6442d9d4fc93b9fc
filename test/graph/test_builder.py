import dataclasses

import numpy as np
import pytest
import torch

from depth_pc_ros.errors import GoalError
from depth_pc_ros.graph.builder import build_frame, build_graph, collate, frame_from_tensors
from depth_pc_ros.graph.depth import normalise_depth


def goal_points(n: int, seed: int = 0) -> np.ndarray:
    return np.random.default_rng(seed).uniform([-0.59, -0.44], [0.59, 0.44], (n, 2))


def depths(n: int, seed: int = 0) -> np.ndarray:
    """(n,) m, every fifth unknown."""
    depth = np.random.default_rng(seed).uniform(0.5, 0.7, n)
    depth[::5] = np.nan
    return depth


def moved(goal: np.ndarray, seed: int = 0) -> np.ndarray:
    """The goal's points a little moved, about a third not seen."""
    rng = np.random.default_rng(seed)
    current = goal + rng.normal(0, 0.05, goal.shape)
    current[rng.uniform(size=len(goal)) < 0.3] = np.nan
    return current


def parts(graph):
    return {name: value for name, value in vars(graph).items() if isinstance(value, torch.Tensor)}


def assert_same(a, b):
    for name, tensor in parts(a).items():
        assert tensor.dtype == getattr(b, name).dtype, name
        torch.testing.assert_close(tensor, getattr(b, name), rtol=0, atol=1e-6, msg=name)


@pytest.mark.parametrize("n", [1, 2, 3, 4, 12, 64, 600])
def test_shapes_and_types(n):
    graph = build_graph(goal_points(n), depths(n))
    C = graph.num_clusters
    wanted = {
        "goal": ((n, 2), torch.float32),
        "depth": ((n,), torch.float32),
        "depth_known": ((n,), torch.bool),
        "sample": ((n,), torch.int64),
        "cluster": ((n,), torch.int64),
        "nucleus": ((C,), torch.int64),
        "cluster_sample": ((C,), torch.int64),
    }
    assert {name: (tuple(t.shape), t.dtype) for name, t in parts(graph).items()} == wanted
    assert graph.num_points == n
    assert graph.num_samples == 1
    assert 1 <= C <= 32


def test_goal_and_depth_are_kept():
    goal, depth = goal_points(100), depths(100)
    graph = build_graph(goal, depth)
    values, known = normalise_depth(depth)
    np.testing.assert_array_equal(graph.goal, goal.astype(np.float32))
    np.testing.assert_array_equal(graph.depth, values)
    np.testing.assert_array_equal(graph.depth_known, known)


def test_graph_does_not_share_memory_with_its_input():
    goal = goal_points(20).astype(np.float32)
    graph = build_graph(goal)
    before = graph.goal.clone()
    goal += 1
    assert torch.equal(graph.goal, before)


def test_clusters_are_full_and_hold_their_nucleus():
    graph = build_graph(goal_points(200))
    assert torch.bincount(graph.cluster, minlength=graph.num_clusters).min() >= 1
    assert torch.equal(graph.cluster[graph.nucleus], torch.arange(graph.num_clusters))
    for c, nucleus in enumerate(graph.nucleus):
        members = graph.goal[graph.cluster == c].double()
        distances = (members - members.mean(0)).norm(dim=1)
        own = (graph.goal[nucleus].double() - members.mean(0)).norm()
        assert own <= distances.min() + 1e-12


def test_order_of_the_points_does_not_change_the_graph():
    goal, depth = goal_points(150), depths(150)
    order = np.random.default_rng(1).permutation(150)
    graph, other = build_graph(goal, depth), build_graph(goal[order], depth[order])
    index = torch.from_numpy(order)
    assert torch.equal(other.cluster, graph.cluster[index])
    assert torch.equal(index[other.nucleus], graph.nucleus)
    assert torch.equal(other.depth, graph.depth[index])


def test_collated_graph_equals_its_parts():
    graphs = [build_graph(goal_points(n, n), depths(n, n)) for n in (4, 100, 1, 64)]
    batch = collate(graphs)
    assert batch.num_samples == 4
    for s, graph in enumerate(graphs):
        points, clusters = batch.sample == s, batch.cluster_sample == s
        first_point, first_cluster = points.int().argmax(), clusters.int().argmax()
        part = dataclasses.replace(
            batch,
            goal=batch.goal[points],
            depth=batch.depth[points],
            depth_known=batch.depth_known[points],
            sample=batch.sample[points] - s,
            cluster=batch.cluster[points] - first_cluster,
            nucleus=batch.nucleus[clusters] - first_point,
            cluster_sample=batch.cluster_sample[clusters] - s,
            num_samples=1,
        )
        assert_same(part, graph)


def test_collating_in_two_steps_is_the_same():
    graphs = [build_graph(goal_points(n, n)) for n in (30, 12, 50)]
    assert_same(collate([collate(graphs[:2]), graphs[2]]), collate(graphs))


def test_to_moves_every_tensor_and_keeps_the_rest():
    graph = build_graph(goal_points(20)).to("meta")
    assert {tensor.device.type for tensor in parts(graph).values()} == {"meta"}
    assert graph.num_samples == 1


def test_frame_holds_zeros_where_nothing_is_seen():
    goal, depth = goal_points(100), depths(100)
    current = moved(goal)
    current[3] = [np.nan, 0.2]
    graph = build_graph(goal, depth)
    frame = build_frame(graph, current, depth)
    seen = np.isfinite(current).all(1)
    np.testing.assert_array_equal(frame.seen, seen)
    np.testing.assert_array_equal(frame.current, np.where(seen[:, None], current, 0).astype(np.float32))
    np.testing.assert_array_equal(frame.depth_known, seen & np.isfinite(depth))
    assert not frame.depth[~frame.depth_known].any()


def test_depth_of_a_frame_is_normalised_over_the_points_seen():
    goal, depth = goal_points(50), depths(50)
    current = moved(goal)
    seen = np.isfinite(current[:, 0])
    far_away = np.where(seen, depth, 1000.0)
    frame = build_frame(build_graph(goal), current, far_away)
    np.testing.assert_allclose(frame.depth[seen], normalise_depth(depth[seen])[0], atol=1e-6)


def test_cluster_is_seen_as_long_as_one_of_its_points_is():
    graph = build_graph(goal_points(64))
    current = graph.goal.numpy().copy()
    members = torch.nonzero(graph.cluster == 2)[:, 0]
    current[members[1:]] = np.nan
    assert build_frame(graph, current).cluster_seen.all()
    current[members] = np.nan
    assert torch.equal(build_frame(graph, current).cluster_seen, torch.arange(graph.num_clusters) != 2)


def test_frame_with_nothing_seen_is_all_zero():
    graph = build_graph(goal_points(30))
    frame = build_frame(graph, np.full((30, 2), np.nan), np.full(30, 0.6))
    assert not any(tensor.any() for tensor in parts(frame).values())


def test_batched_frame_equals_single_frames():
    sizes = (64, 5, 100, 1)
    graphs = [build_graph(goal_points(n, n), depths(n, n)) for n in sizes]
    currents = [moved(goal_points(n, n), n) for n in sizes]
    raw = [depths(n, n + 1) for n in sizes]
    frames = [build_frame(*one) for one in zip(graphs, currents, raw)]
    current, depth = torch.from_numpy(np.concatenate(currents)), torch.from_numpy(np.concatenate(raw))
    seen, known = current.isfinite().all(1), depth.isfinite()
    batch = frame_from_tensors(collate(graphs), current, seen, depth, known)
    for name, tensor in parts(batch).items():
        torch.testing.assert_close(tensor, torch.cat([getattr(f, name) for f in frames]), rtol=0, atol=1e-6, msg=name)


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_goal_that_is_not_finite_is_refused(bad):
    goal = goal_points(10)
    goal[2, 0] = bad
    with pytest.raises(GoalError, match="goal: expected finite coordinates, got NaN or inf"):
        build_graph(goal)


def test_wrong_shapes_are_refused():
    graph = build_graph(goal_points(10))
    with pytest.raises(GoalError, match=r"goal: expected shape \(N, 2\) with N >= 1, got \(10, 3\)"):
        build_graph(np.zeros((10, 3)))
    with pytest.raises(GoalError, match=r"goal: expected shape \(N, 2\) with N >= 1, got \(0, 2\)"):
        build_graph(np.zeros((0, 2)))
    with pytest.raises(GoalError, match=r"depth: expected shape \(10,\), got \(9,\)"):
        build_graph(goal_points(10), np.ones(9))
    with pytest.raises(GoalError, match=r"current: expected shape \(10, 2\), got \(9, 2\)"):
        build_frame(graph, np.zeros((9, 2)))
    with pytest.raises(GoalError, match=r"depth: expected shape \(10,\), got \(10, 1\)"):
        build_frame(graph, np.zeros((10, 2)), np.zeros((10, 1)))
    with pytest.raises(GoalError, match="graph: expected one sample, got 2"):
        build_frame(collate([graph, graph]), np.zeros((20, 2)))
    with pytest.raises(GoalError, match="graphs: expected at least one, got none"):
        collate([])
    flags = torch.ones(10, dtype=torch.bool)
    with pytest.raises(GoalError, match=r"seen: expected shape \(10,\), got \(9,\)"):
        frame_from_tensors(graph, graph.goal, flags[:9], graph.depth, flags)
    with pytest.raises(GoalError, match=r"depth_known: expected shape \(10,\), got \(9,\)"):
        frame_from_tensors(graph, graph.goal, flags, graph.depth, flags[:9])
