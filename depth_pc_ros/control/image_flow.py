"""How points moved from one image to the next, and how well a motion of the camera explains it."""

from typing import NamedTuple

import cv2
import numpy as np

from depth_pc_ros.geometry.interaction import interaction_matrix

_FEWEST, _MOST = 8, 50  # points that are compared
_CONSENSUS_PX = 2.5
_SHARE = 0.25  # of the points that agree on one motion
_QUANTILE = 0.42  # what is typical: of right matches also where a third of them is wrong in each image
_NOISE_PX, _INDEPENDENT = 0.2, 12  # least noise of a point; so many points err independently


class Fit(NamedTuple):
    """One motion `[v / Z, w]` (6,) in front of a plane, and how sure it is.

    gram: mean (6, 6) of L^T L over the points, L the interaction matrix at unit depth, so that `sqrt(m @ gram @ m)` is
    the mean length of the flow of a motion m. noise: of that length. Lengths of flow are on the normalised plane.
    """

    motion: np.ndarray
    gram: np.ndarray
    noise: float

    def lengths(self, motions: np.ndarray) -> np.ndarray:
        """Mean length (K,) of the flow of motions `[v / Z, w]` (K, 6)."""
        return np.sqrt(np.einsum("ki,ij,kj->k", motions, self.gram, motions))

    def least(self, commanded: np.ndarray, nearest_m: float, farthest_m: float) -> np.ndarray:
        """Commands (K, 6) as `[v / Z, w]`, at that distance Z of the scene at which they show least.

        A camera that circles the scene, say, keeps it in place.
        """
        linear, angular = commanded.copy(), commanded.copy()
        linear[:, 3:] = angular[:, :3] = 0.0
        along = np.einsum("ki,ij,kj->k", linear, self.gram, linear)
        across = np.einsum("ki,ij,kj->k", linear, self.gram, angular)
        return linear * np.clip(-across / np.maximum(along, 1e-15), 1 / farthest_m, 1 / nearest_m)[:, None] + angular


class ImageFlow:
    """Flow of the points that two images share.

    middle, shift: (M, 2) where they are on average, and how they moved, normalised; of some of them. px: typical length
    of it. shared: the number of all that the images share.
    """

    def __init__(self, middle: np.ndarray, shift: np.ndarray, focal_px: float, shared: int) -> None:
        self.middle, self.shift, self.focal_px, self.shared = middle, shift, focal_px, shared
        self.px = focal_px * float(_typical(np.linalg.norm(shift, axis=1)))

    @classmethod
    def between(cls, before: np.ndarray, after: np.ndarray, focal_px: float) -> "ImageFlow | None":
        """From points (N, 2) normalised, NaN where not matched, of two images; None: they share too few."""
        both = np.flatnonzero(np.isfinite(before[:, 0]) & np.isfinite(after[:, 0]))
        if len(both) < _FEWEST:
            return None
        some = both[:: 1 + len(both) // _MOST]
        return cls(0.5 * (before[some] + after[some]), after[some] - before[some], focal_px, len(both))

    def misfit(
        self, linear: np.ndarray, angular: np.ndarray, speeds: np.ndarray, depths_m, quantile: float = _QUANTILE
    ) -> np.ndarray:
        """Distance (F, K, speeds), px, of the points from where a motion allows them to be: this quantile of it.

        Whatever its depth, a point moves on one line (the epipolar constraint, in its differential form). linear,
        angular: (F, K, 3) motions, m and rad. speeds: factors of them. depths_m: the least and the largest depth.

        Source: Y. Ma, S. Soatto, J. Kosecka, S. Sastry, "An invitation to 3-D vision", 2004, section 5.4.
        """
        L = interaction_matrix(self.middle, np.ones(len(self.middle)))
        # The flow of a motion: by its translation, in front of a plane at 1 m, and by its rotation; (F, K, M, 2).
        along = np.einsum("mai,fki->fkma", L[..., :3], linear)
        turned = np.einsum("mai,fki->fkma", L[..., 3:], angular)
        speed = speeds[:, None, None]
        rest = self.shift - speed * turned[:, :, None]
        along = speed * along[:, :, None]
        rho = (rest * along).sum(axis=-1) / np.maximum((along**2).sum(axis=-1), 1e-15)
        rho = np.clip(rho, 1 / depths_m[1], 1 / depths_m[0])
        return self.focal_px * _typical(np.linalg.norm(rest - rho[..., None] * along, axis=-1), quantile)

    def agree(self, share: float = 0.0) -> np.ndarray:
        """Mask (M,) of the points that agree on one similarity, to 2.5 px or this share of the flow."""
        before, after = self.middle - 0.5 * self.shift, self.middle + 0.5 * self.shift
        tolerance = max(_CONSENSUS_PX, share * self.px) / self.focal_px
        _, agree = cv2.estimateAffinePartial2D(
            before, after, method=cv2.RANSAC, ransacReprojThreshold=tolerance, maxIters=200, refineIters=0
        )  # fmt: skip
        return np.zeros(len(before), bool) if agree is None else agree.ravel() > 0

    def fit(self) -> Fit | None:
        """The motion in front of a plane that most points agree on; None: too few do."""
        agree = self.agree()
        if np.count_nonzero(agree) < max(_FEWEST, _SHARE * len(agree)):
            return None
        middle, shift = self.middle[agree], self.shift[agree]
        L = interaction_matrix(middle, np.ones(len(middle)))
        flat, weight = L.reshape(-1, 6), np.ones(len(middle))
        for _ in range(2):  # the second time robustly
            weighted = flat * np.repeat(weight / weight.sum(), 2)[:, None]
            gram = weighted.T @ flat
            motion = np.linalg.solve(gram + 1e-9 * np.trace(gram) * np.eye(6), weighted.T @ shift.ravel())
            residual = np.linalg.norm(shift - L @ motion, axis=1)
            sigma = max(np.median(residual) / 1.18, _NOISE_PX / self.focal_px)
            weight = np.clip(1 - (residual / (4 * sigma)) ** 2, 0.0, 1.0) ** 2 + 1e-9
        spare = max(len(middle) - 4, 1)  # few points seem less noisy than they are
        return Fit(motion, gram, float(sigma * (1 + 4 / spare) / np.sqrt(2 * min(len(middle), _INDEPENDENT))))


def _typical(values: np.ndarray, quantile: float = _QUANTILE) -> np.ndarray:
    """A quantile over the last axis."""
    k = int(quantile * (values.shape[-1] - 1))
    return np.partition(values, k, axis=-1)[..., k]
