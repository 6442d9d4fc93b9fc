"""The recorder: subscribes to a running servo and writes a bag. It publishes nothing, and has a process of its own."""

import contextlib
import heapq
import itertools
import queue
import threading
import time
from array import array
from collections import Counter, deque
from functools import partial
from pathlib import Path

import cv2
from ament_index_python.packages import get_package_share_directory
from diagnostic_msgs.msg import DiagnosticStatus, KeyValue
from geometry_msgs.msg import PoseStamped, TwistStamped
from rcl_interfaces.msg import ParameterEvent
from rclpy.clock import Clock, ClockType
from rclpy.node import Node
from rclpy.parameter import parameter_value_to_python
from rclpy.parameter_client import AsyncParameterClient
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from rclpy.serialization import serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal, ServoStatus
from depth_pc_ros.errors import DepthPcError, FileError
from depth_pc_ros.files.bag_writer import LATCHED, BagWriter
from depth_pc_ros.nodes.conversions import image_to_rgb
from depth_pc_ros.nodes.image_source import CameraTopics
from depth_pc_ros.nodes.node_configs import NODE_CONFIGS
from depth_pc_ros.options import as_text

NODE_NAME = "recorder"
PARAMETERS = "recorder/parameters"  # topic, in the servo's namespace, of a bag only: a DiagnosticStatus for each node
PARAMETER_NODES = ("keypoints", "depth", "controller")  # whose parameters a replay needs
_KEPT = 200  # messages of a topic that wait for this process
_WAITING, _WAITING_IMAGES = 2000, 40  # messages that wait to be encoded and written; images and depth among them
_SORT_NS = 300_000_000  # messages come this much out of their order, at most

# Name in the servo's namespace -> type, and whether it is latched. What does not exist is not in the bag.
_TOPICS = {
    "keypoints/matches": (KeypointMatches, False),
    "keypoints/goal": (ServoGoal, True),
    "controller/status": (ServoStatus, True),
    "controller/twist_cmd": (TwistStamped, False),
    "adapter/status": (DiagnosticStatus, True),
    "bridge/camera_pose": (PoseStamped, False),  # the truth, of a simulation
    "bridge/goal_pose": (PoseStamped, True),
}
_DEPTH = "depth/metric_depth"


class Recorder(Node):
    """Records from its construction to `close`.

    folder: of the bag; it must not exist. namespace: of the servo. image, camera_info: topics of the camera; without a
    `/` they are in the namespace. codec: of images that are sent raw, `png` or `jpeg`; others are kept as they are.
    with_depth: record the metric depth that the servo gets, too. Raises FileError.
    """

    def __init__(
        self, folder: Path, namespace: str, image: str, camera_info: str, codec: str, with_depth: bool, **node_options
    ):
        super().__init__(NODE_NAME, namespace=namespace, **node_options)
        self.steady_clock = Clock(clock_type=ClockType.STEADY_TIME)
        self.problem = ""  # why it does not record any more
        self.dropped: dict[str, int] = {}  # topic -> messages that came faster than they could be written
        self._codec = codec
        self._queue: queue.Queue = queue.Queue(_WAITING)
        self._room = threading.Semaphore(_WAITING_IMAGES)
        self._order = itertools.count()
        self._heard: Counter[str] = Counter()
        self._newest: deque[tuple[str, int, int]] = deque(
            maxlen=2 * _KEPT
        )  # topics and stamps of the camera's messages
        self._bag = BagWriter(folder, _definitions())
        self._camera_topics = CameraTopics(self)
        self._image = self._camera_topics.create_subscription(Image, image, self._on_image, _KEPT)
        self._info = self._camera_topics.create_subscription(CameraInfo, camera_info, self._on_info, _KEPT)
        for name, (kind, latched) in _TOPICS.items():
            self._subscribe(name, kind, latched)
        if with_depth:
            self._subscribe(_DEPTH, Image, False, reliable=False)
        self._of_node = {name: AsyncParameterClient(self, name) for name in PARAMETER_NODES}
        self._asked = set(PARAMETER_NODES)  # whose parameters are not known
        self.create_subscription(ParameterEvent, "/parameter_events", self._on_parameter_event, _KEPT)
        self.create_timer(0.5, self._ask_parameters, clock=self.steady_clock)
        self._writer = threading.Thread(target=self._write_all, daemon=True)
        self._writer.start()

    def steady_s(self) -> float:
        """Seconds of a clock that never stops or jumps."""
        return 1e-9 * self.steady_clock.now().nanoseconds

    @property
    def counts(self) -> dict[str, int]:
        """Topic -> messages in the bag."""
        return self._bag.counts

    def heard(self, topic: str) -> int:
        """How many messages of a topic have come so far."""
        return self._heard[topic]

    @property
    def missing(self) -> list[str]:
        """Topics that a replay needs and that have sent nothing yet."""
        needed = [self._image.topic, self._info.topic, self.resolve_topic_name("keypoints/matches")]
        needed.append(self.resolve_topic_name("controller/status"))
        return [topic for topic in needed if topic not in self._heard]

    @property
    def missing_parameters(self) -> list[str]:
        """Nodes whose parameters are not known yet."""
        return sorted(self._asked)

    def close(self) -> None:
        """Write what waits, and end the bag. `problem` says what went wrong."""
        self._camera_topics.close()
        self._queue.put(None)
        self._writer.join()

    # What comes

    def _subscribe(self, name: str, kind: type, latched: bool, reliable: bool = True) -> None:
        topic = self.resolve_topic_name(name)
        qos = QoSProfile(
            depth=_KEPT,
            reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
            durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
        )

        def receive(raw: bytes, info) -> None:
            self._put(info["received_timestamp"], topic, _name(kind), raw, LATCHED if latched else "", kind is Image)

        self.create_subscription(kind, topic, receive, qos, raw=True)

    def _on_image(self, msg: Image | CompressedImage) -> None:
        if not self._again(self._image.topic, msg):
            self._put(time.time_ns(), self._image.topic, "", msg, large=True)

    def _on_info(self, msg: CameraInfo) -> None:
        if not self._again(self._info.topic, msg):
            self._put(time.time_ns(), self._info.topic, _name(CameraInfo), serialize_message(msg))

    def _again(self, topic: str, msg) -> bool:
        """Whether it has come before: while a camera's source changes its subscription, both give what waits."""
        key = topic, msg.header.stamp.sec, msg.header.stamp.nanosec
        again = key in self._newest and any(key[1:])  # a camera that stamps nothing sends no two alike
        self._newest.append(key)
        return again

    def _put(self, logged_ns: int, topic: str, kind: str, content, qos: str = "", large: bool = False) -> None:
        """Let a message wait to be written. kind: empty for an image that may have to be compressed."""
        self._heard[topic] += 1
        if not large or self._room.acquire(blocking=False):
            try:
                self._queue.put_nowait((logged_ns, next(self._order), topic, kind, content, qos, large))
                return
            except queue.Full:
                if large:
                    self._room.release()
        self.dropped[topic] = self.dropped.get(topic, 0) + 1
        self.get_logger().warning(
            f"{topic}: a message is left out: encoding or the disk is too slow (codec: {self._codec})",
            throttle_duration_sec=5.0,
        )

    def _ask_parameters(self) -> None:
        """Ask the nodes that have started since, or were changed, for their parameters."""
        for name in sorted(self._asked):
            if self._of_node[name].services_are_ready():
                names = list(NODE_CONFIGS[name].__dataclass_fields__)
                self._of_node[name].get_parameters(names, partial(self._on_values, name, names))

    def _on_parameter_event(self, event: ParameterEvent) -> None:
        changed = {parameter.name for parameter in event.changed_parameters}
        for name in PARAMETER_NODES:
            if event.node == self.resolve_topic_name(name) and changed & NODE_CONFIGS[name].__dataclass_fields__.keys():
                self._asked.add(name)

    def _on_values(self, name: str, names: list[str], future) -> None:
        if name not in self._asked or future.result() is None:
            return
        self._asked.discard(name)
        values = [parameter_value_to_python(value) for value in future.result().values]
        pairs = [KeyValue(key=key, value=as_text(value)) for key, value in zip(names, values, strict=True)]
        status = DiagnosticStatus(name=self.resolve_topic_name(name), message="parameters", values=pairs)
        topic = self.resolve_topic_name(PARAMETERS)
        self._put(time.time_ns(), topic, _name(DiagnosticStatus), serialize_message(status), LATCHED)

    # What is written, in a thread of its own

    def _write_all(self) -> None:
        waiting: list[tuple] = []
        open_ended = True
        try:
            while open_ended or waiting:
                if open_ended:
                    with contextlib.suppress(queue.Empty):  # where nothing comes, what waits is written all the same
                        item = self._queue.get(timeout=0.1)
                        open_ended = item is not None
                        if open_ended:
                            heapq.heappush(waiting, item)
                while waiting and (not open_ended or time.time_ns() - waiting[0][0] > _SORT_NS):
                    self._write(*heapq.heappop(waiting))
            self._bag.close()
        except Exception as error:  # of anything else than a full disk, too, this thread must tell
            self.problem = str(error) if isinstance(error, FileError) else f"{type(error).__name__}: {error}"
            while open_ended:  # so that nobody waits for room in the queue
                open_ended = self._queue.get() is not None

    def _write(self, logged_ns: int, _order: int, topic: str, kind: str, content, qos: str, large: bool) -> None:
        if large:
            self._room.release()
        if not kind:
            try:
                topic, content = compressed(content, topic, self._codec)
            except DepthPcError as error:
                self.get_logger().warning(f"{topic}: left out: {error}", throttle_duration_sec=5.0)
                return
            kind = _name(CompressedImage)
        self._bag.write(topic, kind, logged_ns, content, qos)


def compressed(msg: Image | CompressedImage, topic: str, codec: str) -> tuple[str, bytes]:
    """Topic and bytes of the CompressedImage that is recorded of an image: what the nodes see of it. ImageError."""
    if isinstance(msg, CompressedImage):
        return topic, serialize_message(msg)
    bgr = cv2.cvtColor(image_to_rgb(msg), cv2.COLOR_RGB2BGR)
    options = [cv2.IMWRITE_PNG_COMPRESSION, 1] if codec == "png" else [cv2.IMWRITE_JPEG_QUALITY, 92]
    encoded = cv2.imencode(f".{codec}", bgr, options)[1]
    out = CompressedImage(header=msg.header, format=f"rgb8; {codec} compressed bgr8")
    out.data = array("B", encoded.tobytes())
    return f"{topic}/compressed", serialize_message(out)


def _name(kind: type) -> str:
    """Such as `sensor_msgs/msg/Image`."""
    package, folder, _ = kind.__module__.split(".", 2)
    return f"{package}/{folder}/{kind.__name__}"


def _definitions() -> dict[str, str]:
    """The texts of the messages of this project."""
    folder = Path(get_package_share_directory("depth_pc_interfaces"), "msg")
    return {f"depth_pc_interfaces/msg/{path.stem}": path.read_text(encoding="utf-8") for path in folder.glob("*.msg")}
