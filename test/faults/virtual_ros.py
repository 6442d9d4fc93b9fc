"""ROS in virtual time: nodes talk without DDS, timers fire without waiting. All that knows rclpy's inside is here.

A node of any class runs unchanged: only what it gets from rclpy is replaced. Messages are serialised and deserialised
as on the wire, wait in queues of the subscription's depth, and are served as by a `SingleThreadedExecutor`.
"""

import heapq
import itertools
import traceback
import warnings
from collections import defaultdict, deque
from collections.abc import Callable
from types import SimpleNamespace

import rclpy
from action_msgs.msg import GoalStatus
from rclpy.action import CancelResponse
from rclpy.clock import ClockType
from rclpy.context import Context
from rclpy.impl.implementation_singleton import rclpy_implementation
from rclpy.lifecycle.managed_entity import SimpleManagedEntity
from rclpy.logging import LoggingSeverity
from rclpy.parameter import Parameter
from rclpy.qos import DurabilityPolicy, QoSProfile
from rclpy.serialization import deserialize_message, serialize_message
from rclpy.time import Time

_context = Context()


class VirtualRos:
    """The clock, the graph, and the queue of what is to happen.

    steady_ns: of the steady clock. clock_ns: of the nodes' clock at the moment. tampering: topic -> functions
    (messages) -> messages, applied to what is published there. published, sent: functions (topic, source, message),
    called for every message before and after the tampering. errors: tracebacks of callbacks that raised.
    """

    DELAY_S = 0.0005  # of every message

    def __init__(self):
        self.steady_ns = 1_000 * 10**9
        self._clock_offset_ns = 1_700_000_000 * 10**9
        self._clock_stopped_ns: int | None = None
        self.nodes: list = []
        self.publishers: dict[str, list] = defaultdict(list)
        self.subscriptions: dict[str, list] = defaultdict(list)
        self.services: dict[str, list] = defaultdict(list)
        self.tampering: dict[str, list[Callable]] = defaultdict(list)
        self.published: list[Callable] = []
        self.sent: list[Callable] = []
        self.errors: list[str] = []
        self._latched: dict[str, dict] = defaultdict(dict)
        self._events: list = []
        self._count = itertools.count()
        if not _context.ok():
            rclpy.init(context=_context)

    # Time

    @property
    def steady_s(self) -> float:
        return 1e-9 * self.steady_ns

    @property
    def clock_ns(self) -> int:
        if self._clock_stopped_ns is not None:
            return self._clock_stopped_ns
        return self.steady_ns + self._clock_offset_ns

    def shift_clock(self, seconds: float) -> None:
        """Set the nodes' clock forward, or back."""
        self._clock_offset_ns += int(seconds * 1e9)

    def stop_clock(self) -> None:
        self._clock_stopped_ns = self.clock_ns

    def start_clock(self) -> None:
        """Go on from where it stopped."""
        if self._clock_stopped_ns is not None:
            self._clock_offset_ns = self._clock_stopped_ns - self.steady_ns
            self._clock_stopped_ns = None

    def at(self, delay_s: float, call: Callable[[], None]) -> None:
        """Call after this long."""
        heapq.heappush(self._events, (self.steady_ns + int(delay_s * 1e9), next(self._count), call))

    def every(self, period_s: float, call: Callable[[], None]) -> None:
        def again():
            self.at(period_s, again)
            call()

        self.at(period_s, again)

    def run(self, seconds: float) -> None:
        """Let this much time pass."""
        end_ns = self.steady_ns + int(seconds * 1e9)
        while self._events and self._events[0][0] <= end_ns:
            self.steady_ns, _, call = heapq.heappop(self._events)
            call()
        self.steady_ns = end_ns

    # Messages

    def publish(self, topic: str, msg, source: str) -> None:
        """Send to every subscription. source: name of who publishes."""
        for tap in self.published:
            tap(topic, source, msg)
        messages = [msg]
        for tamper in self.tampering[topic]:
            messages = tamper(messages)
        for each in messages:
            self.send(topic, each, source)

    def send(self, topic: str, msg, source: str) -> None:
        """As `publish`, past the tampering."""
        for tap in self.sent:
            tap(topic, source, msg)
        readers = self.subscriptions[topic]
        if readers:
            data = serialize_message(msg)
            for reader in readers:
                self.at(self.DELAY_S, lambda reader=reader: reader.receive(data))

    def listen(self, msg_type, topic: str, callback: Callable) -> None:
        """Subscribe as somebody who is no node."""
        reader = SimpleNamespace(receive=lambda data: callback(deserialize_message(data, msg_type)))
        self.subscriptions[topic].append(reader)

    def call(self, name: str, request) -> "VirtualFuture":
        """Call a service as somebody who is no node; the answer comes while time passes, or never."""
        future = VirtualFuture(lambda call: call())
        if self.services[name]:
            service = self.services[name][-1]
            self.at(self.DELAY_S, lambda: service.receive((_copy(request), future)))
        return future

    # Nodes

    def make(self, node_class, arguments: list[str] = (), **parameters):
        """A node of this class, not started. arguments: of its command line, such as remappings."""
        kind = type(node_class.__name__, (_VirtualNode, node_class), {"ros": self})
        node = kind(
            context=_context,
            cli_args=["--ros-args", *arguments],
            use_global_arguments=False,
            enable_rosout=False,
            start_parameter_services=False,
            enable_communication_interface=False,
            parameter_overrides=[
                Parameter(name, value=value)
                for name, value in {**parameters, "start_type_description_service": False}.items()
            ],
        )
        node.get_logger().set_level(LoggingSeverity.FATAL)
        node.steady_clock = VirtualClock(lambda: self.steady_ns, ClockType.STEADY_TIME)
        self.nodes.append(node)
        return node

    def stall(self, node, seconds: float) -> None:
        """Serve nothing of this node for so long, as when the machine is busy."""
        node.stalled_until_ns = max(node.stalled_until_ns, self.steady_ns + int(seconds * 1e9))

    def kill(self, node) -> None:
        """Remove a node from the graph, as a SIGKILL does."""
        node.dead = True
        self.nodes.remove(node)
        while node._publishers:
            node.destroy_publisher(node._publishers[0])
        node.destroy_node()

    def wake(self, node) -> None:
        """Serve what waits in the node's queues, unless it is stalled."""
        if node.dead or node.waking:
            return
        if self.steady_ns < node.stalled_until_ns:
            node.waking = True

            def resume():
                node.waking = False
                self.wake(node)

            self.at(1e-9 * (node.stalled_until_ns - self.steady_ns), resume)
            return
        while ready := [entity for entity in node.served() if entity.inbox]:
            for entity in ready:
                if entity.inbox:
                    self._guarded(node, entity.take)

    def _guarded(self, node, call: Callable[[], None]) -> None:
        try:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                call()
        except Exception:
            self.errors.append(f"{node.get_name()}: {traceback.format_exc()}")


def _copy(msg):
    return deserialize_message(serialize_message(msg), type(msg))


class VirtualClock:
    """Stands for `rclpy.clock.Clock`."""

    def __init__(self, now_ns: Callable[[], int], clock_type):
        self._now_ns, self.clock_type = now_ns, clock_type

    def now(self) -> Time:
        return Time(nanoseconds=self._now_ns(), clock_type=self.clock_type)


class VirtualFuture:
    """Stands for `rclpy.task.Future`. schedule: how its callbacks are called."""

    def __init__(self, schedule: Callable):
        self._schedule, self._callbacks, self._result, self._done = schedule, [], None, False

    def done(self) -> bool:
        return self._done

    def result(self):
        return self._result

    def add_done_callback(self, callback) -> None:
        if self._done:
            self._schedule(lambda: callback(self))
        else:
            self._callbacks.append(callback)

    def set_result(self, result) -> None:
        self._result, self._done = result, True
        for callback in self._callbacks:
            self._schedule(lambda callback=callback: callback(self))


class _Entity:
    """What a node's executor serves."""

    def __init__(self, node, depth: int | None = None):
        self.node, self.inbox = node, deque(maxlen=depth)
        self.event_handlers = ()

    def receive(self, item) -> None:
        self.inbox.append(item)
        self.node.ros.wake(self.node)

    def destroy(self) -> None:
        self.inbox.clear()


class _Tasks(_Entity):
    def take(self) -> None:
        self.inbox.popleft()()


class _Timer(_Entity):
    def __init__(self, node, period_s: float, callback):
        super().__init__(node, 1)
        self._period_ns, self._callback, self.alive = int(period_s * 1e9), callback, True
        self._next_ns = node.ros.steady_ns
        self._plan()

    def _plan(self) -> None:
        """Late timers leave periods out, and keep their phase."""
        ros = self.node.ros
        late = max(ros.steady_ns - self._next_ns, 0) // self._period_ns
        self._next_ns += (late + 1) * self._period_ns
        ros.at(1e-9 * (self._next_ns - ros.steady_ns), self._due)

    def _due(self) -> None:
        if self.alive and not self.node.dead:
            self.receive(None)

    def take(self) -> None:
        self.inbox.popleft()
        self._plan()
        self._callback()

    def destroy(self) -> None:
        self.alive = False
        super().destroy()


class _Subscription(_Entity):
    def __init__(self, node, msg_type, topic: str, callback, qos: QoSProfile):
        super().__init__(node, qos.depth or None)
        self.topic, self._type, self._callback, self.alive = topic, msg_type, callback, True
        node.ros.subscriptions[topic].append(self)
        if qos.durability == DurabilityPolicy.TRANSIENT_LOCAL:
            for data in node.ros._latched[topic].values():
                node.ros.at(node.ros.DELAY_S, lambda data=data: self.receive(data))

    def receive(self, item) -> None:
        if self.alive:
            super().receive(item)

    def take(self) -> None:
        self._callback(deserialize_message(self.inbox.popleft(), self._type))

    def destroy(self) -> None:
        self.alive = False
        self.node.ros.subscriptions[self.topic].remove(self)
        super().destroy()


class _Publisher(_Entity):
    def __init__(self, node, topic: str, qos: QoSProfile):
        super().__init__(node)
        self.topic, self._latched = topic, qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
        node.ros.publishers[topic].append(node)

    def publish(self, msg) -> None:
        if self._latched:
            self.node.ros._latched[self.topic][self] = serialize_message(msg)
        self.node.ros.publish(self.topic, msg, self.node.get_name())

    def get_subscription_count(self) -> int:
        return len(self.node.ros.subscriptions[self.topic])

    def wait_for_all_acked(self, _timeout) -> bool:
        return True

    def destroy(self) -> None:
        self.node.ros.publishers[self.topic].remove(self.node)
        self.node.ros._latched[self.topic].pop(self, None)


class _LifecyclePublisher(SimpleManagedEntity, _Publisher):
    def __init__(self, *arguments):
        SimpleManagedEntity.__init__(self)
        _Publisher.__init__(self, *arguments)

    @SimpleManagedEntity.when_enabled
    def publish(self, msg) -> None:
        _Publisher.publish(self, msg)


class _Service(_Entity):
    def __init__(self, node, srv_type, name: str, callback):
        super().__init__(node)
        self.name, self._type, self._callback = name, srv_type, callback
        node.ros.services[name].append(self)

    def take(self) -> None:
        request, future = self.inbox.popleft()
        response = _copy(self._callback(request, self._type.Response()))
        self.node.ros.at(self.node.ros.DELAY_S, lambda: future.set_result(response))

    def destroy(self) -> None:
        self.node.ros.services[self.name].remove(self)
        super().destroy()


class _Client(_Entity):
    def __init__(self, node, name: str):
        super().__init__(node)
        self.srv_name = name

    def service_is_ready(self) -> bool:
        return bool(self.node.ros.services[self.srv_name])

    def call_async(self, request) -> VirtualFuture:
        future = VirtualFuture(self.receive)
        if self.service_is_ready():
            service = self.node.ros.services[self.srv_name][-1]
            self.node.ros.at(self.node.ros.DELAY_S, lambda: service.receive((_copy(request), future)))
        return future

    def remove_pending_request(self, future) -> None:
        future._callbacks.clear()

    def take(self) -> None:
        self.inbox.popleft()()


class _VirtualNode:
    """Comes before a node's class, in place of what rclpy gives it."""

    ros: VirtualRos
    dead = waking = False
    stalled_until_ns = 0

    @property
    def _service_change_state(self):
        """The lifecycle's services are not served: `World.change_state` changes it."""
        return SimpleNamespace(callback=None)

    def served(self) -> list:
        """Entities in the order in which an executor serves them."""
        tasks = [self.__dict__.setdefault("tasks", _Tasks(self))]
        return [*self._timers, *self._subscriptions, *self._clients, *self._services, *tasks]

    def later(self, call: Callable[[], None]) -> None:
        """As `executor.create_task`."""
        self.__dict__.setdefault("tasks", _Tasks(self)).inbox.append(call)
        self.ros.at(0.0, lambda: self.ros.wake(self))

    def get_clock(self):
        return VirtualClock(lambda: self.ros.clock_ns, ClockType.ROS_TIME)

    def create_publisher(self, msg_type, topic, qos, **_options):
        publisher = _Publisher(self, self.resolve_topic_name(topic), _profile(qos))
        self._publishers.append(publisher)
        return publisher

    def create_lifecycle_publisher(self, msg_type, topic, qos):
        publisher = _LifecyclePublisher(self, self.resolve_topic_name(topic), _profile(qos))
        self._publishers.append(publisher)
        self._managed_entities.add(publisher)
        return publisher

    def create_subscription(self, msg_type, topic, callback, qos, **_options):
        subscription = _Subscription(self, msg_type, self.resolve_topic_name(topic), callback, _profile(qos))
        self._subscriptions.append(subscription)
        return subscription

    def create_timer(self, period_s, callback, *_arguments, **_options):
        timer = _Timer(self, period_s, callback)
        self._timers.append(timer)
        return timer

    def create_service(self, srv_type, name, callback, **_options):
        service = _Service(self, srv_type, self.resolve_service_name(name), callback)
        self._services.append(service)
        return service

    def create_client(self, srv_type, name, **_options):
        client = _Client(self, self.resolve_service_name(name))
        self._clients.append(client)
        return client

    def get_node_names_and_namespaces(self):
        return [(node.get_name(), node.get_namespace()) for node in self.ros.nodes]

    def get_publishers_info_by_topic(self, topic):
        return [
            SimpleNamespace(node_name=node.get_name(), node_namespace=node.get_namespace())
            for node in self.ros.publishers[topic]
        ]


def _profile(qos) -> QoSProfile:
    return QoSProfile(depth=qos) if isinstance(qos, int) else qos


class VirtualActionServer:
    """Stands for the nodes' action server; `send_goal` and `cancel` are the client's side."""

    KEPT = 20  # handles

    def __init__(self, node, action_type, name, execute_callback, handle_accepted_callback, cancel_callback, **options):
        self.node, self.execute = node, execute_callback
        self._accept, self._cancel = handle_accepted_callback, cancel_callback
        self._count = 0
        self.handles: deque[VirtualGoalHandle] = deque(maxlen=self.KEPT)
        node.ros.action_server = self

    def send_goal(self, goal) -> "VirtualGoalHandle":
        """A client's request."""
        self._count += 1
        handle = VirtualGoalHandle(self, _copy(goal), self._count)
        self.handles.append(handle)
        self.node.later(lambda: self._accept(handle))
        return handle

    def cancel(self, handle: "VirtualGoalHandle") -> None:
        """A client's request."""

        def act():
            active = handle.status in (GoalStatus.STATUS_ACCEPTED, GoalStatus.STATUS_EXECUTING)
            if active and self._cancel(handle) is CancelResponse.ACCEPT:
                handle.status = GoalStatus.STATUS_CANCELING

        self.node.later(act)

    def destroy(self) -> None:
        for handle in self.handles:
            handle.destroyed = True


class VirtualGoalHandle:
    """Stands for `rclpy.action.server.ServerGoalHandle`, with rcl's transitions."""

    def __init__(self, server: VirtualActionServer, request, number: int):
        self._server, self.request = server, request
        self.goal_id = SimpleNamespace(uuid=[number // 256, number % 256, *[0] * 14])
        self.status, self.result, self.destroyed = GoalStatus.STATUS_ACCEPTED, None, False

    @property
    def is_cancel_requested(self) -> bool:
        return self.status == GoalStatus.STATUS_CANCELING

    @property
    def is_active(self) -> bool:
        return not self.destroyed and self.status <= GoalStatus.STATUS_CANCELING

    def publish_feedback(self, feedback) -> None:
        serialize_message(feedback)

    def _change(self, allowed: tuple[int, ...], status: int) -> None:
        if self.destroyed:
            return
        if self.status not in allowed:
            raise rclpy_implementation.RCLError(f"goal_handle attempted invalid transition from {self.status}")
        self.status = status

    def execute(self, execute_callback=None) -> None:
        """As the nodes' own server, which concludes at once."""
        if not self.is_cancel_requested:
            self._change((GoalStatus.STATUS_ACCEPTED,), GoalStatus.STATUS_EXECUTING)
        self.result = _copy((execute_callback or self._server.execute)(self))

    def succeed(self) -> None:
        self._change((GoalStatus.STATUS_EXECUTING, GoalStatus.STATUS_CANCELING), GoalStatus.STATUS_SUCCEEDED)

    def abort(self) -> None:
        self._change((GoalStatus.STATUS_EXECUTING, GoalStatus.STATUS_CANCELING), GoalStatus.STATUS_ABORTED)

    def canceled(self) -> None:
        self._change((GoalStatus.STATUS_CANCELING,), GoalStatus.STATUS_CANCELED)
