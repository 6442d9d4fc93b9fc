"""The small network: the classes of Depth Anything V2 with few and narrow layers."""

import torch
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

from depth_pc_ros.perception.relative_depth import PATCH, SHORT_SIDE


def make_network() -> DepthAnythingForDepthEstimation:
    """Fresh weights, 1.8 million of them."""
    backbone = Dinov2Config(
        hidden_size=128,
        num_hidden_layers=6,
        num_attention_heads=4,
        image_size=SHORT_SIDE,
        patch_size=PATCH,
        out_indices=[2, 3, 5, 6],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    net = DepthAnythingForDepthEstimation(
        DepthAnythingConfig(
            backbone_config=backbone,
            reassemble_hidden_size=128,
            neck_hidden_sizes=[32, 64, 96, 128],
            fusion_hidden_size=32,
            head_hidden_size=16,
        )
    )
    with torch.no_grad():
        net.head.conv3.bias.fill_(1.0)  # the answer passes a ReLU: below zero it would learn nothing
    return net
