"""All results on one self-contained HTML page: tables, plots and pictures of the worst cases, embedded."""

import base64
import time
from html import escape
from pathlib import Path

from depth_pc_ros.benchmark import answer_tables, figures, tables
from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.gallery import picture, worst_trials
from depth_pc_ros.benchmark.metrics import summary_rows
from depth_pc_ros.benchmark.results import Results

STYLE = """
:root { --ink: #0f172a; --soft: #64748b; --line: #e2e8f0; --blue: #2563eb; }
body { font: 15px/1.5 system-ui, sans-serif; color: var(--ink); margin: 0 auto; max-width: 1280px; padding: 28px; }
h1 { font-size: 26px; margin: 0; } h2 { font-size: 20px; margin: 52px 0 10px; border-top: 2px solid var(--ink);
padding-top: 14px; } h3 { font-size: 15px; margin: 26px 0 6px; }
p, li { color: #334155; } .soft, .facts li { color: var(--soft); font-size: 13px; }
.facts { padding-left: 18px; margin: 8px 0; } .facts li { overflow-wrap: anywhere; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; font-size: 13px; white-space: nowrap; }
th { text-align: right; color: var(--soft); font-weight: 600; border-bottom: 1.5px solid var(--ink); padding: 5px 9px; }
td { text-align: right; padding: 4px 9px; border-bottom: 1px solid var(--line); font-variant-numeric: tabular-nums; }
.word { text-align: left; } tr.total td { font-weight: 650; border-bottom: 1.5px solid #94a3b8; background: #f8fafc; }
td.share, tr.total td.share { background: linear-gradient(90deg, #bfdbfe var(--share), transparent var(--share)); }
td.failures { color: #b91c1c; white-space: normal; min-width: 130px; }
img { max-width: 100%; height: auto; display: block; }
.cases { display: grid; grid-template-columns: repeat(auto-fill, minmax(560px, 1fr)); gap: 16px; }
figure { margin: 0; border: 1px solid var(--line); border-radius: 8px; overflow: hidden; background: #fff; }
figure img { width: 100%; } figcaption { font-size: 13px; padding: 7px 11px; }
.bad { color: #b91c1c; font-weight: 600; }
.none { padding: 38px 11px; text-align: center; background: #f1f5f9; color: var(--soft); font-size: 13px; }
nav a { color: var(--blue); text-decoration: none; margin-right: 18px; font-size: 14px; }
"""


def html(results: list[Results], pictures: Path, places: Places | None = None) -> str:
    """The page.

    pictures: folder that keeps the pictures of the worst cases. places: where scenes are, to draw those that are not
    there yet; None: as noted in the results.
    """
    parts = [
        "<!doctype html><html lang='en'><head><meta charset='utf-8'>",
        "<meta name='viewport' content='width=device-width'><title>depth_pc_ros benchmark</title>",
        f"<style>{STYLE}</style></head><body><h1>Visual servoing benchmark</h1>",
        f"<p class='soft'>depth_pc_ros, written {time.strftime('%Y-%m-%d %H:%M')}. {escape(tables.LEGEND)}</p>",
    ]
    if len(results) > 1:
        links = (f"<a href='#run{k}'>{escape(tables.title(each))}</a>" for k, each in enumerate(results))
        parts.append(f"<nav>{' '.join(links)}</nav><h2>Overview</h2>")
        if any(each.answers for each in results):
            parts.append(_table(answer_tables.COLUMNS, answer_tables.overall(results)))
        if any(each.trials for each in results):
            parts.append(_table(tables.OVERVIEW_COLUMNS, tables.overview_rows(results)))
    for k, each in enumerate(results):
        parts.append(_section(f"run{k}", each, pictures, places or _noted_places(each)))
    return "".join([*parts, "</body></html>\n"])


def _noted_places(results: Results) -> Places:
    noted = results.runs[-1].get("places", {}) if results.runs else {}
    return Places(**{name: value and Path(value) for name, value in noted.items()})


def _section(anchor: str, results: Results, pictures: Path, places: Places) -> str:
    trials = results.trials
    facts = "".join(f"<li>{escape(fact)}</li>" for fact in tables.facts(results))
    parts = [
        f"<h2 id='{anchor}'>{escape(tables.title(results))}</h2>",
    ]
    if results.answers:
        parts += [
            _table(answer_tables.COLUMNS, answer_tables.rows(results)),
            f"<p class='soft'>{answer_tables.LEGEND}</p>",
        ]
    if not trials and results.answers:
        return "".join([*parts, f"<ul class='facts'>{facts}</ul>"])
    parts += [
        _table(tables.COLUMNS, [tables.cells(row) for row in summary_rows(trials)]),
        f"<ul class='facts'>{facts}</ul>",
        _image(figures.success_bars(trials), "image/png", "share of successes by level and method"),
        "<h3>Error over time</h3>",
        _image(figures.errors_over_time(trials), "image/png", "position and rotation error over the steps"),
        "<p class='soft'>Thin: single trials; thick: median of a level; dashed: both tolerances. Time ends soon after "
        "the last success.</p>",
        "<h3>Camera paths about the goal (star)</h3>",
        _image(figures.paths(trials), "image/png", "camera paths from above and from the side"),
    ]
    worst = worst_trials(results)
    if worst:
        cases = "".join(_case(results, trial, pictures, places) for trial in worst)
        parts.append(f"<h3>Worst cases: start, final and goal view</h3><div class='cases'>{cases}</div>")
    return "".join(parts)


def _case(results: Results, trial: dict, pictures: Path, places: Places) -> str:
    strip = picture(results, trial, places, pictures)
    view = "<div class='none'>no picture: the scene cannot be rendered here</div>"
    if strip is not None:
        view = _image(strip, "image/jpeg", f"start, final and goal view of {trial['episode']}")
    outcome = trial["outcome"] if trial["outcome"] == "success" else f"<span class='bad'>{trial['outcome']}</span>"
    text = (
        f"{trial['te_mm']:.2f} mm, {trial['re_deg']:.3f}° after {trial['steps']} steps; start "
        f"{trial['start_te_mm']:.0f} mm, {trial['start_re_deg']:.0f}°; matches {trial['matches_median']:.0f} (median), "
        f"{trial['matches_min']} (min). {trial['message']}"
    )
    head = f"<b>{escape(trial['label'])}</b> {escape(trial['episode'])}: {outcome}"
    return f"<figure>{view}<figcaption>{head}, {escape(text)}</figcaption></figure>"


def _image(data: bytes, kind: str, alternative: str) -> str:
    return f"<img alt='{escape(alternative)}' src='data:{kind};base64,{base64.b64encode(data).decode()}'>"


def _table(columns, rows) -> str:
    def classes(column):
        return "word" if column in tables.WORDS else ""

    def cell(column, text):
        if column == "failures" and text != "–":
            return f"<td class='word failures'>{escape(text)}</td>"
        if column.endswith("%") and text != "–":
            return f"<td class='share' style='--share:{text}%'>{escape(text)}</td>"
        return f"<td class='{classes(column)}'>{escape(text)}</td>"

    head = "".join(f"<th class='{classes(column)}'>{escape(column)}</th>" for column in columns)
    body = []
    for row in rows:
        level = next((row[columns.index(name)] for name in ("level", "rotation") if name in columns), "")
        total = " class='total'" if level == "all" else ""
        body.append(f"<tr{total}>{''.join(cell(*pair) for pair in zip(columns, row))}</tr>")
    return f"<div class='scroll'><table><tr>{head}</tr>{''.join(body)}</table></div>"
