"""All results on one self-contained HTML page: tables, plots and pictures of the worst cases, embedded."""

import time
from pathlib import Path

from depth_pc_ros.benchmark import answer_tables, episode_slider, figures, tables
from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.gallery import picture, worst_trials
from depth_pc_ros.benchmark.metrics import summary_rows
from depth_pc_ros.benchmark.results import Results
from depth_pc_ros.html_page import rendered

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
<style>{{ style | safe }}{{ slider.STYLE | safe }}</style></head><body><h1>Visual servoing benchmark</h1>
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
{%- if section.trials.slider %}
<h3>Through an episode</h3>
{{ section.trials.slider | safe }}
{%- endif %}
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
{%- if sections | map(attribute="trials") | select | map(attribute="slider") | select | list %}
<script>{{ slider.SCRIPT | safe }}</script>
{%- endif %}
</body></html>
"""


def html(results: list[Results], pictures: Path, places: Places | None = None) -> str:
    """The page.

    pictures: folder that keeps the pictures of the worst cases. places: where scenes are, to draw those that are not
    there yet; None: as noted in the results.
    """
    return rendered(
        _PAGE, zip=zip, slider=episode_slider, words=tables.WORDS,
        legend=tables.LEGEND, answer_legend=answer_tables.LEGEND,
        written=time.strftime("%Y-%m-%d %H:%M"), columns=tables.COLUMNS, overview_columns=tables.OVERVIEW_COLUMNS,
        answer_columns=answer_tables.COLUMNS, answers=answer_tables.overall(results),
        overview=tables.overview_rows(results),
        sections=[_section(each, pictures, places or _noted_places(each)) for each in results],
    )  # fmt: skip


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
        "slider": episode_slider.html(trials),
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
