"""Views of one RGB-D frame from other poses: the frame is warped with a depth buffer, and holes stay holes.

Every pixel of a view looks up its place in the frame: first by drawing the frame's points nearest last, then by two
Newton steps on the frame's interpolated depth, so that the frame's own pose gives the frame back exactly. A hole is
where depth is unknown, where it jumps between neighbours, and where the frame did not look. It has the frame's mean
colour and no depth.
"""

import cv2
import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics

JUMP = 0.05  # of the depth, between neighbouring pixels: an edge, where there is no surface
_STEPS = 2  # of Newton's method
_NEAR_PX = 0.75  # a place in the frame that is seen further from its pixel than this is none


class FrameWorld:
    """A frame as a world to look at. image: (H, W, 3) uint8. depth_m: (H, W), NaN: unknown. T_world_cam: (4, 4)."""

    def __init__(self, image: np.ndarray, depth_m: np.ndarray, intrinsics: Intrinsics, T_world_cam: np.ndarray):
        self.intrinsics = intrinsics
        self._image, self._T_world_cam = image, T_world_cam
        filled = np.nan_to_num(depth_m).astype(np.float32)
        self._depth_m = cv2.medianBlur(filled, 5)
        self._surface = surface(self._depth_m)
        self._fill = tuple(int(v) for v in image.reshape(-1, 3).mean(axis=0).round())
        v, u = np.nonzero(self._surface)
        self._pixels = np.stack([u, v], axis=1).astype(np.float32)
        self._points = intrinsics.unproject(self._pixels, self._depth_m[v, u])

    def view(self, T_world_cam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Image (H, W, 3) uint8 RGB and depth z (H, W) float32 m, 0 in holes, from a pose (4, 4)."""
        T = se3.inverse(T_world_cam) @ self._T_world_cam
        place, seen = self._first_places(T)
        target = np.argwhere(seen)[:, ::-1].astype(np.float64)
        for _ in range(_STEPS):
            pixel, z, inverse_slope = self._look_up(T, place)
            place = place + np.einsum("nij,nj->ni", inverse_slope, target - pixel)
        pixel, z, _ = self._look_up(T, place)
        good = (np.linalg.norm(pixel - target, axis=1) < _NEAR_PX) & (z > 0)
        good &= _sampled(self._surface.astype(np.uint8), place, cv2.INTER_NEAREST) > 0
        image = np.empty_like(self._image)
        image[:] = self._fill
        depth_m = np.zeros(seen.shape, np.float32)
        where = np.flatnonzero(seen)[good]
        image.reshape(-1, 3)[where] = _sampled(self._image, place[good], cv2.INTER_LINEAR)
        depth_m.ravel()[where] = z[good]
        return image, depth_m

    def _first_places(self, T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (n, 2) in the frame for the pixels that `seen` (H, W) marks: those of the nearest points near them."""
        points = se3.transform(T, self._points)
        pixels = self.intrinsics.project(points)
        width, height = self.intrinsics.size
        order = np.argsort(-points[:, 2])
        order = order[np.isfinite(pixels[order]).all(axis=1)]
        corner = np.floor(pixels[order]).astype(np.int64)
        spots = (corner[:, None, :] + [(0, 0), (1, 0), (0, 1), (1, 1)]).reshape(-1, 2)
        inside = (spots >= 0).all(axis=1) & (spots < (width, height)).all(axis=1)
        nearest = np.full(height * width, -1)
        nearest[spots[inside, 1] * width + spots[inside, 0]] = np.repeat(order, 4)[inside]  # the nearest is the last
        seen = nearest >= 0
        return self._pixels[nearest[seen]].astype(np.float64), seen.reshape(height, width)

    def _look_up(self, T: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Where the view sees places (n, 2) of the frame: pixels (n, 2), depths (n,); d place / d pixel (n, 2, 2)."""
        k = self.intrinsics
        z = _sampled(self._depth_m, place, cv2.INTER_LINEAR).astype(np.float64)
        points = se3.transform(T, k.unproject(place, z))
        with np.errstate(divide="ignore", invalid="ignore"):
            pixel = np.nan_to_num(k.project(points), nan=-1e6)
            xy = points[:, :2] / points[:, 2:]
            slope = (T[:2, :2] - xy[:, :, None] * T[2, :2]) * np.nan_to_num(z / points[:, 2])[:, None, None]
        a, b, c, d = (slope[:, i, j] for i in (0, 1) for j in (0, 1))
        determinant = a * d - b * c
        determinant[np.abs(determinant) < 1e-3] = np.inf  # seen from the side: no step
        inverse = np.stack([d, -b, -c, a], axis=1).reshape(-1, 2, 2) / determinant[:, None, None]
        return pixel, points[:, 2], inverse

    def __enter__(self) -> "FrameWorld":
        return self

    def __exit__(self, *exc) -> None:
        """A frame holds nothing that must be freed."""


class ExactFrame:
    """The frame itself, whatever pose is asked for: what the camera saw when the goal image was taken."""

    def __init__(self, image: np.ndarray, depth_m: np.ndarray, intrinsics: Intrinsics):
        self.intrinsics = intrinsics
        self._image, self._depth_m = image, np.nan_to_num(depth_m).astype(np.float32)

    def view(self, T_world_cam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The frame's image and depth."""
        return self._image, self._depth_m

    def __enter__(self) -> "ExactFrame":
        return self

    def __exit__(self, *exc) -> None:
        """A frame holds nothing that must be freed."""


def surface(depth_m: np.ndarray) -> np.ndarray:
    """(H, W) bool: depth is known at a pixel and its neighbours, and does not jump."""
    kernel = np.ones((3, 3), np.uint8)
    low, high = cv2.erode(depth_m, kernel), cv2.dilate(depth_m, kernel)
    return (low > 0) & (high - low < JUMP * low)


def _sampled(picture: np.ndarray, place: np.ndarray, how: int) -> np.ndarray:
    """Values of a picture at places (n, 2) px."""
    rows = -(-len(place) // 1024)  # `cv2.remap` takes no side of more than 32767
    maps = np.zeros((2, rows * 1024), np.float32)
    maps[:, : len(place)] = place.T
    x, y = maps.reshape(2, rows, 1024)
    if not rows:
        return np.zeros((0, *picture.shape[2:]), picture.dtype)
    values = cv2.remap(picture, x, y, how, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(rows * 1024, *picture.shape[2:])[: len(place)]
