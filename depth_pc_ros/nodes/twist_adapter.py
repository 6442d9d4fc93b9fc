"""The last node before the arm: checked camera twist in, limited tool twist out.

Every command is checked (finite, stamped now, not old), converted to the tool's twist with the full hand-eye adjoint,
and limited once more, in speed, acceleration and jerk. When commands stop, or one is refused, the arm gets a burst of
zero twists and then silence; then it starts from rest, whatever the commands are.
"""

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import TwistStamped
from std_msgs.msg import Bool, Float64

from depth_pc_ros.control.command_loop import ZeroBurst
from depth_pc_ros.control.limits import Ramp, VelocityLaw, limit_norms
from depth_pc_ros.control.watchdog import ClockWatch, InputWatchdog
from depth_pc_ros.geometry.se3 import adjoint
from depth_pc_ros.nodes.adapter_status import HEARTBEAT_S, AdapterStatus
from depth_pc_ros.nodes.arm_drivers import DRIVERS
from depth_pc_ros.nodes.base import IMAGE_QOS, LATCHED_QOS, TWIST_QOS, ServoNode, run
from depth_pc_ros.nodes.conversions import stamp_to_seconds, twist_from_msg
from depth_pc_ros.nodes.hand_eye import FixedHandEye, TfHandEye
from depth_pc_ros.nodes.node_configs import AdapterConfig
from depth_pc_ros.nodes.rivals import Rivals
from depth_pc_ros.nodes.tf_poses import TransformError


class TwistAdapter(ServoNode):
    """Publishes an `AdapterStatus` on `~/status`, at every change and about every HEARTBEAT_S while active.

    State FAULT (a command was not finite, or another node commands, too) lasts until no command came for
    `command_timeout_s`: its source has to stop first.
    """

    live_parameters = frozenset({"max_linear", "max_angular", "max_linear_acceleration", "max_angular_acceleration"})

    FULL_SPEED_PERCENT = 99.0

    def __init__(self, **node_options):
        super().__init__("adapter", AdapterConfig, **node_options)

    def build(self) -> None:
        config = self.config
        self._driver = DRIVERS[config.profile](self, config)
        self._driver.prepare()
        if config.hand_eye == "tf":
            self._hand_eye = TfHandEye(self, config.tool_frame)
        else:
            self._hand_eye = FixedHandEye(config.camera_in_tool_xyz, config.camera_in_tool_quat)
        self._at_limit = False
        self._speed_percent = 100.0  # of the commanded speed, as the arm reports
        self._stops = 0
        self.reconfigured()
        self._status_publisher = self.create_publisher(DiagnosticStatus, "~/status", LATCHED_QOS)
        self.create_subscription(TwistStamped, "twist_cmd", self._on_twist, TWIST_QOS)
        self.create_subscription(Bool, "at_limit", self._on_limit, LATCHED_QOS)
        self.create_subscription(Float64, "speed_scaling", self._on_speed_scaling, IMAGE_QOS)
        self.create_timer(1.0 / config.rate_hz, self._tick, clock=self.steady_clock)
        self._rivals = Rivals(self, ["twist_cmd"], [self._driver.TOPIC], self._on_rival)

    def begin(self) -> None:
        timeout_s = self.config.command_timeout_s
        self._watchdog = InputWatchdog("twist_cmd", timeout_s, max_age_s=timeout_s)
        self._clock_watch = ClockWatch()
        self._burst = ZeroBurst()
        self._ramp = Ramp()
        self._sent_s = -np.inf
        self._moving = False
        self._state, self._message = "OK", ""
        self._publish_status()

    def halt(self) -> None:
        if self._moving:
            self._stops += 1
            for _ in range(self._burst.count):
                self._send_zero()
            self._publish_status()

    def reconfigured(self) -> None:
        self._law = VelocityLaw.within_limits(self.config)  # only its limits: the target is given

    def diagnose(self):
        level = DiagnosticStatus.WARN if self._message else DiagnosticStatus.OK
        values = {"state": self._state, "moving": self._moving, "stops": self._stops, "profile": self.config.profile}
        return level, self._message or "active", values

    def _on_limit(self, msg: Bool) -> None:
        self._at_limit = msg.data

    def _on_speed_scaling(self, msg: Float64) -> None:
        if np.isfinite(msg.data):
            self._speed_percent = msg.data

    def _on_rival(self, problem: str) -> None:
        if self.active:
            self._refuse("FAULT", problem)

    def _on_twist(self, msg: TwistStamped) -> None:
        if not self.active:
            return
        self._check_time()
        stamp_s = stamp_to_seconds(msg.header.stamp)
        problem = self._watchdog.receive(stamp_s, self.now_s(), self.steady_s())
        if self._state == "FAULT":
            return
        twist = twist_from_msg(msg.twist)
        if not np.isfinite(twist).all():
            self._refuse("FAULT", f"twist_cmd is not finite: {twist.tolist()}")
            return
        if problem:
            self._refuse("OK", problem, twist)
            return
        if still := self._standstill():
            self._refuse("HELD", still, twist)
            return
        try:
            T_tool_cam = self._hand_eye.T_tool_cam(msg.header.frame_id)
        except TransformError as error:
            self._refuse("TF_ERROR", str(error), twist)
            return
        with np.errstate(over="ignore", invalid="ignore"):
            wanted = adjoint(T_tool_cam) @ twist
            finite = np.isfinite(np.linalg.norm(wanted))
        if not finite:
            self._refuse("FAULT", f"the tool's twist is not finite: {wanted.tolist()}")
            return
        self._forward(wanted, msg.header.stamp)

    def _standstill(self) -> str:
        """Why the driver, or the arm behind it, cannot move now; "": nothing is known."""
        if self._speed_percent <= 0:
            return "the arm's speed scaling is 0 %: its program is paused or stopped"
        return self._driver.problem()

    def _slowed(self) -> str:
        """Why the arm is slower than its commands, direction and acceleration apart; "": nothing is known."""
        if self._at_limit:
            return "the arm is at a joint limit"
        if self._speed_percent < self.FULL_SPEED_PERCENT:
            return f"the arm's speed scaling is {self._speed_percent:.0f} % (speed slider, or its own limits)"
        return self._driver.slowed()

    def _forward(self, wanted: np.ndarray, stamp) -> None:
        """wanted: (6,) twist of the tool. The stamp is that of the command, so that its age is kept."""
        target = limit_norms(wanted, *self._limits())
        twist = self._approach(target, stamp_to_seconds(stamp))
        self._burst.cancel()
        self._moving = self._moving or bool(twist.any())  # reported before the driver hears of it; a stop, after that
        if halted := self._driver.halted():
            self._report("HELD", halted)
        elif slowed := self._slowed():
            self._report("LIMITED", slowed)
        elif not np.array_equal(target, wanted):
            self._report("LIMITED", "the tool's speed is at max_linear or max_angular, or at the driver's limit")
        elif self._is_behind(target - twist):
            self._report("LIMITED", "the tool's acceleration is at its limit, or it starts from rest")
        else:
            self._report("OK", "")
        self._driver.send(twist, stamp)
        self._moving = bool(twist.any())

    def _limits(self) -> tuple[float, float]:
        """Speeds of the tool, m/s and rad/s, that are not exceeded: the adapter's own limits, or the driver's."""
        linear, angular = self._driver.limits()
        return min(self.config.max_linear, linear), min(self.config.max_angular, angular)

    def _approach(self, target: np.ndarray, stamp_s: float) -> np.ndarray:
        """The next twist (6,) towards the target, within the limits; a stop is immediate."""
        steady_s = self.steady_s()
        since_s = steady_s - self._sent_s
        dt_s = min(since_s, 1.0 / self.config.command_rate_hz)
        self._sent_s = steady_s
        if since_s > self.config.command_timeout_s and not self.config.lockstep:
            self._ramp.rest()  # whatever held this up, the arm has been stopped meanwhile
        if not target.any():
            self._ramp.rest()
            return np.zeros(6)
        if self.config.lockstep:
            return self._ramp.follow(self._law, target, stamp_s)
        return self._ramp.step(self._law, target, dt_s)

    def _is_behind(self, missing: np.ndarray) -> bool:
        """Whether the limits hold the twist back by more than commands that come unevenly do."""
        period_s = 1.0 / self.config.command_rate_hz
        linear, angular = np.linalg.norm(missing.reshape(2, 3), axis=1) / period_s
        return bool(linear > self.config.max_linear_acceleration or angular > self.config.max_angular_acceleration)

    def _refuse(self, state: str, problem: str, twist: np.ndarray | None = None) -> None:
        """Do not act on a command, and stop the arm if it moves. twist: (6,) of the command, where it has one."""
        if self._moving or (twist is not None and twist.any()):
            self._stops += 1  # the controller starts from rest, too
        if self._moving:
            self._burst.start()
            self._burst.tick()
            self._send_zero()
        self._report(state, problem)

    def _tick(self) -> None:
        if not self.active:
            return
        if self._burst.tick():
            self._send_zero()
        self._check_time()
        silence = self._watchdog.silence(self.steady_s())
        if silence and self._state == "FAULT" and not self._rivals.problem:
            self._report("OK", "")
        if self.steady_s() - self._status_s >= HEARTBEAT_S:
            self._publish_status()

    def _check_time(self) -> None:
        """Stop the arm where commands stopped, this node was held up, or the clock was set."""
        now_s, steady_s = self.now_s(), self.steady_s()
        jump = self._clock_watch.jump(now_s, steady_s)
        if jump:
            self._hand_eye.clear()
        problem = jump or self._watchdog.silence(steady_s) or self._held_up(steady_s)
        if problem and self._moving:
            self._refuse("OK", problem)

    def _held_up(self, steady_s: float) -> str:
        """Whether this node gave no sign of life for so long that the dead man may have stopped the arm; "": it did.

        The dead man waits 0.1 s longer than the commands' timeout, and a status may be a heartbeat old before.
        """
        silent_s = steady_s - self._status_s
        longest_s = self.config.command_timeout_s - 2 * HEARTBEAT_S
        if self.config.lockstep or silent_s <= max(longest_s, 2 * HEARTBEAT_S):
            return ""
        return f"the twist adapter was held up for {silent_s:.2f} s"

    def _send_zero(self) -> None:
        self._moving = False
        self._ramp.rest()
        self._sent_s = self.steady_s()
        self._driver.send(np.zeros(6), self.get_clock().now().to_msg())

    def _report(self, state: str, message: str) -> None:
        """Publish the status when it changes; problems are logged too, at most once a second."""
        if message and (state, message) != (self._state, self._message):
            self.get_logger().warning(message, throttle_duration_sec=1.0)
        self._state, self._message = state, message
        if self._status() != self._reported:
            self._publish_status()

    def _status(self) -> AdapterStatus:
        return AdapterStatus(self._state, self._message, self._stops, self._moving, *self._limits())

    def _publish_status(self) -> None:
        self._reported, self._status_s = self._status(), self.steady_s()
        self._status_publisher.publish(self._reported.to_msg(self.get_fully_qualified_name()))


def main() -> int:
    """Entry point of the executable `twist_adapter`."""
    return run(TwistAdapter)


if __name__ == "__main__":
    raise SystemExit(main())
