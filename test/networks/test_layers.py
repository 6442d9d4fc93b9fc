import pytest
import torch

from depth_pc_ros.networks import layers
from depth_pc_ros.networks.layers import CrossAttention, Slots


@pytest.fixture(params=["one table", "several tables"])
def rows(request, monkeypatch):
    if request.param == "several tables":
        monkeypatch.setattr(layers, "_FEW", 0)
    torch.manual_seed(0)
    group = torch.randint(0, 5, (120,))
    group[group == 3] = 2  # a group without rows, and one of some forty
    group[:7] = 5
    return torch.randn(120, 8, requires_grad=True), torch.randn(120, 8), group


def test_spread_rows_are_collected_unchanged(rows):
    x, _, group = rows
    slots = Slots.of(group, 6)
    torch.testing.assert_close(slots.join([table.collect(table.spread(x)) for table in slots.tables]), x)


def test_few_groups_share_one_table(rows):
    _, _, group = rows
    sizes = torch.bincount(group).tolist()
    several = len(Slots.of(group, 6).tables) > 1
    assert several == (6 * max(sizes) > layers._FEW)


def test_groups_of_similar_size_share_a_table(monkeypatch, rows):
    monkeypatch.setattr(layers, "_FEW", 0)
    _, _, group = rows
    sizes = [table.filled.sum(1).tolist() for table in Slots.of(group, 6).tables]
    small, medium, large = (torch.bincount(group)[[5]], torch.bincount(group)[[0, 1, 4]], torch.bincount(group)[[2]])
    assert sizes == [small.tolist(), medium.tolist(), large.tolist()]
    assert small.max() <= 8 < medium.min() <= medium.max() <= 32 < large.min()


def test_cross_attention_is_softmax_attention_among_the_rows_of_a_group(rows):
    x, z, group = rows
    with torch.enable_grad():
        points, depth = CrossAttention(8)(x, z, Slots.of(group, 6))
        (points.sum() + depth.sum()).backward()
    assert x.grad.isfinite().all()
    score = (x @ z.T * 8**-0.5).masked_fill(group[:, None] != group, -torch.inf)
    torch.testing.assert_close(points, score.softmax(1) @ z)
    torch.testing.assert_close(depth, score.softmax(0).T @ x)


def test_cross_attention_of_no_rows(rows):
    x, z, group = rows
    points, depth = CrossAttention(8)(x[:0], z[:0], Slots.of(group[:0], 6))
    assert points.shape == depth.shape == (0, 8)
