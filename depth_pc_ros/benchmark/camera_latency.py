"""What an image of a camera costs, from its data to its matches, by resolution, in one run. No ROS in here."""

import time
from dataclasses import dataclass, field

import cv2
import numpy as np

from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.files.compressed_image import decode_colour
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics, Rectifier, sample_depth
from depth_pc_ros.perception.factory import make_matcher
from depth_pc_ros.sim.world import SimWorld

SIZES = ((640, 480), (1280, 720), (1920, 1080), (3840, 2160))
_FOCAL = 540 / 640  # over the width
_WARM_UP = 2  # first images, not counted
_JPEG_QUALITY = 90
_CLOSENESS = 4.0  # the path ends at exp(-4) of the way from start to goal
_LAST = 3  # images near the goal, whose matches are held against the true ones


@dataclass
class _Views:
    """What a camera of one size sees on its way to the goal."""

    camera: Intrinsics
    goal: np.ndarray
    goal_depth_m: np.ndarray
    T_world_goal: np.ndarray
    poses: list[np.ndarray]
    images: list[np.ndarray]
    jpegs: list[bytes]


@dataclass
class Row:
    """One camera at one working resolution."""

    size: tuple[int, int]
    longest: int
    kind: str  # raw or jpeg
    worked_on: tuple[int, int]
    ms: list[float] = field(default_factory=list)
    errors_mrad: list[float] = field(default_factory=list)  # of matches near the goal, median of each image


def measure_cameras(frames: int, seed: int, longest_sides: list[int], sizes=SIZES) -> list[Row]:
    """Milliseconds from data to matches, of `frames` images each; the cameras take turns, image by image.

    longest_sides: working resolutions, px; 0: the camera's own.
    """
    views = [_record(size, frames + _WARM_UP, seed) for size in sizes]
    setups = [_Setup(each, longest, kind) for each in views for longest in longest_sides for kind in ("raw", "jpeg")]
    for index in range(frames + _WARM_UP):
        for setup in setups:
            setup.see(index, counts=index >= _WARM_UP, near=index >= frames + _WARM_UP - _LAST)
    return [setup.row for setup in setups]


def _record(size: tuple[int, int], count: int, seed: int) -> _Views:
    focal = _FOCAL * size[0]
    camera = Intrinsics(focal, focal, (size[0] - 1) / 2, (size[1] - 1) / 2, *size)
    with SimWorld(seed=seed, intrinsics=camera) as world:
        goal, depth_m, T_world_goal = world.goal_view()
        away = se3.log(se3.inverse(T_world_goal) @ world.start_pose)
        poses = [T_world_goal @ se3.exp(away * np.exp(-_CLOSENESS * i / (count - 1))) for i in range(count)]
        images = [world.view(pose)[0] for pose in poses]
    quality = [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY]
    jpegs = [cv2.imencode(".jpg", image[..., ::-1], quality)[1].tobytes() for image in images]
    return _Views(camera, goal, depth_m, T_world_goal, poses, images, jpegs)


class _Setup:
    def __init__(self, views: _Views, longest: int, kind: str):
        camera = views.camera
        self._views = views
        self._rectifier = Rectifier(camera.matrix, (), camera.size, camera.within(longest))
        self.row = Row(camera.size, longest, kind, self._rectifier.target.size)
        self._matcher = make_matcher(MatcherConfig())
        self._matcher.set_goal(self._rectifier.image(views.goal), self._rectifier.target)

    def see(self, index: int, counts: bool, near: bool) -> None:
        views, rectifier = self._views, self._rectifier
        start = time.perf_counter()
        if self.row.kind == "jpeg":
            size, least = views.camera.size, rectifier.least_size
            rgb = decode_colour(views.jpegs[index], "jpeg", "image", size=size, least=least)
            image = rectifier.image(rgb, reduced=True)
        else:
            image = rectifier.image(views.images[index])
        matches = self._matcher.match(image)
        elapsed_ms = 1e3 * (time.perf_counter() - start)
        if counts:
            self.row.ms.append(elapsed_ms)
        if near:
            self.row.errors_mrad.append(self._error_mrad(matches, views.poses[index]))

    def _error_mrad(self, matches, T_world_cam: np.ndarray) -> float:
        target, matched = self._rectifier.target, matches.matched
        goal_px = self._matcher.goal_points[matched]
        depth_m = sample_depth(self._rectifier.depth(self._views.goal_depth_m), goal_px)
        points = se3.transform(se3.inverse(T_world_cam) @ self._views.T_world_goal, target.unproject(goal_px, depth_m))
        apart = target.normalise(matches.current_points[matched]) - points[:, :2] / points[:, 2:]
        return 1e3 * float(np.nanmedian(np.linalg.norm(apart, axis=1)))


def report(rows: list[Row]) -> str:
    """A table; times are ratios to the first row."""
    first = rows[0].ms
    head = ("camera", "sent", "worked on", "median", "p95", "error mrad")
    lines = ["{:<12}{:<6}{:<12}{:>7}{:>7}{:>12}".format(*head)]
    for row in rows:
        size, worked_on = ("{} x {}".format(*pair) for pair in (row.size, row.worked_on))
        middle, p95 = np.median(row.ms) / np.median(first), np.percentile(row.ms, 95) / np.percentile(first, 95)
        error = np.median(row.errors_mrad)
        lines.append(f"{size:<12}{row.kind:<6}{worked_on:<12}{middle:>7.2f}{p95:>7.2f}{error:>12.3f}")
    return "\n".join([*lines, f"times are ratios to the first row, whose median is {np.median(first):.1f} ms"])
