"""Robust relative poses with uncertain depth: Gauss-Newton over the poses of some views and every goal point's depth.

A goal keypoint with ray `b = (x*, y*, 1)` and inverse depth `rho` in the goal camera is seen in a view at
`pi(R b + rho t)`, with that view's `T_cam_goal = (R, t)`. The solver minimises, over all views k and points i,

    sum_ki Tukey(|pi(R_k b_i + rho_i t_k) - s_ki| / s_k) + sum_i ((rho_i - rho_prior_i) / sigma_i)^2 (+ measured depth)

where `s_k` is a robust scale of the view's residuals. An inverse depth meets the poses only through its own point, so
it is eliminated (Schur complement) and an iteration costs O(N). One solver covers all cases: with a strong prior, as
metric depth in `Pbvs`, it is PnP; with a weak one, as the distance prior, it is two-view geometry, or a small bundle
adjustment, that degenerates neither on a plane nor at the goal, where the baseline gives no depth.

Sources: B. Triggs et al., "Bundle adjustment - a modern synthesis", 2000; inverse depth, J. Civera et al., "Inverse
depth parametrization for monocular SLAM", T-RO 2008; robust virtual visual servoing, A. Comport et al., "Real-time
markerless tracking for augmented reality", TVCG 2006.
"""

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise

import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.interaction import interaction_matrix

TUKEY = 4.685  # 95 % efficiency on Gaussian noise
ITERATIONS = 12  # from a start that is not near
MIN_SCALE_PX, MAX_SCALE_PX = 0.15, 30.0  # of the robust residual scale (35 % quantile: up to 60 % mismatches)
INLIER_PX = 3.0  # a point this close to its prediction supports the pose
SIGMA_PX = 0.5  # assumed keypoint noise, relative to the depth prior
DEPTH_SIGMA = 0.02  # relative, of measured depth in the current view
SHAPE_SIGMA = 0.05  # of the share of the distance that a standard deviation of estimated depth is
UNSETTLED = 1e-3  # m and rad, of a step; below, a few iterations a frame average the noise of the frames
SLOPE_SIGMA = 0.4  # of the scene's plane: relative inverse depth over a unit of the normalised plane


@dataclass(frozen=True)
class View:
    """What one view sees of the goal's points.

    index: (M,) which points. current: (M, 2) normalised. depth_m: (M,) measured depth in this view, NaN where unknown.
    """

    index: np.ndarray
    current: np.ndarray
    depth_m: np.ndarray


@dataclass(frozen=True)
class Problem:
    """The goal's points. goal: (N, 2) normalised. focal_px scales pixel noise.

    rho_prior, rho_info: (N,) prior of the inverse depth in the goal camera, 1/m, and its information (1/sigma^2).
    metric: whether the prior holds measured depth; else all lengths are those of the distance prior.
    tilts: the prior is that of a plane whose two slopes are found with the poses: the points are about a tilted one.
    shape: (N,) estimated depth with median 0 and deviation 1, where there is one: how much of it the scene's depth has
    is found with the slopes, its sign included. tail: sigmas from the prior beyond which a point counts little for it.
    """

    goal: np.ndarray
    rho_prior: np.ndarray
    rho_info: np.ndarray
    focal_px: float
    metric: bool = False
    tilts: bool = False
    shape: np.ndarray | None = None
    tail: float = np.inf

    @classmethod
    def from_depth(
        cls, goal, measured_m, guess_m, focal_px: float, *, measured_sigma: float, guess_sigma: float
    ) -> "Problem":
        """measured_m: (N,) m, NaN where `guess_m`, float or (N,), takes its place. Both sigmas are relative.

        Where nothing is measured, the scene is about a tilted plane, at the guess in the middle of all points.
        """
        measured = np.isfinite(measured_m)
        depth = np.where(measured, measured_m, guess_m)
        info = (depth / np.where(measured, measured_sigma, guess_sigma)) ** 2
        metric = bool(measured.any())
        return cls(goal, 1 / depth, info, focal_px, metric, tilts=not metric)

    @cached_property
    def slope_effect(self) -> np.ndarray:
        """Inverse depth (N, 2), (N, 3) with `shape`, in 1/m that a unit of each slope adds to the prior.

        None for points in the middle, which is that of all points, matched or not: matches at one side of the image say
        how the plane is tilted, not how far the scene is.
        """
        if not self.tilts:
            return np.zeros((len(self.goal), 0))
        columns = [*(self.goal - np.median(self.goal, axis=0)).T]
        if self.shape is not None:
            columns.append(-SHAPE_SIGMA / SLOPE_SIGMA * self.shape)
        return self.rho_prior[:, None] * np.column_stack(columns)

    def prior_info(self, deviation: np.ndarray) -> np.ndarray:
        """Information (N,) of the prior for points that deviate so (N,) from it, 1/m."""
        return self.rho_info / (1 + self.rho_info * deviation**2 / self.tail**2)

    def prior_cost(self, deviation: np.ndarray) -> np.ndarray:
        """Cost (N,) of points that deviate so (N,) from the prior, 1/m: Cauchy's, beyond `tail` sigmas."""
        square = self.rho_info * deviation**2
        return square if np.isinf(self.tail) else self.tail**2 * np.log1p(square / self.tail**2)


@dataclass(frozen=True)
class Solution:
    """Poses `T_cam_goal` (4, 4) of the views, inverse depths `rho` (N,) in 1/m.

    rho_info: (N,) information that the views give of each inverse depth, for these poses. inliers: per view (M,) bool.
    noise_px: median residual of the last view's inliers. cost: robust cost, smaller is better.
    """

    poses: tuple[np.ndarray, ...]
    rho: np.ndarray
    rho_info: np.ndarray
    inliers: tuple[np.ndarray, ...]
    noise_px: float
    cost: float


@dataclass(frozen=True)
class _Matches:
    """The matches of all views, one view after another: which points (M,), rays (M, 3), positions, measured depth."""

    index: np.ndarray
    rays: np.ndarray
    current: np.ndarray
    depth_m: np.ndarray
    blocks: tuple[slice, ...]

    @classmethod
    def of(cls, problem: Problem, views) -> "_Matches":
        ends = np.cumsum([0, *(len(view.index) for view in views)])
        index = np.concatenate([view.index for view in views])
        goal = problem.goal[index]
        return cls(
            index,
            np.column_stack([goal, np.ones(len(goal))]),
            np.concatenate([view.current for view in views]),
            np.concatenate([view.depth_m for view in views]),
            tuple(slice(low, high) for low, high in pairwise(ends)),
        )

    def predict(self, poses, rho: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Transformed points q (M, 3) (depth times rho) and residuals (M, 2), normalised, NaN where not in front.

        rho: (M,) of each match.
        """
        q = np.empty_like(self.rays)
        for block, T in zip(self.blocks, poses):
            q[block] = self.rays[block] @ T[:3, :3].T + rho[block, None] * T[:3, 3]
        z = np.where(q[:, 2] > 1e-3, q[:, 2], np.nan)
        return q, q[:, :2] / z[:, None] - self.current


def _evaluate(
    problem: Problem, matches: _Matches, poses, rho: np.ndarray, rho_info: np.ndarray, slopes: np.ndarray
) -> Solution:
    """Cost and inliers of poses and inverse depths: truncated squared residuals plus the prior's.

    slopes: (2,) of the prior's plane, (3,) with `shape`, (0,) where it does not tilt.
    """
    _, residual = matches.predict(poses, rho[matches.index])
    norm_px = np.linalg.norm(residual, axis=1) * problem.focal_px
    norm_px = np.where(np.isfinite(norm_px), norm_px, np.inf)
    inlier = norm_px < INLIER_PX
    used = np.zeros(len(rho), dtype=bool)
    used[matches.index[inlier]] = True
    deviation = rho - problem.rho_prior - problem.slope_effect @ slopes
    cost = float((np.minimum(norm_px, INLIER_PX) ** 2).sum()) / SIGMA_PX**2
    cost += float(problem.prior_cost(deviation)[used].sum() + (slopes**2).sum() / SLOPE_SIGMA**2)
    last = matches.blocks[-1]
    noise_px = float(np.median(norm_px[last][inlier[last]])) if inlier[last].any() else np.inf
    return Solution(tuple(poses), rho, rho_info, tuple(inlier[block] for block in matches.blocks), noise_px, cost)


def _normal_equations(problem: Problem, matches: _Matches, poses, rho: np.ndarray):
    """The matches' share of the normal equations, None when fewer than 4 points are in front of a view.

    rho: (M,) of each match. Returns per view H_pp (6, 6) and g_p (6,), then H_pd (M, 6), H_dd (M,), g_d (M,) of each
    match: p the pose of its view (left perturbation), d its depth.
    """
    q, residual = matches.predict(poses, rho)
    in_front = np.isfinite(residual).all(axis=1)
    if min(np.count_nonzero(in_front[block]) for block in matches.blocks) < 4:
        return None
    residual = np.where(in_front[:, None], residual, 0.0)
    norm_px = np.linalg.norm(residual, axis=1) * problem.focal_px
    scale_px, t = np.empty(len(rho)), np.empty((len(rho), 3))
    for block, T in zip(matches.blocks, poses):
        seen_px = norm_px[block][in_front[block]]
        quantile = np.partition(seen_px, int(0.35 * len(seen_px)))[int(0.35 * len(seen_px))]
        scale_px[block] = np.clip(quantile / 0.928, MIN_SCALE_PX, MAX_SCALE_PX)
        t[block] = T[:3, 3]
    u = norm_px / (TUKEY * scale_px)
    weight = np.where(in_front & (u < 1), (1 - u**2) ** 2, 0.0) * (problem.focal_px / SIGMA_PX) ** 2

    z_inv = 1 / np.where(in_front, q[:, 2], 1.0)
    seen = q[:, :2] * z_inv[:, None]
    # Moving the points by a twist is moving the camera by its opposite.
    J_pose = -interaction_matrix(seen, 1 / (rho * z_inv))  # (M, 2, 6)
    J_rho = z_inv[:, None] * (t[:, :2] - seen * t[:, 2:])  # (M, 2)

    weighted = weight[:, None, None] * J_pose
    H_pd = (J_rho[:, None, :] @ weighted)[:, 0]
    H_dd = weight * (J_rho**2).sum(axis=1)
    g_d = weight * (J_rho * residual).sum(axis=1)
    flat, weighted, wanted = J_pose.reshape(-1, 6), weighted.reshape(-1, 6), residual.ravel()
    rows = [slice(2 * block.start, 2 * block.stop) for block in matches.blocks]
    H_pp = [weighted[each].T @ flat[each] for each in rows]
    g_p = [weighted[each].T @ wanted[each] for each in rows]

    measured = in_front & np.isfinite(matches.depth_m) & (weight > 0)
    if measured.any():
        ratio = np.where(measured, q[:, 2] / (rho * matches.depth_m), 1.0)
        r = np.log(ratio) / DEPTH_SIGMA
        huber = np.where(measured, 2.0 / np.maximum(np.abs(r), 2.0), 0.0)
        zero = np.zeros(len(q))
        # d log z / d pose
        J_p = np.column_stack([zero, zero, rho * z_inv, seen[:, 1], -seen[:, 0], zero]) / DEPTH_SIGMA
        J_d = (t[:, 2] * z_inv - 1 / rho) / DEPTH_SIGMA
        weighted = huber[:, None] * J_p
        for k, block in enumerate(matches.blocks):
            H_pp[k] += weighted[block].T @ J_p[block]
            g_p[k] += weighted[block].T @ r[block]
        H_pd += weighted * J_d[:, None]
        H_dd += huber * J_d**2
        g_d += J_d * huber * r
    return H_pp, g_p, H_pd, H_dd, g_d


def refine(problem: Problem, views, poses, rho: np.ndarray, iterations: int = ITERATIONS, more: int = 0) -> Solution:
    """Gauss-Newton from a start.

    views: sequence of View. poses: their `T_cam_goal` (4, 4). rho: (N,) 1/m. Stops early when a step is below
    1e-5 m and rad. more: further iterations, of which each follows only a step of more than `UNSETTLED`.
    """
    poses, rho = list(poses), rho.copy()
    matches = _Matches.of(problem, views)
    rho_low = 0.05 * np.median(problem.rho_prior)
    size = 6 * len(views)
    rho_info = np.zeros(len(rho))
    effect = problem.slope_effect
    slopes = np.zeros(effect.shape[1])
    total = size + len(slopes)
    # The prior of points that no view shows says nothing about the slopes, and nothing else about them is known.
    seen = np.zeros(len(rho), dtype=bool)
    seen[matches.index] = True
    points = np.flatnonzero(seen)
    place = np.cumsum(seen)[matches.index] - 1  # of a match's point among those
    for iteration in range(1, iterations + more + 1):
        deviation = rho - problem.rho_prior - effect @ slopes
        info = problem.prior_info(deviation)
        deviation, info, tilts = deviation[points], info[points], effect[points]
        share = _normal_equations(problem, matches, poses, rho[matches.index])
        if share is None:
            break
        H_pp, g_p = np.zeros((total, total)), np.zeros(total)
        H_pd = np.zeros((len(points), total))
        tilting = info[:, None] * tilts
        H_pp[size:, size:] = tilting.T @ tilts + np.eye(len(slopes)) / SLOPE_SIGMA**2
        g_p[size:] = slopes / SLOPE_SIGMA**2 - tilting.T @ deviation
        H_pd[:, size:] = -tilting
        H_dd = info.copy()
        g_d = info * deviation
        for k, block in enumerate(matches.blocks):
            pose, at = slice(6 * k, 6 * k + 6), place[block]
            H_pp[pose, pose], g_p[pose] = share[0][k], share[1][k]
            H_pd[at, pose] = share[2][block]
            H_dd[at] += share[3][block]
            g_d[at] += share[4][block]
        rho_info[points] = H_dd - info
        scaled = H_pd / H_dd[:, None]
        H = H_pp - scaled.T @ H_pd
        H[np.diag_indices(total)] *= 1 + 1e-6
        try:
            step = np.linalg.solve(H, -(g_p - scaled.T @ g_d))
        except np.linalg.LinAlgError:
            break
        motion = step[:size]
        rotation = max(np.linalg.norm(motion.reshape(-1, 6)[:, 3:], axis=1).max(), 1e-12)
        step *= min(1.0, 0.5 / rotation)
        poses = [se3.exp(step[6 * k : 6 * k + 6]) @ T for k, T in enumerate(poses)]
        expected = problem.rho_prior + effect @ slopes
        expected[points] = rho[points] - (g_d + H_pd @ step) / H_dd
        rho = np.maximum(expected, rho_low)
        slopes = slopes + step[size:]
        if np.abs(motion).max() < (1e-5 if iteration < iterations else UNSETTLED):
            break
    return _evaluate(problem, matches, poses, rho, rho_info, slopes)
