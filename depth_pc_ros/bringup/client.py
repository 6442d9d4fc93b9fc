"""`ServoClient`: drives the running nodes from a script, with a timeout and a clear error for every wait."""

import threading
from collections import defaultdict
from collections.abc import Callable

import numpy as np
import rclpy
from diagnostic_msgs.msg import DiagnosticArray
from geometry_msgs.msg import PoseStamped
from lifecycle_msgs.msg import State
from lifecycle_msgs.srv import GetState
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal, ServoStatus
from depth_pc_interfaces.srv import SetGoalImage
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.nodes.base import IMAGE_QOS, LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import (
    depth_to_image,
    depth_to_metres,
    image_to_rgb,
    intrinsics_to_info,
    mask_to_image,
    pose_from_msg,
    rgb_to_image,
    stamp_to_seconds,
)
from depth_pc_ros.nodes.node_configs import NAMESPACE, check_namespace
from depth_pc_ros.nodes.service_call import answer_within
from depth_pc_ros.nodes.spinning import Spinner
from depth_pc_ros.nodes.transport import use_large_shared_memory
from depth_pc_ros.types import ServoState

# As latched, but a slow listener still gets every status.
_EVERY_STATUS_QOS = QoSProfile(
    depth=100, reliability=ReliabilityPolicy.RELIABLE, durability=DurabilityPolicy.TRANSIENT_LOCAL
)  # fmt: skip
_TOPICS = {
    "controller/status": (ServoStatus, _EVERY_STATUS_QOS),
    "keypoints/matches": (KeypointMatches, TWIST_QOS),
    "/diagnostics": (DiagnosticArray, 10),
    "bridge/camera_pose": (PoseStamped, 10),
    "bridge/goal_pose": (PoseStamped, LATCHED_QOS),
    "bridge/image": (Image, IMAGE_QOS),
    "bridge/depth_image": (Image, IMAGE_QOS),
    "keypoints/goal": (ServoGoal, LATCHED_QOS),
    "depth/goal_relative_depth": (Image, LATCHED_QOS),
}


_DIAGNOSED_S = 2.0  # every node tells of itself once a second


class ServoClientError(DepthPcError):
    """The running nodes do not answer, or refuse."""


class ServoClient:
    """A context manager with a node of its own, in a ROS context and a thread of its own.

        with ServoClient() as client:
            client.set_goal(goal_rgb, distance=0.6)
            client.enable(True)
            client.wait_for(lambda status: status.state == status.CONVERGED, timeout_s=60)

    namespace: of the nodes; ConfigError where it is no absolute name. A topic is subscribed when it is first needed.
    Every method raises ServoClientError when it cannot do its job within `timeout_s` of wall time.
    """

    def __init__(self, timeout_s: float = 10.0, namespace: str = NAMESPACE):
        self.timeout_s = timeout_s
        self._namespace = check_namespace(namespace)
        self._changed = threading.Condition()
        self._newest: dict[str, object] = {}
        self._listeners: dict[str, list[Callable]] = defaultdict(list)

    def __enter__(self) -> "ServoClient":
        use_large_shared_memory()
        self._context = Context()
        rclpy.init(context=self._context)
        self.node = rclpy.create_node("servo_client", namespace=self._namespace, context=self._context)
        executor = SingleThreadedExecutor(context=self._context)
        executor.add_node(self.node)
        self._spinner = Spinner(executor)
        self._subscribed = set()
        self._clients = {}
        return self

    def __exit__(self, *exc) -> None:
        self._spinner.stop(within_s=2.0)
        self.node.destroy_node()
        rclpy.try_shutdown(context=self._context)

    # The servo

    def set_goal(
        self,
        image: np.ndarray,
        intrinsics: Intrinsics | None = None,
        distance: float | None = None,
        depth: np.ndarray | None = None,
        mask: np.ndarray | None = None,
    ) -> SetGoalImage.Response:
        """Make an image the goal.

        image: (H, W, 3) uint8 RGB. intrinsics: of that image, None: the live camera's. distance: camera to scene
        centre at the goal, m. depth: (H, W) metres of the image. mask: (H, W), zero where nothing is to be matched.
        Raises ServoClientError with the node's reason.
        """
        header = Header()
        request = SetGoalImage.Request(image=rgb_to_image(image, header), distance=float(distance or 0.0))
        if intrinsics is not None:
            request.camera_info = intrinsics_to_info(intrinsics, header)
        if depth is not None:
            request.depth = depth_to_image(depth, header)
        if mask is not None:
            request.mask = mask_to_image(mask, header)
        return self.call_set_goal(request)

    def call_set_goal(self, request: SetGoalImage.Request) -> SetGoalImage.Response:
        """As `set_goal`, with a request of your own."""
        return self._accepted("keypoints/set_goal_image", self.call("keypoints/set_goal_image", SetGoalImage, request))

    def capture_goal(self) -> str:
        """Make the live image the goal; returns the node's answer."""
        return self._trigger("keypoints/capture_goal")

    def enable(self, on: bool) -> str:
        """Allow or end motion; returns the controller's answer."""
        answer = self.call("controller/enable", SetBool, SetBool.Request(data=on))
        return self._accepted("controller/enable", answer).message

    def is_viewed(self) -> bool:
        """Whether a browser shows the live view; False when none does within two seconds."""
        name = f"depth_pc: {self._namespace}/watch"

        def has_viewers(msg: DiagnosticArray) -> bool:
            values = {pair.key: pair.value for status in msg.status if status.name == name for pair in status.values}
            return int(values.get("viewers", 0)) > 0

        return self._wait("/diagnostics", has_viewers, _DIAGNOSED_S) is not None

    # The simulation

    def reset(self) -> None:
        """Put the simulated camera at its start pose, and wait until the nodes see the view from there."""
        self._trigger("bridge/reset")
        self.wait_for_fresh_matches()

    def look_from_goal(self) -> None:
        """Put the simulated camera at the goal pose, and wait until the nodes see the view from there."""
        self._trigger("bridge/look_from_goal")
        self.wait_for_fresh_matches()

    @property
    def camera_pose(self) -> np.ndarray:
        """Newest true `T_world_cam` (4, 4)."""
        return pose_from_msg(self._first("bridge/camera_pose").pose)

    @property
    def goal_pose(self) -> np.ndarray:
        """True `T_world_goal` (4, 4)."""
        return pose_from_msg(self._first("bridge/goal_pose").pose)

    # What the nodes send

    def on_status(self, listener: Callable[[ServoStatus], None]) -> None:
        """Call `listener` with every status from now on, in the client's thread."""
        self._listeners["controller/status"].append(listener)
        self._subscribe("controller/status")

    def on_camera_pose(self, listener: Callable[[float, np.ndarray], None]) -> None:
        """Call `listener` with stamp (s) and `T_world_cam` (4, 4) of every view from now on, in the client's thread."""
        topic = "bridge/camera_pose"
        self._listeners[topic].append(lambda msg: listener(_stamp_s(msg), pose_from_msg(msg.pose)))
        self._subscribe(topic)

    def on_image(self, listener: Callable[[float, np.ndarray], None]) -> None:
        """Call `listener` with stamp (s) and image (H, W, 3) uint8 RGB of every view, in the client's thread."""
        topic = "bridge/image"
        self._listeners[topic].append(lambda msg: listener(_stamp_s(msg), image_to_rgb(msg)))
        self._subscribe(topic)

    def on_matches(self, listener: Callable[[float, np.ndarray], None]) -> None:
        """Call `listener` with stamp (s) and pixels (M, 2) of the keypoints matched in every view, as `on_image`."""
        topic = "keypoints/matches"
        self._listeners[topic].append(lambda msg: listener(_stamp_s(msg), _matched_pixels(msg)))
        self._subscribe(topic)

    @property
    def status(self) -> ServoStatus:
        """Newest status of the controller."""
        return self._first("controller/status")

    def wait_for(self, predicate: Callable[[ServoStatus], bool], timeout_s: float | None = None) -> ServoStatus:
        """The first status, from the newest on, that fulfils the predicate."""
        last = self.status
        found = self._wait("controller/status", predicate, timeout_s)
        if found is None:
            last = self._newest.get("controller/status", last)
            raise ServoClientError(
                f"the awaited status did not come within {timeout_s or self.timeout_s:g} s; "
                f"the last one: {ServoState(last.state).name}, {last.num_matches} matches, {last.message or '-'}"
            )
        return found

    def frame(self) -> tuple[np.ndarray, np.ndarray, float]:
        """Newest simulated view: rgb (H, W, 3) uint8, depth (H, W) metres (NaN: nothing), stamp in s."""
        image, depth = "bridge/image", "bridge/depth_image"
        self._subscribe(image)
        self._subscribe(depth)
        newest = self._newest
        with self._changed:
            if not self._changed.wait_for(
                lambda: image in newest and depth in newest and newest[image].header == newest[depth].header,
                self.timeout_s,
            ):
                raise ServoClientError(f"{self._name(image)}: no image with its depth within {self.timeout_s:g} s")
            return image_to_rgb(newest[image]), depth_to_metres(newest[depth]), _stamp_s(newest[image])

    def wait_for_fresh_matches(self) -> None:
        """Wait until the keypoint node has processed an image that was taken after this call."""
        newest_s = _stamp_s(self._newest["bridge/image"]) if "bridge/image" in self._newest else 0.0
        for _ in range(2):  # the first one may have been taken before this call
            image = self._wait("bridge/image", lambda msg, after_s=newest_s: _stamp_s(msg) > after_s)
            if image is None:
                raise ServoClientError(f"{self._name('bridge/image')}: no new image within {self.timeout_s:g} s")
            newest_s = _stamp_s(image)
        if self._wait("keypoints/matches", lambda msg: _stamp_s(msg) >= newest_s) is None:
            raise ServoClientError(f"{self._name('keypoints/matches')}: no matches within {self.timeout_s:g} s")

    def wait_for_goal_depth(self, goal_id: int) -> None:
        """Wait until the depth node has estimated the depth of this goal."""
        goal = self._wait("keypoints/goal", lambda msg: msg.goal_id == goal_id)
        topic = "depth/goal_relative_depth"
        if goal is None or self._wait(topic, lambda msg: msg.header.stamp == goal.header.stamp) is None:
            raise ServoClientError(f"{self._name(topic)}: no depth of goal {goal_id} within {self.timeout_s:g} s")

    def is_active(self, name: str) -> bool:
        """Whether this lifecycle node, such as `controller`, is there and active."""
        try:
            answer = self.call(f"{name}/get_state", GetState, GetState.Request(), timeout_s=1.0)
        except ServoClientError:
            return False
        return answer.current_state.id == State.PRIMARY_STATE_ACTIVE

    # Plumbing

    def _name(self, name: str) -> str:
        return name if name.startswith("/") else f"{self._namespace}/{name}"

    def _subscribe(self, topic: str) -> None:
        if topic in self._subscribed:
            return
        self._subscribed.add(topic)
        kind, qos = _TOPICS[topic]
        self.node.create_subscription(kind, self._name(topic), lambda msg: self._receive(topic, msg), qos)

    def _receive(self, topic: str, msg) -> None:
        with self._changed:
            self._newest[topic] = msg
            self._changed.notify_all()
        for listener in self._listeners[topic]:
            listener(msg)

    def _wait(self, topic: str, predicate, timeout_s: float | None = None):
        """The newest message of the topic once it fulfils the predicate, or None after the timeout."""
        self._subscribe(topic)
        with self._changed:
            done = self._changed.wait_for(
                lambda: topic in self._newest and predicate(self._newest[topic]), timeout_s or self.timeout_s
            )
            return self._newest[topic] if done else None

    def _first(self, topic: str):
        """The newest message of the topic, waiting for the first one."""
        msg = self._wait(topic, lambda _: True)
        if msg is None:
            raise ServoClientError(
                f"{self._name(topic)}: nothing came within {self.timeout_s:g} s; is the node running?"
            )
        return msg

    def _trigger(self, service: str) -> str:
        return self._accepted(service, self.call(service, Trigger, Trigger.Request())).message

    def _accepted(self, service: str, answer):
        if not answer.success:
            raise ServoClientError(f"{self._name(service)} refused: {answer.message}")
        return answer

    def call(self, service: str, kind, request, timeout_s: float | None = None):
        """Response of a service, of the namespace unless its name is absolute."""
        timeout_s = timeout_s or self.timeout_s
        name = self._name(service)
        if service not in self._clients:
            self._clients[service] = self.node.create_client(kind, name)
        client = self._clients[service]
        if not client.wait_for_service(timeout_s):
            raise ServoClientError(f"{name}: no such service within {timeout_s:g} s; are the nodes running?")
        answer = answer_within(client, request, timeout_s)
        if answer is None:
            raise ServoClientError(f"{name}: no answer within {timeout_s:g} s")
        return answer


def _matched_pixels(msg: KeypointMatches) -> np.ndarray:
    """Pixels (M, 2) of the matched keypoints."""
    return np.asarray(msg.current_points).reshape(-1, 2)[np.asarray(msg.matched, dtype=bool)]


def _stamp_s(msg) -> float:
    return stamp_to_seconds(msg.header.stamp)
