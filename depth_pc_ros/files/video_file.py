"""Videos: frame after frame, as OpenCV's FFmpeg decodes and encodes them."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.errors import DepthPcError, FileError
from depth_pc_ros.files.raw import check_writable, read_start

SUFFIXES = (".mp4", ".avi", ".mkv", ".mov", ".webm", ".m4v", ".mpg", ".mpeg")
WRITTEN = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}  # codec of a file with this ending
_SLOWEST, _FASTEST = 0.1, 1000.0  # frames a second
_MOST_PIXELS = 64_000_000
_WHOLE = 0.8  # share of the frames that the header says, from which on a video counts as whole: some only estimate
# Where each kind of file has its mark. Others, such as lists of further files and addresses, are never given to FFmpeg.
_MARKS = (
    *((4, mark) for mark in (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),  # MP4, MOV
    (8, b"AVI "),
    (0, b"\x1a\x45\xdf\xa3"),  # MKV, WebM
    *((0, mark) for mark in (b"\0\0\1\xba", b"\0\0\1\xb3")),  # MPEG
)

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # no lines of FFmpeg's own; OpenCV reads it at the first video


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """OpenCV prints nothing about a file or a device that it cannot open."""
    log = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)


class VideoFile:
    """A video of frames at a fixed rate, 1/s. size: (width, height). error: the kind of error of all problems.

    count: as its header says; 0: unknown. problem: after `frames`, why they ended early; "": they did not.
    """

    def __init__(self, path: str | Path, error: type[DepthPcError] = FileError):
        self.path, self._error = Path(path).expanduser(), error
        self.problem = ""
        if not self.path.is_file():
            raise error(f"{path}: no such video")
        start = read_start(self.path, f"video {path}", 16, error)
        if not any(start[at : at + len(mark)] == mark for at, mark in _MARKS):
            raise self._not_open()
        video = self._open()
        self.rate_hz = video.get(cv2.CAP_PROP_FPS)
        self.size = _number(video, cv2.CAP_PROP_FRAME_WIDTH), _number(video, cv2.CAP_PROP_FRAME_HEIGHT)
        self.count = max(_number(video, cv2.CAP_PROP_FRAME_COUNT), 0)
        video.release()
        if not _SLOWEST <= self.rate_hz <= _FASTEST:
            raise error(f"{path}: expected {_SLOWEST:g} to {_FASTEST:g} frames a second, got {self.rate_hz:g}")
        if not 0 < self.size[0] * self.size[1] <= _MOST_PIXELS:
            raise error(f"{path}: expected frames of at most {_MOST_PIXELS / 1e6:g} megapixels, got {self.size}")

    def frames(self) -> Iterator[tuple[float, np.ndarray]]:
        """Time since the first frame, s, and the frame (H, W, 3) uint8 RGB. Where a video is cut off, it ends."""
        video = self._open()
        k, self.problem = 0, ""
        try:
            while True:
                read, bgr = video.read()
                if not read:
                    break
                if bgr.shape[1::-1] != self.size:
                    raise self._error(f"{self.path}: frame {k} has {bgr.shape[1::-1]} px, the video {self.size}")
                yield k / self.rate_hz, cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB)
                k += 1
        except cv2.error as problem:
            raise self._error(f"{self.path}: frame {k}: {' '.join(str(problem).split())[:200]}") from None
        finally:
            video.release()
        if k == 0:
            raise self._error(f"{self.path}: expected a video, no frame of it can be decoded")
        if k < _WHOLE * self.count:
            self.problem = f"{self.path}: ends after frame {k} of {self.count}: it is damaged or cut off"

    def _open(self) -> cv2.VideoCapture:
        """The open video."""
        with quiet():
            # With its folder, so that nothing in the name is taken for a protocol.
            video = cv2.VideoCapture(str(self.path.absolute()), cv2.CAP_FFMPEG)
        if not video.isOpened():
            raise self._not_open()
        return video

    def _not_open(self) -> DepthPcError:
        return self._error(f"{self.path}: expected a video that OpenCV can open (such as H.264 in .mp4)")


def _number(video: cv2.VideoCapture, name: int) -> int:
    """A number of the header, which may be anything."""
    value = video.get(name)
    return int(value) if abs(value) < 1e9 else 0


class VideoWriter:
    """Writes a video. count: frames so far. rate_hz: frames a second.

    The file gets its name when it is closed: until then one that was there before stays. Raises FileError, also where
    the ending is not known, or nothing can be written in the folder.
    """

    def __init__(self, path: str | Path, rate_hz: float):
        self.path = Path(path).expanduser()
        self.count = 0
        self.rate_hz = rate_hz
        self._where = f"video: cannot write {path}"
        if self.path.suffix.lower() not in WRITTEN:
            raise FileError(f"{self._where}: expected a name that ends with {', '.join(WRITTEN)}")
        check_writable(self.path, self._where)
        self._aside = self.path.with_name(f".{os.getpid()}-{self.path.name}")
        self._writer: cv2.VideoWriter | None = None

    def add(self, rgb: np.ndarray) -> None:
        """Append a frame (H, W, 3) uint8 RGB, of the size of the first one."""
        if self._writer is None:
            codec = cv2.VideoWriter_fourcc(*WRITTEN[self.path.suffix.lower()])
            with quiet():
                self._writer = cv2.VideoWriter(
                    str(self._aside.absolute()), cv2.CAP_FFMPEG, codec, self.rate_hz, rgb.shape[1::-1]
                )
            if not self._writer.isOpened():
                raise FileError(f"{self._where}: this build of OpenCV has no codec {WRITTEN[self.path.suffix.lower()]}")
        self._writer.write(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGR))
        self.count += 1

    def close(self) -> None:
        """Give the file its name, unless no frame was added. FileError where it is not whole, as on a full disk."""
        if self._writer is not None:
            self._writer.release()
        try:
            if self.count:
                self._check_whole()
                os.replace(self._aside, self.path)
        except OSError as problem:
            raise FileError(f"{self._where}: {problem.strerror or problem}") from None
        finally:
            self._aside.unlink(missing_ok=True)

    def _check_whole(self) -> None:
        """The encoder does not say when the disk is full."""
        try:
            count = VideoFile(self._aside).count
        except FileError:
            count = 0
        if count < self.count:
            raise FileError(f"{self._where}: {count} of {self.count} frames are in it (is the disk full?)")
