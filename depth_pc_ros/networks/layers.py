"""The building blocks of the policies. All work on flat tensors: rows of all samples, with index vectors.

Rows that belong together (one cluster, one sample) share an index; nothing ever crosses samples, so a sample's result
does not change with its neighbours in the batch, nor with the order of its rows.
"""

from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor, nn

from depth_pc_ros.networks.operators import scatter, softmax


def mlp(*widths: int) -> nn.Sequential:
    """Linear layers with GELU between them."""
    layers: list[nn.Module] = []
    for a, b in pairwise(widths):
        layers += [nn.Linear(a, b), nn.GELU()]
    return nn.Sequential(*layers[:-1])


_VARIANCE = 1e-3  # added to that of the rows of a sample before they are normalised
_FULL = (8, 32, 128)  # most rows in a group of the first, second and third table of `Slots`; the last holds the rest
_FEW = 1024  # up to so many slots one table is faster than several


@dataclass(frozen=True)
class Table:
    """Some groups laid out in a table, a line each: G groups of K slots, some empty.

    row: (R,) rows in the order in which they fill the table. slot: (R,) their places among the G x K.
    filled: (G, K) bool.
    """

    row: Tensor
    slot: Tensor
    filled: Tensor

    def spread(self, x: Tensor) -> Tensor:
        """(P, width) to (G, K, width), zero where empty."""
        empty = x.new_zeros(self.filled.numel(), x.shape[1])
        return empty.index_copy(0, self.slot, x[self.row]).view(*self.filled.shape, -1)

    def collect(self, x: Tensor) -> Tensor:
        """(G, K, width) to (R, width)."""
        return x.flatten(0, 1).index_select(0, self.slot)


@dataclass(frozen=True)
class Slots:
    """Rows laid out by group: few in one table, many in one for each size of group, so that few slots stay empty."""

    tables: tuple[Table, ...]
    back: Tensor  # (P,) where each row is among the rows of all tables

    @classmethod
    def of(cls, group: Tensor, num_groups: int) -> "Slots":
        """Slots of rows by their group (P,) in 0..num_groups-1."""
        order = torch.argsort(group, stable=True)
        size = torch.bincount(group, minlength=num_groups)
        rank = torch.arange(len(group), device=group.device) - (torch.cumsum(size, 0) - size)[group[order]]
        table = torch.bucketize(size, torch.tensor(_FULL, device=group.device))
        if len(group) > 0 and num_groups * int(size.max()) <= _FEW:
            table = torch.zeros_like(table)
        tables = []
        for number in sorted(set(table[size > 0].tolist())):
            chosen = (table == number) & (size > 0)
            line = torch.cumsum(chosen, 0) - 1
            of_table = torch.nonzero(chosen[group[order]])[:, 0]
            most = int(rank[of_table].max()) + 1
            row = order[of_table]
            slot = line[group[row]] * most + rank[of_table]
            filled = torch.zeros(int(chosen.sum()) * most, dtype=torch.bool, device=group.device)
            tables.append(Table(row, slot, filled.index_fill_(0, slot, True).view(-1, most)))
        rows = torch.cat([order[:0], *(table.row for table in tables)])
        return cls(tuple(tables), torch.argsort(rows))

    def join(self, parts: list[Tensor]) -> Tensor:
        """Rows (R, width) of each table to (P, width)."""
        return torch.cat(parts)[self.back]


class FeatureAlignment(nn.Module):
    """Maps one modality into the common feature space (paper, eq. 5): (P, inputs) to (P, width)."""

    def __init__(self, inputs: int, width: int):
        super().__init__()
        self.layers = nn.Sequential(nn.Linear(inputs, width), nn.GELU(), nn.Linear(width, width), nn.LayerNorm(width))

    def forward(self, x: Tensor) -> Tensor:
        return self.layers(x)


class CrossAttention(nn.Module):
    """Points and depth look at each other (paper, eq. 6-8), within groups of rows.

        score_ij = x_i . z_j / sqrt(width),   i, j of one group
        x'_i = sum_j softmax_j(score_ij) z_j,   z'_j = sum_i softmax_i(score_ij) x_i

    The group is the cluster in the paper's cluster cross attention, the sample in full cross attention. The paper's
    score has no square root; with it the softmax does not saturate at the start.
    """

    def __init__(self, width: int):
        super().__init__()
        self.scale = width**-0.5

    def forward(self, x: Tensor, z: Tensor, slots: Slots) -> tuple[Tensor, Tensor]:
        """x, z: (P, width) points and depth. slots: of their groups. Returns both updated, (P, width)."""
        if not slots.tables:
            return x, z
        points, depths = zip(*(self._attend(x, z, table) for table in slots.tables), strict=True)
        return slots.join(points), slots.join(depths)

    def _attend(self, x: Tensor, z: Tensor, table: Table) -> tuple[Tensor, Tensor]:
        x, z = table.spread(x), table.spread(z)
        score = (x * self.scale) @ z.transpose(1, 2)
        lowest = torch.finfo(score.dtype).min
        to_points = score.masked_fill(~table.filled[:, None, :], lowest).softmax(dim=2)
        to_depth = score.masked_fill(~table.filled[:, :, None], lowest).softmax(dim=1)
        return table.collect(to_points @ z), table.collect(to_depth.transpose(1, 2) @ x)


class ClusterEdgeConv(nn.Module):
    """Messages between the clusters of a sample: `h_i = max_j W [x_i, x_j - x_i, p_j - p_i]`, j = i included.

    W is one linear layer, so the maximum splits into a term of i and a maximum over j that all i share:
    C products instead of C^2. Source: PointEdgeConv of CNS (A. Chen et al., ICRA 2024) after Y. Wang et al., "Dynamic
    graph CNN for learning on point clouds", 2018.
    """

    def __init__(self, width: int, position: int = 2):
        super().__init__()
        self.own = nn.Linear(width, width)
        self.other = nn.Linear(width, width, bias=False)
        self.place = nn.Linear(position, width, bias=False)

    def forward(self, x: Tensor, position: Tensor, sample: Tensor, num_samples: int) -> Tensor:
        """x: (C, width). position: (C, 2). sample: (C,). Returns (C, width)."""
        seen_from_all = self.other(x) + self.place(position)
        best = scatter(seen_from_all, sample, dim_size=num_samples, reduce="max")
        return self.own(x) - seen_from_all + best[sample]


class ContextBlock(nn.Module):
    """Residual layers on each row, normalised over the rows of its sample, so that outliers differ from the others.

    Source: K. M. Yi et al., "Learning to find good correspondences", CVPR 2018.
    """

    def __init__(self, width: int):
        super().__init__()
        self.first, self.second = nn.Linear(width, width), nn.Linear(width, width)
        self.gain = nn.Parameter(torch.ones(2, width))
        self.bias = nn.Parameter(torch.zeros(2, width))

    def forward(self, x: Tensor, sample: Tensor, num_samples: int) -> Tensor:
        """x: (P, width). sample: (P,). Returns (P, width)."""
        y = self._normalised(self.first(x), sample, num_samples, 0)
        y = self._normalised(self.second(nn.functional.gelu(y)), sample, num_samples, 1)
        return x + nn.functional.gelu(y)

    def _normalised(self, x: Tensor, sample: Tensor, num_samples: int, layer: int) -> Tensor:
        if num_samples == 1 and len(x) > 1:  # the same in one operation: a servo has one sample
            return nn.functional.batch_norm(
                x, None, None, self.gain[layer], self.bias[layer], training=True, eps=_VARIANCE
            )
        centred = x - scatter(x, sample, dim_size=num_samples, reduce="mean")[sample]
        variance = scatter(centred**2, sample, dim_size=num_samples, reduce="mean")
        return centred * torch.rsqrt(variance + _VARIANCE)[sample] * self.gain[layer] + self.bias[layer]


class AttentionalPooling(nn.Module):
    """Weighted mean of the rows of each sample: (C, width) to (num_samples, width); zero for a sample without rows."""

    def __init__(self, width: int):
        super().__init__()
        self.gate = mlp(width, width, 1)
        self.value = nn.Linear(width, width)

    def forward(self, x: Tensor, sample: Tensor, num_samples: int) -> Tensor:
        weight = softmax(self.gate(x), sample, num_nodes=num_samples)
        return scatter(weight * self.value(x), sample, dim_size=num_samples, reduce="sum")
