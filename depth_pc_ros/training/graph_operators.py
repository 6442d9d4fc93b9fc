"""torch_geometric's graph operators in the networks that are trained; what they learn fits `networks.operators`."""

import copy

import torch_geometric.nn
from torch import nn

from depth_pc_ros.networks.operators import PointTransformerConv


def use_torch_geometric(net: nn.Module) -> nn.Module:
    """Replace the point transformers of a policy by torch_geometric's, with the same weights; returns the policy."""
    for module in list(net.modules()):
        for name, ours in module.named_children():
            if isinstance(ours, PointTransformerConv):
                width, weights = ours.lin.out_features, copy.deepcopy(ours.state_dict())
                theirs = torch_geometric.nn.PointTransformerConv(
                    width, width, pos_nn=ours.pos_nn, attn_nn=ours.attn_nn, add_self_loops=False
                )
                theirs.load_state_dict(weights)  # its constructor gives everything new ones
                setattr(module, name, theirs)
    return net
