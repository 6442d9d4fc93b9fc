"""The two figures of a run: what the camera saw, and how it moved. Drawn off screen; no ROS."""

import itertools
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter

from depth_pc_ros.cli.run_report import RunRecord
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import ServoState

_BLUE, _ORANGE, _GREEN, _GREY, _RED = "#2563eb", "#ea580c", "#059669", "#64748b", "#ef4444"
_HALF_VIEW = (0.6, 0.45)  # of a drawn camera, at unit distance
_DIFFERENCE_FULL = 64  # grey levels: a difference this large is drawn white


def draw_views(path: Path, start: np.ndarray, final: np.ndarray, goal: np.ndarray, title: str) -> None:
    """Picture of a run: start | final | goal | difference of final and goal. Images (H, W, 3) uint8 of one size."""
    before, after = (np.abs(a.astype(np.int16) - goal).mean(axis=2) for a in (start, final))
    panels = (
        ("start", start),
        ("final", final),
        ("goal", goal),
        (f"|final − goal|: mean {after.mean():.1f} of 255 (start: {before.mean():.1f})", after),
    )
    height, width = goal.shape[:2]
    figure = _figure(16, 16 / 4 * height / width + 0.62)
    axes = figure.subplots(1, 4, gridspec_kw={"wspace": 0.03})
    figure.subplots_adjust(left=0.008, right=0.992, bottom=0.02, top=1 - 0.58 / figure.get_figheight())
    for axis, (name, image) in zip(axes, panels):
        axis.imshow(image, cmap="inferno", vmin=0, vmax=_DIFFERENCE_FULL)
        axis.set_title(name, fontsize=11, loc="left", pad=4)
        axis.set_xticks([])
        axis.set_yticks([])
        for spine in axis.spines.values():
            spine.set_visible(False)
    figure.suptitle(title, fontsize=13, fontweight="bold", x=0.008, y=0.985, ha="left", va="top")
    figure.savefig(path)


def draw_trajectory(path: Path, record: RunRecord, distance_m: float, title: str) -> None:
    """Camera path in 3D; pose error, image error and commanded speed over time.

    distance_m: goal camera to scene centre, where the scene is marked.
    """
    figure = _figure(14, 6.4)
    grid = figure.add_gridspec(
        3, 2, width_ratios=(1.05, 1), left=0.0, right=0.935, top=0.87, bottom=0.085, wspace=0.12, hspace=0.16
    )  # fmt: skip
    path_axis = figure.add_subplot(grid[:, 0], projection="3d")
    _draw_path(path_axis, record, distance_m)
    handles = path_axis.get_legend_handles_labels()[0]
    figure.legend(handles=handles, loc="upper left", bbox_to_anchor=(0.013, 0.925), ncols=5, frameon=False, fontsize=9)
    times = [frame.t_s for frame in record.frames]
    twists = np.array([frame.twist for frame in record.frames]).reshape(-1, 6)
    pose_axis, pixel_axis, speed_axis = (figure.add_subplot(grid[row, 1]) for row in range(3))
    errors = record.errors()
    _draw_pair(pose_axis, times, (errors[:, 0], "position error, mm"), (errors[:, 1], "rotation error, °"), log=True)
    _draw_one(pixel_axis, times, [frame.error_px for frame in record.frames], "image error, px")
    speeds = 1e3 * np.linalg.norm(twists[:, :3], axis=1), np.degrees(np.linalg.norm(twists[:, 3:], axis=1))
    _draw_pair(speed_axis, times, (speeds[0], "speed, mm/s"), (speeds[1], "angular speed, °/s"))
    for axis in (pose_axis, pixel_axis):
        axis.tick_params(labelbottom=False)
    speed_axis.set_xlabel("time since enabled, s")
    for axis in (pose_axis, pixel_axis, speed_axis):
        axis.set_xlim(0, max(times, default=1.0) or 1.0)
        _shade_states(axis, record)
    figure.suptitle(title, fontsize=13, fontweight="bold", x=0.02, y=0.965, ha="left", va="top")
    figure.savefig(path)


def _figure(width_in: float, height_in: float) -> Figure:
    figure = Figure(figsize=(width_in, height_in), dpi=120)
    FigureCanvasAgg(figure)
    return figure


def _draw_one(axis, times, values, label: str, color: str = _GREEN, log: bool = True, style: str = "-") -> None:
    axis.plot(times, values, style, color=color, linewidth=1.8)
    if log and np.max(np.nan_to_num(values), initial=0) > 0:
        axis.set_yscale("log")
        axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axis.yaxis.set_minor_formatter(NullFormatter())
    else:
        axis.set_ylim(bottom=0)
    axis.set_ylabel(label, color=color)
    axis.tick_params(axis="y", labelcolor=color)
    axis.grid(alpha=0.25)
    axis.spines["top"].set_visible(False)


def _draw_pair(axis, times, left, right, log: bool = False) -> None:
    """Two curves, each (values, label), on a left and a right axis."""
    _draw_one(axis, times, *left, _BLUE, log)
    other = axis.twinx()
    _draw_one(other, times, *right, _ORANGE, log, "--")
    other.grid(False)


def _shade_states(axis, record: RunRecord) -> None:
    """A red tint where the servo was neither SERVOING nor CONVERGED."""
    for frame, following in itertools.pairwise(record.frames):
        if frame.state not in (ServoState.SERVOING, ServoState.LIMITED, ServoState.CONVERGED):
            axis.axvspan(frame.t_s, following.t_s, color=_RED, alpha=0.18, linewidth=0)


def _draw_path(axis, record: RunRecord, distance_m: float) -> None:
    goal = record.T_world_goal
    scene = goal[:3, 3] + distance_m * goal[:3, 2]
    poses = [frame.T_world_cam for frame in record.frames if frame.T_world_cam is not None]
    corners = [scene]
    cameras = [(goal, _GREEN, "goal", 4.0)]
    if poses:
        path = np.array([T[:3, 3] for T in poses])
        axis.plot(*path.T, color=_BLUE, linewidth=2.2, label="camera path")
        cameras += [(poses[0], _GREY, "start", 1.5), (poses[-1], _BLUE, "final", 1.5)]
    size = 0.2 * distance_m
    for T, color, name, width in cameras:
        corners.extend(_draw_camera(axis, T, size, color, name, width))
    axis.scatter(*scene, color=_ORANGE, marker="*", s=110, label="scene centre")
    corners = np.array(corners + [T[:3, 3] for T in poses])
    low, high = corners.min(axis=0), corners.max(axis=0)
    margin = 0.05 * (high - low).max()
    for set_limits, bounds in zip(
        (axis.set_xlim, axis.set_ylim, axis.set_zlim), zip(low - margin, high + margin), strict=True
    ):
        set_limits(*bounds)
    axis.set_box_aspect(high - low + 2 * margin)  # one scale on all three axes
    for set_label, name in zip((axis.set_xlabel, axis.set_ylabel, axis.set_zlabel), "xyz"):
        set_label(f"{name}, m", labelpad=9)
    axis.tick_params(labelsize=8)
    axis.locator_params(nbins=4)
    axis.view_init(elev=22, azim=-55)


def _draw_camera(axis, T_world_cam, size_m: float, color: str, name: str, linewidth: float) -> np.ndarray:
    """A pyramid that opens along the view; returns its corners (5, 3) in the world."""
    x, y = _HALF_VIEW
    corners = size_m * np.array([(-x, -y, 1), (x, -y, 1), (x, y, 1), (-x, y, 1)])
    corners = se3.transform(T_world_cam, corners)
    apex = T_world_cam[:3, 3]
    a, b, c, d = corners
    outline = np.array([a, b, c, d, a, apex, b, c, apex, d])
    axis.plot(*outline.T, color=color, linewidth=linewidth, alpha=min(1.0, 2 / linewidth), label=name)
    return np.vstack([apex, corners])
