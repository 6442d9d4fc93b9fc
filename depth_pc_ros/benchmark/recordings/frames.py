"""What every reader gives: frames with their pose, read when they are needed, rectified and scaled to one width."""

import functools
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.errors import CameraError, DepthPcError, shown
from depth_pc_ros.files import image_file
from depth_pc_ros.files.raw import read_text
from depth_pc_ros.geometry.camera import Intrinsics, Rectifier

WIDTH_PX = 640  # of the images that the methods see
RIGID = 0.01  # largest entry of R^T R - 1 of a pose; rounded text files stay far below
MOST_SIDE_PX, MOST_ASPECT = 8192, 8  # of a raw image; long side over short side
MOST_POSE = 1e6  # largest entry of a pose
MOST_NAME = 200  # characters of a sequence, a frame or a file
_MAX_TEXT_BYTES, _MAX_NUMBERS_BYTES = 64_000_000, 100_000


class RecordingError(DepthPcError, ValueError):
    """A recording, or one frame of it, cannot be used; the message names the file and what was expected."""


@dataclass(frozen=True)
class Camera:
    """A raw camera: K (3, 3) px, distortion (0, 4, 5 or 8,) as OpenCV's, size (width, height) px."""

    K: np.ndarray
    distortion: tuple[float, ...]
    size: tuple[int, int]

    @cached_property
    def working(self) -> Intrinsics:
        """The rectified camera, WIDTH_PX wide."""
        return self._rectifier.target

    @cached_property
    def _rectifier(self) -> Rectifier:
        width, height = WIDTH_PX, round(self.size[1] * WIDTH_PX / self.size[0])
        scale = np.array([width / self.size[0], height / self.size[1], 1.0])
        K = np.asarray(self.K, dtype=np.float64) * scale[:, None]
        K[:2, 2] += 0.5 * scale[:2] - 0.5  # pixel centres are integers
        return Rectifier(K, self.distortion, (width, height))

    def image(self, raw: np.ndarray) -> np.ndarray:
        """Rectified image (H, W, 3) uint8 of a raw one."""
        size = self._rectifier.source.size
        shrinks = size[0] < raw.shape[1]
        return self._rectifier.image(
            cv2.resize(raw, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_LINEAR)
        )

    def depth(self, raw_m: np.ndarray) -> np.ndarray:
        """Rectified depth (H, W) float32 m of a raw one, NaN where unknown."""
        depth_m = self._rectifier.depth(_nearest(raw_m.astype(np.float32), self._rectifier.source.size))
        return np.where(np.isfinite(depth_m) & (depth_m > 0), depth_m, np.nan).astype(np.float32)

    def mask(self, raw: np.ndarray) -> np.ndarray:
        """Rectified mask (H, W) uint8, 255 where the image may be matched."""
        kept = self._rectifier.mask(_nearest((raw > 0).astype(np.uint8), self._rectifier.source.size))
        return np.where(kept, np.uint8(255), np.uint8(0))


def _nearest(raw: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Nearest neighbour of pixel centres; `cv2.resize` takes that of corners."""
    width, height = size
    rows = ((np.arange(height) + 0.5) * raw.shape[0] / height).astype(int)
    columns = ((np.arange(width) + 0.5) * raw.shape[1] / width).astype(int)
    return raw[rows[:, None], columns]


@dataclass(frozen=True, eq=False)
class Frame:
    """One frame of a recording.

    name: unique in its sequence. T_world_cam: (4, 4), optical camera. read: gives the raw image (H, W, 3) uint8 RGB and
    the raw depth (h, w) in metres, 0 or NaN where unknown, of the same view; None: there is none. Raises
    RecordingError.
    """

    sequence: str
    name: str
    T_world_cam: np.ndarray
    camera: Camera
    read: Callable[[], tuple[np.ndarray, np.ndarray | None]]
    has_depth: bool = True

    def __post_init__(self):
        for name in (self.sequence, self.name):
            _check_name(name, "frame")

    @property
    def intrinsics(self) -> Intrinsics:
        """Of the rectified image."""
        return self.camera.working

    def load(self) -> tuple[np.ndarray, np.ndarray | None]:
        """Rectified image (H, W, 3) uint8 RGB and depth (H, W) float32 m with NaN, or None. Raises RecordingError.

        Do not change the arrays: the newest few frames are kept.
        """
        return _load(self)

    def _read(self) -> tuple[np.ndarray, np.ndarray | None]:
        image, depth_m = self.read()
        where = f"{self.sequence}/{self.name}"
        if image.shape[1::-1] != tuple(self.camera.size):
            raise RecordingError(
                f"{where}: expected an image of {self.camera.size[0]} x {self.camera.size[1]} as its intrinsics say, "
                f"got {image.shape[1]} x {image.shape[0]}"
            )
        if depth_m is None:
            return self.camera.image(image), None
        if abs(depth_m.shape[1] / depth_m.shape[0] - image.shape[1] / image.shape[0]) > 0.02:
            raise RecordingError(
                f"{where}: expected depth registered to the image ({image.shape[1]} x {image.shape[0]}), got "
                f"{depth_m.shape[1]} x {depth_m.shape[0]}"
            )
        return self.camera.image(image), self.camera.depth(depth_m)


@functools.lru_cache(maxsize=4)
def _load(frame: Frame) -> tuple[np.ndarray, np.ndarray | None]:
    return frame._read()


@dataclass
class Sequence:
    """Frames of one camera drive. problems: one line for each frame that was left out."""

    name: str
    frames: list[Frame] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def _check_name(name: str, where: str) -> None:
    if not (name.isprintable() and len(name) <= MOST_NAME):
        raise RecordingError(f"{where}: expected a name of at most {MOST_NAME} printable characters, got {shown(name)}")


def file_in(folder: Path, name: str) -> Path:
    """The path of a file that a recording names. Raises RecordingError where that is no name."""
    _check_name(name, str(folder))
    return folder / name


def rigid(T: np.ndarray, where: str) -> np.ndarray:
    """A pose (4, 4) with its rotation made exact. Raises RecordingError unless it is finite and nearly rigid."""
    T = np.asarray(T, dtype=np.float64)
    if T.shape != (4, 4) or not (np.abs(T) <= MOST_POSE).all():
        raise RecordingError(
            f"{where}: expected a pose of 4 x 4 finite numbers, at most {MOST_POSE:g}, got {shown(T.tolist())}"
        )
    R = T[:3, :3]
    off = float(np.abs(R.T @ R - np.eye(3)).max())
    if off > RIGID or np.linalg.det(R) < 0:
        raise RecordingError(
            f"{where}: expected a rigid pose, got a rotation part with determinant {np.linalg.det(R):.3g} and R^T R "
            f"up to {off:.2g} off the identity"
        )
    out = np.eye(4)
    u, _, vt = np.linalg.svd(R)
    out[:3, :3], out[:3, 3] = u @ vt, T[:3, 3]
    return out


def camera_of(K, distortion, size, where: str) -> Camera:
    """A checked camera. K: (3, 3), distortion: numbers, size: two whole numbers. Raises RecordingError."""
    width, height = int(size[0]), int(size[1])
    if not (0 < width <= MOST_SIDE_PX and 0 < height <= MOST_SIDE_PX):
        raise RecordingError(f"{where}: expected 1 to {MOST_SIDE_PX} px a side, got {width} x {height}")
    if max(width, height) > MOST_ASPECT * min(width, height):
        raise RecordingError(f"{where}: expected sides of at most {MOST_ASPECT} to 1, got {width} x {height}")
    camera = Camera(matrix_of(K, where), tuple(map(float, distortion)), (width, height))
    try:
        camera.working  # noqa: B018  (checks the distortion)
    except CameraError as error:
        raise RecordingError(f"{where}: {error}") from None
    if not (0 < camera.K[0, 2] < camera.size[0] and 0 < camera.K[1, 2] < camera.size[1]):
        raise RecordingError(
            f"{where}: expected a principal point inside {camera.size[0]} x {camera.size[1]} px, got "
            f"{camera.K[0, 2]:g}, {camera.K[1, 2]:g}"
        )
    return camera


def matrix_of(K, where: str) -> np.ndarray:
    """A checked camera matrix (3, 3) float64. Raises RecordingError."""
    K = np.asarray(K, dtype=np.float64)
    try:
        Intrinsics.from_matrix(K, 1, 1)
    except CameraError as error:
        raise RecordingError(f"{where}: {error}") from None
    return K


def read_image(path: Path) -> np.ndarray:
    """Image (H, W, 3) uint8 RGB, as the sensor has it: intrinsics are of that. Raises RecordingError."""
    return image_file.read_image(path, "image", RecordingError, upright=False)


def read_depth(path: Path, unit_m: float, unknown: int = 65535) -> np.ndarray:
    """Depth (H, W) float32 m of a 16-bit image with steps of `unit_m`; 0 where it is 0 or `unknown`."""
    raw = image_file.read_grey16(path, "depth", RecordingError)
    return np.where(raw == unknown, 0, raw).astype(np.float32) * np.float32(unit_m)


def read_lines(path: Path) -> list[str]:
    """The lines of a text file. Raises RecordingError."""
    return read_text(path, f"recording: cannot read {path}", _MAX_TEXT_BYTES, RecordingError).splitlines()


def read_numbers(path: Path, shape: tuple[int, ...]) -> np.ndarray:
    """The numbers of a text file as `shape`. Raises RecordingError."""
    text = read_text(path, f"recording: cannot read {path}", _MAX_NUMBERS_BYTES, RecordingError)
    try:
        return np.array(text.split(), dtype=np.float64).reshape(shape)
    except ValueError:
        raise RecordingError(f"{path}: expected {' x '.join(map(str, shape))} numbers") from None


def size_of(path: Path) -> tuple[int, int]:
    """(width, height) of an image."""
    return read_image(path).shape[1::-1]


def reader(image: Path, depth: Path | None, unit_m: float = 0.001):
    """A `Frame.read` of an image file and a 16-bit depth file."""
    return lambda: (read_image(image), None if depth is None else read_depth(depth, unit_m))
