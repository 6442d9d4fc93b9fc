"""All results on one self-contained HTML page: tables, plots and pictures of the worst cases, embedded."""

import base64
import time
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from depth_pc_ros.benchmark import answer_tables, figures, tables
from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.gallery import picture, worst_trials
from depth_pc_ros.benchmark.metrics import summary_rows
from depth_pc_ros.benchmark.results import Results

_STYLE = """
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


_PAGE = """
{%- macro image(data, kind, alternative) -%}
<img alt="{{ alternative }}" src="data:{{ kind }};base64,{{ data | base64 }}">
{%- endmacro -%}
{%- macro table(columns, rows) -%}
<div class="scroll"><table><tr>
{%- for column in columns %}<th class="{{ "word" if column in words }}">{{ column }}</th>{% endfor %}</tr>
{%- for row in rows -%}
{%- set cells = zip(columns, row) | list -%}
<tr{% if ("level", "all") in cells or ("rotation", "all") in cells %} class="total"{% endif %}>
{%- for column, text in cells -%}
{%- if column == "failures" and text != "–" %}<td class="word failures">{{ text }}</td>
{%- elif column.endswith("%") and text != "–" %}<td class="share" style="--share:{{ text }}%">{{ text }}</td>
{%- else %}<td class="{{ "word" if column in words }}">{{ text }}</td>{% endif -%}
{%- endfor %}</tr>
{%- endfor %}</table></div>
{%- endmacro -%}
<!doctype html><html lang="en"><head><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>depth_pc_ros benchmark</title>
<style>{{ style | safe }}</style></head><body><h1>Visual servoing benchmark</h1>
<p class="soft">depth_pc_ros, written {{ written }}. {{ legend }}</p>
{%- if sections | length > 1 %}
<nav>{% for section in sections %}<a href="#run{{ loop.index0 }}">{{ section.title }}</a> {% endfor %}</nav>
<h2>Overview</h2>
{%- if answers %}
{{ table(answer_columns, answers) }}
{%- endif %}
{%- if overview %}
{{ table(overview_columns, overview) }}
{%- endif %}
{%- endif %}
{%- for section in sections %}
<h2 id="run{{ loop.index0 }}">{{ section.title }}</h2>
{%- if section.answers %}
{{ table(answer_columns, section.answers) }}
<p class="soft">{{ answer_legend }}</p>
{%- endif %}
{%- if section.trials %}
{{ table(columns, section.trials.rows) }}
{%- endif %}
<ul class="facts">{% for fact in section.facts %}<li>{{ fact }}</li>{% endfor %}</ul>
{%- if section.trials %}
{{ image(section.trials.bars, "image/png", "share of successes by level and method") }}
<h3>Error over time</h3>
{{ image(section.trials.errors, "image/png", "position and rotation error over the steps") }}
<p class="soft">Thin: single trials; thick: median of a level; dashed: both tolerances. Time ends soon after the last
success.</p>
<h3>Camera paths about the goal (star)</h3>
{{ image(section.trials.paths, "image/png", "camera paths from above and from the side") }}
{%- if section.trials.cases %}
<h3>Worst cases: start, final and goal view</h3><div class="cases">
{%- for case in section.trials.cases %}
<figure>
{%- if case.strip %}{{ image(case.strip, "image/jpeg", "start, final and goal view of " ~ case.episode) }}
{%- else %}<div class="none">no picture: the scene cannot be rendered here</div>{% endif -%}
<figcaption><b>{{ case.label }}</b> {{ case.episode }}: {% if case.outcome == "success" %}{{ case.outcome }}
{%- else %}<span class="bad">{{ case.outcome }}</span>{% endif %}, {{ case.text }}</figcaption></figure>
{%- endfor %}</div>
{%- endif %}
{%- endif %}
{%- endfor %}
</body></html>
"""


def html(results: list[Results], pictures: Path, places: Places | None = None) -> str:
    """The page.

    pictures: folder that keeps the pictures of the worst cases. places: where scenes are, to draw those that are not
    there yet; None: as noted in the results.
    """
    return rendered(
        _PAGE, zip=zip, words=tables.WORDS, legend=tables.LEGEND, answer_legend=answer_tables.LEGEND,
        written=time.strftime("%Y-%m-%d %H:%M"), columns=tables.COLUMNS, overview_columns=tables.OVERVIEW_COLUMNS,
        answer_columns=answer_tables.COLUMNS, answers=answer_tables.overall(results),
        overview=tables.overview_rows(results),
        sections=[_section(each, pictures, places or _noted_places(each)) for each in results],
    )  # fmt: skip


def rendered(template: str, **values) -> str:
    """A page in the style of all pages, from a Jinja2 template that escapes every text it is given."""
    environment = Environment(autoescape=True, undefined=StrictUndefined)
    environment.filters["base64"] = lambda data: base64.b64encode(data).decode()
    return environment.from_string(template).render(style=_STYLE, **values)


def _noted_places(results: Results) -> Places:
    noted = results.runs[-1].get("places", {}) if results.runs else {}
    return Places(**{name: value and Path(value) for name, value in noted.items()})


def _section(results: Results, pictures: Path, places: Places) -> dict:
    """What the page says of one folder. trials: None where it has first answers only."""
    shown = results.trials or not results.answers
    return {
        "title": tables.title(results),
        "facts": tables.facts(results),
        "answers": answer_tables.rows(results),
        "trials": _trials(results, pictures, places) if shown else None,
    }


def _trials(results: Results, pictures: Path, places: Places) -> dict:
    trials = results.trials
    return {
        "rows": [tables.cells(row) for row in summary_rows(trials)],
        "bars": figures.success_bars(trials),
        "errors": figures.errors_over_time(trials),
        "paths": figures.paths(trials),
        "cases": [_case(results, trial, pictures, places) for trial in worst_trials(results)],
    }


def _case(results: Results, trial: dict, pictures: Path, places: Places) -> dict:
    text = (
        f"{trial['te_mm']:.2f} mm, {trial['re_deg']:.3f}° after {trial['steps']} steps; start "
        f"{trial['start_te_mm']:.0f} mm, {trial['start_re_deg']:.0f}°; matches {trial['matches_median']:.0f} (median), "
        f"{trial['matches_min']} (min). {trial['message']}"
    )
    strip = picture(results, trial, places, pictures)
    return {"strip": strip, "text": text, **{name: trial[name] for name in ("label", "episode", "outcome")}}
