"""A small flow network after RAFT: features, correlations of all pairs, a recurrent update. Own weights.

It works at an eighth of the image's resolution; the flow is upsampled by learned convex weights. Images are grey.

Source: Z. Teed, J. Deng, "RAFT: recurrent all-pairs field transforms for optical flow", ECCV 2020.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from depth_pc_ros.networks.pose_regressors import Residual, conv

STRIDE = 8
_HIDDEN, _CONTEXT, _MOTION = 40, 24, 30
_LEVELS, _RADIUS = 3, 3


class CompactFlow(nn.Module):
    """Flow from a first to a second image, refined `steps` times. size: (width, height) of the images in training."""

    size = (256, 192)

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(conv(1, 16, 7, 2), Residual(16, 32, 2), Residual(32, 64, 2))
        self.features = nn.Conv2d(64, 64, 1)
        self.context = nn.Conv2d(64, _HIDDEN + _CONTEXT, 3, padding=1)
        seen = _LEVELS * (2 * _RADIUS + 1) ** 2
        self.motion = nn.Sequential(
            nn.Conv2d(seen + 2, 64, 1),
            nn.ReLU(inplace=True),
            nn.Conv2d(64, _MOTION, 3, padding=1),
            nn.ReLU(inplace=True),
        )
        inputs = _HIDDEN + _CONTEXT + _MOTION + 2
        self.gates = nn.Conv2d(inputs, 2 * _HIDDEN, 3, padding=1)
        self.candidate = nn.Conv2d(inputs, _HIDDEN, 3, padding=1)
        self.change = nn.Sequential(
            nn.Conv2d(_HIDDEN, 48, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(48, 2, 3, padding=1)
        )
        self.weights = nn.Sequential(
            nn.Conv2d(_HIDDEN, 64, 3, padding=1), nn.ReLU(inplace=True), nn.Conv2d(64, 9 * STRIDE**2, 1)
        )

    def forward(self, first: Tensor, second: Tensor, steps: int = 6) -> tuple[Tensor, list[Tensor]]:
        """The flow (B, 2, H, W) in px after the last step, and those of all steps (B, 2, H/8, W/8), in cells.

        first, second: (B, 1, H, W), each of mean 0 and standard deviation 1; H and W are multiples of 8.
        """
        codes = self.encoder(torch.cat([first, second]))
        pyramid = _correlations(*self.features(codes).float().chunk(2))
        hidden, context = self.context(codes[: len(first)]).split([_HIDDEN, _CONTEXT], dim=1)
        hidden, context = torch.tanh(hidden), functional.relu(context)
        here = _grid(codes[: len(first)])
        flow = torch.zeros_like(here)
        coarse = []
        for _ in range(steps):
            flow = flow.detach()
            near = _look_up(pyramid, here + flow)
            seen = torch.cat([self.motion(torch.cat([near, flow], dim=1)), flow.to(hidden.dtype)], dim=1)
            hidden = self._update(hidden, torch.cat([seen, context], dim=1))
            flow = flow + self.change(hidden).float()
            coarse.append(flow)
        return _upsampled(flow, self.weights(hidden).float()), coarse

    def _update(self, hidden: Tensor, seen: Tensor) -> Tensor:
        """A gated recurrent unit of convolutions."""
        keep, forget = torch.sigmoid(self.gates(torch.cat([hidden, seen], dim=1))).chunk(2, dim=1)
        candidate = torch.tanh(self.candidate(torch.cat([forget * hidden, seen], dim=1)))
        return (1 - keep) * hidden + keep * candidate


def _grid(like: Tensor) -> Tensor:
    """Places (B, 2, h, w) of the cells of a map (B, C, h, w): x, y."""
    height, width = like.shape[2:]
    y, x = torch.meshgrid(torch.arange(height), torch.arange(width), indexing="ij")
    return torch.stack([x, y])[None].float().to(like.device).expand(len(like), -1, -1, -1)


def _correlations(first: Tensor, second: Tensor) -> list[Tensor]:
    """Of every cell of the first map with every one of the second: (B h w, 1, h', w'), halved from level to level."""
    batch, channels, height, width = first.shape
    volume = torch.einsum("bcn,bcm->bnm", first.flatten(2), second.flatten(2)) / channels**0.5
    pyramid = [volume.reshape(batch * height * width, 1, height, width)]
    for _ in range(_LEVELS - 1):
        pyramid.append(functional.avg_pool2d(pyramid[-1], 2))
    return pyramid


def _look_up(pyramid: list[Tensor], places: Tensor) -> Tensor:
    """The correlations (B, K, h, w) around places (B, 2, h, w) of the second map, in a window at each level."""
    batch, _, height, width = places.shape
    centre = places.permute(0, 2, 3, 1).reshape(-1, 1, 1, 2)
    steps = torch.arange(-_RADIUS, _RADIUS + 1, dtype=places.dtype, device=places.device)
    window = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), dim=-1)
    found = []
    for level, volume in enumerate(pyramid):
        size = torch.tensor([volume.shape[3], volume.shape[2]], dtype=places.dtype, device=places.device)
        at = (centre + 0.5) / 2**level - 0.5 + window
        found.append(functional.grid_sample(volume, (2 * at + 1) / size - 1, align_corners=False).flatten(1))
    return torch.cat(found, dim=1).reshape(batch, height, width, -1).permute(0, 3, 1, 2)


def _upsampled(flow: Tensor, weights: Tensor) -> Tensor:
    """Flow (B, 2, 8 h, 8 w) in px: each pixel's is a weighted mean of the 3 x 3 cells (B, 2, h, w) around it."""
    batch, _, height, width = flow.shape
    shares = weights.reshape(batch, 1, 9, STRIDE, STRIDE, height, width).softmax(dim=2)
    padded = functional.pad(STRIDE * flow, (1, 1, 1, 1), mode="replicate")
    around = functional.unfold(padded, 3).reshape(batch, 2, 9, 1, 1, height, width)
    fine = (shares * around).sum(dim=2).permute(0, 1, 4, 2, 5, 3)
    return fine.reshape(batch, 2, STRIDE * height, STRIDE * width)
