"""`LiveView`: what the page of a servo shows now. Filled from any thread; each browser takes the newest of it."""

import itertools
import json
import math
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from depth_pc_ros.types import LATCHED_STATES, MOVING_STATES, ServoState
from depth_pc_ros.view.drawing import jpeg

PICTURES = ("live", "goal", "overlay", "difference", "depth")  # in the page's order
SAMPLE_S = 0.1  # between two points of the curves, but for a change of state
HISTORY_S = 120.0  # how far the curves go back
_SAMPLES = round(1.5 * HISTORY_S / SAMPLE_S)


@dataclass(frozen=True)
class Reading:
    """What the servo does at one time; NaN: unknown.

    message: the one thing that is missing or wrong; "": nothing. error_px: mean distance to the goal, px. speed_m_s,
    speed_rad_s: of the twist that is commanded. facts: more rows for the page's table, name -> text.
    """

    state: ServoState
    message: str = ""
    error_px: float = math.nan
    speed_m_s: float = math.nan
    speed_rad_s: float = math.nan
    facts: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Viewer:
    """One browser: which pictures it wants, and what it has got."""

    wanted: frozenset[str] = frozenset()
    pictures: dict[str, int] = field(default_factory=dict)  # name -> number of the picture sent last
    readings: int = 0  # how many there had been
    samples: int = 0


@dataclass(frozen=True)
class _Picture:
    number: int
    jpeg: bytes
    shown_s: float


def kind_of(state: ServoState) -> str:
    """How the page colours a state."""
    if state in MOVING_STATES:
        return "moving"
    if state is ServoState.CONVERGED:
        return "reached"
    return "fault" if state in LATCHED_STATES else "waiting"


class LiveView:
    """The newest pictures and the newest reading, with the curves of the last two minutes.

        view = LiveView("/depth_pc")
        view.update(Reading(ServoState.SERVOING, error_px=3.2))
        if "live" in view.wanted:
            view.show("live", picture)

    title: what the page is about. Draw only what is `wanted`: somebody looks at it. Nothing waits for a browser.
    """

    def __init__(self, title: str):
        self.title = title
        self.note = ""  # why there is no live picture, for a person; "": there is one
        self.on_change: Callable[[], None] = lambda: None  # called in the thread that changed it
        self._lock = threading.Lock()
        self._numbers = itertools.count(1)
        self._pictures: dict[str, _Picture] = {}
        self._reading: Reading | None = None
        self._readings = 0
        self._read_s = -math.inf
        self._samples: deque[tuple] = deque(maxlen=_SAMPLES)
        self._sampled = 0  # how many there have been
        self._viewers: list[Viewer] = []
        self._wanted: frozenset[str] = frozenset()
        self._begin_s = time.monotonic()

    # Whoever has something to show

    @property
    def viewers(self) -> int:
        """Number of browsers that show the page."""
        return len(self._viewers)

    @property
    def wanted(self) -> frozenset[str]:
        """Names in PICTURES that some browser shows."""
        return self._wanted

    def show(self, name: str, picture: np.ndarray | None) -> None:
        """Take a picture (H, W, 3) uint8 RGB, as the newest of a name in PICTURES; None: there is none."""
        if name not in PICTURES:
            raise ValueError(f"name: expected one of {', '.join(PICTURES)}, got {name!r}")
        if name not in self._wanted:
            return
        data = b"" if picture is None else jpeg(picture)
        with self._lock:
            old = self._pictures.get(name)
            if name in self._wanted and (data or (old is not None and old.jpeg)):
                self._pictures[name] = _Picture(next(self._numbers), data, time.monotonic())
        self.on_change()

    def update(self, reading: Reading) -> None:
        """Take what the servo does now."""
        now_s = time.monotonic()
        with self._lock:
            before, self._reading = self._reading, reading
            self._readings += 1
            self._read_s = now_s
            t_s = now_s - self._begin_s
            if before is None or before.state is not reading.state or t_s - self._samples[-1][0] >= SAMPLE_S:
                values = (reading.error_px, 1e3 * reading.speed_m_s, math.degrees(reading.speed_rad_s))
                self._samples.append((round(t_s, 3), *map(_number, values), int(reading.state)))
                self._sampled += 1
        self.on_change()

    # The server

    def attach(self, viewer: Viewer) -> None:
        """A browser has come."""
        with self._lock:
            self._viewers.append(viewer)

    def detach(self, viewer: Viewer) -> None:
        """A browser has gone."""
        with self._lock:
            self._viewers.remove(viewer)
            self._collect_wanted()

    def want(self, viewer: Viewer, names: frozenset[str]) -> None:
        """A browser shows these pictures from now on."""
        with self._lock:
            if viewer.wanted != names:
                viewer.wanted = names
                self._collect_wanted()

    def _collect_wanted(self) -> None:
        self._wanted = frozenset().union(*(viewer.wanted for viewer in self._viewers))
        # An old picture must not come back as if it were new.
        self._pictures = {name: picture for name, picture in self._pictures.items() if name in self._wanted}

    def has_news(self, viewer: Viewer) -> bool:
        """Whether there is something that this browser has not got."""
        with self._lock:
            return viewer.readings != self._readings or bool(self._fresh(viewer))

    def _fresh(self, viewer: Viewer) -> dict[str, _Picture]:
        """The pictures that it wants and has not got."""
        return {
            name: picture
            for name, picture in self._pictures.items()
            if name in viewer.wanted and viewer.pictures.get(name) != picture.number
        }

    def message(self, viewer: Viewer) -> bytes:
        """All that is new for a browser: length of the JSON (4 bytes, little endian), the JSON, the JPEG files.

        The JSON names the pictures and their sizes in bytes, in the order of the files; 0 bytes: there is none now.
        """
        now_s = time.monotonic()
        with self._lock:
            fresh = self._fresh(viewer)
            viewer.pictures |= {name: picture.number for name, picture in fresh.items()}
            viewer.readings = self._readings
            count = min(self._sampled - viewer.samples, len(self._samples))
            samples = list(self._samples)[len(self._samples) - count :]
            viewer.samples = self._sampled
            live, reading, read_s = self._pictures.get("live"), self._reading, self._read_s
        head = {
            "title": self.title,
            "now_s": round(now_s - self._begin_s, 3),
            "silent_s": _number(now_s - read_s),
            "note": self.note,
            "live_age_s": None if live is None else _number(now_s - live.shown_s),
            "reading": None if reading is None else _plain(reading),
            "samples": samples,
            "pictures": [(name, len(picture.jpeg)) for name, picture in fresh.items()],
        }
        text = json.dumps(head, allow_nan=False).encode()
        return b"".join([struct.pack("<I", len(text)), text, *(picture.jpeg for picture in fresh.values())])


def _plain(reading: Reading) -> dict:
    return {
        "state": reading.state.name,
        "kind": kind_of(reading.state),
        "message": reading.message,
        "error_px": _number(reading.error_px),
        "facts": dict(reading.facts),
    }


def _number(value: float) -> float | None:
    """For JSON, which has neither NaN nor infinity."""
    return round(value, 4) if math.isfinite(value) else None
