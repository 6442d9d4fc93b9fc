"""Relative pose from frame to frame: warm start, candidates, keyframes, frozen depths."""

from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from depth_pc_ros.errors import PoseError
from depth_pc_ros.geometry import se3
from depth_pc_ros.pose.candidates import candidate_poses
from depth_pc_ros.pose.depth_freeze import DepthFreeze
from depth_pc_ros.pose.solver import ITERATIONS, Problem, Solution, View, refine


class _Keyframe(NamedTuple):
    view: View
    T_cam_goal: np.ndarray


@dataclass(frozen=True)
class PoseEstimate:
    """`T_cam_goal` (4, 4) of a frame, inverse depths `rho` (N,) in 1/m, inliers (N,) bool over the goal's points.

    metric: lengths are metres; False: they are right only up to the factor of the distance prior.
    """

    T_cam_goal: np.ndarray
    rho: np.ndarray
    inliers: np.ndarray
    metric: bool


class PoseTracker:
    """Solves the relative pose of each frame, together with a few keyframes that saw the goal from farther away.

    Near the goal the baseline gives no depth, and where the relief is not known the weakly observed motion (a
    translation that a rotation almost cancels) would be wrong, even in its sign. So the views with the most
    parallax are kept as keyframes, and the poses and depths of all are solved again in each frame.

    Relief and motion, both reversed, may also explain an image (Necker reversal), the better the smaller the motion. A
    warm start would keep the wrong solution, so new candidates are compared with it every few frames, also on the
    keyframes.
    """

    MIN_SHARE, MIN_INLIERS = 0.35, 7  # support below which a pose is rejected
    # Of a pose from nothing without measured depth: fewer matches that were checked for rigidity agree by chance.
    FIRST_INLIERS = 10
    WARM_SHARE = 0.85  # of the last frame's support: a warm start that keeps it needs no new candidates
    RECHECK_FRAMES, RIVALS = 10, 2  # how often, and how many, new candidates are compared with a warm start
    # Of a warm start, which begins at the last frame's solution: iterations, and how many more while the pose moves.
    # Along a motion that the images hardly show, a few do not get there, and the error grows from frame to frame.
    WARM_ITERATIONS, MORE = 2, 6
    CHECK_ITERATIONS = 4  # of candidates that are compared with a warm start which explains the image
    ALIKE = 0.01  # translation over distance, and rad: candidates nearer than this to a warm start are the same
    KEYFRAMES = 3
    SPACING = 0.25  # keyframes are this far apart, as a share of the larger distance to the goal
    # Near the goal a guessed depth is trusted more: its sigma shrinks linearly to this share, from this distance on
    # (translation, as a share of the distance to the scene).
    TRUSTED_SIGMA, TRUST_FROM = 0.25, 0.1
    # What stands out of the plane by more than a sigma counts less and less for it from the second frame on: the views
    # so far have told how far it is, and a tight prior that pulls it back would turn the pose.
    TAIL = 1.0

    def __init__(self, freeze_depth: bool = True):
        """freeze_depth: near the goal, see `DepthFreeze`."""
        self.freeze = DepthFreeze(freeze_depth)
        self.reset()

    def reset(self) -> None:
        """Forget all earlier frames."""
        self.freeze.release()
        self._last: tuple[np.ndarray, np.ndarray] | None = None  # pose and inverse depths of the last frame
        self._share = 1.0  # of the matches that they explained
        self._unchecked = 0  # frames since new candidates were compared
        self._keyframes: list[_Keyframe] = []

    @property
    def recheck_due(self) -> bool:
        """Whether the next frame compares new candidates whatever the support of its warm start."""
        return not self.freeze.frozen and self._unchecked + 1 >= self.RECHECK_FRAMES

    def track(self, problem: Problem, view: View, starts=()) -> PoseEstimate:
        """The pose of the next view. starts: further candidates, as `candidate_poses` gives them.

        Raises PoseError, and forgets all earlier frames, where too few matches agree on one pose.
        """
        seen = view.index
        problem = self._trusting(problem)
        solution = self._solve(problem, view, starts)
        inliers = solution.inliers[-1]
        support = np.count_nonzero(inliers)
        fewest = self.FIRST_INLIERS if self._last is None and problem.tilts else self.MIN_INLIERS
        if support < max(fewest, self.MIN_SHARE * len(seen)):
            self.reset()
            raise PoseError(f"only {support} of {len(seen)} matches agree on one relative pose")
        T_cam_goal, rho = self._last = solution.poses[-1], solution.rho
        self._share = support / len(seen)
        if not self.freeze.frozen:
            self._keep(view, solution)
        self.freeze.update(problem, solution, seen[inliers])
        mask = np.zeros(len(problem.goal), dtype=bool)
        mask[seen[inliers]] = True
        views = (view, *(keyframe.view for keyframe in self._keyframes))
        metric = problem.metric or any(np.isfinite(each.depth_m).any() for each in views)
        return PoseEstimate(T_cam_goal, rho, mask, metric)

    def _trusting(self, problem: Problem) -> Problem:
        """The problem with a tighter, heavy-tailed prior of guessed depths near the goal.

        Deviations from the plane are alike on one object, so many points tell no more about the prior than a few. Far
        from the goal the images know better. Near it they know nothing, and the prior keeps their noise out.
        """
        if self._last is None or not problem.tilts:
            return problem
        T_cam_goal, rho = self._last
        far = min(1.0, float(np.linalg.norm(T_cam_goal[:3, 3]) * np.median(rho)) / self.TRUST_FROM)
        share = self.TRUSTED_SIGMA + (1 - self.TRUSTED_SIGMA) * far
        return replace(problem, rho_info=problem.rho_info / share**2, tail=self.TAIL)

    def _solve(self, problem: Problem, view: View, starts) -> Solution:
        """The cheapest pose that explains this view and the keyframes, else the cheapest that explains this one."""
        if self._last is not None and self.freeze.frozen:
            T_last, rho_last = self._last
            frozen = refine(self.freeze.apply(problem), [view], [T_last], rho_last, self.WARM_ITERATIONS, self.MORE)
            if np.mean(frozen.inliers[-1]) >= self.WARM_SHARE * self._share:
                return frozen
            self.freeze.release()
        views = [*(keyframe.view for keyframe in self._keyframes), view]
        poses = [keyframe.T_cam_goal for keyframe in self._keyframes]
        warm, iterations = None, ITERATIONS
        if self._last is not None:
            T_last, rho_last = self._last
            warm = refine(problem, views, [*poses, T_last], rho_last, self.WARM_ITERATIONS, self.MORE)
            steady = np.mean(warm.inliers[-1]) >= self.WARM_SHARE * self._share
            due = self.recheck_due
            self._unchecked += 1
            if steady and not due:
                return warm
            iterations = self.CHECK_ITERATIONS if steady else ITERATIONS
        self._unchecked = 0
        candidates = (*starts, *candidate_poses(problem, view))
        alone = [refine(problem, [view], [T], rho, iterations) for T, rho in candidates]
        alone.sort(key=lambda solution: solution.cost)
        if warm is None:
            return alone[0]
        rivals = [
            refine(problem, views, [*poses, each.poses[0]], each.rho)
            for each in alone[: self.RIVALS]
            if not _alike(each, warm)
        ]
        best = min([warm, *rivals], key=lambda solution: solution.cost)
        explains = np.mean(best.inliers[-1]) >= self.WARM_SHARE * np.mean(alone[0].inliers[0])
        return best if explains else alone[0]

    def _keep(self, view: View, solution: Solution) -> None:
        """Keep the views with the most parallax; drop all when the pose was solved without them."""
        views = [*(keyframe.view for keyframe in self._keyframes), view] if len(solution.poses) > 1 else [view]
        rated = []
        for candidate, T, inliers in zip(views, solution.poses, solution.inliers):
            if np.mean(inliers) > 0.5:
                baseline_m = np.linalg.norm(T[:3, 3])
                rated.append((np.count_nonzero(inliers) * baseline_m**2, _Keyframe(candidate, T)))
        rated.sort(key=lambda entry: -entry[0])
        self._keyframes = []
        for _, keyframe in rated:
            if len(self._keyframes) < self.KEYFRAMES and all(_apart(keyframe, other) for other in self._keyframes):
                self._keyframes.append(keyframe)


def _alike(one: Solution, other: Solution) -> bool:
    """Whether two solutions of one view are as good as the same pose."""
    metres, degrees = se3.pose_error(one.poses[-1], other.poses[-1])
    return bool(metres * np.median(one.rho) < PoseTracker.ALIKE and np.radians(degrees) < PoseTracker.ALIKE)


def _apart(one: _Keyframe, other: _Keyframe) -> bool:
    """Whether two keyframes are far enough from each other."""
    T_one, T_other = one.T_cam_goal, other.T_cam_goal
    between = np.linalg.norm(se3.inverse(T_one)[:3, 3] - se3.inverse(T_other)[:3, 3])
    return bool(between > PoseTracker.SPACING * max(np.linalg.norm(T_one[:3, 3]), np.linalg.norm(T_other[:3, 3])))
