"""The moving picture of a run: live view and goal side by side, the errors below. Drawn off screen; no ROS.

An animated WebP in the time of the run, below a size limit.
"""

import io
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.font_manager import findfont
from matplotlib.ticker import FuncFormatter, NullFormatter
from PIL import Image, ImageDraw, ImageFont, features

from depth_pc_ros.cli.run_report import RunRecord
from depth_pc_ros.errors import ConfigError, ImageError

WIDTH = 800  # px, of the whole picture
MAX_BYTES = 3_000_000
FRAME_S = 1 / 12.5  # time between two pictures, at least
MOST_FRAMES = 250  # of longer runs fewer pictures a second are kept
_STRIP_PX = 150  # height of the curves
_GAP_PX = 2  # between the views
_FIRST_S, _LAST_S = 0.6, 1.6  # how long the first and the last picture stay
_QUALITIES = (70, 55, 40, 25)  # of WebP, tried in turn until the size fits
_BLUE, _ORANGE = "#2563eb", "#ea580c"
_KEPT_VIEWS = 640  # in memory


@dataclass
class View:
    """One image of a run, small: rgb (h, WIDTH / 2, 3) uint8. points: (M, 2) px in it, of the matches, or None."""

    rgb: np.ndarray
    points: np.ndarray | None = None


class ViewRecorder:
    """Keeps small copies of the images and the matches of a run, by the stamp of the image.

    Listener of a `ServoClient`; after many images every second one is dropped, so that the memory stays bounded.
    """

    def __init__(self):
        if not features.check("webp"):
            raise ConfigError("animation: this build of Pillow writes no WebP; install Pillow from PyPI")
        self._views: dict[float, View] = {}
        self._scale = 1.0

    def on_image(self, stamp_s: float, rgb: np.ndarray) -> None:
        """Take an image (H, W, 3) uint8 RGB."""
        self._scale = 0.5 * WIDTH / rgb.shape[1]
        self._views[stamp_s] = View(small(rgb))
        if len(self._views) > _KEPT_VIEWS:
            self._views = dict(list(self._views.items())[::2])

    def on_matches(self, stamp_s: float, points: np.ndarray) -> None:
        """Take where the matched keypoints (M, 2) px are in the image of this time, which has come before."""
        if stamp_s in self._views:
            self._views[stamp_s].points = self._scale * points

    def views(self, stamps_s: list[float]) -> list[View | None]:
        """The views at these times; None where there is none."""
        return [self._views.get(stamp_s) for stamp_s in stamps_s]


def small(rgb: np.ndarray) -> np.ndarray:
    """An image (H, W, 3) uint8 at the width of one view."""
    height = round(0.5 * WIDTH * rgb.shape[0] / rgb.shape[1])
    return cv2.resize(rgb, (WIDTH // 2, height), interpolation=cv2.INTER_AREA)


def draw_animation(
    path: Path, record: RunRecord, views: list[View | None], goal: np.ndarray, max_bytes: int = MAX_BYTES
) -> int:
    """Write the animation of a run to `path`, not larger than `max_bytes`, and return its number of pictures.

    views: one for each frame of the record; frames without one are left out. goal: (H, W, 3) uint8 RGB.
    Raises ImageError where there is nothing to show, or a single picture is too large.
    """
    seen = [k for k, view in enumerate(views) if view is not None]
    if not seen:
        raise ImageError("animation: no image of the run has been recorded")
    times = np.array([record.frames[k].t_s for k in seen])
    shown = [seen[i] for i in spaced(times, max(FRAME_S, (times[-1] - times[0]) / MOST_FRAMES))]
    strip = _Strip(record)
    goal = small(goal)
    goal[:, :_GAP_PX] = 255
    pictures = [Image.fromarray(_picture(record, k, views[k], goal, strip)) for k in shown]
    return _write(path, pictures, np.array([record.frames[k].t_s for k in shown]), max_bytes)


def spaced(times: np.ndarray, interval_s: float) -> list[int]:
    """Indices of growing times (N,) that are at least about `interval_s` apart, the first and the last included."""
    kept = [0]
    for i in range(1, len(times)):
        if times[i] - times[kept[-1]] >= 0.99 * interval_s:
            kept.append(i)
    if kept[-1] != len(times) - 1:
        kept[-1 if len(kept) > 1 else len(kept) :] = [len(times) - 1]
    return kept


def _write(path: Path, pictures: list[Image.Image], times: np.ndarray, max_bytes: int) -> int:
    """Encode at falling quality, then with half of the pictures, until it fits."""
    while True:
        durations = [*np.diff(times), 0.0]
        durations[0] += _FIRST_S
        durations[-1] += _LAST_S
        for quality in _QUALITIES:
            encoded = io.BytesIO()
            pictures[0].save(
                encoded, "WEBP", save_all=True, append_images=pictures[1:], loop=0, quality=quality, method=4,
                duration=[max(1, round(1e3 * duration)) for duration in durations],
            )  # fmt: skip
            if encoded.tell() <= max_bytes:
                path.write_bytes(encoded.getvalue())
                return len(pictures)
        if len(pictures) == 1:
            raise ImageError(f"animation: one picture takes {encoded.tell()} bytes, at most {max_bytes} are allowed")
        kept = range(len(pictures) - 1, -1, -2)[::-1]  # the last one stays
        pictures, times = [pictures[i] for i in kept], times[list(kept)]


def _picture(record: RunRecord, k: int, view: View, goal: np.ndarray, strip: "_Strip") -> np.ndarray:
    """Picture (h, WIDTH, 3) uint8 of one frame."""
    live = view.rgb.copy()
    if view.points is not None:
        for point in np.rint(8 * view.points).astype(int).tolist():  # in eighths of a pixel
            cv2.circle(live, point, 10, (60, 255, 90), -1, cv2.LINE_AA, shift=3)
    difference = np.abs(view.rgb.astype(np.int16) - goal)[:, _GAP_PX:].mean()
    texts = f"live: {record.frames[k].matches} matches", f"goal: mean difference {difference:.1f} of 255"
    return np.vstack([_labelled(np.hstack([live, goal]), texts), strip.at(k)])


def _labelled(picture: np.ndarray, texts: tuple[str, str]) -> np.ndarray:
    """Write a text over each half of a picture."""
    image = Image.fromarray(picture)
    draw = ImageDraw.Draw(image)
    for text, x in zip(texts, (6, WIDTH // 2 + 6)):
        draw.text((x, 5), text, font=_font(15), fill="white", stroke_width=2, stroke_fill="black")
    return np.asarray(image)


def _font(size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(findfont("DejaVu Sans"), size)


def _short(value: float, decimals: int) -> str:
    """A number in three digits, of them at most this many decimals: 238, 23.8, 2.38, 0.24; "–": not known."""
    if not np.isfinite(value):
        return "–"
    whole = len(str(int(value)))
    return f"{value:.{max(0, min(decimals, 3 - whole))}f}" if value >= 1 else f"{value:.{decimals}f}"


class _Strip:
    """The curves of translation and rotation error, drawn once; `at` shows them up to a frame."""

    def __init__(self, record: RunRecord):
        self._record, self._errors = record, record.errors()
        self._times = np.array([frame.t_s for frame in record.frames])
        self._empty, self._full = self._draw(False), self._draw(True)

    def _draw(self, curves: bool) -> np.ndarray:
        figure = Figure(figsize=(WIDTH / 100, _STRIP_PX / 100), dpi=100)
        canvas = FigureCanvasAgg(figure)
        axis = figure.add_axes((0.07, 0.16, 0.915, 0.62))
        axis.set_xlim(0, max(self._times.max(), 1e-3))
        positive = self._errors[np.isfinite(self._errors) & (self._errors > 0)]
        if len(positive):
            axis.set_yscale("log")
            axis.set_ylim(0.7 * positive.min(), 1.5 * positive.max())
        axis.yaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axis.yaxis.set_minor_formatter(NullFormatter())
        axis.tick_params(labelsize=8, pad=2)
        axis.grid(alpha=0.25)
        axis.spines[["top", "right"]].set_visible(False)
        if curves:
            for values, colour in zip(self._errors.T, (_BLUE, _ORANGE)):
                axis.plot(self._times, values, color=colour, linewidth=2)
        canvas.draw()
        self._x_px = axis.transData.transform(np.column_stack([self._times, np.ones(len(self._times))]))[:, 0]
        return np.asarray(canvas.buffer_rgba())[..., :3].copy()

    def at(self, k: int) -> np.ndarray:
        """The strip (_STRIP_PX, WIDTH, 3) uint8 at frame k: the curves up to it, and its numbers."""
        strip = self._empty.copy()
        x = min(round(self._x_px[k]), WIDTH - 1)
        strip[:, : x + 1] = self._full[:, : x + 1]
        image = Image.fromarray(strip)
        draw = ImageDraw.Draw(image)
        frame, (te_mm, re_deg) = self._record.frames[k], self._errors[k]
        solved = "solved " if self._record.solved else ""
        words = (
            (f"{frame.t_s:.2f} s", "black"),
            (f"{solved}position error {_short(te_mm, 2)} mm", _BLUE),
            (f"rotation error {_short(re_deg, 3)}°", _ORANGE),
            (frame.state.name.lower().replace("_", " "), "black"),
        )
        for (text, colour), left in zip(words, (56, 130, 410, 650)):
            draw.text((left, 7), text, font=_font(15), fill=colour)
        return np.asarray(image)
