"""The small network: the classes of Depth Anything V2 with few and narrow layers."""

import math

import torch
from torch import Tensor, nn
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config

from depth_pc_ros.depth_training.loss import LEVEL
from depth_pc_ros.perception.relative_depth import PATCH, SHORT_SIDE


def make_network() -> DepthAnythingForDepthEstimation:
    """New weights, 1.8 million of them."""
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
    _initialise(net)
    return net


@torch.no_grad()
def _initialise(net: DepthAnythingForDepthEstimation) -> None:
    """Weights that keep the size of signals from layer to layer.

    Those of transformers, all with deviation 0.02, are made for fine-tuning: in a network this narrow the output is
    then almost constant over an image, and nothing is learned.
    """
    for name, layer in net.named_modules():
        if isinstance(layer, nn.Linear):
            nn.init.xavier_uniform_(layer.weight)
        elif isinstance(layer, (nn.Conv2d, nn.ConvTranspose2d)):
            inputs = layer.weight.shape[0] if isinstance(layer, nn.ConvTranspose2d) else layer.weight[0].numel()
            gain = 2 if "residual" in name or name.startswith("head") else 1  # 2 compensates for the ReLU
            layer.weight.normal_(0, math.sqrt(gain / inputs))
            if layer.bias is not None:
                layer.bias.zero_()
        if name.endswith("convolution2"):
            layer.weight.mul_(0.3)  # the ends of residual blocks, which add up
    net.head.conv3.weight.mul_(0.2)
    net.head.conv3.bias.fill_(LEVEL)
    positions = net.backbone.embeddings.position_embeddings
    side = math.isqrt(positions.shape[1] - 1)
    positions[0, 1:] = 0.5 * _waves(side, positions.shape[2])


def _waves(side: int, channels: int) -> Tensor:
    """Sines and cosines of the place in a square (side * side, channels): from three waves across it to 0.03."""
    frequency = 3 * 100 ** -torch.linspace(0, 1, channels // 4)
    y, x = torch.meshgrid(*(torch.arange(side) * 2 * math.pi / side,) * 2, indexing="ij")
    angles = [p.flatten()[:, None] * frequency for p in (x, y)]
    return torch.cat([f(angle) for angle in angles for f in (torch.sin, torch.cos)], dim=1)
