"""Affine-invariant normalisation of depth at the keypoints: median 0, mean absolute deviation 1.

Definition: R. Ranftl et al., "Towards robust monocular depth estimation" (MiDaS), PAMI 2022, eq. 5-6, the one that
Depth Anything is trained with too. So metric depth and relative depth look alike, whatever scale and shift.

Relative depth has no unit that separates relief from noise, so only a spread of the size of float32 rounding counts as
flat: below `_FLAT` of the largest depth the values fade to zero. The noise of a sensor on a plane is not hidden.
"""

import numpy as np
import torch
from torch import Tensor

from depth_pc_ros.errors import GoalError

_FLAT = 1e-5
_LIMIT = 3.0
_TINY = float(np.finfo(np.float32).tiny)


def normalise_depth(depth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Normalised depth (N,) float32 in [-3, 3], 0 where unknown, and where it is known (N,) bool.

    depth: (N,) of one view, larger = farther, any unit, NaN or inf where unknown. Fewer than two known: none is.
    Raises GoalError.
    """
    depth = np.asarray(depth, np.float64)
    if depth.ndim != 1:
        raise GoalError(f"depth: expected shape (N,), got {depth.shape}")
    normalised = np.zeros(len(depth), np.float32)
    known = np.isfinite(depth)
    values = depth[known]
    n = len(values)
    if n < 2:
        return normalised, np.zeros_like(known)
    ranked = np.sort(values)
    offset = values - (ranked[(n - 1) // 2] + ranked[n // 2]) / 2
    largest = max(abs(ranked[0]), abs(ranked[-1]))
    scale = max(np.abs(offset).mean(), _FLAT * largest, _TINY)
    normalised[known] = np.clip(offset / scale, -_LIMIT, _LIMIT)
    return normalised, known


def rank_by_sample(values: Tensor, sample: Tensor, num_samples: int) -> tuple[Tensor, Tensor, Tensor]:
    """`values` (P,) sample by sample, ascending in each; where each sample begins (B,), and its size (B,)."""
    order = torch.argsort(values)
    order = order[torch.argsort(sample[order], stable=True)]
    size = torch.bincount(sample, minlength=num_samples)
    return values[order], torch.cumsum(size, 0) - size, size


def normalise_depth_batch(depth: Tensor, known: Tensor, sample: Tensor, num_samples: int) -> tuple[Tensor, Tensor]:
    """`normalise_depth` of every sample at once: (P,) float32, and where it is known (P,) bool.

    depth: (P,) floating, larger = farther. known: (P,) bool; NaN and inf are unknown besides. sample: (P,) int64 from 0
    to num_samples - 1, in any order; every sample has a point. Raises GoalError.
    """
    if depth.dim() != 1:
        raise GoalError(f"depth: expected shape (P,), got {tuple(depth.shape)}")
    for name, tensor in (("known", known), ("sample", sample)):
        if tensor.shape != depth.shape:
            raise GoalError(f"{name}: expected shape {tuple(depth.shape)}, got {tuple(tensor.shape)}")
    known = known & torch.isfinite(depth)
    count = torch.zeros(num_samples, dtype=torch.int64, device=depth.device).index_add_(0, sample, known.long())
    known = known & (count >= 2)[sample]

    # Sorted by sample, and in a sample by depth with the unknown last: medians and extremes can be picked.
    ranked = torch.where(known, depth, torch.inf)
    ranked, first, _ = rank_by_sample(ranked, sample, num_samples)
    n = count.clamp(min=1)
    median = (ranked[first + (n - 1) // 2] + ranked[first + n // 2]) / 2
    largest = torch.maximum(ranked[first].abs(), ranked[first + n - 1].abs())

    offset = torch.where(known, depth - median[sample], 0)
    spread = torch.zeros_like(median).index_add_(0, sample, offset.abs()) / n
    scale = torch.maximum(spread, _FLAT * largest).clamp(min=_TINY)
    return (offset / scale[sample]).clamp(-_LIMIT, _LIMIT).float(), known
