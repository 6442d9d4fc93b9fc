"""A camera of this computer, frame after frame, by OpenCV."""

import os
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.files.video_file import quiet

# Named, so that OpenCV takes no video file, and no address, for a camera.
_BACKEND = cv2.CAP_V4L2 if sys.platform == "linux" else cv2.CAP_ANY
FROZEN_S = 2.0  # a picture that has not changed in a single pixel for so long is not live
_FROZEN = f"the picture has not changed at all for {FROZEN_S:g} s: the camera's stream is frozen"


class DeviceError(DepthPcError):
    """A camera cannot be opened, or gives no pictures any more."""


class CameraDevice:
    """device: a number, from 0 on, or a path such as `/dev/video0`. size: (width, height) px. Raises DeviceError.

    problem: what is wrong with the newest frame; "": nothing. rate_hz: of a video that is made of the frames.
    """

    rate_hz = 15.0

    def __init__(self, device: str):
        self._where = f"camera {device}"
        index = int(device) if device.isdecimal() else device
        if sys.platform == "linux":
            self._check_file(Path(f"/dev/video{index}" if device.isdecimal() else device))
        with quiet():
            self._capture = cv2.VideoCapture(index, _BACKEND)
            self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest picture, not one of a queue
            found, bgr = self._capture.read()  # nothing where it could not be opened
        if not found:
            self._capture.release()
            raise DeviceError(f"{self._where}: no picture can be had (does another program use it?)")
        self.size: tuple[int, int] = bgr.shape[1::-1]
        self.problem = ""

    def _check_file(self, path: Path) -> None:
        """OpenCV does not say why it cannot open a camera."""
        if not path.exists():
            others = ", ".join(sorted(map(str, Path("/dev").glob("video*")))) or "none"
            raise DeviceError(f"{self._where}: there is no {path} (cameras of this computer: {others})")
        if not os.access(path, os.R_OK | os.W_OK):
            raise DeviceError(f"{self._where}: no permission to use {path} (is your user in its group?)")

    def frames(self) -> Iterator[tuple[float, np.ndarray]]:
        """Time in s and frame (H, W, 3) uint8 RGB, without end. DeviceError: no more come."""
        last, changed_s = None, time.monotonic()
        while True:
            with quiet():
                found, bgr = self._capture.read()
            stamp_s = time.monotonic()
            if not found:
                raise DeviceError(f"{self._where}: it gives no pictures any more (was it unplugged?)")
            if bgr.shape[1::-1] != self.size:
                raise DeviceError(f"{self._where}: it changed from {self.size} to {bgr.shape[1::-1]} px; start again")
            if last is None or not np.array_equal(bgr, last):
                changed_s = stamp_s
            self.problem, last = _FROZEN if stamp_s - changed_s > FROZEN_S else "", bgr
            yield stamp_s, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)

    def close(self) -> None:
        self._capture.release()
