"""Keeping results in the repository: an experiment's folder holds compressed trials per run and one summary.

    EXPERIMENT/summary.md
    EXPERIMENT/RUN/trials.jsonl.xz       RUN: the name of the folder of the run

Equal results give equal bytes. What is left out: where files were on the machine that ran, and most samples of a trace.
"""

import json
import lzma
import os
from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark import tables
from depth_pc_ros.benchmark.metrics import by_method, levels_of
from depth_pc_ros.benchmark.results import FILE_NAME, Results, read_results, results_folders
from depth_pc_ros.benchmark.results_writer import header_of
from depth_pc_ros.benchmark.schema import ResultsError

SUMMARY_NAME = "summary.md"
TRACE_SAMPLES = 24


def archive(results: list[Results], folder: Path) -> list[Path]:
    """Add runs to the experiment in `folder`, in place of runs of the same names, and sum up all runs that it holds.

    Returns the files written. Raises ResultsError: two runs of one name, or the folder cannot be written.
    """
    names = [each.path.parent.resolve().name for each in results]
    twice = next((name for name in names if names.count(name) > 1), None)
    if twice is not None:
        raise ResultsError(f"archive: expected folders of different names, got two called {twice!r}")
    files = []
    try:
        for name, each in zip(names, results):
            files.append(folder / name / f"{FILE_NAME}.xz")
            files[-1].parent.mkdir(parents=True, exist_ok=True)
            _replace(files[-1], packed(each))
        files.append(folder / SUMMARY_NAME)
        _replace(files[-1], summary(folder).encode())
    except OSError as error:
        raise ResultsError(f"archive: cannot write in {folder}: {error.strerror or error}") from None
    return files


def summary(folder: Path) -> str:
    """The Markdown of all runs in an experiment's folder, by name."""
    return tables.markdown([read_results(each) for each in results_folders(folder)])


def packed(results: Results) -> bytes:
    """The compressed file of an archived run."""
    return lzma.compress(lines(results).encode(), preset=9 | lzma.PRESET_EXTREME)


def lines(results: Results) -> str:
    """The lines of an archived run. Trials are sorted: methods as they came, then levels, then episodes."""
    levels = levels_of(results.trials)
    rows = [header_of(results.settings) | {"trace_samples": TRACE_SAMPLES}]
    rows += [{key: value for key, value in run.items() if key != "places"} for run in results.runs]
    rows += sorted(results.answers, key=lambda answer: (answer["method"], answer["pair"]))
    for group in by_method(results.trials).values():
        group = sorted(group, key=lambda trial: (levels.index(trial["level"]), trial["episode"]))
        rows += [trial | {"trace": _thinned(trial["trace"])} for trial in group]
    return "".join(json.dumps(row, separators=(",", ":")) + "\n" for row in rows)


def _thinned(trace: dict) -> dict:
    """At most TRACE_SAMPLES samples of a trace, first and last included."""
    count = len(trace["step"])
    kept = np.unique(np.linspace(0, count - 1, min(count, TRACE_SAMPLES)).round().astype(int))
    return {name: [column[k] for k in kept] for name, column in trace.items()}


def _replace(path: Path, content: bytes) -> None:
    """Write a file at once, so that an interruption leaves the old one."""
    new = path.with_name(path.name + ".new")
    new.write_bytes(content)
    os.replace(new, path)
