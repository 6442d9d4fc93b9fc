"""The summary as tables, for the terminal and as Markdown."""

import html
import math

from depth_pc_ros.benchmark import answer_tables, verdicts
from depth_pc_ros.benchmark.episodes import HELD_OUT
from depth_pc_ros.benchmark.fault_rows import row_of
from depth_pc_ros.benchmark.metrics import Summary, by_method, start_offsets, summarise, summary_rows, time_shares
from depth_pc_ros.benchmark.results import Results
from depth_pc_ros.benchmark.settings import E_GENERIC, E_MUJOCO, E_MUJOCO_YCB, E_YCB

COLUMNS = (
    "method", "level", "n", "SR %", "strict %", "TE mm", "RE °", "med TE", "med RE", "TS", "peak m/s", "peak °/s",
    "path m", "step ms", "p95 ms", "trial s", "failures",
)  # fmt: skip
OVERVIEW_COLUMNS = (
    "environment", "split", "speed", "variant", "method", "n", "SR %", "strict %", "TE mm", "RE °", "TS", "peak m/s",
    "peak °/s", "failures",
)  # fmt: skip
WORDS = (
    "method",
    "level",
    "failures",
    "environment",
    "split",
    "speed",
    "variant",
    "row",
    "not right",
    "system",
    "setting",
    *answer_tables.WORDS,
)  # columns that hold no numbers
LEGEND = (
    "SR: stopped within 3 cm and 3° (strict: 1 mm and 0.1°). TE, RE, TS, path: means over successes; TS is the number "
    "of steps to the stop. med: medians over all trials. peak: largest commanded speed of any trial. step ms, p95: the "
    "method alone, without rendering."
)
PARTLY = " (of them {} within 3 cm and 3°)"


def cells(row: Summary) -> list[str]:
    """One row of the table, in the order of COLUMNS."""
    return [
        row.label, row.level, str(row.n), number(100 * row.sr, 1), number(100 * row.strict_sr, 1),
        number(row.te_mm, 3), number(row.re_deg, 3), number(row.te_all_mm, 2), number(row.re_all_deg, 3),
        number(row.ts, 1), number(row.peak_linear_m_s, 2), number(row.peak_angular_deg_s, 0),
        number(row.path_m, 3), number(row.step_ms, 1), number(row.step_p95_ms, 1), number(row.total_s, 1),
        failures(row),
    ]  # fmt: skip


def overview_rows(results: list[Results]) -> list[list[str]]:
    """One row per folder and method over all levels, in the order of OVERVIEW_COLUMNS."""
    rows = []
    for each in results:
        s = each.settings
        for group in by_method(each.trials).values():
            row = summarise(group)
            rows.append([
                s.environment, s.split, s.speed, s.variant, row.label, str(row.n), number(100 * row.sr, 1),
                number(100 * row.strict_sr, 1), number(row.te_mm, 3), number(row.re_deg, 3), number(row.ts, 1),
                number(row.peak_linear_m_s, 2), number(row.peak_angular_deg_s, 0), failures(row),
            ])  # fmt: skip
    return rows


def failures(row: Summary) -> str:
    """Failures by name, and how many of them ended within tolerance all the same."""
    if not row.failures:
        return "–"
    near = round(row.n * (row.pose_sr - row.sr))
    return ", ".join(f"{count} {name}" for name, count in row.failures.items()) + (PARTLY.format(near) if near else "")


def number(value: float, digits: int) -> str:
    return "–" if math.isnan(value) else f"{value:.{digits}f}"


def title(results: Results) -> str:
    s = results.settings
    return f"{s.environment}, {s.split}, seed {s.seed}, speed {s.speed}, {s.variant}"


def facts(results: Results) -> list[str]:
    """Facts that the table needs: source of the numbers, and properties of the episodes."""
    s, trials = results.settings, results.trials
    lines = []
    if s.environment == E_GENERIC:
        lines.append("E_generic: PyBullet's own models, no YCB objects. Not comparable with E_YCB.")
    if s.environment == E_MUJOCO:
        lines.append("E_mujoco: printed packages and cans in MuJoCo, no YCB objects. Not comparable with E_YCB.")
    if s.environment in (E_YCB, E_MUJOCO_YCB):
        lines.append(f"Objects never in dev, and at least half of every test scene: {', '.join(HELD_OUT)}.")
    lines.append(f"Velocity law: {s.velocity_law}; at most {s.max_steps} steps; renderer {s.renderer}.")
    commands = [
        f"Command: {run['command']} (commit {run['commit']}, {run['started']}, {run['host']})" for run in results.runs
    ]
    if results.answers and not trials:
        return list(dict.fromkeys(commands))
    offsets = (
        f"{level}: {count} episodes, {degrees:.2f}° and {100 * metres:.1f} cm"
        for level, (count, degrees, metres) in start_offsets(trials).items()
    )
    lines.append(f"Mean offset from start to goal by level. {'; '.join(offsets)}.")
    for group in by_method(trials).values():
        if group[0]["method"] != "oracle":
            shares = ", ".join(f"{stage} {100 * share:.0f} %" for stage, share in time_shares(group).items())
            rate = 60 / (sum(trial["wall_s"] for trial in group) / len(group))
            lines.append(f"Time of {group[0]['label']}: {rate:.1f} episodes a minute and worker; {shares}.")
    memory = [trial["rss_mb"] for trial in trials]
    if memory:
        lines.append(f"Memory of a worker after a trial: {min(memory):.0f} to {max(memory):.0f} MB.")
    lines += dict.fromkeys(commands)  # of one start there may be two
    return lines


def terminal(results: Results) -> str:
    """The tables of one folder with aligned columns, and its facts: of trials, and of first answers."""
    parts = [title(results), ""]
    if results.answers:
        rows = answer_tables.rows(results)
        parts += [*aligned(answer_tables.COLUMNS, rows, [row[3] == "all" for row in rows]), answer_tables.LEGEND, ""]
    if results.trials or not results.answers:
        rows = [cells(row) for row in summary_rows(results.trials)]
        parts += aligned(COLUMNS, rows, [row[1] == "all" for row in rows])
    return "\n".join([*parts, *facts(results), LEGEND])


def terminal_overview(results: list[Results]) -> str:
    """One row per folder and method."""
    rows = overview_rows(results)
    return "\n".join(aligned(OVERVIEW_COLUMNS, rows, [False] * len(rows)))


def aligned(columns, rows, rule_below) -> list[str]:
    """The lines of a table. rule_below: whether a rule comes below each row."""
    widths = [max(len(row[k]) for row in [columns, *rows]) for k in range(len(columns))]

    def line(row):
        padded = (cell.ljust(w) if c in WORDS else cell.rjust(w) for cell, c, w in zip(row, columns, widths))
        return "  ".join(padded).rstrip()

    rule = "-" * (sum(widths) + 2 * len(widths) - 2)
    lines = [line(columns), rule]
    for row, below in zip(rows, rule_below):
        lines += [line(row), rule] if below else [line(row)]
    return lines


def fault_terminal(results: list[Results]) -> str:
    """The table of `e_fault` with aligned columns."""
    tables = (verdicts.COLUMNS, verdicts.table(results)), (verdicts.SUM_COLUMNS, verdicts.sums(results))
    return "\n\n".join("\n".join(aligned(columns, rows, [False] * len(rows))) for columns, rows in tables)


def markdown(results: list[Results]) -> str:
    """The tables of all folders, each with a heading and its facts; an overview first if there are several.

    Of rows of `e_fault`: their one table, and what each row is.
    """
    if results[0].settings.fault:
        return _fault_markdown(results)
    parts = []
    if len(results) > 1:
        parts += ["## Overview", ""]
        if any(each.answers for each in results):
            parts += [*markdown_table(answer_tables.COLUMNS, answer_tables.overall(results)), ""]
        if any(each.trials for each in results):
            parts += [*markdown_table(OVERVIEW_COLUMNS, overview_rows(results)), ""]
    for each in results:
        parts += [f"## {escaped(title(each))}", ""]
        if each.answers:
            parts += [*markdown_table(answer_tables.COLUMNS, answer_tables.rows(each)), "", answer_tables.LEGEND, ""]
        if each.trials or not each.answers:
            rows = [cells(row) for row in summary_rows(each.trials)]
            rows = [[f"**{cell}**" for cell in row] if row[1] == "all" else row for row in rows]
            parts += [*markdown_table(COLUMNS, rows), ""]
        parts += [
            *(f"- {escaped(fact)}" for fact in facts(each)),
            "",
        ]
    return "\n".join([*parts, LEGEND, ""])


def _fault_markdown(results: list[Results]) -> str:
    rows = [f"- `{each.settings.fault}`: {row_of(each.settings.fault).what}." for each in verdicts.in_order(results)]
    commands = dict.fromkeys(
        escaped(f"- Command: {run['command']} (commit {run['commit']}, {run['host']})")
        for each in results for run in each.runs
    )  # fmt: skip
    s = results[0].settings
    heading = f"## Faults: {s.environment}, {s.split}, seed {s.seed}"
    sums = markdown_table(verdicts.SUM_COLUMNS, verdicts.sums(results))
    table = markdown_table(verdicts.COLUMNS, verdicts.table(results))
    return "\n".join([heading, "", *sums, "", *table, "", verdicts.LEGEND, "", *rows, "", *commands, ""])


def escaped(text: str) -> str:
    """A text from results for Markdown: on one line, no cell of its own, and no HTML."""
    return html.escape(" ".join(text.split()), quote=False).replace("|", "\\|")


def markdown_table(columns, rows) -> list[str]:
    """The lines of a Markdown table."""
    rule = "|".join("---" if column in WORDS else "---:" for column in columns)
    return [f"| {' | '.join(columns)} |", f"|{rule}|", *(f"| {' | '.join(map(escaped, row))} |" for row in rows)]
