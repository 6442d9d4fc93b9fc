"""Candidate relative poses of one view: essential matrix, homography, PnP where depth is known well, and no motion.

They complement each other: an essential matrix needs parallax, a homography a plane (or no translation), PnP needs
depth. A homography also gives the pose of a camera that only rotates. The caller refines all and keeps the best.

Sources: D. Nister, "An efficient solution to the five-point relative pose problem", PAMI 2004; E. Malis, M. Vargas,
"Deeper understanding of the homography decomposition for vision-based control", INRIA RR-6303, 2007; G. Terzakis,
M. Lourakis, "A consistently fast and globally optimal solution to the perspective-n-point problem", ECCV 2020.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.magsac import magsac
from depth_pc_ros.pose.solver import Problem, View

_THRESHOLD_PX, _ITERATIONS = 2.0, 3000


@dataclass(frozen=True)
class _Seen:
    """The points of one view, all arrays (M,) or (M, 2)."""

    goal: np.ndarray
    current: np.ndarray
    rho_prior: np.ndarray
    rho_info: np.ndarray
    current_depth_m: np.ndarray
    focal_px: float


def _in_pixels(problem: _Seen) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """K (3, 3) and both views (N, 2) in pixels about the principal point: MAGSAC's noise model wants pixels."""
    K = np.diag([problem.focal_px, problem.focal_px, 1.0])
    return K, problem.goal * problem.focal_px, problem.current * problem.focal_px


def candidate_poses(problem: Problem, view: View) -> list[tuple[np.ndarray, np.ndarray]]:
    """Starts for `pose.solver.refine`: a list of (`T_cam_goal` (4, 4), inverse depths (N,) in 1/m)."""
    seen = _Seen(
        problem.goal[view.index],
        view.current,
        problem.rho_prior[view.index],
        problem.rho_info[view.index],
        view.depth_m,
        problem.focal_px,
    )
    starts = [(np.eye(4), seen.rho_prior)]
    starts += _from_essential(seen)
    starts += _from_homography(seen)
    starts += _from_depth(seen)
    return [(T, _at(problem.rho_prior, view.index, rho)) for T, rho in starts]


def _at(rho_prior: np.ndarray, index: np.ndarray, rho: np.ndarray) -> np.ndarray:
    """Inverse depths of all points: those of `index` replaced."""
    out = rho_prior.copy()
    out[index] = rho
    return out


def _from_essential(problem) -> list:
    K, goal, current = _in_pixels(problem)
    E, mask = cv2.findEssentialMat(goal, current, K, K, None, None, magsac(_THRESHOLD_PX, _ITERATIONS))
    if E is None or E.shape != (3, 3):
        return []
    _, R, t, mask = cv2.recoverPose(E, goal, current, K, mask=mask)
    rho = _triangulate(problem, R, t[:, 0])
    good = (mask[:, 0] > 0) & np.isfinite(rho)
    if np.count_nonzero(good) < 5:
        return []
    scale = np.median(problem.rho_prior[good] / rho[good])  # rho_metric = scale * rho, t_metric = t / scale
    rho = np.where(good, rho * scale, problem.rho_prior)
    spread = np.median(problem.rho_prior)
    return [(se3.from_rt(R, t[:, 0] / scale), np.clip(rho, 0.3 * spread, 3 * spread))]


def _triangulate(problem, R: np.ndarray, t: np.ndarray) -> np.ndarray:
    """Inverse depth (N,) in the goal camera by linear least squares on `s x (R b + rho t) = 0`; NaN if not in front."""
    s = np.column_stack([problem.current, np.ones(len(problem.current))])
    b = np.column_stack([problem.goal, np.ones(len(problem.goal))]) @ R.T
    along, across = np.cross(s, t), np.cross(s, b)
    rho = -(along * across).sum(axis=1) / np.maximum((along**2).sum(axis=1), 1e-15)
    return np.where(rho > 0, rho, np.nan)


def _from_homography(problem) -> list:
    K, goal, current = _in_pixels(problem)
    H, mask = cv2.findHomography(goal, current, magsac(_THRESHOLD_PX, _ITERATIONS))
    if H is None or not np.isfinite(H).all():
        return []
    inlier = mask.ravel() > 0
    if np.count_nonzero(inlier) < 5:
        return []
    # Without translation no plane can be found; the homography itself is the rotation then.
    u, _, vt = np.linalg.svd(np.linalg.solve(K, H @ K))
    starts = [(se3.from_rt(u @ np.diag([1, 1, np.linalg.det(u @ vt)]) @ vt, np.zeros(3)), problem.rho_prior)]
    count, rotations, translations, normals = cv2.decomposeHomographyMat(H, K)
    rays = np.column_stack([problem.goal, np.ones(len(problem.goal))])
    for R, t, normal in zip(rotations[:count], translations[:count], normals[:count], strict=True):
        rho = rays @ normal[:, 0]  # inverse depth in units of the plane's distance
        if np.median(rho[inlier]) <= 0:
            continue  # the plane would lie behind the goal camera
        scale = np.median(problem.rho_prior[inlier]) / np.median(rho[inlier])
        low, high = 0.3 * np.median(problem.rho_prior), 3 * np.median(problem.rho_prior)
        starts.append((se3.from_rt(R, t[:, 0] / scale), np.clip(rho * scale, low, high)))
    return starts


def _from_depth(problem) -> list:
    """PnP where the prior is tighter than 5 %, and the reverse PnP where the current depth is measured."""
    tight = problem.rho_info > 1 / (0.05 * problem.rho_prior) ** 2
    known = np.where(tight, 1 / problem.rho_prior, np.nan)
    poses = poses_from_depth(problem.goal, problem.current, known, problem.current_depth_m, problem.focal_px)
    return [(T, problem.rho_prior) for T in poses]


def poses_from_depth(
    goal: np.ndarray, current: np.ndarray, goal_depth_m: np.ndarray, current_depth_m: np.ndarray, focal_px: float
) -> Iterator[np.ndarray]:
    """`T_cam_goal` (4, 4) by PnP from the goal's depth, then by the reverse PnP from the current one, where known.

    goal, current: (N, 2) normalised. Depths (N,) m, NaN where unknown; fewer than 6 are not enough.
    """
    K = np.diag([focal_px, focal_px, 1.0])
    for depth, points, image, reverse in ((goal_depth_m, goal, current, False), (current_depth_m, current, goal, True)):
        usable = np.isfinite(depth)
        if np.count_nonzero(usable) < 6:
            continue
        solid = np.column_stack([points, np.ones(len(points))])[usable] * depth[usable, None]
        ok, _, rvec, tvec, _ = cv2.solvePnPRansac(
            solid, focal_px * image[usable], K, None, None, None, params=magsac(_THRESHOLD_PX, _ITERATIONS)
        )  # fmt: skip
        if ok:
            T = se3.from_rt(cv2.Rodrigues(rvec)[0], tvec[:, 0])
            yield se3.inverse(T) if reverse else T
