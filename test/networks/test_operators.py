"""The plain operators against torch_geometric's, which train the weights."""

import pytest
import torch

from depth_pc_ros.networks import layers
from depth_pc_ros.networks.operators import PointTransformerConv, scatter, softmax

utils = pytest.importorskip("torch_geometric.utils")

INDEX = torch.tensor([4, 0, 0, 2, 2, 2, 4, 0])  # of 6: no rows of 1, 3 and 5


@pytest.fixture
def rows():
    return torch.randn(8, 5, requires_grad=True)


def same_with_gradient(rows, ours, theirs):
    with torch.enable_grad():
        weight = torch.randn_like(theirs(rows))
        gradients = [torch.autograd.grad((weight * f(rows)).sum(), rows)[0] for f in (ours, theirs)]
    torch.testing.assert_close(ours(rows), theirs(rows))
    torch.testing.assert_close(*gradients)


@pytest.mark.parametrize("reduce", ["sum", "mean", "max"])
def test_scatter(rows, reduce):
    same_with_gradient(
        rows,
        lambda x: scatter(x, INDEX, dim_size=6, reduce=reduce),
        lambda x: utils.scatter(x, INDEX, dim_size=6, reduce=reduce),
    )
    torch.testing.assert_close(
        scatter(rows[:, 0], INDEX, dim_size=6, reduce=reduce),
        utils.scatter(rows[:, 0], INDEX, dim_size=6, reduce=reduce),
    )
    assert not scatter(rows[:0], INDEX[:0], dim_size=6, reduce=reduce).any()


def test_softmax(rows):
    same_with_gradient(
        rows, lambda x: softmax(50 * x, INDEX, num_nodes=6), lambda x: utils.softmax(50 * x, INDEX, num_nodes=6)
    )


def test_point_transformer():
    ours = PointTransformerConv(16, pos_nn=layers.mlp(4, 16, 16), attn_nn=layers.mlp(16, 16))
    from torch_geometric.nn import PointTransformerConv as Theirs

    theirs = Theirs(
        (16, 16), 16, pos_nn=layers.mlp(4, 16, 16), attn_nn=layers.mlp(16, 16), add_self_loops=False
    )  # fmt: skip
    theirs.load_state_dict(ours.state_dict())
    cluster = torch.randint(0, 9, (70,))
    cluster[cluster == 3] = 2  # a centre without points
    x, pos = (torch.randn(70, 16), torch.randn(9, 16)), (torch.randn(70, 4), torch.randn(9, 4))
    edges = torch.stack([torch.arange(70), cluster])
    out = ours(x, pos, edges)
    torch.testing.assert_close(out, theirs(x, pos, edges))
    assert not out[3].any()


@pytest.mark.parametrize("name", ["depth_pc", "depth_pc_geo"])
def test_a_shipped_policy_acts_as_with_torch_geometric(name, make_goal):
    from depth_pc_ros.networks.checkpoint import load_policy
    from depth_pc_ros.package_files import find_model
    from depth_pc_ros.training.graph_operators import use_torch_geometric

    velocities, theirs = [], []
    for change in (lambda net: net, use_torch_geometric):
        net = change(load_policy(find_model(name))[1])
        graph, frame, _, _ = make_goal(3, n=150, wrong=0.3)
        memory, T_warm = net.start(graph), torch.eye(4)[None]
        for _ in range(3):
            velocity, memory, T_warm = net.act(graph, frame, memory, T_warm)
        velocities.append(velocity)
        theirs.append(any(type(module).__module__.startswith("torch_geometric") for module in net.modules()))
    assert theirs == [False, True]
    torch.testing.assert_close(*velocities, rtol=1e-4, atol=1e-5)
    assert velocities[0].abs().max() > 0.01
