"""What every policy network must hold, whatever its weights."""

import numpy as np
import pytest
import torch

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.graph.builder import Frame, build_frame, build_graph, collate
from depth_pc_ros.networks.depth_pc import DepthPcNet
from depth_pc_ros.networks.depth_pc_geo import DepthPcGeoNet
from depth_pc_ros.networks.encoder import EncoderConfig, median_motion, similarity

VARIANTS = [
    (DepthPcNet, {}),
    (DepthPcNet, {"fusion": "none"}),
    (DepthPcNet, {"fusion": "concat"}),
    (DepthPcNet, {"fusion": "full"}),
    (DepthPcNet, {"planar": True}),
    (DepthPcGeoNet, {"context_blocks": 2}),
]


def both(frames) -> Frame:
    """Frames of several goals as one."""
    return Frame(*(torch.cat([getattr(frame, name) for frame in frames]) for name in Frame.__dataclass_fields__))


def outputs(net, graph, frame, memory):
    """Per-sample outputs (B, ...), and the memory."""
    if isinstance(net, DepthPcNet):
        velocity, memory, _ = net.act(graph, frame, memory, None)
        return [velocity], memory
    out = net(graph, frame, memory)
    still = torch.eye(4).expand(graph.num_samples, 4, 4)
    return [net.solve(graph, frame, out, still)[-1], out.T_start, out.relief], out.memory


@pytest.fixture(params=VARIANTS, ids=lambda v: f"{v[0].__name__}-{'-'.join(map(str, v[1].values()))}")
def net(request):
    kind, options = request.param
    return kind(EncoderConfig(width=16, **options)).eval()


def test_a_sample_does_not_see_its_neighbours(net, make_goal):
    goals = [make_goal(seed, n) for seed, n in ((0, 40), (1, 12), (2, 90))]
    graph, frame = collate([g[0] for g in goals]), both([g[1] for g in goals])
    memory = torch.randn(graph.num_clusters, 16)
    together, _ = outputs(net, graph, frame, memory)
    first = 0
    for k, (own_graph, own_frame, *_) in enumerate(goals):
        own_memory = memory[first : first + own_graph.num_clusters]
        first += own_graph.num_clusters
        alone, _ = outputs(net, own_graph, own_frame, own_memory)
        for a, b in zip(together, alone, strict=True):
            torch.testing.assert_close(a[k : k + 1], b, atol=2e-5, rtol=2e-4)


def test_the_order_of_points_does_not_matter(net):
    rng = np.random.default_rng(5)
    goal, depth = rng.uniform(-0.4, 0.4, (50, 2)), rng.uniform(0.5, 0.9, 50)
    current = goal + rng.normal(0, 0.05, (50, 2))
    current[rng.random(50) < 0.2] = np.nan
    order = rng.permutation(50)
    results = []
    for pick in (np.arange(50), order):
        graph = build_graph(goal[pick], depth[pick])
        results.append(outputs(net, graph, build_frame(graph, current[pick], depth[pick]), net.start(graph))[0])
    for a, b in zip(*results, strict=True):
        torch.testing.assert_close(a, b, atol=2e-5, rtol=2e-4)


def test_memory_changes_the_answer_and_hidden_clusters_keep_theirs(net, make_goal):
    graph, frame, *_ = make_goal(3, 80)
    cluster_hidden = graph.cluster == 0
    current = torch.where((frame.seen & ~cluster_hidden)[:, None], frame.current, torch.nan).numpy()
    frame = build_frame(graph, current, None)
    start = torch.randn(graph.num_clusters, 16)
    _, memory = outputs(net, graph, frame, start)
    assert torch.equal(memory[0], start[0])
    assert not torch.equal(memory[1:], start[1:])


@pytest.mark.parametrize("n", [4, 5, 600])
def test_few_and_many_points_give_finite_answers(net, n, make_goal):
    graph, frame, *_ = make_goal(0, n, hidden=0.0)
    for output in outputs(net, graph, frame, net.start(graph))[0]:
        assert torch.isfinite(output).all()


def test_nothing_seen_gives_finite_answers(net, make_goal):
    graph, _, *_ = make_goal(0, 20)
    frame = build_frame(graph, np.full((20, 2), np.nan), None)
    for output in outputs(net, graph, frame, net.start(graph))[0]:
        assert torch.isfinite(output).all()


def test_depth_counts_only_with_fusion(net, make_goal):
    graph, frame, *_ = make_goal(1, 40)
    blind = build_graph(graph.goal.numpy().astype(float), None)
    blind_frame = build_frame(blind, np.where(frame.seen[:, None], frame.current, np.nan), None)
    if isinstance(net, DepthPcNet):
        a, b = (
            outputs(net, graph, frame, net.start(graph))[0][0],
            outputs(net, blind, blind_frame, net.start(blind))[0][0],
        )
        assert torch.allclose(a, b) == (net.config.fusion == "none")


def test_the_velocity_scales_with_the_motion_near_the_goal(make_goal):
    """Ten times nearer, the same pattern of motion gives about a tenth of the norm; the size is an input, too."""
    net = DepthPcNet(EncoderConfig(width=16)).eval()
    graph, _, *_ = make_goal(0, 40)
    motion = np.random.default_rng(0).normal(0, 1, (40, 2))
    norms = []
    for size in (1e-2, 1e-3):
        frame = build_frame(graph, graph.goal.numpy() + size * motion, None)
        _, log_norm, _ = net(graph, frame, net.start(graph))
        norms.append(log_norm.item())
    assert norms[0] - norms[1] == pytest.approx(np.log(10), abs=0.7)


def test_median_motion():
    distance = torch.tensor([3.0, 1.0, 2.0, 7.0, 5.0])
    sample = torch.tensor([0, 0, 0, 2, 2])
    assert median_motion(distance, sample, 4).tolist() == [2.0, 0.0, 5.0, 0.0]
    assert median_motion(distance[:4], torch.zeros(4, dtype=torch.int64), 1).tolist() == [2.0]


def test_wrong_variant_is_refused():
    with pytest.raises(ConfigError, match="fusion"):
        EncoderConfig(fusion="cross")


def test_similarity_is_found_beside_wrong_matches_for_each_sample():
    rng = torch.Generator().manual_seed(0)
    goal = torch.rand(120, 2, generator=rng) - 0.5
    sample = torch.arange(120) % 2
    factor = torch.tensor([[0.6, -0.9], [-1.1, 0.1]])  # rotations by -56 and 175 degrees
    real, imaginary = factor[sample].unbind(1)
    current = torch.stack([real * goal[:, 0] - imaginary * goal[:, 1], imaginary * goal[:, 0] + real * goal[:, 1]], 1)
    current = current + torch.tensor([[0.1, 0.2], [0.0, -0.1]])[sample]
    wrong = torch.arange(120) >= 100
    seen = torch.where(wrong[:, None], torch.rand(120, 2, generator=rng) - 0.5, current)
    mapped, found, _ = similarity(goal, seen, sample, 2)
    torch.testing.assert_close(found, factor, atol=0.02, rtol=0)
    torch.testing.assert_close(mapped, current, atol=0.02, rtol=0)
