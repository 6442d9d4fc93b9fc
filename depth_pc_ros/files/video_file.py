"""Video files, picture by picture, read and written by OpenCV's FFmpeg."""

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.errors import FileError
from depth_pc_ros.files.raw import read_start

MAX_PIXELS = 64_000_000  # of a picture
USUAL_HZ = 30.0  # of a file that does not say its rate
_LOWEST_HZ, _HIGHEST_HZ = 0.5, 500.0
_WHOLE = 0.8  # share of the pictures that the file says it has, from which on it counts as whole: some only estimate
# Where each kind of file has its mark. Others, such as lists of further files and addresses, are never given to FFmpeg.
_MARKS = {
    "MP4, MOV": (4, (b"ftyp", b"moov", b"mdat", b"wide", b"free", b"skip")),
    "AVI": (8, (b"AVI ",)),
    "MKV, WebM": (0, (b"\x1a\x45\xdf\xa3",)),
}
WRITTEN = {".mp4": "mp4v", ".avi": "MJPG", ".mkv": "mp4v"}  # codec of a file with this ending

os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")  # errors come from here, in one line


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """OpenCV prints nothing about a file or a device that it cannot open."""
    log = cv2.utils.logging
    level = log.setLogLevel(log.LOG_LEVEL_SILENT)
    try:
        yield
    finally:
        log.setLogLevel(level)


class VideoReader:
    """The pictures of a video file. size: (width, height) px, upright. rate_hz: pictures a second. count: about how
    many the file says it has; 0: unknown. Raises FileError."""

    frozen = False  # as of a `CameraDevice`

    def __init__(self, path: str | Path):
        self._where = f"video: cannot read {path}"
        start = read_start(path, self._where, 16)
        if not any(start[at : at + len(mark)] == mark for at, marks in _MARKS.values() for mark in marks):
            raise FileError(f"{self._where}: not a video (known: {', '.join(_MARKS)})")
        with quiet():
            # The folder is named, so that nothing in the name of the file is taken for a protocol.
            self._capture = cv2.VideoCapture(str(Path(path).expanduser().absolute()), cv2.CAP_FFMPEG)
        if not self._capture.isOpened():
            raise FileError(f"{self._where}: damaged, or its codec is not known")
        width, height = (self._number(name) for name in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT))
        if not 0 < width * height <= MAX_PIXELS:
            raise FileError(f"{self._where}: expected at most {MAX_PIXELS / 1e6:g} megapixels, got {width} x {height}")
        self.size = width, height
        rate_hz = self._capture.get(cv2.CAP_PROP_FPS)
        self.rate_hz = rate_hz if _LOWEST_HZ <= rate_hz <= _HIGHEST_HZ else USUAL_HZ
        self.count = max(self._number(cv2.CAP_PROP_FRAME_COUNT), 0)

    def _number(self, name: int) -> int:
        value = self._capture.get(name)
        return int(value) if abs(value) < 1e9 else 0

    def pictures(self) -> Iterator[tuple[np.ndarray, float]]:
        """Each picture, (H, W, 3) uint8 RGB, and its time in s, from 0 on; once.

        FileError where the file has no picture, or, after the last one that can be read, where more were expected.
        """
        number = 0
        while True:
            found, bgr = self._capture.read()
            if not found:
                break
            if bgr.shape[1::-1] != self.size:
                width, height = bgr.shape[1::-1]
                raise FileError(f"{self._where}: picture {number + 1} is {width} x {height}, the first {self.size}")
            yield cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), number / self.rate_hz
            number += 1
        if number == 0:
            raise FileError(f"{self._where}: it holds no picture that can be read")
        if number < _WHOLE * self.count:
            raise FileError(f"{self._where} beyond picture {number} of {self.count}: it is damaged or cut off")

    def close(self) -> None:
        self._capture.release()


class VideoWriter:
    """Writes a video. count: pictures so far. rate_hz: pictures a second.

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
        if self.path.is_dir():
            raise FileError(f"{self._where}: it is a folder")
        self._aside = self.path.with_name(f".{os.getpid()}-{self.path.name}")
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._aside.touch()
        except OSError as problem:
            raise FileError(f"{self._where}: {problem.strerror or problem}") from None
        self._writer: cv2.VideoWriter | None = None

    def add(self, picture: np.ndarray) -> None:
        """Append a picture (H, W, 3) uint8 RGB, of the size of the first one."""
        if self._writer is None:
            codec = cv2.VideoWriter_fourcc(*WRITTEN[self.path.suffix.lower()])
            with quiet():
                self._writer = cv2.VideoWriter(
                    str(self._aside.absolute()), cv2.CAP_FFMPEG, codec, self.rate_hz, picture.shape[1::-1]
                )
            if not self._writer.isOpened():
                raise FileError(f"{self._where}: this build of OpenCV has no codec {WRITTEN[self.path.suffix.lower()]}")
        self._writer.write(cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
        self.count += 1

    def close(self) -> None:
        """Give the file its name, unless no picture was added. FileError where it is not whole, as on a full disk."""
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
            written = VideoReader(self._aside)
            count = written.count
            written.close()
        except FileError:
            count = 0
        if count < self.count:
            raise FileError(f"{self._where}: {count} of {self.count} pictures are in it (is the disk full?)")
