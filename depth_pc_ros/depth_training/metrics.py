"""How good relative depth is, whatever its scale and shift."""

from dataclasses import dataclass

import numpy as np
from scipy.stats import spearmanr


@dataclass(frozen=True)
class DepthMetrics:
    """Of one image or the mean of many.

    abs_rel: mean |z' - z| / z after the best scale and shift of the inverse depth. delta1: share of pixels with
    max(z'/z, z/z') < 1.25. rank: Spearman's rank correlation at the keypoints (NaN with fewer than 3).
    """

    abs_rel: float
    delta1: float
    rank: float


def measure(relative: np.ndarray, depth_m: np.ndarray, keypoints: np.ndarray) -> DepthMetrics:
    """relative: (H, W), larger = farther, negated inverse depth. depth_m: (H, W), 0: unknown. keypoints: (N, 2) px."""
    valid = depth_m > 0
    inverse, target = -relative[valid].astype(np.float64), 1 / depth_m[valid].astype(np.float64)
    A = np.column_stack([inverse, np.ones_like(inverse)])
    scale, shift = np.linalg.lstsq(A, target, rcond=None)[0]
    z = 1 / np.maximum(scale * inverse + shift, 1e-2)
    ratio = np.maximum(z * target, 1 / (z * target))
    columns, rows = np.rint(keypoints).astype(int).T if len(keypoints) else np.zeros((2, 0), int)
    known = depth_m[rows, columns] > 0
    rank = np.nan
    if np.count_nonzero(known) >= 3:
        rank = float(spearmanr(relative[rows, columns][known], depth_m[rows, columns][known]).statistic)
    return DepthMetrics(float(np.abs(z * target - 1).mean()), float((ratio < 1.25).mean()), rank)


def mean(metrics: list[DepthMetrics]) -> DepthMetrics:
    """Mean over images; images whose rank is not known do not count for it."""
    ranks = [m.rank for m in metrics if np.isfinite(m.rank)]
    return DepthMetrics(
        float(np.mean([m.abs_rel for m in metrics])),
        float(np.mean([m.delta1 for m in metrics])),
        float(np.mean(ranks)) if ranks else float("nan"),
    )
