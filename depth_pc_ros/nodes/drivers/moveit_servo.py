"""MoveIt Servo, of Jazzy and later or of Humble, under any node name."""

import math
from collections.abc import Sequence

import numpy as np
from builtin_interfaces.msg import Time
from rcl_interfaces.msg import ParameterType, ParameterValue
from rcl_interfaces.srv import GetParameters
from std_msgs.msg import Int8
from std_srvs.srv import Trigger

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.base import IMAGE_QOS
from depth_pc_ros.nodes.drivers.repeated_call import RepeatedCall
from depth_pc_ros.nodes.drivers.servo_settings import PREFIX, ServoSettings, names
from depth_pc_ros.nodes.drivers.twists import BridgeDriver

_SINGULARITY, _COLLISION, _BOUND = "SINGULARITY", "COLLISION", "JOINT_BOUND"
_SLOW, _HALT, _LEAVING = "slows the arm down near", "has halted the arm at", "slows the arm down while it leaves"
# Codes of `~/status`; the two generations number them differently.
_CODES = {1: (_SINGULARITY, _SLOW), 2: (_SINGULARITY, _HALT)}
_JAZZY = {**_CODES, 3: (_SINGULARITY, _LEAVING), 4: (_COLLISION, _SLOW), 5: (_COLLISION, _HALT), 6: (_BOUND, _HALT)}
_HUMBLE = {**_CODES, 3: (_COLLISION, _SLOW), 4: (_COLLISION, _HALT), 5: (_BOUND, _HALT), 6: (_SINGULARITY, _LEAVING)}
_WHAT = {_SINGULARITY: "a singularity", _COLLISION: "a collision", _BOUND: "a joint's limit"}
_REFUSED = -1


class MoveItServoDriver(BridgeDriver):
    """MoveIt Servo, told to take twists before the first one is sent, and used as its parameters say.

    The twist is sent in the tip frame: Servo rotates a command of another frame, but does not move its lever arm. Its
    stamp is that of the sending, because Servo drops older ones in silence; the age of the command is the adapter's
    business. Speeds are kept within Servo's `scale`: it would cut linear and angular speed apart, and bend the path.
    """

    TOPIC = "delta_twist_cmds"  # of the MoveIt Servo node: start-up remaps all names to it
    SWITCH = "switch_command_type"  # Jazzy and later
    START = "start_servo"  # Humble
    PARAMETERS = "servo_parameters"
    STATUS = "servo_status"
    RETRY_S = 0.5
    STATUS_S = 1.0  # longest silence of a status that has been heard

    def __init__(self, node, config):
        if not config.tool_frame:
            raise ConfigError("tool_frame: profile 'moveit_servo' needs the frame of the arm's tip, got an empty name")
        super().__init__(node, config)
        self._settings: ServoSettings | None = None
        self._start_problem = self._unread = ""
        self._started = False
        self._code = 0
        self._heard_s = math.inf  # when the last status came

    def prepare(self) -> None:
        node = self._node
        try:
            from moveit_msgs.msg import ServoStatus
            from moveit_msgs.srv import ServoCommandType

            newer = self._newer = True
        except ImportError:  # Humble has neither
            newer = self._newer = False
        if newer:
            switch = ServoCommandType.Request(command_type=ServoCommandType.Request.TWIST)
            self._start = RepeatedCall(node, ServoCommandType, self.SWITCH, switch, self._on_start, self._on_stop)
        else:
            self._start = RepeatedCall(node, Trigger, self.START, Trigger.Request(), self._on_start, self._on_stop)
        self._names = names(newer)
        request = settings_request(self._names)
        self._read = RepeatedCall(node, GetParameters, self.PARAMETERS, request, self._on_parameters, self._on_unread)
        self.servo_node = self._start.service.rsplit("/", 1)[0]
        kind = ServoStatus if newer else Int8
        node.create_subscription(
            kind, self.STATUS, lambda msg: self._on_status(msg.code if newer else msg.data), IMAGE_QOS
        )
        self._on_stop()
        self._on_unread()
        node.create_timer(self.RETRY_S, self._tick, clock=node.steady_clock)

    def problem(self) -> str:
        fault = self._settings.fault() if self._settings is not None else self._unread
        silent_s = self._node.steady_s() - self._heard_s
        if self._started and not fault and silent_s > self.STATUS_S:
            return (
                f"MoveIt Servo has given no status for {silent_s:.1f} s: it is paused (ros2 service call "
                f'{self.servo_node}/pause_servo std_srvs/srv/SetBool "{{data: false}}"), or gets no joint states'
            )
        return self._start_problem or str(fault or "")

    def limits(self) -> tuple[float, float]:
        return super().limits() if self._settings is None else self._settings.limits()

    def halted(self) -> str:
        if self._code == _REFUSED:
            return f"INVALID: MoveIt Servo refuses the twists: does it know the frame {self._config.tool_frame!r}?"
        return named_status(self._code, self._newer) if _halts(self._code, self._newer) else ""

    def slowed(self) -> str:
        return "" if _halts(self._code, self._newer) else named_status(self._code, self._newer)

    def send(self, twist: np.ndarray, stamp: Time) -> None:
        command = twist if self._settings is None else self._settings.to_command(twist)
        super().send(command, self._node.get_clock().now().to_msg())

    def _tick(self) -> None:
        self._start.tick(self.RETRY_S)
        self._read.tick(self.RETRY_S)

    def _on_start(self, response) -> bool:
        self._started = response.success
        self._start_problem = "" if self._started else f"MoveIt Servo refuses to take twists ({self._start.service})"
        self._node.get_logger().info(self._start_problem or "MoveIt Servo takes twists")
        return self._started

    def _on_stop(self) -> None:
        self._started = False
        self._code, self._heard_s = 0, math.inf
        self._start_problem = f"MoveIt Servo has not been told to take twists yet ({self._start.service})"
        if not self._start.ready:
            self._start_problem = f"MoveIt Servo is not there (no service {self._start.service})"
            if not self._newer:
                self._start_problem += "; newer than Humble it needs moveit_msgs (apt install ros-<distro>-moveit-msgs)"

    def _on_parameters(self, response) -> bool:
        try:
            self._settings = settings_from(response, self.servo_node, self._names)
        except ValueError as error:
            self._on_unread(f": {error}")
        return False  # they may change

    def _on_unread(self, why: str = "") -> None:
        self._settings = None
        self._unread = f"the parameters of MoveIt Servo cannot be read ({self._read.service}){why}"

    def _on_status(self, code: int) -> None:
        self._code, self._heard_s = code, self._node.steady_s()


def settings_request(wanted: Sequence[str]) -> GetParameters.Request:
    """Asks for the parameters of these names, of `servo_settings.names`."""
    return GetParameters.Request(names=[PREFIX + name for name in wanted])


def settings_from(response: GetParameters.Response, servo_node: str, wanted: Sequence[str]) -> ServoSettings:
    """What a MoveIt Servo node answered to `settings_request`. Raises ValueError where something is missing."""
    values = [_plain(value) for value in response.values]
    if len(values) != len(wanted):
        raise ValueError(f"{servo_node} does not have all of {PREFIX}{', '.join(wanted)}")
    return ServoSettings.from_values(servo_node, dict(zip(wanted, values)))


def named_status(code: int, newer: bool) -> str:
    """What a code of `~/status` means, such as "SINGULARITY: ..."; "" for none. newer: than Humble's."""
    codes = _JAZZY if newer else _HUMBLE
    if code not in codes:
        return ""
    name, how = codes[code]
    return f"{name}: MoveIt Servo {how} {_WHAT[name]}"


def _halts(code: int, newer: bool) -> bool:
    """Whether the arm stands still with this code. newer: than Humble's."""
    return (_JAZZY if newer else _HUMBLE).get(code, ("", ""))[1] == _HALT


def _plain(value: ParameterValue) -> object:
    """A parameter's value; a whole number in place of a float counts as one. None: another type, or not set."""
    fields = {
        ParameterType.PARAMETER_BOOL: value.bool_value,
        ParameterType.PARAMETER_INTEGER: float(value.integer_value),
        ParameterType.PARAMETER_DOUBLE: value.double_value,
        ParameterType.PARAMETER_STRING: value.string_value,
    }
    return fields.get(value.type)
