"""The scale- and shift-invariant loss with a gradient term.

Source: R. Ranftl et al., "Towards robust monocular depth estimation", PAMI 2022, eq. 5-11; used by Depth Anything.
"""

import torch
from torch import Tensor

GRADIENT_WEIGHT = 0.5
_SCALES = 4


def normalised(inverse: Tensor, valid: Tensor) -> Tensor:
    """Inverse depth (B, h, w) with median 0 and mean absolute deviation 1 over the valid pixels of each image."""
    flat = torch.where(valid, inverse, torch.nan).flatten(1)
    median = flat.nanmedian(dim=1).values.nan_to_num()[:, None, None]
    offset = torch.where(valid, inverse - median, torch.zeros_like(inverse))
    spread = offset.abs().sum((1, 2)) / valid.sum((1, 2)).clamp_min(1)
    return offset / spread.clamp_min(1e-4)[:, None, None]


def depth_loss(inverse: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
    """Data term and gradient term, both means over valid pixels. inverse, target: (B, h, w); target 0: not valid."""
    valid = target > 0
    error = torch.where(valid, normalised(inverse, valid) - normalised(target, valid), torch.zeros_like(inverse))
    data = error.abs().sum() / valid.sum().clamp_min(1)
    gradient = error.new_zeros(())
    for scale in range(_SCALES):
        e, v = error[:, :: 2**scale, :: 2**scale], valid[:, :: 2**scale, :: 2**scale]
        for difference, both in (
            (e[:, :, 1:] - e[:, :, :-1], v[:, :, 1:] & v[:, :, :-1]),
            (e[:, 1:] - e[:, :-1], v[:, 1:] & v[:, :-1]),
        ):
            gradient = gradient + (difference.abs() * both).sum() / both.sum().clamp_min(1) / _SCALES
    return data, gradient
