"""Robust two-view pose with uncertain depth: a Gauss-Newton over the relative pose and every point's inverse depth.

A goal keypoint with ray `b = (x*, y*, 1)` and inverse depth `rho` in the goal camera is seen now at
`pi(R b + rho t)`, with `T_cam_goal = (R, t)`. The solver minimises

    sum_i Tukey(|pi(R b_i + rho_i t) - s_i| / s) + sum_i ((rho_i - rho_prior_i) / sigma_i)^2 (+ measured depth)

where `s` is a robust scale of the residuals. Each inverse depth meets the pose only through its own point, so it is
eliminated (Schur complement) and an iteration costs O(N). The prior makes every case one case: with metric depth it
is tight, and this is PnP; without depth it is loose around the distance prior, and this is two-view geometry that
neither degenerates on a plane nor close to the goal, where the baseline no longer tells depth.

Sources: inverse depth, J. Civera et al., "Inverse depth parametrization for monocular SLAM", T-RO 2008; robust
virtual visual servoing, A. Comport et al., "Real-time markerless tracking for augmented reality", TVCG 2006.
"""

from dataclasses import dataclass

import numpy as np

from depth_pc_ros.geometry import se3

TUKEY = 4.685  # 95 % efficiency on Gaussian noise
MIN_SCALE_PX, MAX_SCALE_PX = 0.15, 30.0  # of the robust residual scale (35 % quantile: stands 60 % mismatches)
INLIER_PX = 3.0  # a point this close to its prediction supports the pose
SIGMA_PX = 0.5  # assumed keypoint noise, against which the depth prior is weighed
DEPTH_SIGMA = 0.02  # relative, of measured depth in the current view


@dataclass(frozen=True)
class TwoViewProblem:
    """Points seen in both views. goal, current: (N, 2) normalised. focal_px scales pixel noise.

    rho_prior, rho_info: (N,) prior of the inverse depth in the goal camera, 1/m, and its information (1/sigma^2).
    current_depth_m: (N,) measured depth in the current camera, NaN where unknown.
    """

    goal: np.ndarray
    current: np.ndarray
    rho_prior: np.ndarray
    rho_info: np.ndarray
    current_depth_m: np.ndarray
    focal_px: float


@dataclass(frozen=True)
class TwoViewSolution:
    """`T_cam_goal` (4, 4), inverse depths `rho` (N,) in 1/m, inliers (N,) bool, robust cost (smaller is better)."""

    T_cam_goal: np.ndarray
    rho: np.ndarray
    inliers: np.ndarray
    cost: float


def _predict(problem: TwoViewProblem, T: np.ndarray, rho: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Transformed points q (N, 3) (in units of depth, times rho) and residuals (N, 2), normalised."""
    rays = np.column_stack([problem.goal, np.ones(len(rho))])
    q = rays @ T[:3, :3].T + rho[:, None] * T[:3, 3]
    z = np.where(q[:, 2] > 1e-3, q[:, 2], np.nan)
    return q, q[:, :2] / z[:, None] - problem.current


def evaluate(problem: TwoViewProblem, T: np.ndarray, rho: np.ndarray) -> TwoViewSolution:
    """Cost and inliers of a pose and inverse depths: truncated squared residuals plus the prior's."""
    _, residual = _predict(problem, T, rho)
    norm_px = np.linalg.norm(residual, axis=1) * problem.focal_px
    norm_px = np.where(np.isfinite(norm_px), norm_px, np.inf)
    inliers = norm_px < INLIER_PX
    pixel_cost = np.minimum(norm_px, INLIER_PX) ** 2 / SIGMA_PX**2
    prior_cost = np.where(inliers, problem.rho_info * (rho - problem.rho_prior) ** 2, 0.0)
    return TwoViewSolution(T, rho, inliers, float(pixel_cost.sum() + prior_cost.sum()))


def refine(
    problem: TwoViewProblem, T_start: np.ndarray, rho_start: np.ndarray, iterations: int = 12
) -> TwoViewSolution:
    """Gauss-Newton from a start.

    T_start: (4, 4) `T_cam_goal`. rho_start: (N,) 1/m. Stops early when a step is below 1e-5 m and rad.
    """
    T, rho = T_start.copy(), rho_start.copy()
    n = len(rho)
    rho_low = 0.05 * np.median(problem.rho_prior)
    for _ in range(iterations):
        q, residual = _predict(problem, T, rho)
        in_front = np.isfinite(residual).all(axis=1)
        if np.count_nonzero(in_front) < 4:
            break
        residual = np.where(in_front[:, None], residual, 0.0)
        norm_px = np.linalg.norm(residual, axis=1) * problem.focal_px
        seen_px = norm_px[in_front]
        quantile = np.partition(seen_px, int(0.35 * len(seen_px)))[int(0.35 * len(seen_px))]
        scale_px = np.clip(quantile / 0.928, MIN_SCALE_PX, MAX_SCALE_PX)
        u = norm_px / (TUKEY * scale_px)
        weight = np.where(in_front & (u < 1), (1 - u**2) ** 2, 0.0) * (problem.focal_px / SIGMA_PX) ** 2

        z_inv = 1 / np.where(in_front, q[:, 2], 1.0)
        projection = np.zeros((n, 2, 3))  # d pi / d q
        projection[:, 0, 0] = projection[:, 1, 1] = z_inv
        projection[:, :, 2] = -q[:, :2] * (z_inv**2)[:, None]
        dq_dpose = np.concatenate([rho[:, None, None] * np.eye(3), -se3.skew(q)], axis=2)  # (N, 3, 6)
        J_pose = projection @ dq_dpose  # (N, 2, 6)
        J_rho = projection @ T[:3, 3]  # (N, 2)

        weighted = weight[:, None, None] * J_pose
        H_pp = np.einsum("nij,nik->jk", weighted, J_pose)
        H_pd = np.einsum("nij,ni->nj", weighted, J_rho)
        H_dd = weight * (J_rho**2).sum(axis=1) + problem.rho_info
        g_p = np.einsum("nij,ni->j", weighted, residual)
        g_d = weight * (J_rho * residual).sum(axis=1) + problem.rho_info * (rho - problem.rho_prior)

        measured = in_front & np.isfinite(problem.current_depth_m) & (weight > 0)
        if measured.any():
            ratio = np.where(measured, q[:, 2] / (rho * problem.current_depth_m), 1.0)
            r = np.log(ratio) / DEPTH_SIGMA
            huber = np.where(measured, 2.0 / np.maximum(np.abs(r), 2.0), 0.0)
            J_p = dq_dpose[:, 2] * z_inv[:, None] / DEPTH_SIGMA  # d log z / d pose
            J_d = (T[2, 3] * z_inv - 1 / rho) / DEPTH_SIGMA
            H_pp += (huber[:, None] * J_p).T @ J_p
            H_pd += J_p * (huber * J_d)[:, None]
            H_dd = H_dd + huber * J_d**2
            g_p += J_p.T @ (huber * r)
            g_d = g_d + J_d * huber * r

        scaled = H_pd / H_dd[:, None]
        H = H_pp - scaled.T @ H_pd
        H[np.diag_indices(6)] *= 1 + 1e-6
        try:
            step = np.linalg.solve(H, -(g_p - scaled.T @ g_d))
        except np.linalg.LinAlgError:
            break
        step *= min(1.0, 0.5 / max(np.linalg.norm(step[3:]), 1e-12))
        T = se3.exp(step) @ T
        rho = np.maximum(rho - (g_d + H_pd @ step) / H_dd, rho_low)
        if np.linalg.norm(step) < 1e-5:
            break
    return evaluate(problem, T, rho)
