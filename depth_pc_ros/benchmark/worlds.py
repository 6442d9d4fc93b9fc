"""What an episode looks like from any camera pose: a simulated scene, or a picture on a plane."""

from typing import Protocol

import cv2
import numpy as np

from depth_pc_ros.benchmark.chessboard import Chessboard
from depth_pc_ros.benchmark.episodes import Episode, Places
from depth_pc_ros.benchmark.photos import Photo, read_photo
from depth_pc_ros.benchmark.real_places import RealPlace, real_world
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim.simulators import open_world as open_simulated
from depth_pc_ros.sim.workplace import DEFAULT_INTRINSICS


class World(Protocol):
    """A place to look at. Worlds are context managers."""

    intrinsics: Intrinsics

    def view(self, T_world_cam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Image (H, W, 3) uint8 RGB and depth z (H, W) float32 in metres (0: nothing there) from a pose (4, 4)."""


def open_world(episode: Episode, settings: Settings, places: Places) -> World:
    """The world of an episode; close it (`with`) to free what it holds."""
    if isinstance(episode.place, Chessboard):
        return PhotoWorld(episode.place.picture(), episode.place.width_m)
    if isinstance(episode.place, Photo):
        return PhotoWorld(read_photo(episode.place, places.photo_dir), episode.place.width_m)
    if isinstance(episode.place, RealPlace):
        return real_world(episode.place, settings, places.recording)
    if settings.simulator == "mujoco":
        return open_simulated("mujoco", scene=episode.place, ycb_root=places.ycb_root)
    return open_simulated("pybullet", scene=episode.place, ycb_root=places.ycb_root, renderer=settings.renderer)


_TABLE_RGB = (128, 128, 128)


class PhotoWorld:
    """A photograph on the plane z = 0, centred at the origin, on a grey table; exact by a homography.

    picture: (H, W, 3) uint8 RGB, its upper edge towards +y. width_m: of the whole photograph.
    """

    def __init__(self, picture: np.ndarray, width_m: float, intrinsics: Intrinsics = DEFAULT_INTRINSICS):
        self.intrinsics = intrinsics
        self._picture = picture
        height, width = picture.shape[:2]
        scale = width_m / width
        self._plane_from_picture = np.array(
            [[scale, 0, -scale * (width - 1) / 2], [0, -scale, scale * (height - 1) / 2], [0, 0, 1]]
        )
        k = intrinsics
        self._x = ((np.arange(k.width) - k.cx) / k.fx).astype(np.float32)
        self._y = ((np.arange(k.height) - k.cy) / k.fy).astype(np.float32)

    def view(self, T_world_cam: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        plane_to_pixels = self.intrinsics.matrix @ se3.inverse(T_world_cam)[:3][:, [0, 1, 3]]
        size = self.intrinsics.size
        image = cv2.warpPerspective(
            self._picture, plane_to_pixels @ self._plane_from_picture, size, flags=cv2.INTER_LINEAR,
            borderMode=cv2.BORDER_CONSTANT, borderValue=_TABLE_RGB,
        )  # fmt: skip
        a, b, c = T_world_cam[2, :3].astype(np.float32)  # the world's z along the camera's axes
        rise = np.add.outer(b * self._y + c, a * self._x)  # of the ray at depth 1
        with np.errstate(divide="ignore"):
            depth = np.float32(-T_world_cam[2, 3]) / rise
        return image, np.where(np.isfinite(depth) & (depth > 0), depth, np.float32(0))

    def __enter__(self) -> "PhotoWorld":
        return self

    def __exit__(self, *exc) -> None:
        """A photograph holds nothing that must be freed."""
