"""The paper's tables beside the published ones: for the terminal, and as a page of the documents."""

import math
from pathlib import Path

from depth_pc_ros.benchmark import tables
from depth_pc_ros.benchmark.ablations import ablation_of
from depth_pc_ros.benchmark.metrics import Summary, by_method, summarise
from depth_pc_ros.benchmark.paper_tables import SECONDS, STEP_MS, TABLES, Row, Table, part_name
from depth_pc_ros.benchmark.results import Results, read_results, results_folders, trials_file
from depth_pc_ros.benchmark.schema import ResultsError
from depth_pc_ros.benchmark.settings import DT_S

PAGE_COMMAND = "python -m depth_pc_ros.benchmark paper_page benchmark_results --output docs/results/paper.md"
NUMERALS = {1: "I", 2: "II", 3: "III", 4: "IV", 5: "V", 6: "VI", 7: "VII"}
_NOT_STORED = "no trials are stored"
_LEGEND = "SR: stopped within 3 cm and 3°. TE, RE, TS: means over successes. paper: the published numbers."


def stored_name(number: int) -> str:
    """The name of the folder that keeps a table's runs."""
    return f"paper_table_{number}"


def belongs(row: Row, method: str) -> bool:
    """Whether trials of this method (`NAME`, or `NAME@FOLDER`) are those of a row."""
    name, _, weights = method.partition("@")
    trained = ablation_of(Path(weights))[0] if weights else ""
    return name == row.method and (trained if trained in _trained() else "") == row.ablation


def _trained() -> set[str]:
    return {row.ablation for table in TABLES.values() for row in table.rows if row.ablation}


def row_trials(row: Row, results: list[Results]) -> list[dict]:
    """The trials of a row, out of the runs of its table. Runs are known by the names of their folders.

    Where a run holds several methods of a row, such as trainings of different length: those of the last.
    """
    parts = {part_name(part) for part in row.parts}
    found = []
    for each in results:
        methods = [method for method in by_method(each.trials) if belongs(row, method)]
        if methods and each.path.parent.name in parts:
            found += by_method(each.trials)[methods[-1]]
    return found


def columns(table: Table) -> tuple[str, ...]:
    """Names of the columns; `paper:` is published."""
    numbers = ("SR %", "TE mm", "RE °", table.time)
    settings = ("setting",) if _has_settings(table) else ()
    return ("system", *settings, "method", "n", *numbers, *(f"paper: {name}" for name in numbers), "failures")


def _has_settings(table: Table) -> bool:
    return any(row.setting for row in table.rows)


def table_rows(table: Table, results: list[Results], missing: dict[Row, str]) -> list[list[str]]:
    """The rows, in the order of `columns`. missing: why there are no trials of a row."""
    rows = []
    for row in table.rows:
        setting = [row.setting] if _has_settings(table) else []
        published = [f"{number:g}" for number in row.published] if row.published else ["–"] * 4
        trials = row_trials(row, results)
        if trials:
            s = summarise(trials)
            ours = [s.label, str(s.n), *_numbers(table, s)]
            rows.append([row.system, *setting, *ours, *published, tables.failures(s)])
        else:
            why = missing.get(row, _NOT_STORED)
            rows.append([row.system, *setting, row.method, "0", *["–"] * 4, *published, f"not run: {why}"])
    return rows


def _numbers(table: Table, s: Summary) -> list[str]:
    time = {STEP_MS: s.step_ms, SECONDS: DT_S * s.ts}.get(table.time, s.ts)
    digits = 1 if math.isnan(time) or time > 20 else 2
    return [
        tables.number(100 * s.sr, 1), tables.number(s.te_mm, 3), tables.number(s.re_deg, 3), tables.number(time, digits)
    ]  # fmt: skip


def terminal(number: int, results: list[Results], missing: dict[Row, str]) -> str:
    """A table with aligned columns, and what it says."""
    table = TABLES[number]
    rows = table_rows(table, results, missing)
    lines = tables.aligned(columns(table), rows, [False] * len(rows))
    return "\n".join([f"Table {NUMERALS[number]}: {table.title}", "", *lines, _LEGEND, table.note])


def page(folder: Path) -> str:
    """The page of all tables, from the runs that are stored in `folder`. Raises ResultsError."""
    if not folder.is_dir():
        raise ResultsError(f"results: no such folder: {folder}")
    parts = [
        "# The paper's tables", "",
        "Our numbers beside those of Depth-PC ([arXiv 2411.17195](https://arxiv.org/abs/2411.17195)). " + _LEGEND
        + " n: trials; a quick run (`--quick`) has few. What the columns mean: [results](index.md#columns).", "",
        "This page is made from the stored trials:", "", f"    {PAGE_COMMAND}", "",
    ]  # fmt: skip
    for number, table in TABLES.items():
        parts += [f"## Table {NUMERALS[number]}: {table.title}", "", table.note, "", *_section(number, table, folder)]
    return "\n".join(parts)


def _section(number: int, table: Table, folder: Path) -> list[str]:
    runs = results_folders(folder / stored_name(number))
    results = [read_results(run) for run in runs if trials_file(run).is_file()]
    lines = tables.markdown_table(columns(table), table_rows(table, results, {}))
    if not results:
        return [*lines, "", f"Not stored yet: `python -m depth_pc_ros.benchmark paper --table {number}`.", ""]
    facts = [f"- Runs, in full {table.episodes} trials of each row: {'; '.join(map(tables.title, results))}."]
    if trained := _trainings(results):
        facts.append(f"- Trained for this table, seed 0: {trained}.")
    facts += dict.fromkeys(
        tables.escaped(f"- Command: {run['command']} (commit {run['commit']}, {run['host']})")
        for each in results for run in each.runs
    )  # fmt: skip
    return [*lines, "", *facts, ""]


def _trainings(results: list[Results]) -> str:
    """The ablations that ran, and how long they were trained."""
    weights = {trial["method"].partition("@")[2] for each in results for trial in each.trials}
    known = sorted(found for each in weights if (found := ablation_of(Path(each)))[0] in _trained())
    return ", ".join(f"{name} ({updates} updates)" for name, updates in known)
