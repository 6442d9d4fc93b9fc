"""The three graph operators of the policies in plain torch, with the outputs of torch_geometric's.

A node that servos imports torch alone: importing torch_geometric takes longer than torch itself. Training uses
torch_geometric's own (`training.graph_operators`).
"""

from torch import Tensor, nn


def scatter(src: Tensor, index: Tensor, dim_size: int, reduce: str) -> Tensor:
    """`sum`, `mean` or `max` of the rows of src (P, ...) with the same index (P,): (dim_size, ...), 0 without rows."""
    out = src.new_zeros(dim_size, *src.shape[1:])
    places = index.view(-1, *[1] * (src.dim() - 1)).expand_as(src)
    if reduce == "max":
        return out.scatter_reduce_(0, places, src, reduce="amax", include_self=False)
    out = out.scatter_add_(0, places, src)
    if reduce == "sum":
        return out
    count = src.new_zeros(dim_size).scatter_add_(0, index, src.new_ones(len(src))).clamp_(min=1)
    return out / count.view(-1, *[1] * (src.dim() - 1))


def softmax(src: Tensor, index: Tensor, num_nodes: int) -> Tensor:
    """Softmax (P, ...) of src (P, ...) over the rows with the same index (P,)."""
    highest = scatter(src.detach(), index, num_nodes, "max")
    out = (src - highest[index]).exp()
    return out / (scatter(out, index, num_nodes, "sum") + 1e-16)[index]


class PointTransformerConv(nn.Module):
    """Points (j) give their features to centres (i), weighted by features and relative place.

        x'_i = sum_j softmax_j(attn_nn(lin_dst x_i - lin_src x_j + delta_ij)) (lin x_j + delta_ij)
        delta_ij = pos_nn(p_i - p_j)

    Source: H. Zhao et al., "Point transformer", ICCV 2021. Weights have the names of torch_geometric's layer.
    """

    def __init__(self, width: int, pos_nn: nn.Module, attn_nn: nn.Module):
        super().__init__()
        self.pos_nn, self.attn_nn = pos_nn, attn_nn
        self.lin = nn.Linear(width, width, bias=False)
        self.lin_src = nn.Linear(width, width, bias=False)
        self.lin_dst = nn.Linear(width, width, bias=False)

    def forward(self, x: tuple[Tensor, Tensor], pos: tuple[Tensor, Tensor], edge_index: Tensor) -> Tensor:
        """x: (P, width) and (C, width), pos: (P, D) and (C, D): of points and centres. edge_index: (2, E) of both.

        Returns (C, width), 0 for a centre without points.
        """
        j, i = edge_index
        delta = self.pos_nn(pos[1][i] - pos[0][j])
        score = self.attn_nn(self.lin_dst(x[1])[i] - self.lin_src(x[0])[j] + delta)
        weight = softmax(score, i, len(x[1]))
        return scatter(weight * (self.lin(x[0])[j] + delta), i, len(x[1]), "sum")
