"""Subscriptions to a camera, made as its publishers offer the topic: raw or compressed, reliable or best effort."""

from collections.abc import Callable

from rclpy.qos import DurabilityPolicy, HistoryPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

_KINDS = {f"sensor_msgs/msg/{kind.__name__}": kind for kind in (Image, CompressedImage, CameraInfo)}
WATCH_PERIOD_S = 0.5  # between two looks at the publishers
SILENT_S = 2.0  # a source that has given nothing for longer says so


def image_kind(topic: str) -> type:
    """The type of message that a topic of this name has, by the rules of image_transport."""
    return CompressedImage if topic.endswith(("/compressed", "/compressedDepth")) else Image


class CameraTopics:
    """The camera's topics that a node subscribes to; they follow their publishers until `close`.

    After it the node may subscribe anew.
    """

    def __init__(self, node):
        self._node = node
        self._sources: list[CameraSource] = []
        node.create_timer(WATCH_PERIOD_S, self.look, clock=node.steady_clock)

    def create_subscription(self, kind: type, name: str, callback: Callable, depth: int = 1) -> "CameraSource":
        """As the node's own. kind: CameraInfo, or Image, in place of which CompressedImage may come."""
        self._sources.append(CameraSource(self._node, kind, name, callback, depth))
        return self._sources[-1]

    def look(self) -> None:
        for source in self._sources:
            source.look()

    def close(self) -> None:
        for source in self._sources:
            source.close()
        self._sources.clear()


class CameraSource:
    """The newest message of one topic of a camera, for a callback; older ones are dropped, so none ever queue up.
    depth: as many of the newest may wait.

    Best effort fits every publisher, but loses large images where their publisher has a small transport buffer. So it
    becomes reliable where all publishers are. `look` follows the publishers; call it every `WATCH_PERIOD_S`.
    A camera_info that a latched publisher sends once is received, too.
    """

    def __init__(self, node, kind: type, name: str, callback: Callable, depth: int = 1):
        self._depth = depth
        self._node, self._callback, self._infos = node, callback, kind is CameraInfo
        self.topic = node.resolve_topic_name(name)
        self._kind = CameraInfo if self._infos else image_kind(self.topic)
        self._qos = _newest(depth, reliable=False, latched=False)
        self._old = None  # goes on until the new one has received something
        self._count = 0  # of subscriptions made
        self._subscription = self._subscribe()
        self._last = None  # message, while there are two subscriptions
        self._heard = False
        self._received_s = self._begin_s = node.steady_s()
        self._publishers: list = []
        self.look()

    def look(self) -> None:
        """Subscribe anew where the publishers offer another type or quality of service than the subscription has."""
        self._publishers = self._node.get_publishers_info_by_topic(self.topic)
        usable = [publisher for publisher in self._publishers if publisher.topic_type in self._types]
        if not usable:
            return
        kind = _KINDS[usable[0].topic_type]
        profiles = [publisher.qos_profile for publisher in usable]
        reliable = all(profile.reliability == ReliabilityPolicy.RELIABLE for profile in profiles)
        latched = self._infos and all(profile.durability == DurabilityPolicy.TRANSIENT_LOCAL for profile in profiles)
        qos = _newest(self._depth, reliable, latched)
        if (kind, qos) == (self._kind, self._qos) and self._subscription is not None:
            return
        self._destroy_old()
        self._old, self._subscription = self._subscription, None
        same_kind, self._kind, self._qos = kind is self._kind, kind, qos
        if same_kind:
            self._subscription = self._subscribe()
        else:  # in a process a topic has one type, and the old one goes only after this callback: the next look goes on
            self._destroy_old()

    @property
    def _types(self) -> list[str]:
        return [name for name, kind in _KINDS.items() if (kind is CameraInfo) == self._infos]

    def _subscribe(self):
        self._count += 1
        count = self._count
        return self._node.create_subscription(self._kind, self.topic, lambda msg: self._receive(count, msg), self._qos)

    def _receive(self, count: int, msg) -> None:
        overlap = self._old is not None
        if count == self._count:
            self._destroy_old()
        self._received_s = self._node.steady_s()
        self._heard = True
        again = overlap and msg == self._last  # the other subscription gave it
        self._last = msg if self._old is not None else None
        if not again:
            self._callback(msg)

    def _destroy_old(self) -> None:
        if self._old is not None:
            self._node.destroy_subscription(self._old)
            self._old = None

    def silence(self) -> str:
        """Why nothing comes, for a person; empty: something came lately, or a latched message came."""
        if self._heard and (self._infos or self._node.steady_s() - self._received_s <= SILENT_S):
            return ""
        if not self._publishers:
            return f"{self.topic} has no publisher: start the camera's driver, or give the right topic"
        foreign = [publisher.topic_type for publisher in self._publishers if publisher.topic_type not in self._types]
        if len(foreign) == len(self._publishers):
            return f"{self.topic} has type {foreign[0]}, expected {' or '.join(self._types)}"
        silent_s = self._node.steady_s() - (self._received_s if self._heard else self._begin_s)
        if silent_s <= SILENT_S:
            return f"waiting for {self.topic}"
        return f"{self.topic} has {len(self._publishers)} publisher(s), but sends nothing"

    def close(self) -> None:
        self._destroy_old()
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)


def _newest(depth: int, reliable: bool, latched: bool) -> QoSProfile:
    return QoSProfile(
        depth=depth,
        history=HistoryPolicy.KEEP_LAST,
        reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT,
        durability=DurabilityPolicy.TRANSIENT_LOCAL if latched else DurabilityPolicy.VOLATILE,
    )
