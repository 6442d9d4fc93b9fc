"""Replays what a servo recorded: it gets the same goals and images at the same times, and the same motion.

Each command is compared with the recorded one. Then the recorded one takes its place, for it is what moved the camera:
so one difference does not grow into others, and the checks of the motion hold the images against what was obeyed.
"""

import dataclasses
import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from depth_pc_ros.control.limits import VelocityLaw
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.files.bag_file import BagFile
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.nodes.bounds import goal_distance
from depth_pc_ros.nodes.message_values import depth_to_metres, goal_from_msg, image_to_rgb, matches_from_msg
from depth_pc_ros.replay.images import Images
from depth_pc_ros.replay.player import Player
from depth_pc_ros.replay.recorded import Event, Recorded, stamp_ns
from depth_pc_ros.replay.result import Command, Replay
from depth_pc_ros.types import MOVING_STATES, Matches, ServoState

_LATE_NS = 2 * 10**9  # an image may have been recorded so long after its matches
_KEPT = 64  # images in memory
_NEAR_NS = 10**6  # stamps nearer than this are the same


class ServoReplay:
    """player: with the recorded configuration. lag_s, rate_hz: of the controller (`actuation_delay_s`, `rate_hz`).

    depths: the metric depth images of the bag, in order. recorded_matches: take the recorded matches in place of
    matching the images.
    """

    def __init__(
        self, player: Player, recorded: Recorded, images: Images, depths: Iterator, lag_s: float, rate_hz: float,
        recorded_matches: bool,
    ):  # fmt: skip
        self._player, self._recorded = player, recorded
        self._images = _ByStamp((picture.stamp_ns, picture.logged_ns, picture) for picture in images.pictures())
        self._depths = _ByStamp(depths)
        self._lag_s, self._rate_hz = lag_s, rate_hz
        self._recorded_matches = recorded_matches
        self._goal_id = 0
        self._enabled = False
        self._adapter = None
        self._estimated: set[int] = set()
        self._last_twist_ns: int | None = None
        self._newest_s = 0.0  # time of the newest image
        self._twists = {event.stamp_ns: event.value for event in recorded.of_kind("twist")}
        self._missing: dict[str, int] = {}  # what is not in the bag -> how often

    def run(self, on_frame: Callable[[int], None] = lambda count: None) -> Replay:
        """Replay all of it. on_frame: called with the number of matches so far. Raises ReplayError."""
        count = 0
        for event in self._ordered():
            getattr(self, f"_on_{event.kind}")(event)
            if event.kind == "matches":
                count += 1
                on_frame(count)
        notes = [f"{what}: {number} times, left out" for what, number in self._missing.items()]
        self._player.replay.notes += notes
        return self._player.replay

    def _ordered(self) -> list[Event]:
        """In lockstep a twist answers its image, and is looked up there."""
        events = self._recorded.events
        return [event for event in events if not (self._recorded.lockstep and event.kind == "twist")]

    def _on_goal(self, event: Event) -> None:
        message = event.value
        self._goal_id = message.goal_id
        if not message.goal_id:
            self._player.servo.clear_goal()
            return
        image = image_to_rgb(message.image, "goal")
        if self._recorded_matches:
            self._player.replay.num_keypoints = len(message.keypoints) // 2
            self._player.use_goal(goal_from_msg(message), image, message.keep_moving)
            return
        camera = message.camera_info
        intrinsics = Intrinsics.from_matrix(np.reshape(camera.k, (3, 3)), camera.width, camera.height)
        depth = depth_to_metres(message.depth, "goal depth") if message.depth.width else None
        distance = goal_distance(message.distance)
        self._player.set_goal(image, intrinsics, distance, depth, message.keep_moving)

    def _on_enable(self, event: Event) -> None:
        self._enabled = event.value
        if event.value:
            self._player.servo.reset()
        else:
            self._player.servo.stop()

    def _on_adapter(self, event: Event) -> None:
        before, self._adapter = self._adapter, event.value
        servo = self._player.servo
        if before is not None and event.value.stops != before.stops:
            servo.interrupted(self._newest_s + self._lag_s)
        law = VelocityLaw.from_config(self._player.config)
        limits = {name: min(getattr(law, name), getattr(event.value, name)) for name in ("max_linear", "max_angular")}
        servo.velocity_law = dataclasses.replace(law, **limits)
        servo.set_obeyed(event.value.state == "OK" and (self._recorded.lockstep or not event.value.message))

    def _on_matches(self, event: Event) -> None:
        message, player = event.value, self._player
        if message.goal_id != self._goal_id or player.servo.goal is None:
            return
        begin_s = time.perf_counter()
        matches = self._matches(event)
        if matches is None:
            return
        status = self._recorded.statuses.get(event.stamp_ns)
        depth = self._give_depth(event, status)
        age_s = 0.0 if self._recorded.lockstep else self._age_s(status)
        stamp_s = self._newest_s = seconds(event.stamp_ns)
        result = player.look(matches, stamp_s, depth, age_s)
        state = None if status is None or not self._enabled else ServoState(status.state)
        moving = result.state is ServoState.SERVOING and (state is None or state in MOVING_STATES)
        if not (moving and self._enabled):
            player.servo.stop(stamp_s + age_s)
        twist = result.twist
        if self._recorded.lockstep and self._enabled:
            twist = player.servo.answer()
            self._compare(event.stamp_ns, twist, self._twists.get(event.stamp_ns))
        player.note(
            event.stamp_ns, result, twist, begin_s, self._enabled, recorded_state=state,
            recorded_matches=int(np.count_nonzero(message.matched)),
        )  # fmt: skip

    def _matches(self, event: Event) -> Matches | None:
        """Of an image; None where it is not in the bag, or damaged."""
        picture = self._images.at(event.stamp_ns, event.logged_ns)
        try:
            recorded = matches_from_msg(event.value) if self._recorded_matches else None
            if picture is not None:
                return self._player.match(event.stamp_ns, picture.rgb(), recorded)
        except DepthPcError as error:
            self._miss(str(error))
            return None
        if recorded is None:
            self._miss("an image that was matched is not in the bag")
        return recorded

    def _on_twist(self, event: Event) -> None:
        """Real time: commands at a fixed rate."""
        before_ns, self._last_twist_ns = self._last_twist_ns, event.stamp_ns
        elapsed_s = 1.0 / self._rate_hz if before_ns is None else 1e-9 * (event.stamp_ns - before_ns)
        dt_s = min(max(elapsed_s, 0.0), 2.0 / self._rate_hz)
        twist = self._player.servo.command(dt_s, seconds(event.stamp_ns) + self._lag_s)
        self._compare(event.stamp_ns, np.zeros(6) if twist is None else twist, event.value)

    def _compare(self, at_ns: int, twist: np.ndarray, recorded: np.ndarray | None) -> None:
        if recorded is None:
            return
        self._player.replay.commands.append(Command(at_ns, twist, recorded))
        self._player.servo.replace_command(recorded)

    def _age_s(self, status) -> float:
        """From an image to the motion that answers it."""
        latency_ms = float("nan") if status is None else status.latency_ms
        return self._lag_s + (1e-3 * latency_ms if np.isfinite(latency_ms) else 0.05)

    def _give_depth(self, event: Event, status) -> np.ndarray | None:
        """The metric depth (H, W) that the servo had for this image. Gives it its estimated depth, too."""
        source = "none" if status is None else status.depth_source
        age_ns = 0 if status is None or not np.isfinite(status.depth_age_s) else round(1e9 * status.depth_age_s)
        at_ns = event.stamp_ns - age_ns
        if source == "camera":
            image = self._depths.at(at_ns, event.logged_ns)
            if image is None:
                self._miss("a depth image that was used is not in the bag (record it: --with-depth)")
            return None if image is None else depth_to_metres(image)
        if source == "estimated" and self._player.estimator is not None and at_ns not in self._estimated:
            picture = self._images.at(at_ns, event.logged_ns)
            if picture is None:
                self._miss("an image whose depth was estimated is not in the bag")
            else:
                self._estimated.add(at_ns)
                depth = self._player.estimator(picture.rgb())
                self._player.servo.add_relative_depth(depth, seconds(picture.stamp_ns))
        return None

    def _miss(self, what: str) -> None:
        self._missing[what] = self._missing.get(what, 0) + 1


def seconds(time_ns: int) -> float:
    """As `stamp_to_seconds` of the stamp of this time, to the last digit."""
    whole, nanosec = divmod(time_ns, 10**9)
    return whole + 1e-9 * nanosec


class _ByStamp:
    """Values by their stamps out of a stream of (stamp in ns, recorded at in ns, value); keeps the newest few."""

    def __init__(self, stream: Iterator[tuple[int, int, Any]]):
        self._stream = stream
        self._kept: dict[int, Any] = {}
        self._read_ns = 0  # until when the stream has been read

    def at(self, stamp_ns: int, before_ns: int) -> Any | None:
        """The value of this time, which was recorded before, or a moment after, `before_ns`; None: there is none."""
        while (found := self._near(stamp_ns)) is None and self._read_ns < before_ns + _LATE_NS:
            stamp, self._read_ns, value = next(self._stream, (None, before_ns + _LATE_NS, None))
            if stamp is not None:
                self._kept[stamp] = value
            if len(self._kept) > _KEPT:
                del self._kept[next(iter(self._kept))]
        return found

    def _near(self, stamp_ns: int) -> Any | None:
        if stamp_ns in self._kept:
            return self._kept[stamp_ns]
        near = min(self._kept, key=lambda stamp: abs(stamp - stamp_ns), default=None)
        return self._kept[near] if near is not None and abs(near - stamp_ns) < _NEAR_NS else None


def depth_images(bag: BagFile, namespace: str) -> Iterator[tuple[int, int, Any]]:
    """Stamp and time of recording, ns, and message of the metric depth that the servo got."""
    for logged in bag.logged([f"{namespace}/depth/metric_depth"]):
        message = logged.read()
        yield stamp_ns(message), logged.logged_ns, message
