"""Position-based visual servoing on a robust relative pose.

The camera turns towards the goal while the centre of the matches goes straight to its place
(`geometry.se3.pbvs_twist`): a turn about the camera would take matches that are all at one side out of view.
"""

import numpy as np

from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.pose_solver import Problem, Solution, View, refine
from depth_pc_ros.control.pose_start import candidate_poses
from depth_pc_ros.control.terminal import TerminalStage
from depth_pc_ros.errors import PoseError
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import LawOutput, Observation


class Pbvs(ControlLaw):
    """Solves the relative pose of each frame, together with a few earlier views that saw the goal from farther away.

    Near the goal the baseline tells no depth any more, and where the relief is not known the weakly observed motion
    (a shift that a turn almost hides) would be misjudged, even in its sign. So the views with the most parallax are
    kept, and the poses and depths of all are solved anew in each frame. Keeping only the depths, in a filter, was
    tried and dropped: it fits them to its own errors and stops centimetres away.

    Relief and motion may both turn over and still explain an image (the Necker reversal), the better the smaller the
    motion. A warm start would stay with the wrong one, so fresh candidates are weighed against it every few frames,
    on the kept views too.
    """

    name = "pbvs"
    RELIEF_SIGMA = 0.3  # relative, of a point's depth about what is guessed where it is not known
    METRIC_SIGMA = 0.01  # relative, of metric goal depth
    MIN_SHARE, MIN_INLIERS = 0.35, 7  # support below which a pose is not trusted
    WARM_SHARE = 0.85  # of the last frame's support: a warm start that keeps it needs no fresh candidates
    RECHECK_FRAMES, RIVALS = 10, 2  # so often, so many fresh candidates are weighed against a warm start
    WARM_ITERATIONS = 2  # a warm start goes on where the last frame ended
    KEPT_VIEWS = 3
    SPACING = 0.25  # kept views are this far apart, as a share of the larger distance to the goal

    def __init__(self, terminal: bool = True):
        self._terminal = TerminalStage(terminal)
        self._forget()

    def reset(self) -> None:
        self._forget()

    def _forget(self) -> None:
        self._terminal.let_go()
        self._T_cam_goal = None
        self._rho = None
        self._share = 1.0  # of the matches that the last pose explained
        self._unchecked = 0  # frames since fresh candidates were tried
        self._kept: list[tuple[View, np.ndarray]] = []  # and their poses

    def __call__(self, observation: Observation) -> LawOutput:
        seen = np.flatnonzero(observation.matched)
        view = View(seen, observation.current[seen], observation.current_depth_m[seen])
        return self._steer(self._problem(observation), view)

    def _steer(self, problem: Problem, view: View, starts=()) -> LawOutput:
        """The twist that `view` asks for. starts: further candidates, as `candidate_poses` gives them."""
        seen = view.index
        solution = self._solve(problem, view, starts)
        inliers = solution.inliers[-1]
        support = np.count_nonzero(inliers)
        if support < max(self.MIN_INLIERS, self.MIN_SHARE * len(seen)):
            self._forget()
            raise PoseError(f"{self.name}: only {support} of {len(seen)} matches agree on one relative pose")
        self._T_cam_goal, self._rho, self._share = solution.poses[-1], solution.rho, support / len(seen)
        if not self._terminal.holds:
            self._keep(view, solution)
        self._terminal.look(problem, solution, seen[inliers])
        mask = np.zeros(len(problem.goal), dtype=bool)
        mask[seen[inliers]] = True
        views = (view, *(kept[0] for kept in self._kept))
        metric = problem.metric or any(np.isfinite(each.depth_m).any() for each in views)
        # On the mean ray of the goal; a mean of points would be pulled off it by a few far ones.
        centre = np.append(problem.goal[mask].mean(axis=0), 1.0) / self._rho[mask].mean()
        return LawOutput(se3.pbvs_twist(self._T_cam_goal, centre), mask, None if metric else self._T_cam_goal)

    def _problem(self, observation: Observation) -> Problem:
        return Problem.from_depth(
            observation.goal,
            observation.goal_depth_m,
            observation.distance_m,
            observation.focal_px,
            measured_sigma=self.METRIC_SIGMA,
            guess_sigma=self.RELIEF_SIGMA,
        )

    def _recheck_due(self) -> bool:
        """Whether this frame weighs fresh candidates however well its warm start does."""
        return not self._terminal.holds and self._unchecked + 1 >= self.RECHECK_FRAMES

    def _solve(self, problem: Problem, view: View, starts) -> Solution:
        """The cheapest pose that explains this view and the kept ones, else the cheapest that explains this one."""
        if self._terminal.holds:
            held = refine(
                self._terminal.held(problem), [view], [self._T_cam_goal], self._rho, self.WARM_ITERATIONS
            )  # fmt: skip
            if np.mean(held.inliers[-1]) >= self.WARM_SHARE * self._share:
                return held
            self._terminal.let_go()
        views, poses = [*(kept[0] for kept in self._kept), view], [kept[1] for kept in self._kept]
        together = []
        if self._T_cam_goal is not None:
            warm = refine(problem, views, [*poses, self._T_cam_goal], self._rho, self.WARM_ITERATIONS)
            steady = np.mean(warm.inliers[-1]) >= self.WARM_SHARE * self._share
            due = self._recheck_due()
            self._unchecked += 1
            if steady and not due:
                return warm
            together.append(warm)
        self._unchecked = 0
        alone = [refine(problem, [view], [T], rho) for T, rho in (*starts, *candidate_poses(problem, view))]
        alone.sort(key=lambda solution: solution.cost)
        if not together:
            return alone[0]
        rivals = [refine(problem, views, [*poses, each.poses[0]], each.rho) for each in alone[: self.RIVALS]]
        best = min([*together, *rivals], key=lambda solution: solution.cost)
        explains = np.mean(best.inliers[-1]) >= self.WARM_SHARE * np.mean(alone[0].inliers[0])
        return best if explains else alone[0]

    def _keep(self, view: View, solution: Solution) -> None:
        """Keep the views with the most parallax; drop all when the pose was found afresh."""
        views = [*(kept[0] for kept in self._kept), view] if len(solution.poses) > 1 else [view]
        rated = []
        for candidate, T, inliers in zip(views, solution.poses, solution.inliers):
            if np.mean(inliers) > 0.5:
                baseline_m = np.linalg.norm(T[:3, 3])
                rated.append((np.count_nonzero(inliers) * baseline_m**2, candidate, T))
        rated.sort(key=lambda entry: -entry[0])
        self._kept = []
        for _, candidate, T in rated:
            far = np.linalg.norm(T[:3, 3])
            apart = [
                np.linalg.norm(se3.inverse(T)[:3, 3] - se3.inverse(other)[:3, 3])
                > self.SPACING * max(far, np.linalg.norm(other[:3, 3]))
                for _, other in self._kept
            ]
            if all(apart) and len(self._kept) < self.KEPT_VIEWS:
                self._kept.append((candidate, T))
