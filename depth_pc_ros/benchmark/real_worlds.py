"""Views of one RGB-D frame from other poses: the frame is warped with a depth buffer, and holes stay holes.

Every pixel of a view looks up its place in the frame: first by drawing the frame's points nearest last, then by two
Newton steps on the frame's interpolated depth, so that the frame's own pose gives the frame back exactly. A hole is
where depth is unknown, where it jumps between neighbours, and where the frame did not look. It has the frame's mean
colour and no depth.
"""

from collections.abc import Sequence

import cv2
import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics

FILLED = 0.99  # of a view: then no more frames are looked at
JUMP = 0.05  # of the depth, between neighbouring pixels: an edge, where there is no surface
_STEPS = 2  # of Newton's method
_COARSE = 2  # px between the points that are drawn first, and of their picture
_NEAR_PX = 0.75  # a place in the frame that is seen further from its pixel than this is none


class FrameWorld:
    """A frame as a world to look at. image: (H, W, 3) uint8. depth_m: (H, W), NaN: unknown. T_world_cam: (4, 4)."""

    def __init__(self, image: np.ndarray, depth_m: np.ndarray, intrinsics: Intrinsics, T_world_cam: np.ndarray):
        self.intrinsics = intrinsics
        self._image, self._T_world_cam = image, T_world_cam
        self._depth_m = cv2.medianBlur(np.nan_to_num(depth_m).astype(np.float32), 5)
        self._surface = surface(self._depth_m)
        self._fill = tuple(int(v) for v in image.reshape(-1, 3).mean(axis=0).round())
        v, u = np.nonzero(self._surface[::_COARSE, ::_COARSE])
        self._coarse = _COARSE * np.stack([u, v]).astype(np.float32)  # places (2, n) that are drawn first

    def view(self, T_world_cam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Image (H, W, 3) uint8 RGB and depth z (H, W) float32 m, 0 in holes, from a pose (4, 4)."""
        T = se3.inverse(T_world_cam) @ self._T_world_cam
        place, seen = self._first_places(T)
        where = np.flatnonzero(seen)
        target = np.stack(np.divmod(where, seen.shape[1])[::-1]).astype(np.float32)
        for _ in range(_STEPS):
            pixel, _, (a, b, c, d) = self._look_up(T, place)
            off = target - pixel
            determinant = a * d - b * c
            determinant[np.abs(determinant) < 1e-3] = np.inf  # seen from the side: no step
            place += np.stack([d * off[0] - b * off[1], a * off[1] - c * off[0]]) / determinant
        pixel, z, _ = self._look_up(T, place)
        good = (np.abs(pixel - target) < _NEAR_PX).all(axis=0)
        good &= _sampled(self._surface.astype(np.uint8), place, cv2.INTER_NEAREST) > 0
        image = np.empty_like(self._image)
        image[:] = self._fill
        depth_m = np.zeros(seen.shape, np.float32)
        image.reshape(-1, 3)[where[good]] = _sampled(self._image, place[:, good], cv2.INTER_LINEAR)
        depth_m.ravel()[where[good]] = z[good]
        return image, depth_m

    def _first_places(self, T: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Places (2, n) in the frame for the pixels that `seen` (H, W) marks: those of the nearest points near them."""
        pixel, z, _ = self._look_up(T, self._coarse)
        height, width = self._surface.shape
        rows, columns = -(-height // _COARSE), -(-width // _COARSE)
        order = np.argsort(-z)
        corner = np.floor(pixel[:, order] / _COARSE).clip(-2, max(rows, columns)).astype(np.int32)
        u, v = (corner[k][:, None] + offsets for k, offsets in enumerate(([0, 1, 0, 1], [0, 0, 1, 1])))
        inside = (u >= 0) & (v >= 0) & (u < columns) & (v < rows)
        nearest = np.full(rows * columns, -1, np.int32)
        index = np.broadcast_to(order[:, None], inside.shape)
        nearest[(v * columns + u)[inside]] = index[inside]  # the nearest is the last
        fine = nearest.reshape(rows, columns).repeat(_COARSE, axis=0).repeat(_COARSE, axis=1)[:height, :width]
        seen = fine >= 0
        return self._coarse[:, fine[seen]], seen

    def _look_up(self, T: np.ndarray, place: np.ndarray) -> tuple[np.ndarray, np.ndarray, tuple]:
        """Where the view sees places (2, n) of the frame: pixels (2, n), far off behind the camera; depths (n,).

        The four numbers (n,) are d pixel / d place on a surface of constant depth, row by row.
        """
        k = self.intrinsics
        K_inverse = np.array([[1 / k.fx, 0, -k.cx / k.fx], [0, 1 / k.fy, -k.cy / k.fy], [0, 0, 1]])
        M, t = (k.matrix @ T[:3, :3] @ K_inverse).astype(np.float32), (k.matrix @ T[:3, 3]).astype(np.float32)
        depth_m = _sampled(self._depth_m, place, cv2.INTER_LINEAR)
        x, y, z = (depth_m * (M[i, 0] * place[0] + M[i, 1] * place[1] + M[i, 2]) + t[i] for i in range(3))
        ahead = z > 1e-3
        inverse = np.where(ahead, 1 / np.where(ahead, z, 1), 0)
        pixel = np.where(ahead, np.stack([x * inverse, y * inverse]), np.float32(-1e6))
        scale = depth_m * inverse
        slope = tuple(scale * (M[i, j] - pixel[i] * M[2, j]) for i in (0, 1) for j in (0, 1))
        return pixel, z, slope

    def __enter__(self) -> "FrameWorld":
        return self

    def __exit__(self, *exc) -> None:
        """A frame holds nothing that must be freed."""


class FilledWorld:
    """A frame as a world to look at, whose holes other frames of the same place fill, in their order."""

    def __init__(self, frame: FrameWorld, others: Sequence[FrameWorld]):
        self.intrinsics = frame.intrinsics
        self._frame, self._others = frame, others

    def view(self, T_world_cam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """As `FrameWorld.view`; a hole is what no frame shows."""
        image, depth_m = self._frame.view(T_world_cam)
        for other in self._others:
            hole = depth_m == 0
            if np.mean(hole) < 1 - FILLED:
                break
            other_image, other_m = other.view(T_world_cam)
            filled = hole & (other_m > 0)
            image[filled], depth_m[filled] = other_image[filled], other_m[filled]
        return image, depth_m

    def __enter__(self) -> "FilledWorld":
        return self

    def __exit__(self, *exc) -> None:
        """Frames hold nothing that must be freed."""


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
    """Values of a picture at places (2, n) px."""
    count = place.shape[1]
    rows = -(-count // 1024)  # `cv2.remap` takes no side of more than 32767
    if not rows:
        return np.zeros((0, *picture.shape[2:]), picture.dtype)
    maps = np.zeros((2, rows * 1024), np.float32)
    maps[:, :count] = place
    x, y = maps.reshape(2, rows, 1024)
    values = cv2.remap(picture, x, y, how, borderMode=cv2.BORDER_REPLICATE)
    return values.reshape(rows * 1024, *picture.shape[2:])[:count]
