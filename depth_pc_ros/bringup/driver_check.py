"""Checks the arm's driver, in the order in which to mend what is wrong: each line has the command that mends it."""

from collections.abc import Iterable

from rcl_interfaces.srv import GetParameters
from std_msgs.msg import Float64, Int8

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.check_report import Check
from depth_pc_ros.bringup.client import ServoClient, ServoClientError
from depth_pc_ros.config import ControlConfig
from depth_pc_ros.nodes.arm_drivers import DRIVERS, MoveItServoDriver
from depth_pc_ros.nodes.base import IMAGE_QOS
from depth_pc_ros.nodes.drivers.moveit_servo import named_status, settings_from, settings_request
from depth_pc_ros.nodes.drivers.servo_settings import PREFIX, ServoSettings, names
from depth_pc_ros.nodes.node_configs import ControllerNodeConfig

_ANSWER_S = 3.0
_MANAGER = "/list_controllers"
_OUT = "command_out_topic"


class DriverCheck:
    """Listens from the start; `checks` reports. outside: what a name in the adapter is outside."""

    def __init__(self, client: ServoClient, config: BringupConfig, outside):
        self._client, self._config, self._outside = client, config, outside
        self._driver = DRIVERS[config.driver]
        self._codes: list[int] = []
        self._percent: float | None = None
        self._listen()

    def _listen(self) -> None:
        node = self._client.node
        if self._config.driver == "pybullet":
            return
        node.create_subscription(Float64, self._outside("speed_scaling"), self._on_percent, IMAGE_QOS)
        if self._config.driver != "moveit_servo":
            return
        topic = self._outside(MoveItServoDriver.STATUS)
        try:
            from moveit_msgs.msg import ServoStatus
        except ImportError:
            node.create_subscription(Int8, topic, lambda msg: self._codes.append(msg.data), IMAGE_QOS)
        else:
            node.create_subscription(ServoStatus, topic, lambda msg: self._codes.append(msg.code), IMAGE_QOS)

    def _on_percent(self, msg: Float64) -> None:
        self._percent = msg.data

    def checks(self) -> list[Check]:
        """All lines, in the order in which to mend them."""
        if self._config.driver == "pybullet":
            return [self._output()]
        if self._config.driver != "moveit_servo":
            topic = self._outside(self._driver.TOPIC)
            return [*self._controllers(topic), self._output(), *self._speed_scaling()]
        servo = self._servo()
        if servo[-1].missing:
            return servo
        settings = self._settings()
        out_topic = self._servo_parameter(_OUT) or ""
        return [
            *servo,
            *settings,
            *self._controllers(out_topic),
            self._output(),
            *self._status(),
            *self._speed_scaling(),
        ]

    # MoveIt Servo

    def _servo(self) -> list[Check]:
        """Whether a node of that name runs, of which generation it is, and whether its messages are here."""
        switch, start = (self._outside(name) for name in (MoveItServoDriver.SWITCH, MoveItServoDriver.START))
        present = self._services()
        self._newer = switch in present
        what = f"MoveIt Servo {self._config.servo_node}"
        if not self._newer and start not in present:
            ends = (f"/{MoveItServoDriver.SWITCH}", f"/{MoveItServoDriver.START}")
            others = sorted({name.rsplit("/", 1)[0] for name in present if name.endswith(ends)})
            other = f"there is {' and '.join(others)}: give servo_node:={others[0]}" if others else "start it"
            return [Check(what, False, f"neither {switch} (Jazzy and later) nor {start} (Humble): {other}")]
        generation = "of Jazzy or later" if self._newer else "of Humble"
        return [Check(what, True, generation)]

    def _settings(self) -> list[Check]:
        """Whether its parameters can be read, and fit."""
        what, servo_node = "parameters of MoveIt Servo", self._config.servo_node
        wanted = names(self._newer)
        service = self._outside(MoveItServoDriver.PARAMETERS)
        try:
            response = self._client.call(service, GetParameters, settings_request(wanted), _ANSWER_S)
            settings = settings_from(response, servo_node, wanted)
        except ValueError as error:
            return [Check(what, False, f"{error}: are they under {PREFIX.rstrip('.')} in its parameter file?")]
        except ServoClientError as error:
            return [Check(what, False, f"{error}: start MoveIt Servo again")]
        if fault := settings.fault():
            return [Check(what, False, str(fault))]
        return [Check(what, True, settings.command_in_type), self._timeout(settings), *self._limits(settings)]

    def _timeout(self, settings: ServoSettings) -> Check:
        rate_hz = self._config.parameter("controller", "rate_hz") or ControllerNodeConfig().rate_hz
        name = f"{PREFIX}incoming_command_timeout"
        if settings.timeout_s < 2 / rate_hz:
            detail = f"shorter than two periods of the commands ({rate_hz:g} Hz), so the arm stutters"
            mend = f"ros2 param set {settings.node} {name} 0.1"
            return Check(name, False, f"{settings.timeout_s:g} s is {detail}: {mend}")
        return Check(name, True, f"{settings.timeout_s:g} s")

    def _limits(self, settings: ServoSettings) -> Iterable[Check]:
        """What the servo will be held to. It adapts, so a small scale is slow, and not wrong."""
        usual, (linear, angular) = ControlConfig(), settings.limits()
        rows = (
            ("scale.linear", linear, "max_linear", "m/s move"),
            ("scale.rotational", angular, "max_angular", "rad/s turn"),
        )
        for name, scale, option, words in rows:
            unit, verb = words.split()
            own = self._config.parameter("controller", option, getattr(self._config, option)) or getattr(usual, option)
            if scale < own:
                detail = f"{scale:g} {unit} < `{option}` {own:.2f}: the servo will {verb} at {scale:g}"
                yield Check(
                    f"{PREFIX}{name}", True, f"{detail} (ros2 param set {settings.node} {PREFIX}{name} {own:.2f})"
                )

    def _servo_parameter(self, name: str) -> str | None:
        request = GetParameters.Request(names=[PREFIX + name])
        try:
            values = self._client.call(
                self._outside(MoveItServoDriver.PARAMETERS), GetParameters, request, _ANSWER_S
            ).values
        except ServoClientError:
            return None
        return values[0].string_value if values else None

    def _status(self) -> Iterable[Check]:
        topic = self._outside(MoveItServoDriver.STATUS)
        if not self._codes:
            pause = f'ros2 service call {self._config.servo_node}/pause_servo std_srvs/srv/SetBool "{{data: false}}"'
            yield Check(f"topic {topic}", False, f"silent: it is paused ({pause}), or gets no joint states")
        elif named := named_status(self._codes[-1], self._newer):
            yield Check(f"topic {topic}", False, f"{named}: move the arm away from it")

    # ros2_control

    def _controllers(self, topic: str) -> Iterable[Check]:
        """Whether the controller that takes this topic is active; nothing where there is no controller manager."""
        managers = [name for name in self._services() if name.endswith(_MANAGER)]
        name = topic.strip("/").split("/")[-2] if topic.count("/") > 1 else ""
        if not (managers and name):
            return
        try:
            from controller_manager_msgs.srv import ListControllers
        except ImportError:
            hint = "apt install ros-<distro>-controller-manager-msgs, to see which controllers are active"
            yield Check(f"controller {name}", False, hint, needed=False)
            return
        for service in managers:
            try:
                found = self._client.call(service, ListControllers, ListControllers.Request(), _ANSWER_S).controller
            except ServoClientError as error:
                yield Check(f"controller {name}", False, str(error))
                return
            if name in {each.name for each in found}:
                yield self._controller(name, found, service)
                return
        load = f"ros2 control load_controller --set-state active {name}"
        yield Check(f"controller {name}", False, f"not loaded: {load}")

    def _controller(self, name: str, found, service: str) -> Check:
        """One line about a controller that is loaded. found: all ControllerState."""
        own = next(each for each in found if each.name == name)
        if own.state == "active":
            return Check(f"controller {name}", True, "active")
        joints = _resources(own.required_command_interfaces)
        active = [each for each in found if each.state == "active" and each.claimed_interfaces]
        rivals = [each.name for each in active if joints & _resources(each.claimed_interfaces)]
        rivals = rivals or [each.name for each in active if "JointTrajectoryController" in each.type]
        manager = service.removesuffix(_MANAGER)
        words = ["ros2 control switch_controllers", *(["-c", manager] if manager != "/controller_manager" else [])]
        if rivals:
            words += ["--deactivate", *rivals]
        mend = " ".join([*words, "--activate", name])
        which = f"{' and '.join(rivals)} {'is' if len(rivals) == 1 else 'are'} active" if rivals else own.state
        return Check(f"controller {name}", False, f"{which}: {mend}")

    def _speed_scaling(self) -> Iterable[Check]:
        if self._percent is not None and self._percent < 99:
            detail = f"{self._percent:.0f} %: " + (
                "start the arm's program"
                if self._percent <= 0
                else "the arm is slower than commanded; raise the slider"
            )
            yield Check(f"topic {self._outside('speed_scaling')}", self._percent > 0, detail)

    # The topic of the commands

    def _output(self) -> Check:
        """Whether the adapter's command has a subscriber that takes its message."""
        topic, kind = self._outside(self._driver.TOPIC), self._driver.KIND
        kind_name = f"{kind.__module__.split('.')[0]}/msg/{kind.__name__}"
        listeners = self._client.node.get_subscriptions_info_by_topic(topic)
        others = {each.topic_type for each in listeners} - {kind_name}
        what = f"output {topic}"
        if not listeners:
            return Check(what, False, "no subscriber: start the arm's driver")
        if len(others) == len({each.topic_type for each in listeners}):
            hint = {"Twist": "twist_stamped", "TwistStamped": "twist"}.get(kind.__name__, "")
            mend = f"; try driver:={hint}" if hint and self._config.driver in ("twist", "twist_stamped") else ""
            return Check(
                what, False, f"the subscriber takes {', '.join(sorted(others))}, and {kind_name} is sent{mend}"
            )
        detail = f"{len(listeners)} subscriber(s)"
        if self._config.driver != "cartesian_pose" and self._config.driver != "moveit_servo":
            detail += "; without a command timeout in the driver only adapter and dead_man stop the arm"
            detail += " (Kinova's has none)" if self._config.driver == "kortex" else ""
        return Check(what, True, detail)

    def _services(self) -> list[str]:
        return [name for name, _ in self._client.node.get_service_names_and_types()]


def _resources(interfaces: Iterable[str]) -> set[str]:
    """The joints of interfaces such as `elbow_joint/position`."""
    return {name.rsplit("/", 1)[0] for name in interfaces}
