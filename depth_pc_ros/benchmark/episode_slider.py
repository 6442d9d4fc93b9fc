"""The part of a report in which a slider leads through one episode: the camera's path about the goal, and its errors.

A trial keeps no images: its trace is what there is to show. All drawing is done by the page.
"""

import numpy as np

from depth_pc_ros.benchmark.metrics import by_method, levels_of
from depth_pc_ros.benchmark.settings import DT_S
from depth_pc_ros.benchmark.trial import SUCCESS
from depth_pc_ros.html_page import rendered

_TEMPLATE = """<div class="episode">
<select aria-label="episode">
{%- for each in episodes %}<option>{{ each.name }}</option>{% endfor %}</select>
<input type="range" min="0" value="0" aria-label="step">
<p class="soft words"></p>
<div class="views">
<figure><svg class="above" viewBox="0 0 300 300"></svg><figcaption>from above: x and y</figcaption></figure>
<figure><svg class="side" viewBox="0 0 300 300"></svg><figcaption>from the side: x and height</figcaption></figure>
<figure><svg class="errors" viewBox="0 0 600 300"></svg>
<figcaption><b class="mm">position error, mm</b> and <b class="deg">rotation error, °</b> over the steps</figcaption>
</figure></div>
<script type="application/json">{{ episodes | tojson }}</script>
</div>
<p class="soft">To choose from: the worst, the median and the best episode of each method and level. Grey: start;
black: goal; their lines: where the camera looks; orange: the camera at this step.</p>
"""

STYLE = """
.episode select, .episode input { width: 100%; max-width: 900px; display: block; margin: 6px 0; font: inherit; }
.episode .words { font-variant-numeric: tabular-nums; min-height: 3em; margin: 4px 0; }
.views { display: grid; grid-template-columns: 1fr 1fr 2fr; gap: 10px; } .views svg { display: block; width: 100%; }
.views figcaption { color: var(--soft); } .mm { color: #2563eb; } .deg { color: #ea580c; }
.views svg text { font-size: 11px; fill: #64748b; }
@media (max-width: 800px) { .views { grid-template-columns: 1fr; } }
"""

SCRIPT = """
function draw(svg, kind, attributes, text) {
  const element = document.createElementNS(svg.namespaceURI, kind);
  for (const name in attributes) element.setAttribute(name, attributes[name]);
  if (text !== undefined) element.textContent = text;
  return svg.appendChild(element);
}
function line(svg, points, colour, width) {
  draw(svg, "polyline", {points: points.map(p => p.join()).join(" "), fill: "none", stroke: colour,
    "stroke-width": width});
}
/* A path about the goal, in the two axes named; returns where a sample is in the drawing. */
function drawPath(svg, episode, axes) {
  const reach = 1.15 * episode.reach, at = p => axes.map((axis, k) => 150 + (k ? -150 : 150) * p[axis] / reach);
  const decade = 10 ** Math.floor(Math.log10(reach)), count = reach / decade;
  const grid = decade * (count < 2 ? 0.5 : count < 4 ? 1 : count < 6 ? 2 : 3);
  svg.replaceChildren();
  for (let k = -Math.floor(reach / grid); k * grid <= reach; k++) {
    const x = 150 + 150 * k * grid / reach;
    line(svg, [[x, 0], [x, 300]], "#e2e8f0", 1);
    line(svg, [[0, x], [300, x]], "#e2e8f0", 1);
    draw(svg, "text", {x: x + 2, y: 297}, `${Number((k * grid).toPrecision(2))} m`);
  }
  line(svg, episode.position.map(at), "#2563eb", 1.6);
  for (const [name, colour] of [["start", "#64748b"], ["goal", "#0f172a"]]) {
    const [x, y] = at(episode[name].position), [u, v] = at(episode[name].ahead);
    line(svg, [[x, y], [u, v]], colour, 1.2);
    draw(svg, "circle", {cx: x, cy: y, r: 3.5, fill: colour});
  }
  return at;
}
/* Both errors on one logarithmic scale; returns where a sample is in the drawing. */
function drawErrors(svg, episode) {
  const values = [...episode.te_mm, ...episode.re_deg].filter(value => value > 0);
  const low = Math.floor(Math.log10(Math.max(Math.min(...values, 1), 1e-3)));
  const high = Math.ceil(Math.log10(Math.max(...values, 10)));
  const last = Math.max(episode.step.at(-1), 1);
  const x = step => 45 + 545 * step / last;
  const y = value => 275 - 265 * (Math.log10(Math.max(value, 10 ** low)) - low) / (high - low);
  svg.replaceChildren();
  for (let k = low; k <= high; k++) {
    line(svg, [[45, y(10 ** k)], [590, y(10 ** k)]], "#e2e8f0", 1);
    draw(svg, "text", {x: 40, y: y(10 ** k) + 4, "text-anchor": "end"}, Number((10 ** k).toPrecision(1)));
  }
  for (const step of [0, 0.25, 0.5, 0.75, 1].map(share => Math.round(share * last)))
    draw(svg, "text", {x: x(step), y: 295, "text-anchor": "middle"}, step);
  line(svg, episode.step.map((step, k) => [x(step), y(episode.te_mm[k])]), "#2563eb", 1.8);
  line(svg, episode.step.map((step, k) => [x(step), y(episode.re_deg[k])]), "#ea580c", 1.8);
  return x;
}
for (const box of document.querySelectorAll(".episode")) {
  const episodes = JSON.parse(box.querySelector("script").textContent);
  const select = box.querySelector("select"), slider = box.querySelector("input"), words = box.querySelector(".words");
  const [above, side, errors] = box.querySelectorAll("svg");
  let episode, dots, cursor;
  function show() {
    const k = Number(slider.value), px = episode.error_px[k];
    for (const [dot, at] of dots) {
      const [x, y] = at(episode.position[k]);
      dot.setAttribute("cx", x);
      dot.setAttribute("cy", y);
    }
    const x = cursor.at(episode.step[k]);
    cursor.line.setAttribute("points", `${x},5 ${x},275`);
    words.textContent = [`step ${episode.step[k]}, ${(episode.step[k] * episode.dt_s).toFixed(2)} s`,
      `${episode.te_mm[k]} mm, ${episode.re_deg[k]}° from the goal`,
      ...(px === null ? [] : [`${px} px`])].join(" · ") + "; in the end: " + episode.end;
  }
  function choose() {
    episode = episodes[select.selectedIndex];
    dots = [[above, [0, 1]], [side, [0, 2]]].map(([svg, axes]) => {
      const at = drawPath(svg, episode, axes);
      return [draw(svg, "circle", {r: 5, fill: "#ea580c", class: "now"}), at];
    });
    const at = drawErrors(errors, episode);
    cursor = {at, line: draw(errors, "polyline", {stroke: "#0f172a", "stroke-width": 1.2, class: "now"})};
    slider.max = episode.step.length - 1;
    slider.value = 0;
    show();
  }
  select.addEventListener("change", choose);
  slider.addEventListener("input", show);
  choose();
}
"""

_AHEAD = 0.25  # length of a viewing direction, as a share of the farthest point's distance


def html(trials: list[dict]) -> str:
    """The part of the page, for trials of one folder; "" where none of them has a step."""
    shown = episodes(trials)
    return rendered(_TEMPLATE, episodes=shown) if shown else ""


def episodes(trials: list[dict]) -> list[dict]:
    """What the page shows of the trials to choose from: the worst, the median and the best of each method and level.

    Positions are about the goal, m, in the world's axes; `ahead` is a point in the direction of view.
    """
    chosen = []
    for group in by_method(trials).values():
        for level in levels_of(group):
            ranked = sorted(
                (trial for trial in group if trial["level"] == level and trial["trace"]["step"]),
                key=lambda trial: (trial["outcome"] == SUCCESS, -trial["te_mm"]),
            )
            places = sorted({0, len(ranked) // 2, len(ranked) - 1}) if ranked else []
            chosen += [_episode(ranked[place]) for place in places]
    return chosen


def _episode(trial: dict) -> dict:
    trace = trial["trace"]
    T_world_start, T_world_goal = np.array(trial["T_world_start"]), np.array(trial["T_world_goal"])
    goal = T_world_goal[:3, 3]
    position = np.array(trace["position"]) - goal
    start = T_world_start[:3, 3] - goal
    reach = float(max(np.abs(position).max(), np.abs(start).max(), 1e-3))
    ahead = _AHEAD * reach
    outcome = f"{trial['outcome']}, {trial['te_mm']:.2f} mm, {trial['re_deg']:.3f}°"
    return {
        "name": f"{trial['label']}: {trial['episode']} ({outcome})",
        "end": ". ".join(filter(None, [f"{outcome} after {trial['steps']} steps", trial["message"]])),
        "dt_s": DT_S,
        "reach": round(reach, 5),
        "start": {"position": _metres(start), "ahead": _metres(start + ahead * T_world_start[:3, 2])},
        "goal": {"position": [0, 0, 0], "ahead": _metres(ahead * T_world_goal[:3, 2])},
        "position": _metres(position),
        **{name: trace[name] for name in ("step", "error_px", "te_mm", "re_deg")},
    }


def _metres(values: np.ndarray) -> list:
    return values.round(5).tolist()
