"""Videos: frame after frame, as OpenCV's FFmpeg decodes them."""

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.errors import DepthPcError, FileError

SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg")
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # no lines of FFmpeg's own; OpenCV reads it at the first video
_SLOWEST, _FASTEST = 0.1, 1000.0  # frames a second
_MOST_PIXELS = 64_000_000


class VideoFile:
    """A video of frames at a fixed rate, 1/s. size: (width, height). error: the kind of error of all problems."""

    def __init__(self, path: str | Path, error: type[DepthPcError] = FileError):
        self.path, self._error = Path(path), error
        if not self.path.is_file():
            raise error(f"{path}: no such video")
        video = self._open()
        self.rate_hz = video.get(cv2.CAP_PROP_FPS)
        self.size = tuple(int(video.get(side)) for side in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        self.count = max(int(video.get(cv2.CAP_PROP_FRAME_COUNT)), 0)  # as its header says; 0: unknown
        video.release()
        if not _SLOWEST <= self.rate_hz <= _FASTEST:
            raise error(f"{path}: expected {_SLOWEST:g} to {_FASTEST:g} frames a second, got {self.rate_hz:g}")
        if not 0 < self.size[0] * self.size[1] <= _MOST_PIXELS:
            raise error(f"{path}: expected frames of at most {_MOST_PIXELS / 1e6:g} megapixels, got {self.size}")

    def frames(self) -> Iterator[tuple[float, np.ndarray]]:
        """Time since the first frame, s, and the frame (H, W, 3) uint8 RGB. Where a video is cut off, it ends."""
        video = self._open()
        k = 0
        try:
            while True:
                read, bgr = video.read()
                if not read:
                    break
                yield k / self.rate_hz, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
                k += 1
        except cv2.error as problem:
            raise self._error(f"{self.path}: frame {k}: {' '.join(str(problem).split())[:200]}") from None
        finally:
            video.release()
        if k == 0:
            raise self._error(f"{self.path}: expected a video, no frame of it can be decoded")

    def _open(self) -> cv2.VideoCapture:
        """The open video; OpenCV and FFmpeg print nothing of their own."""
        level = cv2.utils.logging.getLogLevel()
        cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)
        try:
            video = cv2.VideoCapture(str(self.path), cv2.CAP_FFMPEG)
        finally:
            cv2.utils.logging.setLogLevel(level)
        if not video.isOpened():
            raise self._error(f"{self.path}: expected a video that OpenCV can open (such as H.264 in .mp4)")
        return video
