"""The results in the repository: raw trials as the schema says, summaries that are theirs, no pages, little space."""

import csv
import lzma
from pathlib import Path

import pytest

from depth_pc_ros.benchmark import archive, tables
from depth_pc_ros.benchmark.results import read_results, results_folders, trials_file

FOLDER = Path(__file__).parents[2] / "benchmark_results"
EXPERIMENTS = sorted(path.parent for path in FOLDER.glob("*/summary.md"))
ARCHIVED = [path for path in EXPERIMENTS if trials_file(results_folders(path)[0]).is_file()]
MOST_BYTES = 8_000_000


def rows(name: str) -> list[dict]:
    with open(FOLDER / "history" / name, newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def test_some_experiments_have_their_raw_trials():
    assert ARCHIVED


@pytest.mark.parametrize("experiment", ARCHIVED, ids=lambda path: path.name)
def test_trials_keep_to_the_schema_and_the_summary_is_theirs(experiment):
    results = [read_results(run) for run in results_folders(experiment)]
    assert (experiment / "summary.md").read_text(encoding="utf-8") == tables.markdown(results)
    for each in results:
        assert each.broken == []
        assert lzma.decompress(each.path.read_bytes()).decode() == archive.lines(each), each.path


def test_only_trials_and_tables_are_kept_and_the_readme_names_every_folder():
    files = [path for path in FOLDER.rglob("*") if path.is_file()]
    assert {"".join(path.suffixes) for path in files} == {".md", ".csv", ".jsonl.xz", ".jsonl"}
    assert sum(path.stat().st_size for path in files) < MOST_BYTES
    readme = (FOLDER / "README.md").read_text(encoding="utf-8")
    for folder in (path.name for path in FOLDER.iterdir() if path.is_dir()):
        assert f"`{folder}`" in readme, folder


def test_every_row_of_the_history_belongs_to_a_run_with_command_and_commit():
    runs = {(run["experiment"], run["run"]): run for run in rows("runs.csv")}
    assert all(run["commit"] and run["command"].startswith("python -m depth_pc_ros.benchmark") for run in runs.values())
    measured = rows("rows.csv")
    assert {(row["experiment"], row["run"]) for row in measured} == runs.keys()
    assert all(0 <= float(row["sr_percent"]) <= 100 and int(row["n"]) > 0 for row in measured)
    assert {(row["experiment"], row["run"]) for row in rows("worst_trials.csv")} <= runs.keys()
