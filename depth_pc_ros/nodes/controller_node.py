"""`controller`: matches and depth in, camera twists at a fixed rate out."""

import dataclasses
import sys

import numpy as np
from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import TwistStamped
from sensor_msgs.msg import Image
from std_srvs.srv import SetBool

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal, ServoStatus
from depth_pc_ros.control.command_record import LONGEST_S
from depth_pc_ros.control.limits import VelocityLaw
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.control.watchdog import ClockWatch, InputWatchdog, StampWatch
from depth_pc_ros.errors import DepthPcError, ImageError
from depth_pc_ros.nodes.adapter_link import AdapterLink
from depth_pc_ros.nodes.adapter_status import AdapterStatus
from depth_pc_ros.nodes.base import IMAGE_QOS, LATCHED_QOS, TWIST_QOS, ServoNode, run
from depth_pc_ros.nodes.bounds import MOST_TEXT, check_header
from depth_pc_ros.nodes.conversions import stamp_to_seconds, twist_to_msg
from depth_pc_ros.nodes.lockstep_queue import LockstepQueue
from depth_pc_ros.nodes.node_configs import ControllerNodeConfig
from depth_pc_ros.nodes.rivals import Rivals
from depth_pc_ros.nodes.servo_action import ServoAction
from depth_pc_ros.nodes.servo_input import ServoInput
from depth_pc_ros.nodes.status_report import StatusReport
from depth_pc_ros.types import LATCHED_STATES, MOVING_STATES, ServoState, StepResult

_WAITING = StepResult.stopped(ServoState.STALE_INPUT, "waiting for the next matched image")
_HELD_S = 1.0  # of commands that move nothing, for a reason that the adapter names


class ControllerNode(ServoNode):
    """Servos while enabled; disabled at start.

    In: `matches`, `goal`, `metric_depth`, `relative_depth`, `goal_relative_depth`, `keypoints_status`,
    `adapter_status`. Out: `~/twist_cmd` (twist of the camera, in its optical frame, about its origin), `~/status`.
    Service: `~/enable`. Action: `~/servo`.

    The newest matches set a target twist; a timer on a steady clock publishes twists towards it, within the limits
    of acceleration and jerk. After any stop come a burst of zeros, then silence.
    """

    live_parameters = frozenset(
        {"gain", "swift_gain", "max_linear", "max_angular", "max_linear_acceleration", "max_angular_acceleration"}
    )

    def __init__(self, **node_options):
        super().__init__("controller", ControllerNodeConfig, **node_options)

    def build(self):
        config = self.config
        self._watchdog = InputWatchdog(
            "matched image",
            config.input_timeout_s,
            config.max_image_age_s,
            most_s=0.0 if config.lockstep else config.slow_limit_s,  # in lockstep the camera waits
        )
        self._adapter_link = AdapterLink(config.adapter_timeout_s, config.rate_hz)
        self._clock_watch, self._stamp_watch = ClockWatch(), StampWatch()
        self._servo = Servo(config)
        if "torch" in sys.modules:  # a learned law: its network is small, and the other cores have images to match
            sys.modules["torch"].set_num_threads(1)
        self._inputs = ServoInput(self._servo, config.max_depth_age_s)
        self._lockstep_queue = LockstepQueue(self._inputs, self.get_logger().warning)
        self._enabled = False
        self._latched: tuple[ServoState, str] | None = None
        self._camera_problem = ""  # why the keypoint node matches no images
        self._held_since_s: float | None = None  # since when the adapter says that nothing moves the arm
        self._passing = False  # between two goals of a route, of which the first was only a waypoint
        self._result = _WAITING
        self._matches = KeypointMatches()  # the matches of `_result`
        self._latency_ms = float("nan")
        self._depth_problem = ""  # the one that was logged last
        self._last_tick_s = self.steady_s()
        # In lockstep the world waits meanwhile.
        self._lag_s = 0.0 if config.lockstep else config.actuation_delay_s

        self._twist_pub = self.create_lifecycle_publisher(TwistStamped, "~/twist_cmd", TWIST_QOS)
        self._report = StatusReport(self, self.create_publisher(ServoStatus, "~/status", LATCHED_QOS))
        self.create_subscription(ServoGoal, "goal", self._on_goal, LATCHED_QOS)
        self.create_subscription(Image, "metric_depth", self._on_depth, IMAGE_QOS)
        self.create_subscription(Image, "relative_depth", self._on_relative_depth, IMAGE_QOS)
        self.create_subscription(Image, "goal_relative_depth", self._on_goal_relative_depth, LATCHED_QOS)
        self.create_subscription(KeypointMatches, "matches", self._on_matches, TWIST_QOS)
        self.create_subscription(DiagnosticStatus, "adapter_status", self._on_adapter_status, LATCHED_QOS)
        self.create_subscription(DiagnosticStatus, "keypoints_status", self._on_keypoints_status, LATCHED_QOS)
        self.create_service(SetBool, "~/enable", self._on_enable)
        self.create_timer(1.0 / config.rate_hz, self._on_tick, clock=self.steady_clock)
        self.action = ServoAction(self)
        self._rivals = Rivals(self, ["matches", "goal", "adapter_status"], [], self._on_rival)

    def begin(self):
        self._clock_watch, self._stamp_watch = ClockWatch(), StampWatch()
        self._publish_status()

    def halt(self):
        self.action.halt()
        self.disable()
        while (zero := self._servo.command(0.0, self._acts_s())) is not None:
            self._publish_twist(zero)
            self._servo.stop()  # whatever came meanwhile

    def dismantle(self):
        self.action.destroy()

    def reconfigured(self):
        if self._built:
            self._servo.velocity_law = self._adapter_link.within_limits(VelocityLaw.from_config(self.config))

    # Switching on and off

    def enable(self) -> None:
        """Start at zero speed, without memory of earlier frames or faults."""
        if self._enabled:
            return
        self._enabled = True
        self._latched = self._held_since_s = None
        if self._adapter.state == "FAULT":
            self._latched = ServoState.FAULT, f"twist adapter: {self._adapter.message}"
        elif rival := self._rivals.look():
            self._latched = ServoState.FAULT, rival
        self._lockstep_queue.clear()
        self._stamp_watch = StampWatch()
        self._servo.reset()
        self._result = _WAITING
        self._publish_status()

    def disable(self) -> None:
        """Stop now: zero burst, then silence."""
        self._enabled = False
        self._lockstep_queue.clear()
        self._servo.stop(self._acts_s())
        self._publish_status()

    def _on_enable(self, request: SetBool.Request, response: SetBool.Response):
        if not self.active:
            response.message = "the controller node is not active"
            return response
        if request.data:
            self.enable()
        else:
            self.disable()
        state, message = self.state()
        response.success = True
        response.message = f"{'enabled' if request.data else 'disabled'}; {state.name}: {message}"
        return response

    @property
    def _adapter(self) -> AdapterStatus:
        """What the twist adapter reported last."""
        return self._adapter_link.status

    @property
    def goal_id(self) -> int:
        """Identity of the goal; 0: none."""
        return self._inputs.goal_id

    @property
    def goal_problem(self) -> str:
        """Why the newest goal was refused; "": it was not."""
        return self._inputs.goal_problem

    @property
    def error(self) -> float:
        """Mean error of the newest matches on the normalised plane; NaN: unknown."""
        return self._result.error

    @property
    def input_limit_s(self) -> float:
        """Longest silence of the matched images that is allowed now, s: `input_timeout_s`, or what they need."""
        return self._watchdog.limit_s(self.config.input_timeout_s)

    def set_distance(self, distance: float) -> None:
        """Change the distance (m) of the goal that is set."""
        self._inputs.set_distance(distance)

    def state(self) -> tuple[ServoState, str]:
        """State of the servo, and what is missing or wrong."""
        if not self.active:
            return ServoState.INACTIVE, "the controller node is not active"
        if self.goal_id == 0 or self._result.state is ServoState.NO_GOAL:
            message = self._result.message if self.goal_id else "no goal image has been set"
            return ServoState.NO_GOAL, self._with_camera_problem(message)
        if not self._enabled:
            ready = f"call {self.get_fully_qualified_name()}/enable with true"
            return ServoState.DISABLED, self._rivals.problem or self._camera_problem or ready
        if self._latched:
            state, message = self._latched
            return state, f"{message}; disable and enable again"
        problem = self._watchdog.problem(self.steady_s())
        if problem:
            return ServoState.STALE_INPUT, self._with_camera_problem(problem)
        if self._result.state not in (ServoState.SERVOING, ServoState.CONVERGED):
            return self._result.state, self._result.message
        if silence := self._adapter_link.silence():
            return ServoState.ADAPTER_LOST, f"{silence}; is it running, active, and wired to adapter_status?"
        if self._adapter.state == "TF_ERROR":
            return ServoState.TF_ERROR, self._adapter.message
        if self._result.state is ServoState.CONVERGED:
            return ServoState.CONVERGED, ""
        if self._adapter.state in ("LIMITED", "HELD"):
            return ServoState.LIMITED, self._adapter.message
        doubts = (self._adapter.message, self._inputs.goal_problem, self._watchdog.slowness, self._servo.depth_problem)
        return ServoState.SERVOING, next(filter(None, doubts), "")

    def _with_camera_problem(self, message: str) -> str:
        return f"{message}: {self._camera_problem}" if self._camera_problem else message

    # Inputs

    def _on_keypoints_status(self, msg: DiagnosticStatus):
        self._camera_problem = msg.message[:MOST_TEXT] if msg.level != DiagnosticStatus.OK else ""

    def _on_goal(self, msg: ServoGoal):
        moving = self._enabled and self.state()[0] in MOVING_STATES
        self._inputs.set_goal(msg)
        if self._inputs.goal_problem:
            self.get_logger().warning(self._inputs.goal_problem, throttle_duration_sec=2.0)
        if self.goal_id == msg.goal_id:  # the old goal stays where the new one is refused
            self._lockstep_queue.clear()
            self._stamp_watch = StampWatch()
            self._passing = moving and msg.keep_moving and bool(msg.goal_id)
            # The twist goes on until matches of the new goal come; the error is not that of the old one.
            unknown = {"error": float("nan"), "error_px": float("nan")}
            self._result = dataclasses.replace(self._result, **unknown) if self._passing else _WAITING
        self._publish_status()

    def _on_depth(self, msg: Image):
        self._take(self._inputs.add_depth, msg)

    def _on_relative_depth(self, msg: Image):
        self._take(self._inputs.add_relative_depth, msg)

    def _on_goal_relative_depth(self, msg: Image):
        self._take(self._inputs.set_goal_relative_depth, msg)

    def _take(self, take, msg: Image) -> None:
        try:
            take(msg)
        except DepthPcError as error:
            self.get_logger().warning(f"depth not used: {error}", throttle_duration_sec=2.0)
        self._step_queued()

    def _on_adapter_status(self, msg: DiagnosticStatus):
        stood_still = self._adapter_link.stands_still
        before = self._adapter_link.receive(msg)
        if stood_still and not self._adapter_link.stands_still and self._result.state is ServoState.SERVOING:
            self._result = _WAITING  # the target is old
        if (self._adapter.max_linear, self._adapter.max_angular) != (before.max_linear, before.max_angular):
            self.reconfigured()
        if self._adapter.stops != before.stops:
            self._servo.interrupted(self._acts_s())
        # OK with a message: the adapter refuses twists, or has had none for a while. Its time varies, so in lockstep,
        # where every twist is waited for, a run would not repeat exactly.
        refused = bool(msg.message) and not self.config.lockstep
        self._servo.set_obeyed(self._adapter.state == "OK" and not refused)
        if self._adapter.state == "FAULT" and self._enabled:
            self._latched = ServoState.FAULT, f"twist adapter: {msg.message}"

    def _on_rival(self, problem: str) -> None:
        if self._enabled:
            self._latched = ServoState.FAULT, problem

    def _on_matches(self, msg: KeypointMatches):
        if not self.active:
            return
        try:
            check_header(msg.header, "matches")
        except ImageError as error:
            self.get_logger().warning(f"not used: {error}", throttle_duration_sec=2.0)
            return
        if self._passing and msg.goal_id != self.goal_id:  # of the waypoint before: no sign of life of the new goal
            self._answer(msg.header.stamp)
            return
        self._passing = False
        self._check_time()
        if self._watchdog.problem(self.steady_s()) or self._adapter_link.stands_still:
            self._servo.resume()  # the camera stood still: an error that did not fall meanwhile is not convergence
        stamp_s = stamp_to_seconds(msg.header.stamp)
        was_slow = bool(self._watchdog.slowness)
        problem = self._watchdog.receive(stamp_s, self.now_s(), self.steady_s())
        if self._watchdog.slowness and not was_slow:
            self.get_logger().warning(self._watchdog.slowness, throttle_duration_sec=60.0)
        if not problem and (jump := self._stamp_watch.set_back(stamp_s)):
            self._restart(jump)
        if problem:
            self._answer(msg.header.stamp)
        elif self.config.lockstep:
            self._lockstep_queue.add(msg, self.steady_s())
            self._step_queued()
        else:
            self._step(msg)

    def _check_time(self) -> None:
        """Start again from rest where this node was held up, or its clock was set."""
        jump = self._clock_watch.jump(self.now_s(), self.steady_s())
        held_up_s = self._clock_watch.gap_s
        self._adapter_link.look(held_up_s)
        if held_up_s > LONGEST_S and self._servo.twist.any() and not self.config.lockstep:  # the adapter has stopped it
            self._servo.interrupted(self._acts_s())
            self.get_logger().warning(f"held up for {held_up_s:.2f} s: again from rest", throttle_duration_sec=1.0)
        if jump:
            self._restart(jump)

    def _restart(self, jump: str) -> None:
        """Start again from rest in a new time: nothing of the old one fits it. The goal stays."""
        self._stamp_watch = StampWatch()
        self._lockstep_queue.clear()
        self._inputs.stop_awaiting()
        self._servo.reset()
        self._result = StepResult.stopped(ServoState.STALE_INPUT, f"{jump}: waiting for the next matched image")
        self.get_logger().warning(f"{jump}: the servo starts again from rest")
        self._report.logged(self.state()[0])
        self._publish_status()

    def _step_queued(self) -> None:
        while (msg := self._lockstep_queue.take(self.steady_s())) is not None:
            self._step(msg)

    def _step(self, msg: KeypointMatches) -> None:
        stamp_s = stamp_to_seconds(msg.header.stamp)
        age_s = 0.0 if self.config.lockstep else self.now_s() - stamp_s + self._lag_s
        self._result = self._inputs.step(msg, age_s)
        self._matches = msg
        self._latency_ms = 1e3 * (self.now_s() - stamp_s)
        if self._servo.depth_problem != self._depth_problem:
            self._depth_problem = self._servo.depth_problem
            if self._depth_problem:
                self.get_logger().warning(self._depth_problem)
        if self._result.state in LATCHED_STATES and self._enabled:
            message, reason = self._result.message, self._adapter.message
            if self._result.state is ServoState.NOT_FOLLOWING and reason:
                message = f"{reason}; {message}"
            self._latched = self._result.state, message
        self._answer(msg.header.stamp)

    # Output

    def _answer(self, stamp: Time) -> None:
        """Status after every matches; in lockstep also one twist, zero unless servoing: the simulator waits for it.

        The answer has the stamp of its image, so that a delayed one is not taken for that of the next image.
        """
        if self.config.lockstep and self._enabled:
            self._stop_unless_moving()
            self._publish_twist(self._servo.answer(), stamp)
        self._publish_status()

    def _stop_unless_moving(self) -> ServoState:
        """Stop the servo where the node's state does not allow motion; returns that state."""
        state = self.state()[0]
        if state not in MOVING_STATES:
            self._servo.stop(self._acts_s())
        return state

    def _watch_held(self, steady_s: float) -> None:
        """Stop for good where commands move nothing for _HELD_S, and the adapter says why."""
        if self._adapter.state != "HELD" or self.state()[0] is not ServoState.LIMITED:
            self._held_since_s = None
        elif self._held_since_s is None:
            self._held_since_s = steady_s
        elif steady_s - self._held_since_s >= _HELD_S:
            self._latched = ServoState.NOT_FOLLOWING, self._adapter.message

    def _acts_s(self) -> float:
        """When a twist that is sent now moves the camera, s of the node's clock."""
        return self.now_s() + self._lag_s

    def _on_tick(self):
        steady_s = self.steady_s()
        dt_s = min(steady_s - self._last_tick_s, 2.0 / self.config.rate_hz)
        self._last_tick_s = steady_s
        if not self.active:
            return
        self._check_time()
        self._step_queued()
        self._watch_held(steady_s)
        state = self._stop_unless_moving()
        if not (self.config.lockstep and state in MOVING_STATES):
            twist = self._servo.command(dt_s, self._acts_s())
            if twist is None and state is ServoState.TF_ERROR:
                twist = np.zeros(6)  # the adapter looks its transform up again with every twist
            if twist is not None:
                self._publish_twist(twist)
        if self._report.is_due(state):
            self._publish_status()
        self.action.tick()
        if self.config.after_goal == "done" and self.state()[0] is ServoState.CONVERGED:
            self.get_logger().info("the goal is reached: disabled, as after_goal says")
            self.disable()

    def _publish_twist(self, twist: np.ndarray, stamp: Time | None = None) -> None:
        msg = TwistStamped(twist=twist_to_msg(twist))
        msg.header.stamp = stamp or self.get_clock().now().to_msg()
        msg.header.frame_id = self._matches.header.frame_id
        self._twist_pub.publish(msg)

    def _publish_status(self) -> None:
        state, message = self.state()
        status = self._report.publish(
            state,
            message,
            self._result,
            self._matches.header,
            command=self._servo.twist,
            depth_age_s=self._inputs.depth_age_s,
            latency_ms=self._latency_ms,
        )
        self.action.publish_feedback(status)

    def diagnose(self):
        state, message = self.state()
        level = DiagnosticStatus.WARN if state > ServoState.CONVERGED else DiagnosticStatus.OK
        if state in (*LATCHED_STATES, ServoState.TF_ERROR, ServoState.ADAPTER_LOST):
            level = DiagnosticStatus.ERROR
        values = {
            "state": state.name,
            "goal_id": self.goal_id,
            "matches": self._result.num_matches,
            "error_px": f"{self._result.error_px:.3f}",
            "agreement": f"{self._result.agreement:.2f}",
            "latency_ms": f"{self._latency_ms:.1f}",
            "depth_source": self._result.depth_source,
            "distance_scale": f"{self._servo.scale:.2f}",
            "depth_problem": self._inputs.problem or self._servo.depth_problem,
        }
        return level, message or state.name.lower(), values


def main() -> int:
    return run(ControllerNode)


if __name__ == "__main__":
    raise SystemExit(main())
