"""The plots of a report: success by level, error over time, camera paths. Drawn off screen, returned as PNG."""

import io
import math
import textwrap

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.patches import Patch

from depth_pc_ros.benchmark.methods import METHODS
from depth_pc_ros.benchmark.metrics import (
    STRICT_DEG,
    STRICT_M,
    by_method,
    levels_of,
    summarise,
)  # fmt: skip
from depth_pc_ros.benchmark.trial import SUCCESS, TOLERANCE_DEG, TOLERANCE_M

_LEVEL_COLOURS = {"S": "#0ea5e9", "M": "#6366f1", "L": "#c026d3", "P": "#0ea5e9"}
_METHOD_COLOURS = ("#94a3b8", "#2563eb", "#ea580c", "#059669", "#9333ea", "#ca8a04", "#db2777", "#475569")
_FAILURE = "#dc2626"
_MEDIAN_POINTS = 150
_LETTER_IN, _BOLD_IN, _HANDLE_IN = 0.08, 0.1, 0.8  # width of a letter of the legend, of a title; of a legend's line


def success_bars(trials: list[dict]) -> bytes:
    """Success and strict success by level, one bar per method: the strict share is the solid part."""
    groups = by_method(trials)
    levels = [*levels_of(trials), "all"] if len(levels_of(trials)) > 1 else levels_of(trials)
    colours = _colours(groups)
    labels = [group[0]["label"] for group in groups.values()]
    handles = [Patch(color=colour, label=label) for colour, label in zip(colours, labels)]
    figure, upper = _figure(11, 3.4, handles if len(groups) > 1 else [])
    axis = upper.subplots()
    width = 0.8 / len(groups)
    for k, (colour, group) in enumerate(zip(colours, groups.values())):
        offset = (k - (len(groups) - 1) / 2) * width
        for x, level in enumerate(levels):
            if level != "all" and not any(trial["level"] == level for trial in group):
                continue
            row = summarise(group, level if len(levels) > 1 else "all")
            axis.bar(x + offset, 100 * row.sr, 0.92 * width, color=colour, alpha=0.35)
            axis.bar(x + offset, 100 * row.strict_sr, 0.92 * width, color=colour)
            axis.text(x + offset, 100 * row.sr + 1, f"{100 * row.sr:.0f}", ha="center", va="bottom", fontsize=9)
    axis.set_xticks(range(len(levels)), [f"level {level}" if level != "all" else "all" for level in levels])
    axis.set_ylim(0, 112)
    axis.set_yticks(range(0, 101, 25))
    axis.set_ylabel("trials, %")
    _tidy(axis)
    axis.set_title(
        f"Success: within {1e3 * TOLERANCE_M:.0f} mm and {TOLERANCE_DEG:g}° (pale, number), "
        f"of which within {1e3 * STRICT_M:g} mm and {STRICT_DEG:g}° (solid)", loc="left", fontsize=11,
    )  # fmt: skip
    return _png(figure)


def errors_over_time(trials: list[dict]) -> bytes:
    """Position and rotation error over the steps: each trial thin, the median of each level thick, failures red."""
    groups = by_method(trials)
    figure, axes = _grid(len(groups), 4.9, trials, sharex=True, sharey="row")
    for column, group in enumerate(groups.values()):
        for axis, key, tolerance, strict in (
            (axes[0, column], "te_mm", 1e3 * TOLERANCE_M, 1e3 * STRICT_M),
            (axes[1, column], "re_deg", TOLERANCE_DEG, STRICT_DEG),
        ):
            for value in (tolerance, strict):
                axis.axhline(value, color="#64748b", linewidth=0.8, linestyle=(0, (4, 3)))
            for trial in _moved(group):
                failed = trial["outcome"] != SUCCESS
                colour = _FAILURE if failed else _LEVEL_COLOURS[trial["level"]]
                values = np.maximum(trial["trace"][key], 1e-3)
                axis.plot(trial["trace"]["step"], values, color=colour, alpha=0.6 if failed else 0.25, linewidth=0.8)
            for level in levels_of(_moved(group)):
                steps, median = _median_curve([trial for trial in _moved(group) if trial["level"] == level], key)
                axis.plot(steps, np.maximum(median, 1e-3), color=_LEVEL_COLOURS[level], linewidth=2.4, label=level)
            axis.set_yscale("log")
            axis.yaxis.set_major_formatter(lambda value, _: f"{value:g}")
            _tidy(axis)
        _name(axes[0, column], group, len(groups))
        axes[1, column].set_xlabel("step of 1/50 s")
    longest = max((trial["steps"] for trial in trials if trial["outcome"] == SUCCESS), default=0)
    axes[0, 0].set_xlim(0, 1.1 * longest or max(1, *(trial["steps"] for trial in trials)))
    axes[0, 0].set_ylabel("position error, mm")
    axes[1, 0].set_ylabel("rotation error, °")
    return _png(figure)


def paths(trials: list[dict]) -> bytes:
    """Camera paths about the goal: from above, and from the side (horizontal distance and height)."""
    groups = by_method(trials)
    figure, axes = _grid(len(groups), 7.0, trials, sharex="row", sharey="row")
    reach = 1.1e-3 * max(trial["start_te_mm"] for trial in trials)
    for column, group in enumerate(groups.values()):
        above, side = axes[:, column]
        for trial in _moved(group):
            relative = np.array(trial["trace"]["position"]) - np.array(trial["T_world_goal"])[:3, 3]
            failed = trial["outcome"] != SUCCESS
            style = {"color": _FAILURE if failed else _LEVEL_COLOURS[trial["level"]], "linewidth": 1.1}
            style |= {"alpha": 0.8 if failed else 0.5, "zorder": 3 if failed else 2}
            above.plot(relative[:, 0], relative[:, 1], **style)
            side.plot(np.hypot(relative[:, 0], relative[:, 1]), relative[:, 2], **style)
            above.plot(*relative[0, :2], ".", markersize=3, **{**style, "alpha": 0.9})
        for axis in (above, side):
            axis.plot(0, 0, "*", color="black", markersize=9, zorder=5)
            axis.set_aspect("equal")
            _tidy(axis)
        above.set(xlim=(-reach, reach), ylim=(-reach, reach), xlabel="x − goal, m")
        side.set(xlim=(-0.02, 1.3 * reach), ylim=(-reach, reach), xlabel="horizontal − goal, m")
        _name(above, group, len(groups))
    axes[0, 0].set_ylabel("from above: y − goal, m")
    axes[1, 0].set_ylabel("from the side: height − goal, m")
    return _png(figure)


def _moved(trials: list[dict]) -> list[dict]:
    """Trials of at least one step: a refused goal has none."""
    return [trial for trial in trials if trial["steps"] > 0]


def _median_curve(trials: list[dict], key: str) -> tuple[np.ndarray, np.ndarray]:
    """Median error over the steps; a trial that has stopped keeps its last error."""
    steps = np.linspace(0, max(trial["trace"]["step"][-1] for trial in trials), _MEDIAN_POINTS)
    curves = [np.interp(steps, trial["trace"]["step"], trial["trace"][key]) for trial in trials]
    return steps, np.median(curves, axis=0)


def _level_handles(trials: list[dict]) -> list[Line2D]:
    levels = levels_of(trials)
    handles = [Line2D([], [], color=_LEVEL_COLOURS[level], linewidth=2.4, label=f"level {level}") for level in levels]
    return [*handles, Line2D([], [], color=_FAILURE, linewidth=1.2, label="failure")]


def _colours(groups: dict[str, list[dict]]) -> list[str]:
    """A method has its own colour on every page; one that comes again with another model gets the next free one."""
    colours = []
    for method in groups:
        place = list(METHODS).index(method.partition("@")[0]) % len(_METHOD_COLOURS)
        wanted = [*_METHOD_COLOURS[place:], *_METHOD_COLOURS[:place]]
        colours.append(next((colour for colour in wanted if colour not in colours), wanted[0]))
    return colours


def _name(axis, group: list[dict], columns: int) -> None:
    """The method's name over its column, on several lines where it is wider."""
    text = "\n".join(textwrap.wrap(group[0]["label"], max(12, int(_width(columns) / columns / _BOLD_IN))))
    axis.set_title(text, fontsize=11, fontweight="bold", loc="left")


def _tidy(axis) -> None:
    axis.grid(alpha=0.22)
    axis.spines[["top", "right"]].set_visible(False)
    axis.tick_params(labelsize=9)


def _grid(columns: int, height_in: float, trials: list[dict], **shared):
    """A figure of two rows, and its axes (2, columns)."""
    figure, upper = _figure(_width(columns), height_in, _level_handles(trials))
    return figure, upper.subplots(2, columns, squeeze=False, **shared)


def _width(columns: int) -> float:
    return max(6.5, min(16, 4.4 * columns))


def _figure(width_in: float, height_in: float, handles: list):
    """A figure with a legend in rows of its own at its foot, and the part above, for the axes."""
    longest = max((len(handle.get_label()) for handle in handles), default=0)
    columns = max(1, min(len(handles), int(width_in / (_HANDLE_IN + _LETTER_IN * longest))))
    legend_in = 0.1 + 0.22 * math.ceil(len(handles) / columns)
    figure = Figure(figsize=(width_in, height_in + legend_in), dpi=100, layout="constrained")
    FigureCanvasAgg(figure)
    upper, lower = figure.subfigures(2, 1, height_ratios=(height_in, legend_in))
    if handles:
        lower.legend(handles=handles, loc="center", ncols=columns, frameon=False, fontsize=9)
    return figure, upper


def _png(figure: Figure) -> bytes:
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png")
    return buffer.getvalue()
