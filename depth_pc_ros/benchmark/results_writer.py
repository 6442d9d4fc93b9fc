"""Writing results: trials are appended to a folder's file and flushed to disk as they finish."""

import fcntl
import json
import os
import sys
from contextlib import contextmanager
from pathlib import Path

from depth_pc_ros.benchmark.results import FILE_NAME, Results, read_results
from depth_pc_ros.benchmark.schema import FILE_VERSION, ResultsError, check_row
from depth_pc_ros.benchmark.settings import Settings


def header_of(settings: Settings) -> dict:
    """The first line of a results file."""
    return {"kind": "header", "version": FILE_VERSION, "settings": settings.to_mapping()}


@contextmanager
def results_in(folder: str | Path, settings: Settings):
    """A `ResultsWriter` in a `with` block; what it has to say of the folder is printed."""
    with ResultsWriter(folder, settings) as writer:
        for warning in writer.warnings:
            print(f"benchmark: {warning}", file=sys.stderr)
        yield writer


class ResultsWriter:
    """Appends to a results file, new or old; a context manager that keeps other runs out of the folder.

    results: what the folder held before. warnings: lines to show to the user. Raises ResultsError when the folder
    cannot be written, is in use, or holds results of other settings.
    """

    def __init__(self, folder: str | Path, settings: Settings):
        self.path = Path(folder) / FILE_NAME
        self.warnings: list[str] = []
        try:
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._lock = open(self.path.with_suffix(".lock"), "w")  # noqa: SIM115  (held as long as the writer)
        except OSError as error:
            raise ResultsError(f"output: cannot write in {folder}: {error.strerror or error}") from None
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            self._lock.close()
            raise ResultsError(f"output: another benchmark is running in {folder}") from None
        try:
            self._open(settings)
        except BaseException:
            self._lock.close()
            raise

    def _open(self, settings: Settings) -> None:
        if not self.path.exists() or self.path.stat().st_size == 0:
            self.results = Results(self.path, settings)
            self._rewrite([header_of(settings)])
        else:
            self.results = read_results(self.path.parent)
            self._check_settings(settings)
            if self.results.broken:
                self._move_broken_lines()
        self._file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115

    def _check_settings(self, settings: Settings) -> None:
        old, new = vars(self.results.settings), vars(settings)
        differing = [f"{key} is {old[key]!r} there, {new[key]!r} now" for key in new if old[key] != new[key]]
        if differing:
            raise ResultsError(
                f"output: {self.path} holds results of other settings ({'; '.join(differing)}); choose another folder"
            )

    def _move_broken_lines(self) -> None:
        aside = self.path.with_name(self.path.name + ".corrupt")
        with open(aside, "a", encoding="utf-8") as file:
            for number, line in self.results.broken:
                file.write(line + "\n")
                self.warnings.append(f"{self.path}, line {number}: corrupt, kept in {aside.name}; runs again")
        self._rewrite(
            [header_of(self.results.settings), *self.results.runs, *self.results.answers, *self.results.trials]
        )

    def _rewrite(self, rows) -> None:
        """Replace the file at once, so that nothing is lost when this is interrupted."""
        new = self.path.with_name(self.path.name + ".new")
        with open(new, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.path)

    def add_run(self, run: dict) -> None:
        self._append({"kind": "run", **run})
        self.results.runs.append({"kind": "run", **run})

    def add_trial(self, trial: dict) -> None:
        self._append({"kind": "trial", **trial})
        self.results.trials.append({"kind": "trial", **trial})

    def add_answer(self, answer: dict) -> None:
        self._append({"kind": "answer", **answer})
        self.results.answers.append({"kind": "answer", **answer})

    def _append(self, row: dict) -> None:
        check_row(row, str(self.path))
        try:
            line = json.dumps(row, allow_nan=False)
        except ValueError as error:
            raise ResultsError(f"results: {self.path}: expected finite numbers: {error}") from None
        self._file.write(line + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> "ResultsWriter":
        return self

    def __exit__(self, *exc) -> None:
        self._file.close()
        self._lock.close()
