"""What every node shares: parameters from a configuration dataclass, lifecycle, diagnostics, safe shutdown."""

import dataclasses
import math
import traceback
from array import array

from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from rcl_interfaces.msg import FloatingPointRange, IntegerRange, ParameterDescriptor, SetParametersResult
from rclpy.clock import Clock, ClockType
from rclpy.duration import Duration
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle import LifecycleNode, TransitionCallbackReturn
from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy

from depth_pc_ros.errors import ConfigError, DepthPcError
from depth_pc_ros.nodes.bounds import MOST_TEXT
from depth_pc_ros.nodes.node_configs import NodeConfig
from depth_pc_ros.nodes.running import run as run  # every node's module takes it from here
from depth_pc_ros.options import allowed

RCLError = rclpy_implementation.RCLError  # a YAML file that is missing or cannot be parsed, for example
IMAGE_QOS = QoSProfile(depth=1, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.BEST_EFFORT)
TWIST_QOS = QoSProfile(depth=1, history=HistoryPolicy.KEEP_LAST, reliability=ReliabilityPolicy.RELIABLE)
LATCHED_QOS = QoSProfile(
    depth=1, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)  # fmt: skip

_ACKED_WITHIN_S = 0.5  # how long the end of a node waits for its subscribers, all together


class ServoNode(LifecycleNode):
    """Lifecycle node whose parameters are the fields of a `Config` dataclass, kept in `self.config`.

    Subclasses fill in the hooks: `build` (configure), `begin` (activate), `halt` (deactivate and shutdown: stop all
    motion here), `dismantle` (clean up) and `diagnose`. Publishers, subscriptions, timers, services and clients that
    `build` creates are destroyed again when the node is cleaned up. A `DepthPcError` in a hook refuses the transition.

    Parameters named in `live_parameters` may change at any time (`reconfigured` is called then), all others only
    while the node is unconfigured.
    """

    live_parameters: frozenset[str] = frozenset()

    def __init__(self, name: str, config_class: type[NodeConfig], **node_options):
        super().__init__(name, **node_options)
        self.active = False
        self.steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self._refusal = ""
        self._built = set()
        self.config = self._declare(config_class)
        self.add_on_set_parameters_callback(self._check_change)
        self.add_post_set_parameters_callback(self._apply_change)
        self._refuse_impossible_transitions()
        self._diagnostics = self.create_publisher(DiagnosticArray, "/diagnostics", 10)
        self.create_timer(1.0, self._publish_diagnostics, clock=self.steady_clock)

    # Hooks of the subclasses

    def build(self) -> None:
        """Create publishers, subscriptions, services and timers. Raises DepthPcError to refuse."""

    def begin(self) -> None:
        """The node is active from now on."""

    def halt(self) -> None:
        """The node stops being active: publish the last zeros now, before this returns."""

    def dismantle(self) -> None:
        """Release what `build` made, beyond ROS entities."""

    def reconfigured(self) -> None:
        """`self.config` has new values of `live_parameters`."""

    def diagnose(self) -> tuple[bytes, str, dict[str, object]]:
        """Diagnostic level, message and values of the active node."""
        return DiagnosticStatus.OK, "active", {}

    # Time

    def now_s(self) -> float:
        """Seconds of the node's clock (simulated when `use_sim_time`)."""
        return 1e-9 * self.get_clock().now().nanoseconds

    def steady_s(self) -> float:
        """Seconds of a clock that never stops or jumps."""
        return 1e-9 * self.steady_clock.now().nanoseconds

    # Parameters

    def _declare(self, config_class) -> NodeConfig:
        """Declare one parameter per field; raise ConfigError on an unknown or wrong value from YAML or `-p`."""
        given = {  # rclpy has no public name for the values that came from YAML files and `-p`
            name: _plain(parameter.value)
            for name, parameter in self._parameter_overrides.items()
            if not self.has_parameter(name) and not name.startswith("qos_overrides.")
        }
        config = config_class.from_mapping(given, f"parameters of {self.get_fully_qualified_name()}")
        for field in dataclasses.fields(config):
            value = getattr(config, field.name)
            value = list(value) if isinstance(value, tuple) else value
            self.declare_parameter(field.name, value, _descriptor(field), ignore_override=True)
        return config

    def _check_change(self, parameters) -> SetParametersResult:
        changes = self._own_changes(parameters)
        fixed = sorted(set(changes) - self.live_parameters)
        if fixed and self._built:
            reason = f"{', '.join(fixed)}: cannot change while the node is configured; clean it up first, or restart it"
            return SetParametersResult(successful=False, reason=reason)
        try:
            dataclasses.replace(self.config, **changes)
        except ConfigError as error:
            return SetParametersResult(successful=False, reason=str(error))
        return SetParametersResult(successful=True)

    def _apply_change(self, parameters) -> None:
        changes = self._own_changes(parameters)
        if changes:
            self.config = dataclasses.replace(self.config, **changes)
            self.reconfigured()

    def _own_changes(self, parameters) -> dict[str, object]:
        names = {field.name for field in dataclasses.fields(self.config)}
        return {parameter.name: _plain(parameter.value) for parameter in parameters if parameter.name in names}

    # Lifecycle

    def start(self) -> None:
        """Configure and activate if `autostart` says so. Raises ConfigError when the node refuses."""
        if not self.config.autostart:
            return
        for transition in (self.trigger_configure, self.trigger_activate):
            if transition() != TransitionCallbackReturn.SUCCESS:
                raise ConfigError(self._refusal)

    def _refuse_impossible_transitions(self) -> None:
        """Answer a transition that the state does not allow: rclpy raises in its service, which ends the node."""
        service = self._service_change_state
        change = service.callback

        def change_or_refuse(request, response):
            try:
                return change(request, response)
            except RCLError as error:
                self.get_logger().warning(f"transition {request.transition.id} refused: {str(error)[:200]}")
                response.success = False
                return response

        service.callback = change_or_refuse

    def shutdown_safely(self) -> None:
        """Stop all motion, then wait shortly until every reliable subscriber has the last message."""
        self._halt_if_active()
        end_s = self.steady_s() + _ACKED_WITHIN_S
        for publisher in self.publishers:
            publisher.wait_for_all_acked(Duration(seconds=max(end_s - self.steady_s(), 0.0)))
        if self._built:
            self._attempt(self.dismantle)

    def destroy_node(self) -> None:
        """Destroy what the node holds, its DDS participant and shared memory too."""
        super().destroy_node()
        self._state_machine.destroy_when_not_in_use()  # rclpy forgets it, and it keeps all of that alive

    def on_configure(self, state):
        before = self._entities()
        result = self._attempt(self.build)
        self._built = self._entities() - before
        if result != TransitionCallbackReturn.SUCCESS:
            self._destroy_built()
            return result
        return super().on_configure(state)

    def on_activate(self, state):
        super().on_activate(state)
        self.active = True
        result = self._attempt(self.begin)
        if result is not TransitionCallbackReturn.SUCCESS:
            self._halt_if_active()
            super().on_deactivate(state)
        return result

    def on_deactivate(self, state):
        self._halt_if_active()
        return super().on_deactivate(state)

    def on_cleanup(self, state):
        self._dismantle_if_built()
        return super().on_cleanup(state)

    def on_shutdown(self, state):
        self._halt_if_active()
        if self._built:
            self._attempt(self.dismantle)
        return super().on_shutdown(state)

    def on_error(self, state):
        self._halt_if_active()
        self._dismantle_if_built()
        return super().on_error(state)

    def _halt_if_active(self) -> None:
        if self.active:
            self.active = False
            self._attempt(self.halt)

    def _dismantle_if_built(self) -> None:
        if self._built:
            self._attempt(self.dismantle)
            self._destroy_built()

    def _attempt(self, hook) -> TransitionCallbackReturn:
        """Run a hook: FAILURE on a DepthPcError, ERROR on anything else, both logged (rclpy would hide them)."""
        try:
            hook()
        except DepthPcError as error:
            self._refusal = str(error)
            self.get_logger().error(self._refusal)
            return TransitionCallbackReturn.FAILURE
        except Exception as error:
            self._refusal = f"{hook.__name__}: {type(error).__name__}: {error}"
            self.get_logger().error(traceback.format_exc())
            return TransitionCallbackReturn.ERROR
        return TransitionCallbackReturn.SUCCESS

    def _entities(self) -> set:
        return {*self.publishers, *self.subscriptions, *self.timers, *self.services, *self.clients}

    def _destroy_built(self) -> None:
        destroyers = (
            self.destroy_lifecycle_publisher,  # takes plain publishers too
            self.destroy_subscription,
            self.destroy_timer,
            self.destroy_service,
            self.destroy_client,
        )
        for entity in self._built:
            any(destroy(entity) for destroy in destroyers)  # each is False for an entity of another kind
        self._built = set()

    # Diagnostics

    def _publish_diagnostics(self) -> None:
        level, message, values = self.diagnose() if self.active else (DiagnosticStatus.OK, "inactive", {})
        status = DiagnosticStatus(
            level=level,
            name=f"depth_pc: {self.get_fully_qualified_name()}",
            message=_text(message),
            values=[KeyValue(key=key, value=_text(value)) for key, value in values.items()],
        )
        array_msg = DiagnosticArray(status=[status])
        array_msg.header.stamp = self.get_clock().now().to_msg()
        self._diagnostics.publish(array_msg)


def _text(value: object) -> str:
    """A value for a message: of a sensible length, and without what UTF-8 has not, such as parts of a file's name."""
    return str(value)[:MOST_TEXT].encode("utf-8", "replace").decode()


def _plain(value):
    """A parameter's value as the configuration takes it, which checks what a list holds."""
    return list(value) if isinstance(value, tuple | array) else value


def _descriptor(field: dataclasses.Field) -> ParameterDescriptor:
    """The option's help and range for `ros2 param describe`."""
    low, high, kind = (field.metadata[key] for key in ("low", "high", "kind"))
    descriptor = ParameterDescriptor(description=field.metadata["help"])
    if field.metadata["choices"] is not None:
        descriptor.additional_constraints = allowed(field)
    if kind is float and not (low is None and high is None):
        bounds = (-math.inf if low is None else float(low), math.inf if high is None else float(high))
        descriptor.floating_point_range = [FloatingPointRange(from_value=bounds[0], to_value=bounds[1])]
    if kind is int and not (low is None and high is None):
        bounds = (-(2**63) if low is None else int(low), 2**63 - 1 if high is None else int(high))
        descriptor.integer_range = [IntegerRange(from_value=bounds[0], to_value=bounds[1])]
    return descriptor
