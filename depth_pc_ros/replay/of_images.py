"""Replays images by which nothing of ours has moved a camera: what the servo would make of them, and command."""

import time
from collections.abc import Callable
from pathlib import Path

import numpy as np

from depth_pc_ros.errors import DepthPcError, ImageError
from depth_pc_ros.files.image_file import read_image
from depth_pc_ros.replay.errors import ReplayError
from depth_pc_ros.replay.images import Images
from depth_pc_ros.replay.player import Player
from depth_pc_ros.replay.result import Replay

_DEPTH_EVERY_S = 0.2  # as often as a depth node estimates beside the others
FIRST, LAST = "first", "last"


def goal_image(images: Images, which: str) -> tuple[np.ndarray, str]:
    """The goal (H, W, 3) uint8 RGB, rectified, and what it is. which: first, last, a number (0 is the first image, -1
    the last), or an image file of the same camera. Raises DepthPcError."""
    index = {FIRST: 0, LAST: -1}.get(which)
    if index is None and which.lstrip("-").isascii() and which.lstrip("-").isdigit():
        index = int(which)
    if index is None:
        raw = read_image(which, "goal", upright=False)
        try:
            return images.rectifier.image(raw), f"the image file {Path(which).name}"
        except ImageError as error:
            raise ReplayError(f"goal: {which}: {error}") from None
    pictures, count = [], 0
    for picture in images.pictures():
        count += 1
        if index >= 0 and count <= index:
            continue
        pictures = [*pictures, picture][index if index < 0 else 0 :]
        if index >= 0:
            break
    if not pictures or (index < 0 and len(pictures) < -index):
        raise ReplayError(f"goal: expected first, last, a number below {count}, or an image file, got {which!r}")
    return pictures[0].rgb(), f"image {index if index >= 0 else count + index} of the recording"


class ImagesReplay:
    """player: without checks of the motion. age_s: from an image to the motion that answers it, s."""

    def __init__(self, player: Player, images: Images, age_s: float):
        self._player, self._images, self._age_s = player, images, age_s
        self._problems: dict[str, int] = {}

    def run(self, on_frame: Callable[[int], None] = lambda count: None) -> Replay:
        """Replay all of it. on_frame: called with the number of images so far. Raises ReplayError."""
        estimated_ns, unstamped = None, 0
        for count, picture in enumerate(self._images.pictures(), 1):
            begin_s = time.perf_counter()
            stamp_ns = picture.stamp_ns or picture.logged_ns
            unstamped += not picture.stamp_ns
            try:
                image = picture.rgb()
            except DepthPcError as error:
                self._problems[str(error)] = self._problems.get(str(error), 0) + 1
                continue
            if self._player.estimator and (estimated_ns is None or stamp_ns - estimated_ns > 1e9 * _DEPTH_EVERY_S):
                estimated_ns = stamp_ns
                self._player.servo.add_relative_depth(self._player.estimator(image), 1e-9 * stamp_ns)
            result = self._player.look(self._player.match(stamp_ns, image), 1e-9 * stamp_ns, None, self._age_s)
            self._player.note(stamp_ns, result, self._player.servo.answer(), begin_s)
            on_frame(count)
        notes = [f"{number} images were not used: {what}" for what, number in self._problems.items()]
        if unstamped:
            notes.append(
                f"{unstamped} images have no time stamp, which the nodes refuse: the time of recording is used"
            )
        self._player.replay.notes += [*notes, *self._images.notes]
        return self._player.replay
