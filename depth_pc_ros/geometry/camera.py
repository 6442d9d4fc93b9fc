"""Pinhole camera: intrinsics, projection, and the one place where distortion is removed.

Pixels are (u, v) with integer coordinates at pixel centres (OpenCV). Normalised coordinates are `(X/Z, Y/Z)`.
"""

import dataclasses
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from depth_pc_ros.errors import CameraError, ImageError
from depth_pc_ros.geometry.distortion import Lens


@dataclass(frozen=True)
class Intrinsics:
    """Pinhole intrinsics in pixels, of a rectified image of `width` x `height`."""

    fx: float
    fy: float
    cx: float
    cy: float
    width: int
    height: int

    def __post_init__(self):
        for name in ("fx", "fy"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise CameraError(f"{name}: expected a finite focal length > 0 px, got {value} (uncalibrated camera?)")
        for name in ("cx", "cy"):
            if not np.isfinite(getattr(self, name)):
                raise CameraError(f"{name}: expected a finite principal point, got {getattr(self, name)}")
        for name in ("width", "height"):
            if int(getattr(self, name)) <= 0:
                raise CameraError(f"{name}: expected an image size > 0 px, got {getattr(self, name)}")

    @classmethod
    def from_matrix(cls, K: np.ndarray, width: int, height: int) -> "Intrinsics":
        """From a camera matrix K (3, 3) without skew."""
        K = np.asarray(K, dtype=np.float64)
        if K.shape != (3, 3):
            raise CameraError(f"K: expected shape (3, 3), got {K.shape}")
        if not np.isfinite(K).all() or abs(K[0, 1]) > 1e-9 or not np.allclose(K[2], [0, 0, 1]):
            raise CameraError(f"K: expected [[fx, 0, cx], [0, fy, cy], [0, 0, 1]], got {K.tolist()}")
        return cls(float(K[0, 0]), float(K[1, 1]), float(K[0, 2]), float(K[1, 2]), int(width), int(height))

    @property
    def matrix(self) -> np.ndarray:
        """Camera matrix K (3, 3) float64."""
        return np.array([[self.fx, 0, self.cx], [0, self.fy, self.cy], [0, 0, 1]], dtype=np.float64)

    @property
    def size(self) -> tuple[int, int]:
        """(width, height) in pixels."""
        return self.width, self.height

    def scaled(self, width: int, height: int) -> "Intrinsics":
        """Of the same image made `width` x `height`."""
        K = scaled_matrix(self.matrix, width / self.width, height / self.height)
        return Intrinsics.from_matrix(K, width, height)

    def within(self, longest: int) -> "Intrinsics":
        """Of the same image made smaller so that neither side is longer than `longest` px; 0: as it is."""
        share = longest / max(self.size) if longest else 1.0
        return self if share >= 1 else self.scaled(*(max(round(side * share), 1) for side in self.size))

    @property
    def focal(self) -> float:
        """Geometric mean of both focal lengths, in pixels: converts a normalised error into pixels."""
        return float(np.sqrt(self.fx * self.fy))

    def normalise(self, pixels: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) to normalised coordinates (..., 2)."""
        return (np.asarray(pixels, dtype=np.float64) - (self.cx, self.cy)) / (self.fx, self.fy)

    def denormalise(self, points: np.ndarray) -> np.ndarray:
        """Normalised coordinates (..., 2) to pixels (..., 2)."""
        return np.asarray(points, dtype=np.float64) * (self.fx, self.fy) + (self.cx, self.cy)

    def project(self, points_cam: np.ndarray) -> np.ndarray:
        """Points (..., 3) in metres in the camera frame to pixels (..., 2); NaN where not in front."""
        points_cam = np.asarray(points_cam, dtype=np.float64)
        z = np.where(points_cam[..., 2:] > 0, points_cam[..., 2:], np.nan)
        return self.denormalise(points_cam[..., :2] / z)

    def unproject(self, pixels: np.ndarray, depth_m: np.ndarray) -> np.ndarray:
        """Pixels (..., 2) at depth z (...,) in metres to points (..., 3) in the camera frame."""
        rays = self.normalise(pixels)
        z = np.asarray(depth_m, dtype=np.float64)[..., None]
        return np.concatenate([rays * z, z], axis=-1)


def scaled_matrix(K: np.ndarray, share_x: float, share_y: float) -> np.ndarray:
    """Camera matrix (3, 3) of an image whose sides were multiplied by these shares; pixel centres are whole numbers."""
    to_scaled = np.array([[share_x, 0, (share_x - 1) / 2], [0, share_y, (share_y - 1) / 2], [0, 0, 1]])
    return to_scaled @ K


def check_image(image: np.ndarray, name: str = "image") -> np.ndarray:
    """Return `image` if it is (H, W, 3) uint8 RGB of at least 32 x 32, else raise ImageError."""
    if not isinstance(image, np.ndarray) or image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3:
        got = f"{image.dtype} {image.shape}" if isinstance(image, np.ndarray) else type(image).__name__
        raise ImageError(f"{name}: expected (H, W, 3) uint8 RGB, got {got}")
    if min(image.shape[:2]) < 32:
        raise ImageError(f"{name}: expected at least 32 x 32 pixels, got {image.shape[1]} x {image.shape[0]}")
    return image


def check_depth(depth_m: np.ndarray, size: tuple[int, int], name: str = "depth") -> np.ndarray:
    """Return `depth_m` as (H, W) float32 metres with invalid pixels (0, negative, inf) as NaN, else raise ImageError.

    size: (width, height) of the image the depth belongs to.
    """
    depth_m = np.asarray(depth_m)
    if depth_m.ndim != 2 or depth_m.shape[::-1] != tuple(size):
        raise ImageError(f"{name}: expected (H, W) = {tuple(size)[::-1]} metres, got shape {depth_m.shape}")
    if not np.issubdtype(depth_m.dtype, np.floating):
        raise ImageError(f"{name}: expected floating-point metres, got {depth_m.dtype}")
    return np.where(np.isfinite(depth_m) & (depth_m > 0), depth_m, np.nan).astype(np.float32)


def sample_depth(depth_m: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Metric depth (N,) at the nearest pixel of each (u, v) in `pixels` (N, 2); NaN where outside or not valid."""
    values = sample_nearest(depth_m, pixels)
    return np.where(np.isfinite(values) & (values > 0), values, np.nan)


def sample_nearest(picture: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Values (N,) float64 of `picture` (H, W) at the nearest pixel of each (u, v) in `pixels` (N, 2); NaN outside.

    Nearest, not bilinear: interpolation across an occlusion edge gives a depth where no surface is.
    """
    out = np.full(len(pixels), np.nan)
    if len(pixels) == 0:
        return out
    height, width = picture.shape
    finite = np.isfinite(pixels).all(axis=1)
    uv = np.rint(np.where(finite[:, None], pixels, -1)).astype(np.int64)
    inside = finite & (uv[:, 0] >= 0) & (uv[:, 1] >= 0) & (uv[:, 0] < width) & (uv[:, 1] < height)
    out[inside] = picture[uv[inside, 1], uv[inside, 0]]
    return out


def check_relative_depth(depth: np.ndarray, size: tuple[int, int], name: str = "relative depth") -> np.ndarray:
    """Return relative depth (H, W), larger = farther, as float32 with inf as NaN, else raise ImageError.

    size: (width, height) of the image it belongs to. It may have any sign, scale and shift.
    """
    depth = np.asarray(depth)
    if depth.ndim != 2 or depth.shape[::-1] != tuple(size) or not np.issubdtype(depth.dtype, np.floating):
        raise ImageError(
            f"{name}: expected (H, W) = {tuple(size)[::-1]} floating-point values, got {depth.dtype} {depth.shape}"
        )
    return np.where(np.isfinite(depth), depth, np.nan).astype(np.float32)


_MOST_FIELD = np.tan(np.deg2rad(110) / 2)  # of a wide lens: beyond, a pinhole image is stretched more than threefold
_AREA_SHARE = 0.8  # an image that gets smaller than this share is averaged; reading single pixels would alias
_MOST_SKEW = 0.05  # of the focal length


class Rectifier:
    """Maps a raw camera image onto a distortion-free pinhole image, of the same or of another camera.

    Distortion is removed here, once; everything downstream sees a pinhole without skew. The same map resamples a goal
    image of another size or focal length in the live camera's pixels, and a large image in the working resolution.

    K (3, 3), distortion and model (see `Lens`), size (width, height): the raw image. target: Intrinsics of the result;
    default: the raw image's own; of a wide lens, with the field of view limited to 110 degrees a side.
    """

    def __init__(
        self, K, distortion, size: tuple[int, int], target: Intrinsics | None = None, model: str = "plumb_bob"
    ):
        K = np.array(K, dtype=np.float64)
        straight = K.copy()
        if K.shape == (3, 3) and abs(K[0, 1]) <= _MOST_SKEW * abs(K[0, 0]):
            straight[0, 1] = 0.0
        self.source = Intrinsics.from_matrix(straight, *size)
        self.lens = Lens(distortion, model)
        self.target = target or (_limited(self.source) if self.lens.is_fisheye else self.source)
        self._K = K
        self._bends = self.lens.distorts or bool(K[0, 1])
        self.is_identity = self.source == self.target and not self._bends
        share = self.target.focal / self.source.focal
        width, height = (max(round(side * share), 1) for side in size)
        # What the image is averaged to before anything else.
        self._small = self.source.scaled(width, height) if share <= _AREA_SHARE else self.source

    def sees_as(self, other: "Rectifier") -> bool:
        """Whether both make the same image of the same raw one."""
        mine, theirs = self.lens.coefficients, other.lens.coefficients
        return (
            (self.source, self.target, self.lens.is_fisheye) == (other.source, other.target, other.lens.is_fisheye)
            and np.array_equal(self._K, other._K)
            and (np.array_equal(mine, theirs) or not (mine.any() or theirs.any()))
        )

    def raw_pixels(self, pixels: np.ndarray) -> np.ndarray:
        """Where pixels (N, 2) of the result are in the raw image, (N, 2) px."""
        bent = self.lens.distort(self.target.normalise(pixels))
        return bent @ self._K[:2, :2].T + self._K[:2, 2]

    @cached_property
    def _maps(self) -> tuple[np.ndarray, np.ndarray]:
        """Where each pixel comes from, (H, W) float32 u and v; built with the first image, for they take time."""
        return self.lens.maps(self._K, self.target.matrix, self.target.size)

    @cached_property
    def _small_maps(self) -> tuple[np.ndarray, np.ndarray]:
        """The same, in the averaged image."""
        if self._small == self.source:
            return self._maps
        shares = [small / side for small, side in zip(self._small.size, self.source.size, strict=True)]
        return self.lens.maps(scaled_matrix(self._K, *shares), self.target.matrix, self.target.size)

    def _check(self, image: np.ndarray) -> None:
        if image.shape[:2] != (self.source.height, self.source.width):
            raise ImageError(
                f"image: expected {self.source.width} x {self.source.height} as in its camera_info, "
                f"got {image.shape[1]} x {image.shape[0]}"
            )

    @property
    def least_size(self) -> tuple[int, int]:
        """(width, height) px to which a raw image may be made smaller before `image`."""
        return self._small.size

    def image(self, image: np.ndarray, reduced: bool = False) -> np.ndarray:
        """Rectified (H, W, 3) uint8 image; black where the raw image has no data.

        reduced: the whole raw image may have been made smaller before, but not below `least_size`.
        """
        if not reduced:
            self._check(image)
        if image.shape[1::-1] != self._small.size:
            image = cv2.resize(image, self._small.size, interpolation=cv2.INTER_AREA)
        if self._small == self.target and not self._bends:
            return image
        return cv2.remap(image, *self._small_maps, cv2.INTER_LINEAR)

    def mask(self, mask: np.ndarray) -> np.ndarray:
        """Rectified (H, W) bool mask, nearest neighbour; False where the raw image has no data."""
        return self.depth(mask.astype(np.uint8)).astype(bool)

    def depth(self, depth_m: np.ndarray) -> np.ndarray:
        """Rectified (H, W) float depth, nearest neighbour; 0 (invalid) where the raw image has no data."""
        self._check(depth_m)
        return depth_m if self.is_identity else cv2.remap(depth_m, *self._maps, cv2.INTER_NEAREST)


def _limited(camera: Intrinsics) -> Intrinsics:
    """The camera, or one of the same size that sees no more than `_MOST_FIELD` a side."""
    zoom = max(1.0, camera.width / 2 / camera.fx / _MOST_FIELD, camera.height / 2 / camera.fy / _MOST_FIELD)
    return dataclasses.replace(camera, fx=zoom * camera.fx, fy=zoom * camera.fy)
