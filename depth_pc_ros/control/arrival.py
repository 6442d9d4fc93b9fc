"""Has the servo arrived, is it near a target that moves, or does it come no nearer? From the error and the commands."""

import numpy as np

from depth_pc_ros.config import ControlConfig
from depth_pc_ros.control.command_loop import CommandLoop
from depth_pc_ros.control.motion_monitor import MotionMonitor
from depth_pc_ros.control.progress import FAR_LIMIT, NEAR_LIMIT, Progress
from depth_pc_ros.control.stopping import StoppingRule
from depth_pc_ros.control.target_filter import TargetFilter
from depth_pc_ros.control.waking import WakeRule
from depth_pc_ros.geometry.interaction import interaction_matrix
from depth_pc_ros.types import Observation, ServoState

_STUCK = (
    "{:.0f} cm and {:.0f}° were commanded and the picture came no nearer to the goal: it swings where the latency is "
    "longer than actuation_delay_s says, or the goal looks alike from several poses, or the control law does not lead "
    "there (depth_pc may wander: try depth_pc_geo or pbvs)"
)
_BLOCKED = (
    "{:.0f} cm and {:.0f}° were commanded close to the goal and the picture came no nearer to it: look at what blocks "
    "the arm (contact, joint limit, protective stop); a target that moves needs after_goal: track"
)


class Arrival:
    """converged: the servo rests at the goal. error: of the last image, on the normalised plane.

    loop, monitor: the servo's; only read.
    """

    NEAR = 4.0  # times the stopping error: a target that has been nearer for the hold time is tracked
    LEAVE = 2.0  # times as far: it is not tracked any more
    STILL_PX_S = 1.0  # a tracked target that is slower in the image is at rest
    # Commands of the hold time that would move the image by more, of the error and px, are those of no arrival.
    ARRIVED, ARRIVED_PX = 0.2, 0.8
    MOVED, MOVED_PX = 0.5, 1.5  # share of the commanded motion in the image, and px, that show that the arm moves
    FOLLOWED = 0.4  # times the stopping error: a target that is tracked is nearer

    def __init__(self, config: ControlConfig, loop: CommandLoop, monitor: MotionMonitor):
        self._config, self._loop, self._monitor = config, loop, monitor
        self._far_progress, self._near_progress = Progress(FAR_LIMIT), Progress(NEAR_LIMIT)
        self._stopping = StoppingRule(config.stop_error, config.stop_hold_s, config.stop_precision)
        self._wake = WakeRule(np.inf)
        self._target = TargetFilter()
        self.reset()

    def set_goal(self, points: np.ndarray, focal_px: float) -> None:
        """points: (N, 2) of the goal, on the normalised plane. `reset` comes after it."""
        self._points, self._focal = points, focal_px
        self._wake.wake = self._config.wake_px / focal_px

    def reset(self) -> None:
        """Forget everything but the goal."""
        self.begin()
        self.converged = False
        self._arrived = False  # at any time: then a target that moves looks like an arm that is blocked
        self.error = np.inf

    def begin(self) -> None:
        """From rest: an error that does not fall meanwhile is not convergence."""
        self._far_progress.reset()
        self._near_progress.reset()
        self.lose()

    def lose(self) -> None:
        """The goal is not seen."""
        self._stopping.reset()
        self._leave_target()

    def reopen(self) -> None:
        """What looked like an arrival is none: go on."""
        self.converged = False
        self._stopping.restart()

    @property
    def near(self) -> bool:
        """The last image was near the goal."""
        return self.error <= self.NEAR * self._config.stop_error

    # Every frame, in this order

    def see_target(self, remaining: np.ndarray, stamp_s: float, frame_s: float) -> np.ndarray:
        """Velocity (6,) of a target that is tracked; zero: none is. remaining: (6,) unit gain twist to it."""
        if self.tracking:
            self._target.see(remaining, self._loop.record.motion(stamp_s - frame_s, stamp_s), frame_s)
        else:
            self._target.reset()
        return self._target.velocity

    def judge(
        self,
        observation: Observation,
        inliers: np.ndarray,
        distance_m: float,
        gain: float,
        stamp_s: float,
        frame_s: float,
    ) -> tuple[ServoState, str] | None:
        """Take one frame; why the servo stops for good where it comes no nearer, None: it does not.

        Updates `error`, the mean one of the inliers (N,) bool, and `converged`. distance_m: of the scene. gain: of the
        law, 1/s; a slow one is not taken for one that no longer improves. An error that does not fall although it is
        commanded to is not an arrival: the arm does not move.
        """
        self._distance_m = distance_m
        self._stopping.hold_s = max(self._config.stop_hold_s, 0.25 / gain)
        pushed = self._loop.record.motion(stamp_s - self._stopping.hold_s, stamp_s)
        self._judge_error(observation, inliers, pushed, stamp_s, frame_s)
        return self._stuck(pushed, stamp_s, frame_s) if self._config.check_motion else None

    def _judge_error(
        self, observation: Observation, inliers: np.ndarray, pushed: np.ndarray, stamp_s: float, frame_s: float
    ) -> None:
        """pushed: (6,) sum of the commands of the hold time, m and rad."""
        points = np.where(inliers[:, None], observation.current, np.nan)
        distances = np.linalg.norm(points - observation.goal, axis=1)
        self.error = error = self._stopping.mean_error(np.nan_to_num(distances), inliers)
        if self.converged:
            stop_error = self._config.stop_error
            if self._config.after_goal != "done" and (error > stop_error or self._wake.drifted(points)):
                self.reopen()
        elif self._target_rests() and self._stopping.converged(error, stamp_s) and not self._on_the_way(pushed):
            self.converged = self._arrived = True
            self._wake.rest(points)
        self._watch_target(frame_s)

    def _stuck(self, pushed: np.ndarray, stamp_s: float, frame_s: float) -> tuple[ServoState, str] | None:
        """Why the servo stops where it comes no nearer to the goal; after the first arrival the target may move.

        Commands that something is known to hold back count for nothing. pushed: as in `_judge_error`.
        """
        error, far = self.error, self.error > self.NEAR * self._config.stop_error
        if far:
            self._near_progress.reset()
        elif self._arrived:  # before that, one that comes near and leaves again, for ever, is on no way
            self._far_progress.reset()
        if not self._loop.obeyed or self.converged:
            return None
        if far:
            stuck = self._far_progress.see(error, self._loop.record.path(stamp_s - frame_s, stamp_s))
            progress, state, text = self._far_progress, ServoState.CONTRADICTED, _STUCK
        else:
            followed = self._config.after_goal == "track" and error < self.FOLLOWED * self._config.stop_error
            if self._arrived or followed or not self._on_the_way(pushed):
                return None
            path = np.linalg.norm(pushed.reshape(2, 3), axis=1) * frame_s / self._stopping.hold_s
            stuck = self._near_progress.see(error, path)
            moves = self._monitor.moved_px(stamp_s - self._stopping.hold_s) > self._moved_px(pushed)
            progress, state, text = self._near_progress, ServoState.NOT_FOLLOWING, _BLOCKED
            if moves:
                state, text = ServoState.CONTRADICTED, _STUCK
        return (state, text.format(*progress.path * (100, 180 / np.pi))) if stuck else None

    def _on_the_way(self, pushed: np.ndarray) -> bool:
        """Whether the commands of the hold time add up to a good part of the error; noise and swing cancel."""
        return self._image_motion(pushed) > max(self.ARRIVED * self.error, self.ARRIVED_PX / self._focal)

    def _moved_px(self, pushed: np.ndarray) -> float:
        """Motion of the points that shows that the arm is not blocked, when so much (6,) was commanded."""
        return max(self.MOVED * self._image_motion(pushed) * self._focal, self.MOVED_PX)

    # A moving target

    @property
    def tracking(self) -> bool:
        """Whether the servo has been near its target for long enough, so that it is followed."""
        return self._near_s >= self._config.stop_hold_s and self._loop.obeyed

    def _watch_target(self, frame_s: float) -> None:
        """Track the target once the servo has been near it for long enough, until it is far from it."""
        near = self.NEAR * self._config.stop_error
        if self._config.after_goal != "track" or self.error > (self.LEAVE * near if self.tracking else near):
            self._leave_target()
        else:
            self._near_s += frame_s

    def _leave_target(self) -> None:
        self._near_s = 0.0
        self._target.reset()

    def _target_rests(self) -> bool:
        """Whether the tracked target is as good as still in the image; True where none is tracked."""
        return self._image_motion(self._target.velocity) * self._focal < self.STILL_PX_S

    def _image_motion(self, motion: np.ndarray) -> float:
        """Mean length of the motion of the goal's points on the normalised plane, by a motion (6,) of the camera."""
        L = interaction_matrix(self._points, np.full(len(self._points), self._distance_m))
        return float(np.linalg.norm(L @ motion, axis=1).mean())
