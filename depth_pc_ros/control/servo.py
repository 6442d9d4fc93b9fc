"""The servo without images: matches in, twists and state out. One command loop for pipeline, nodes and benchmark."""

import cv2
import numpy as np

from depth_pc_ros.config import ControlConfig
from depth_pc_ros.control.arrival import Arrival
from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.command_loop import CommandLoop
from depth_pc_ros.control.command_record import CommandRecord
from depth_pc_ros.control.depth_track import DepthTrack
from depth_pc_ros.control.intervals import interval_s
from depth_pc_ros.control.laws import make_law
from depth_pc_ros.control.limits import VelocityLaw, limit_norms
from depth_pc_ros.control.measured_depth import MeasuredDepth
from depth_pc_ros.control.motion_monitor import MotionMonitor
from depth_pc_ros.control.motion_scale import MotionScale
from depth_pc_ros.control.outvoted import outvoted
from depth_pc_ros.errors import GoalError, PoseError
from depth_pc_ros.geometry.camera import check_relative_depth
from depth_pc_ros.types import Goal, LawOutput, Matches, Observation, ServoState, StepResult


class Servo:
    """Control law, velocity law, stopping rule and command loop around one goal.

        servo.set_goal(goal)
        for matches, stamp_s in images:
            result = servo.update(matches, stamp_s, age_s=0.1)
            robot.move(servo.answer())  # once per image; at a fixed rate: servo.command(dt_s, acts_s)
            if result.converged:
                break

    `update` gives the states NO_GOAL, SERVOING, CONVERGED, STALE_INPUT (stamp not newer), LOST (too few matches, or no
    pose; `depth_pc_geo` also where its network answers NaN), AMBIGUOUS (as CONVERGED, but the picture contradicts it,
    see `Matches.doubt`, or many matches do, see `outvoted`), FAULT (the law gave NaN; until `reset` or `resume`);
    FROZEN, NOT_FOLLOWING and CONTRADICTED (until `reset`, see `MotionMonitor`). Any state but SERVOING stops at once.
    After every rest it is slow until the image shows that the camera follows.

    What a converged servo does is `after_goal`: hold (moves again when the view drifts), track (the same; and a target
    that moves is followed with its velocity fed forward, without a stop), done (stays at rest until `reset`).
    """

    UNSEEN_LINEAR, UNSEEN_ANGULAR = 0.05, 0.09  # m/s and rad/s until the camera is seen to follow
    DOUBTED_S = 1.0  # how long a picture that was in doubt says nothing against the arm

    def __init__(self, config: ControlConfig, law: ControlLaw | None = None):
        """law: in place of the one that `config` names. Raises CheckpointError, ConfigError (see `make_law`)."""
        self.config = config
        self._law = make_law(config) if law is None else law
        self._loop = CommandLoop(VelocityLaw.from_config(config))
        self._scale = MotionScale(self._loop.record)
        self._monitor = MotionMonitor(self._loop.record)
        self._depth = MeasuredDepth(self._loop.record, config.default_distance)
        self._arrival = Arrival(config, self._loop, self._monitor)
        self._depth_track = DepthTrack(config.max_relative_depth_age_s)
        self._stamp_s = self._acts_s = -np.inf  # of the newest image, and when its answer moves the camera
        self.reset()

    # The goal

    @property
    def goal(self) -> Goal | None:
        """The goal, its distance filled in; None: none is set."""
        return self._depth.goal

    def set_goal(self, goal: Goal, keep_moving: bool = False) -> None:
        """Set a new goal, from rest. A goal without distance gets its median depth, or the default.

        keep_moving: a camera that moves towards the goal before keeps its newest target until the next `update`, and
        need not show again that it follows. Depth that cannot be metres is not used, see `depth_problem`.
        """
        self._goal_points, self._focal = goal.intrinsics.normalise(goal.keypoints), goal.intrinsics.focal
        self._depth.set_goal(goal)
        self._arrival.set_goal(self._goal_points, self._focal)
        if keep_moving and self._loop.heading:
            follows = self._monitor.follows
            self._forget()
            self._monitor.follows = follows
        else:
            self.reset()

    def set_goal_relative_depth(self, depth: np.ndarray) -> None:
        """Estimated depth (H, W) of the goal image, larger = farther; may come at any time after `set_goal`.

        Raises GoalError, ImageError.
        """
        if self.goal is None:
            raise GoalError("goal relative depth: no goal has been set")
        self._depth.set_goal_relative_depth(depth)

    def add_relative_depth(self, depth: np.ndarray, stamp_s: float) -> None:
        """Estimated depth (H, W) of the live image of this time; it may come before its matches, or long after."""
        if self.goal is not None:
            self._depth_track.add(check_relative_depth(depth, self.goal.intrinsics.size), stamp_s)

    def clear_goal(self) -> None:
        """Forget the goal, and stop."""
        self._depth.set_goal(None)
        self.reset()

    # Memory

    def reset(self) -> None:
        """Stop, and forget everything but the goal: filters, convergence, faults, and the scale from motion."""
        self.stop()
        self._loop.record.clear()
        self._monitor.reset()
        self._forget()

    def _forget(self) -> None:
        """Forget what was learned on the way to the goal before, and its verdict."""
        self._scale.reset()
        self._depth.reset()
        self._verdict: StepResult | None = None  # of the monitor; final
        self.resume()

    def interrupted(self, acts_s: float) -> None:
        """Something else stopped the camera for a moment: start again from rest; the images are followed as before.

        acts_s: as in `stop`.
        """
        self.stop(acts_s)
        self._begin()

    def _begin(self) -> None:
        """Hold no motion so far against the commands; an error that does not fall meanwhile is not convergence."""
        self._scale.begin_line()
        self._monitor.begin()
        self._depth.begin()
        self._arrival.begin()

    def resume(self) -> None:
        """Restart after a gap in which the camera stood still; scale and verdict from motion are kept."""
        self._begin()
        self._law.reset()
        self._depth_track.reset()
        self._last_stamp_s = -np.inf
        self._arrival.reset()
        self._doubt = ""  # of the last picture that was judged since the stop
        self._doubted = "", -np.inf  # the last doubt, and the time of its image
        self._solved_anew = False  # at an arrival, because many matches contradicted the pose
        self._fault = ""

    # Commands

    @property
    def velocity_law(self) -> VelocityLaw:
        """Gains and limits in use; may be replaced at any time."""
        return self._loop.velocity_law

    @velocity_law.setter
    def velocity_law(self, law: VelocityLaw) -> None:
        self._loop.velocity_law = law

    @property
    def record(self) -> CommandRecord:
        """What was commanded, and when it moved the camera."""
        return self._loop.record

    @property
    def twist(self) -> np.ndarray:
        """The newest command (6,), zero at rest."""
        return self._loop.twist

    @property
    def scale(self) -> float:
        """The true distance over the distance prior, from motion; 1 where it is not found."""
        return self._scale.factor

    @property
    def depth_problem(self) -> str:
        """Why measured depth, of the goal and live, is not used; empty: nothing is wrong with it."""
        return self._depth.problem

    def set_obeyed(self, obeyed: bool) -> None:
        """Say whether the camera moves as commanded; False where something limits its motion."""
        self._loop.obeyed = obeyed

    def command(self, dt_s: float, acts_s: float) -> np.ndarray | None:
        """The limited twist (6,) to send now, at a fixed rate; it counts as motion from now on.

        dt_s: time since the last call. acts_s: when this twist begins to move the camera, s of the images' clock. None
        where nothing is to be sent: after a stop come five zeros, then silence.
        """
        return self._loop.command(dt_s, acts_s)

    def answer(self) -> np.ndarray:
        """The limited twist (6,) that answers the newest image, zero where it stops; it counts as motion.

        It begins to move the camera at the image's time plus the `age_s` that `update` got.
        """
        return self._loop.answer(self._stamp_s, self._acts_s)

    def replace_command(self, twist: np.ndarray) -> None:
        """Something else moves the camera by this twist (6,) in place of the newest command: for recordings."""
        self._loop.replace(twist)

    def stop(self, acts_s: float | None = None) -> None:
        """Stop at once: zeros if there was motion, then silence, until the next `update` that gives SERVOING.

        acts_s: when that stops the camera, s of the images' clock, so that all motion until then is recorded.
        """
        self._loop.stop(acts_s)

    def abort(self) -> None:
        """Let the next command stop, as after an `update` that is LOST: the motion until then is recorded."""
        self._loop.aim(None)

    # Every frame

    def update(
        self, matches: Matches, stamp_s: float, depth: np.ndarray | None = None, age_s: float = 0.0
    ) -> StepResult:
        """One frame. matches: against this goal. stamp_s: the image's time, s, strictly growing.

        depth: (H, W) metres of the current image, or None. age_s: from the image to the motion that answers it, s; a
        long time, or a long interval between images, lowers the gain (see `VelocityLaw.target`). The result's twist is
        the speed limited target of the next commands. Raises GoalError, ImageError; it stops then, too.
        """
        self._stamp_s, self._acts_s = stamp_s, stamp_s + age_s
        self._loop.count_until(self._acts_s)
        target = None
        try:
            result = self._look(matches, stamp_s, depth, age_s)
            target = result.twist if result.state is ServoState.SERVOING else None
        finally:
            self._loop.aim(target)
        return result

    def _look(self, matches: Matches, stamp_s: float, depth: np.ndarray | None, age_s: float) -> StepResult:
        goal = self.goal
        if goal is None:
            return StepResult.stopped(ServoState.NO_GOAL, "no goal image has been set")
        if self._fault:
            return StepResult.stopped(ServoState.FAULT, self._fault)
        if self._verdict is not None:
            return self._verdict
        if len(matches.matched) != goal.num_keypoints:
            raise GoalError(f"matches: expected the goal's {goal.num_keypoints} keypoints, got {len(matches.matched)}")
        if not (np.isfinite(stamp_s) and stamp_s > self._last_stamp_s):
            message = f"image stamp {stamp_s} s is not newer than {self._last_stamp_s} s"
            return StepResult.stopped(ServoState.STALE_INPUT, message, matches.num_matched)
        self._depth_track.remember(matches.current_points, stamp_s)
        frame_s = interval_s(self._last_stamp_s, stamp_s) if np.isfinite(self._last_stamp_s) else 0.0
        self._last_stamp_s = stamp_s
        if self.config.check_motion:
            current = goal.intrinsics.normalise(matches.current_points)
            verdict = self._monitor.see(current, stamp_s, self._depth.distance_m, self._focal, self._arrival.near)
            if matches.doubt and matches.num_matched >= self.config.min_matches:  # not of a search, which has none
                self._doubted = matches.doubt, stamp_s
            doubt, doubted_s = self._doubted
            if verdict is not None and verdict.state is not ServoState.FROZEN and stamp_s - doubted_s < self.DOUBTED_S:
                # The matches may be wrong, so it is not said that the arm is.
                return self._final(ServoState.AMBIGUOUS, f"{doubt}; {verdict.message}", matches)
            if verdict is not None:
                return self._final(verdict.state, verdict.message, matches)
        if matches.num_matched < self.config.min_matches:
            few = f"{matches.num_matched} matches, at least {self.config.min_matches} are needed"
            return self._lost(f"{few}; {matches.doubt}" if matches.doubt else few, matches)
        observation, depth_source, depth_age_s = self._observe(goal, matches, stamp_s, depth)
        try:
            law = self._law(observation)
        except (PoseError, cv2.error, np.linalg.LinAlgError) as reason:  # one degenerate frame is no fault
            return self._lost(str(reason), matches)
        if not np.isfinite(law.twist).all():
            self._fault = "the control law answered a twist that is not finite"
            return StepResult.stopped(ServoState.FAULT, self._fault, matches.num_matched)
        if self._depth.see(observation, law, stamp_s):
            self._start_without_depth()
            return self._lost(self.depth_problem, matches)  # the next image is seen without it
        delay_s = max(age_s, 0.0) + 0.5 * frame_s
        remaining = self._in_metres(law, stamp_s)
        followed = self._arrival.see_target(remaining, stamp_s, frame_s)
        target = self._while_unseen(self.velocity_law.target(remaining, delay_s, followed))
        gain, distance_m = self.velocity_law.gain_behind(delay_s), self._distance_of(law, observation)
        stuck = self._arrival.judge(observation, law.inliers, distance_m, gain, stamp_s, frame_s)
        if stuck and matches.doubt:
            return self._final(ServoState.AMBIGUOUS, matches.doubt, matches)
        if stuck:
            return self._final(*stuck, matches)
        state, against = ServoState.SERVOING, self._contradiction(observation, law)
        if self._arrival.converged:
            self._monitor.rest()
            if np.isfinite(matches.agreement) or matches.doubt:
                self._doubt = matches.doubt
            state = ServoState.AMBIGUOUS if self._doubt or against else ServoState.CONVERGED
        else:
            self._doubt = ""
        return StepResult(
            twist=np.zeros(6) if self._arrival.converged else target,
            state=state,
            message=self._doubt or (against if self._arrival.converged else ""),
            num_matches=matches.num_matched,
            error=self._arrival.error,
            agreement=matches.agreement,
            error_px=self._arrival.error * self._focal,
            depth_source=depth_source,
            depth_age_s=depth_age_s,
            depth_problem=self.depth_problem,
            T_cam_goal=law.T_cam_goal,
        )

    def _contradiction(self, observation: Observation, law: LawOutput) -> str:
        """Why the matches contradict that the goal is reached; empty: they do not, or it is not.

        Before it is told, the pose is solved once from nothing, from all matches.
        """
        against = outvoted(observation, law.inliers) if self._arrival.converged else ""
        if against and not self._solved_anew:
            self._solved_anew = True
            self._law.reset()
            self._arrival.reopen()
            return ""
        return against

    def _observe(
        self, goal: Goal, matches: Matches, stamp_s: float, depth: np.ndarray | None
    ) -> tuple[Observation, str, float]:
        """What the law sees, where the depth in it comes from, and the age of an estimate in s (NaN: none)."""
        intrinsics, problem = goal.intrinsics, self.depth_problem
        current_depth = self._depth.live(depth, matches, intrinsics)
        if self.depth_problem != problem:
            self._start_without_depth()
        goal = self.goal or goal  # without depth, if that has just been dropped
        source = "goal" if goal.relative_depth is not None or goal.has_metric_depth else "none"
        if depth is not None and not self.depth_problem:
            source = "camera"
        relative, age_s = self._depth_track.at(stamp_s)
        if relative is not None and source != "camera":
            source = "estimated"
        observation = Observation(
            goal=self._goal_points,
            current=intrinsics.normalise(matches.current_points),
            matched=matches.matched,
            goal_depth_m=goal.metric_depth_m,
            current_depth_m=current_depth,
            distance_m=self._depth.distance_m,
            focal_px=self._focal,
            goal_relative_depth=None if goal.has_metric_depth else goal.relative_depth,
            current_relative_depth=None if source == "camera" else relative,
        )
        return observation, source, age_s

    def _start_without_depth(self) -> None:
        """Measured depth has just been dropped."""
        self._law.reset()
        self._scale.reset()

    def _in_metres(self, law: LawOutput, stamp_s: float) -> np.ndarray:
        """The law's twist (6,), its lengths corrected by the scale from motion."""
        if not self.config.find_scale or law.T_cam_goal is None or law.metric:
            self._scale.begin_line()
            return law.twist
        if self._arrival.tracking:  # the target's motion would be taken for an error of the scale
            self._scale.begin_line()
        else:
            self._scale.see(law.T_cam_goal, stamp_s)
        return np.concatenate([self._scale.factor * law.twist[:3], law.twist[3:]])

    def _while_unseen(self, target: np.ndarray) -> np.ndarray:
        """The target twist (6,), slowed down until the camera is seen to follow; never where no limits are set."""
        if self._monitor.follows or not self.config.check_motion or np.isinf(self.velocity_law.max_linear):
            return target
        return limit_norms(target, self.UNSEEN_LINEAR, self.UNSEEN_ANGULAR)

    def _final(self, state: ServoState, message: str, matches: Matches) -> StepResult:
        """Stop until `reset`."""
        self._verdict = StepResult.stopped(state, message, matches.num_matched)
        return self._verdict

    def _lost(self, message: str, matches: Matches) -> StepResult:
        self._arrival.lose()
        self._monitor.rest()
        self._depth.begin()
        self._scale.begin_line()
        return StepResult.stopped(ServoState.LOST, message, matches.num_matched)

    def _distance_of(self, law: LawOutput, observation: Observation) -> float:
        """Distance of the scene in m, as far as it is known: as measured, else the distance prior, scaled by motion."""
        if not law.metric:
            return self._depth.distance_m * self._scale.factor
        known = np.concatenate([observation.goal_depth_m, observation.current_depth_m])
        return float(np.nanmedian(known)) if np.isfinite(known).any() else self._depth.distance_m
