"""A picture of relative depth: rendered and estimated depth side by side, as the paper's Figure 5."""

from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from scipy.stats import spearmanr

from depth_pc_ros.benchmark.episodes import EpisodeSource, Places
from depth_pc_ros.benchmark.schema import ResultsError
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.benchmark.worlds import open_world
from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.geometry.camera import sample_depth, sample_nearest
from depth_pc_ros.graph.depth import normalise_depth
from depth_pc_ros.perception.factory import make_detecting_matcher
from depth_pc_ros.perception.relative_depth import RelativeDepth

_MAP, _POINTS = "Spectral", "coolwarm"
_FULL = 2.5  # normalised depth at the ends of the colour scale


def draw_depth(path: Path, model: str, settings: Settings, places: Places, count: int) -> list[float]:
    """Write the picture of the goal views of the first `count` episodes, a row each; PNG.

    Returns Spearman's rank correlation of rendered and estimated depth at the keypoints, view by view. Raises
    CheckpointError for a model that cannot be loaded, ResultsError where `path` cannot be written.
    """
    depth_of, source, ranks = RelativeDepth(model), EpisodeSource(settings, places), []
    figure = Figure(figsize=(15, 2.25 * count + 0.3), dpi=80)
    FigureCanvasAgg(figure)
    axes = figure.subplots(count, 5, squeeze=False, gridspec_kw={"wspace": 0.03, "hspace": 0.03})
    figure.subplots_adjust(left=0.004, right=0.996, bottom=0.004, top=1 - 0.34 / figure.get_figheight())
    for number, row in enumerate(axes):
        level = settings.levels[number % len(settings.levels)]
        episode = source.episode(level, number // len(settings.levels))
        with open_world(episode, settings, places) as world:
            image, depth_m = world.view(episode.T_world_goal)
            matcher = make_detecting_matcher(MatcherConfig())
            matcher.set_goal(image, world.intrinsics)
        ranks.append(_draw_row(row, image, depth_m, depth_of(image), matcher.goal_points))
    for axis, title in zip(axes[0], (
        "image", "rendered depth", "estimated relative depth", "keypoints: rendered, normalised",
        "keypoints: estimated, normalised",
    )):  # fmt: skip
        axis.set_title(title, fontsize=11, loc="left", pad=4)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        figure.savefig(path, format="png")
    except OSError as error:
        raise ResultsError(f"output: cannot write {path}: {error.strerror or error}") from None
    return ranks


def _draw_row(axes, image: np.ndarray, depth_m: np.ndarray, estimated: np.ndarray, pixels: np.ndarray) -> float:
    """One view. pixels: (N, 2) keypoints. Returns the rank correlation there."""
    at_points = sample_depth(depth_m, pixels), sample_nearest(estimated, pixels)
    axes[0].imshow(image)
    for axis, depth in zip(axes[1:3], (np.where(depth_m > 0, depth_m, np.nan), estimated)):
        axis.imshow(depth, cmap=_MAP, vmin=np.nanpercentile(depth, 1), vmax=np.nanpercentile(depth, 99))
    for axis, depth in zip(axes[3:], at_points):
        normalised, known = normalise_depth(depth)
        axis.scatter(*pixels[known].T, c=normalised[known], s=4, cmap=_POINTS, vmin=-_FULL, vmax=_FULL)
        axis.set_xlim(0, image.shape[1])
        axis.set_ylim(image.shape[0], 0)
        axis.set_aspect("equal")
    known = np.isfinite(at_points[0]) & np.isfinite(at_points[1])
    rank = float(spearmanr(at_points[0][known], at_points[1][known]).statistic)
    axes[4].text(0.98, 0.97, f"rank correlation {rank:.2f}", transform=axes[4].transAxes, ha="right", va="top")
    for axis in axes:
        axis.set_xticks([])
        axis.set_yticks([])
    return rank
