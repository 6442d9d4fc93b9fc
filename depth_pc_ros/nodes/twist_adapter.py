"""The last node before the arm: checked camera twist in, limited tool twist out.

Every command is checked (finite, stamped now, not old), converted to the tool's twist with the full hand-eye adjoint,
and limited once more. When commands stop, or one is refused, the arm gets a burst of zero twists and then silence.
"""

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from geometry_msgs.msg import TwistStamped
from std_msgs.msg import Bool

from depth_pc_ros.control.command_loop import ZeroBurst
from depth_pc_ros.control.limits import limit_norms
from depth_pc_ros.control.watchdog import InputWatchdog
from depth_pc_ros.geometry.se3 import adjoint
from depth_pc_ros.nodes.arm_drivers import DRIVERS
from depth_pc_ros.nodes.base import LATCHED_QOS, TWIST_QOS, ServoNode, run
from depth_pc_ros.nodes.conversions import stamp_to_seconds, twist_from_msg
from depth_pc_ros.nodes.hand_eye import FixedHandEye, TfHandEye, TransformError
from depth_pc_ros.nodes.node_configs import AdapterConfig
from depth_pc_ros.nodes.rivals import Rivals


class TwistAdapter(ServoNode):
    """Publishes `~/status` with a value `state`: OK, LIMITED, TF_ERROR or FAULT (a command was not finite, or another
    node commands, too).

    FAULT lasts until no command came for `command_timeout_s`: its source has to stop first.
    """

    live_parameters = frozenset({"max_linear", "max_angular"})

    def __init__(self, **node_options):
        super().__init__("adapter", AdapterConfig, **node_options)

    def build(self) -> None:
        config = self.config
        self._driver = DRIVERS[config.profile](self, config.tool_frame)
        if config.hand_eye == "tf":
            self._hand_eye = TfHandEye(self, config.tool_frame)
        else:
            self._hand_eye = FixedHandEye(config.camera_in_tool_xyz, config.camera_in_tool_quat)
        self._at_limit = False
        self._status_publisher = self.create_publisher(DiagnosticStatus, "~/status", LATCHED_QOS)
        self.create_subscription(TwistStamped, "twist_cmd", self._on_twist, TWIST_QOS)
        self.create_subscription(Bool, "at_limit", self._on_limit, LATCHED_QOS)
        self.create_timer(1.0 / config.rate_hz, self._tick, clock=self.steady_clock)
        self._rivals = Rivals(self, ["twist_cmd"], [self._driver.TOPIC], self._on_rival)

    def begin(self) -> None:
        timeout_s = self.config.command_timeout_s
        self._watchdog = InputWatchdog("twist_cmd", timeout_s, max_age_s=timeout_s)
        self._burst = ZeroBurst()
        self._moving = False
        self._state = self._message = None
        self._report("OK", "")

    def halt(self) -> None:
        if self._moving:
            for _ in range(self._burst.count):
                self._send_zero()

    def diagnose(self):
        level = DiagnosticStatus.WARN if self._message else DiagnosticStatus.OK
        values = {"state": self._state, "moving": self._moving, "profile": self.config.profile}
        return level, self._message or "active", values

    def _on_limit(self, msg: Bool) -> None:
        self._at_limit = msg.data

    def _on_rival(self, problem: str) -> None:
        if self.active:
            self._refuse("FAULT", problem)

    def _on_twist(self, msg: TwistStamped) -> None:
        if not self.active:
            return
        stamp_s = stamp_to_seconds(msg.header.stamp)
        problem = self._watchdog.receive(stamp_s, self.now_s(), self.steady_s()) or self._driver.problem()
        if self._state == "FAULT":
            return
        twist = twist_from_msg(msg.twist)
        if not np.isfinite(twist).all():
            self._refuse("FAULT", f"twist_cmd is not finite: {twist.tolist()}")
            return
        if problem:
            self._refuse("OK", problem)
            return
        try:
            T_tool_cam = self._hand_eye.T_tool_cam(msg.header.frame_id)
        except TransformError as error:
            self._refuse("TF_ERROR", str(error))
            return
        with np.errstate(over="ignore", invalid="ignore"):
            wanted = adjoint(T_tool_cam) @ twist
            finite = np.isfinite(np.linalg.norm(wanted))
        if not finite:
            self._refuse("FAULT", f"the tool's twist is not finite: {wanted.tolist()}")
            return
        self._forward(wanted, msg.header.stamp)

    def _forward(self, wanted: np.ndarray, stamp) -> None:
        """wanted: (6,) twist of the tool. The stamp is that of the command, so that its age is kept."""
        twist = limit_norms(wanted, self.config.max_linear, self.config.max_angular)
        self._burst.cancel()
        self._moving = bool(twist.any())
        self._driver.send(twist, stamp)
        if self._at_limit:
            self._report("LIMITED", "the arm is at a joint limit")
        elif not np.array_equal(twist, wanted):
            self._report("LIMITED", "the tool's speed is at max_linear or max_angular")
        else:
            self._report("OK", "")

    def _refuse(self, state: str, problem: str) -> None:
        """Do not act on a command, and stop the arm if it moves."""
        self._report(state, problem)
        if self._moving:
            self._burst.start()

    def _tick(self) -> None:
        if not self.active:
            return
        silence = self._watchdog.silence(self.steady_s())
        if silence and self._state == "FAULT" and not self._rivals.problem:
            self._report("OK", "")
        if silence and self._moving:
            self._refuse("OK", silence)
        if self._burst.tick():
            self._send_zero()

    def _send_zero(self) -> None:
        self._moving = False
        self._driver.send(np.zeros(6), self.get_clock().now().to_msg())

    def _report(self, state: str, message: str) -> None:
        """Publish the status when it changes; problems are logged too, at most once a second."""
        if (state, message) == (self._state, self._message):
            return
        self._state, self._message = state, message
        if message:
            self.get_logger().warning(message, throttle_duration_sec=1.0)
        level = DiagnosticStatus.WARN if message else DiagnosticStatus.OK
        values = [KeyValue(key="state", value=state)]
        name = self.get_fully_qualified_name()
        self._status_publisher.publish(DiagnosticStatus(level=level, name=name, message=message, values=values))


def main() -> int:
    """Entry point of the executable `twist_adapter`."""
    return run(TwistAdapter)


if __name__ == "__main__":
    raise SystemExit(main())
