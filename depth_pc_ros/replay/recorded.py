"""What a bag holds of a servo that ran: goals, matches, states, twists, parameters, true poses."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.files.bag_file import BagFile
from depth_pc_ros.geometry.se3 import from_rt
from depth_pc_ros.nodes.adapter_report import AdapterReport
from depth_pc_ros.nodes.message_values import twist_from_msg
from depth_pc_ros.nodes.node_configs import NODE_CONFIGS, NodeConfig
from depth_pc_ros.options import from_text
from depth_pc_ros.types import ServoState

_OFF = (ServoState.INACTIVE, ServoState.NO_GOAL, ServoState.DISABLED)


@dataclass(frozen=True)
class Event:
    """One thing that the controller got or did. kind: goal, matches, twist, enable or adapter. stamp_ns: of a message
    with a header, else 0. value: the message; of enable a bool, of adapter an AdapterReport."""

    logged_ns: int
    kind: str
    stamp_ns: int
    value: Any


@dataclass
class Recorded:
    """Of a servo in this namespace. Times in ns.

    events: in the order in which they were recorded. statuses: stamp of an image -> the first ServoStatus that answers
    it. poses: stamp of an image -> true `T_world_cam` (4, 4). T_world_goal: (4, 4), or None. notes: what a person
    should know, a line each.
    """

    namespace: str
    events: list[Event] = field(default_factory=list)
    statuses: dict[int, Any] = field(default_factory=dict)
    poses: dict[int, np.ndarray] = field(default_factory=dict)
    T_world_goal: np.ndarray | None = None
    parameters: dict[str, dict[str, Any]] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)

    def of_kind(self, kind: str) -> Iterator[Event]:
        return (event for event in self.events if event.kind == kind)

    @property
    def lockstep(self) -> bool:
        """Whether each image was answered by one twist, with its stamp."""
        given = self.parameters.get("controller", {}).get("lockstep")
        if given is not None:
            return bool(given)
        stamps = {event.stamp_ns for event in self.of_kind("matches")}
        twists = [event.stamp_ns for event in self.of_kind("twist")]
        return bool(twists) and stamps.issuperset(twists)

    def config(self, node: str) -> NodeConfig:
        """The node's configuration as far as the bag knows it; else, and with a note, the defaults."""
        kind = NODE_CONFIGS[node]
        values = self.parameters.get(node)
        if values is None:
            self.notes.append(f"the parameters of {node} are not in the bag: its defaults are used")
            return kind()
        try:
            return kind.from_mapping(values, f"parameters of {node} in the bag")
        except ConfigError as error:
            self.notes.append(f"{error}: its defaults are used")
            return kind()


def read_recorded(bag: BagFile, namespace: str) -> Recorded:
    """Read all but the images. Raises ReplayError where a message is damaged."""
    recorded = Recorded(namespace)
    names = {
        f"{namespace}/{name}": take
        for name, take in (
            ("keypoints/goal", _goal), ("keypoints/matches", _matches), ("controller/status", _status),
            ("controller/twist_cmd", _twist), ("adapter/status", _adapter), ("bridge/camera_pose", _pose),
            ("bridge/goal_pose", _goal_pose), ("recorder/parameters", _parameters),
        )
    }  # fmt: skip
    for logged in bag.logged(names):
        names[logged.topic](recorded, logged.logged_ns, logged.read())
    return recorded


def stamp_ns(message) -> int:
    """Time of a message's header."""
    return message.header.stamp.sec * 10**9 + message.header.stamp.nanosec


def _goal(recorded: Recorded, logged_ns: int, message) -> None:
    recorded.events.append(Event(logged_ns, "goal", stamp_ns(message), message))


def _matches(recorded: Recorded, logged_ns: int, message) -> None:
    recorded.events.append(Event(logged_ns, "matches", stamp_ns(message), message))


def _twist(recorded: Recorded, logged_ns: int, message) -> None:
    recorded.events.append(Event(logged_ns, "twist", stamp_ns(message), twist_from_msg(message.twist)))


def _status(recorded: Recorded, logged_ns: int, message) -> None:
    enabled = message.state not in _OFF
    last = next((event.value for event in reversed(recorded.events) if event.kind == "enable"), False)
    if enabled != last:
        recorded.events.append(Event(logged_ns, "enable", stamp_ns(message), enabled))
    image_ns = message.image_stamp.sec * 10**9 + message.image_stamp.nanosec
    recorded.statuses.setdefault(image_ns, message)


def _adapter(recorded: Recorded, logged_ns: int, message) -> None:
    """Most are signs of life, which change nothing."""
    status = AdapterReport.from_msg(message)
    last = next((event.value for event in reversed(recorded.events) if event.kind == "adapter"), None)
    if status != last:
        recorded.events.append(Event(logged_ns, "adapter", 0, status))


def _pose(recorded: Recorded, _logged_ns: int, message) -> None:
    recorded.poses[stamp_ns(message)] = _matrix(message.pose)


def _goal_pose(recorded: Recorded, _logged_ns: int, message) -> None:
    recorded.T_world_goal = _matrix(message.pose)


def _matrix(pose) -> np.ndarray:
    q = np.array([pose.orientation.x, pose.orientation.y, pose.orientation.z, pose.orientation.w])
    if not np.linalg.norm(q) > 0.5:
        q = np.array([0.0, 0.0, 0.0, 1.0])
    position = np.array([pose.position.x, pose.position.y, pose.position.z])
    return from_rt(Rotation.from_quat(q).as_matrix(), position)


def _parameters(recorded: Recorded, _logged_ns: int, message) -> None:
    """The values that a node has, or that were changed while it ran."""
    node = message.name.removeprefix(f"{recorded.namespace}/")
    if node not in NODE_CONFIGS:
        return
    fields = NODE_CONFIGS[node].__dataclass_fields__
    values = {pair.key: from_text(fields[pair.key], pair.value) for pair in message.values if pair.key in fields}
    before = recorded.parameters.setdefault(node, {})
    changed = sorted(name for name in values if name in before and values[name] != before[name])
    if changed:
        recorded.notes.append(f"{node}: {', '.join(changed)} changed during the run: the last values are used")
    before.update(values)
