"""The page of a replay: one HTML file with a slider through the images, curves and findings. And its moving picture."""

import io
import itertools
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import NullFormatter
from PIL import Image, ImageDraw

from depth_pc_ros.cli.replay_setup import Prepared
from depth_pc_ros.cli.run_animation import View, draw_animation, small
from depth_pc_ros.cli.run_report import Frame, RunRecord
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.html_page import rendered
from depth_pc_ros.replay.recorded import Recorded
from depth_pc_ros.replay.result import Replay, ReplayFrame
from depth_pc_ros.replay.verdict import findings, verdict
from depth_pc_ros.types import ServoState

_MOST_SHOWN = 300  # images of a page
_JPEG_QUALITY = 80
_BLUE, _ORANGE, _GREEN, _GREY, _RED = "#2563eb", "#ea580c", "#059669", "#94a3b8", "#ef4444"
_LEFT, _RIGHT = 0.075, 0.925  # of the curves in their picture

_PAGE = """
<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>Replay of {{ name }}</title>
<style>{{ style | safe }}
.live { display: grid; grid-template-columns: 1fr 1fr; gap: 3px; max-width: 900px; } .live img { width: 100%; }
.live figcaption { padding: 3px 0; color: var(--soft); } .live figure { border: 0; border-radius: 0; }
#slider { width: 100%; max-width: 900px; } #words { font-variant-numeric: tabular-nums; min-height: 3em; }
.curves { position: relative; max-width: 1100px; } #cursor { position: absolute; top: 0; bottom: 0; width: 0;
border-left: 1.5px solid var(--ink); pointer-events: none; } .look { color: #b91c1c; font-weight: 600; }
</style></head><body><h1>Replay of {{ name }}</h1>
<p class="soft">{{ about }}</p>
<p><b>{{ verdict }}</b></p>
<div class="scroll"><table>
{%- for finding in findings %}
<tr><td class="word {{ "" if finding.ok else "look" }}">{{ "ok" if finding.ok else "LOOK" }}</td>
<td class="word">{{ finding.what }}</td><td class="word">{{ finding.detail }}</td></tr>
{%- endfor %}
</table></div>
{%- if notes %}<ul class="facts">{% for note in notes %}<li>{{ note }}</li>{% endfor %}</ul>{% endif %}
{%- if shown %}
<h2>Through the run</h2>
<div class="live">
<figure><img id="live" alt="live image with its matches">
<figcaption>live, with the matched keypoints</figcaption></figure>
<figure><img alt="goal image" src="data:image/jpeg;base64,{{ goal | base64 }}"><figcaption>goal</figcaption></figure>
</div>
<input id="slider" type="range" min="0" max="{{ shown | length - 1 }}" value="0" aria-label="image">
<p id="words"></p>
{%- endif %}
<div class="curves"><img alt="error, matches and commands over time" src="data:image/png;base64,{{ curves | base64 }}">
<div id="cursor" hidden></div></div>
{%- if shown %}
<script>
const frames = [{% for each in shown %}
{"image": "{{ each.image | base64 }}", "words": {{ each.words | tojson }}, "at": {{ each.at }} },{% endfor %}
];
const slider = document.getElementById("slider"), cursor = document.getElementById("cursor");
function show() {
  const frame = frames[slider.value];
  document.getElementById("live").src = "data:image/jpeg;base64," + frame.image;
  document.getElementById("words").textContent = frame.words;
  cursor.style.left = frame.at + "%";
}
cursor.hidden = false;
slider.addEventListener("input", show);
show();
</script>
{%- endif %}
</body></html>
"""


def write_page(path: Path, replay: Replay, prepared: Prepared, views: list[View | None]) -> None:
    """Write the page. views: of the images, in their order; None where there is none."""
    found = findings(replay)
    seen = [k for k, view in enumerate(views) if view is not None]
    seen = [seen[k] for k in sorted({round(k) for k in np.linspace(0, len(seen) - 1, _MOST_SHOWN)})] if seen else []
    length_s = max((frame.t_s for frame in replay.frames), default=0.0) or 1.0
    shown = [
        {
            "image": _jpeg(_with_points(views[k])),
            "words": _words(replay.frames[k]),
            "at": round(100 * (_LEFT + (_RIGHT - _LEFT) * replay.frames[k].t_s / length_s), 3),
        }
        for k in seen
    ]
    page = rendered(
        _PAGE, name=prepared.name, about=prepared.about, verdict=verdict(found), findings=found, notes=replay.notes,
        shown=shown, goal=_jpeg(small(replay.goal)) if shown else b"", curves=_curves(replay, length_s),
    )  # fmt: skip
    path.write_text(page, encoding="utf-8")


def write_animation(path: Path, replay: Replay, recorded: Recorded | None, views: list[View | None]) -> None:
    """Write the moving picture, with the true poses where they were recorded, else with those that were solved."""
    if not any(views):
        raise ConfigError("animation: the replay has no images")
    draw_animation(path, run_record(replay, recorded), views, replay.goal)


def run_record(replay: Replay, recorded: Recorded | None) -> RunRecord:
    """The replay as the record of a run."""
    true = recorded is not None and recorded.T_world_goal is not None and bool(recorded.poses)
    frames = [
        Frame(
            t_s=frame.t_s,
            state=frame.state,
            matches=frame.matches,
            error_px=frame.error_px,
            twist=frame.twist,
            T_world_cam=recorded.poses.get(frame.stamp_ns) if true else frame.T_goal_cam,
        )
        for frame in replay.frames
    ]
    return RunRecord(recorded.T_world_goal if true else np.eye(4), frames, solved=not true)


def _words(frame: ReplayFrame) -> str:
    parts = [f"{frame.t_s:.2f} s", frame.state.name if frame.enabled else f"not enabled ({frame.state.name})"]
    if frame.recorded_state not in (None, frame.state):
        parts.append(f"recorded {frame.recorded_state.name}")
    parts.append(f"{frame.matches} matches")
    if np.isfinite(frame.error_px):
        parts.append(f"{frame.error_px:.2f} px from the goal")
    speed, turn = 1e3 * np.linalg.norm(frame.twist[:3]), np.degrees(np.linalg.norm(frame.twist[3:]))
    return " · ".join([*parts, f"{speed:.1f} mm/s, {turn:.2f} °/s", *filter(None, [frame.message])])


def _with_points(view: View) -> np.ndarray:
    """The image with its matches as dots."""
    if view.points is None:
        return view.rgb
    image = Image.fromarray(view.rgb)
    draw = ImageDraw.Draw(image)
    for u, v in view.points.tolist():
        draw.ellipse((u - 1.5, v - 1.5, u + 1.5, v + 1.5), fill=(60, 255, 90))
    return np.asarray(image)


def _jpeg(rgb: np.ndarray) -> bytes:
    encoded = io.BytesIO()
    Image.fromarray(rgb).save(encoded, "JPEG", quality=_JPEG_QUALITY)
    return encoded.getvalue()


def _curves(replay: Replay, length_s: float) -> bytes:
    """Error, matches, commands over time, PNG; red where the servo could not work."""
    frames = replay.frames
    figure = Figure(figsize=(11, 8.2), dpi=100)
    FigureCanvasAgg(figure)
    axes = figure.subplots(4, 1, sharex=True, gridspec_kw={"hspace": 0.16})
    figure.subplots_adjust(left=_LEFT, right=_RIGHT, top=0.985, bottom=0.065)
    times = [frame.t_s for frame in frames]
    errors = np.array([frame.error_px for frame in frames])
    _plot(axes[0], times, errors, "error, px", _GREEN)
    if (np.nan_to_num(errors) > 0).any():
        axes[0].set_yscale("log")
        axes[0].yaxis.set_major_formatter(lambda value, _: f"{value:g}")
        axes[0].yaxis.set_minor_formatter(NullFormatter())
    _plot(axes[1], times, [frame.matches for frame in frames], "matches", _GREY)
    axes[1].set_ylim(bottom=0)
    if replay.commands:
        at_s = [1e-9 * (command.stamp_ns - frames[0].stamp_ns) for command in replay.commands]
        own = np.array([command.twist for command in replay.commands]).reshape(-1, 2, 3)
        recorded = np.array([command.recorded for command in replay.commands]).reshape(-1, 2, 3)
    else:
        at_s, own, recorded = times, np.array([frame.twist for frame in frames]).reshape(-1, 2, 3), None
    for axis, part, scale, unit in ((axes[2], 0, 1e3, "mm/s"), (axes[3], 1, 180 / np.pi, "°/s")):
        if recorded is not None:
            axis.plot(at_s, scale * np.linalg.norm(recorded[:, part], axis=1), color=_ORANGE, lw=3, alpha=0.5)
            apart = scale * np.linalg.norm(own[:, part] - recorded[:, part], axis=1)
            axis.fill_between(at_s, apart, color=_RED, alpha=0.5, linewidth=0)
        _plot(axis, at_s, scale * np.linalg.norm(own[:, part], axis=1), f"command, {unit}", _BLUE)
        axis.set_ylim(bottom=0)
    axes[3].set_xlabel("s; commands: blue the replay, orange recorded, red their difference")
    for axis in axes:
        axis.set_xlim(0, length_s)
        for frame, following in itertools.pairwise(frames):
            if frame.enabled and frame.state not in (ServoState.SERVOING, ServoState.LIMITED, ServoState.CONVERGED):
                axis.axvspan(frame.t_s, following.t_s, color=_RED, alpha=0.15, linewidth=0)
    encoded = io.BytesIO()
    figure.savefig(encoded, format="png")
    return encoded.getvalue()


def _plot(axis, times, values, label: str, color: str) -> None:
    axis.plot(times, values, color=color, linewidth=1.6)
    axis.set_ylabel(label)
    axis.grid(alpha=0.25)
    axis.spines[["top", "right"]].set_visible(False)
