"""The file of raw results: one JSON object per line, appended and flushed to disk as trials finish.

The first line is a header with the settings; every start of the benchmark adds a `run` line (command, commit, host);
all others are trials. A folder holds the results of one set of settings.
"""

import fcntl
import json
import os
from dataclasses import dataclass, field
from pathlib import Path

from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.errors import DepthPcError

FILE_NAME = "trials.jsonl"
FILE_VERSION = 1
# What runs did before there was a setting for it: results whose header does not name it.
_BEFORE = {"find_scale": False, "freeze_depth": False}


class ResultsError(DepthPcError):
    """A folder of results cannot be read, written, or continued."""


@dataclass
class Results:
    """What a results file holds. broken: (line number, text) of lines that are not JSON objects of a known kind."""

    path: Path
    settings: Settings
    runs: list[dict] = field(default_factory=list)
    trials: list[dict] = field(default_factory=list)
    broken: list[tuple[int, str]] = field(default_factory=list)

    @property
    def finished(self) -> set[tuple[str, str]]:
        """(episode, method) of every trial."""
        return {(trial["episode"], trial["method"]) for trial in self.trials}


def read_results(folder: str | Path) -> Results:
    """Read `folder`/trials.jsonl. ResultsError: no such file, or its header cannot be used."""
    path = Path(folder) / FILE_NAME
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").split("\n")
    except OSError as error:
        raise ResultsError(f"results: cannot read {path}: {error.strerror or error}") from None
    header = _parse(lines[0])
    if header is None or header.get("kind") != "header":
        raise ResultsError(f"results: {path}, line 1: expected the header, got {lines[0][:60]!r}; move the file away")
    if header.get("version") != FILE_VERSION:
        raise ResultsError(f"results: {path}: expected version {FILE_VERSION}, got {header.get('version')!r}")
    results = Results(path, Settings.from_mapping(_BEFORE | header["settings"], str(path)))
    seen = set()
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        row = _parse(line)
        kind = row.get("kind") if row else None
        if kind == "run":
            results.runs.append(row)
        elif kind == "trial" and {"episode", "method", "outcome"} <= row.keys():
            if (row["episode"], row["method"]) not in seen:
                seen.add((row["episode"], row["method"]))
                results.trials.append(row)
        else:
            results.broken.append((number, line))
    return results


def _parse(line: str) -> dict | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None


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
            header = {"kind": "header", "version": FILE_VERSION, "settings": settings.to_mapping()}
            self.results = Results(self.path, settings)
            self._rewrite([header])
        else:
            self.results = read_results(self.path.parent)
            self._check_settings(settings)
            if self.results.broken:
                self._put_broken_aside()
        self._file = open(self.path, "a", encoding="utf-8")  # noqa: SIM115

    def _check_settings(self, settings: Settings) -> None:
        old, new = self.results.settings.to_mapping(), settings.to_mapping()
        differing = [f"{key} is {old[key]!r} there, {new[key]!r} now" for key in new if old[key] != new[key]]
        if differing:
            raise ResultsError(
                f"output: {self.path} holds results of other settings ({'; '.join(differing)}); choose another folder"
            )

    def _put_broken_aside(self) -> None:
        aside = self.path.with_name(self.path.name + ".corrupt")
        with open(aside, "a", encoding="utf-8") as file:
            for number, line in self.results.broken:
                file.write(line + "\n")
                self.warnings.append(f"{self.path}, line {number}: corrupt, kept in {aside.name}; runs again")
        header = {"kind": "header", "version": FILE_VERSION, "settings": self.results.settings.to_mapping()}
        self._rewrite([header, *self.results.runs, *self.results.trials])

    def _rewrite(self, rows) -> None:
        """Replace the file at once, so that nothing is lost when this is interrupted."""
        new = self.path.with_name(self.path.name + ".new")
        with open(new, "w", encoding="utf-8") as file:
            file.writelines(json.dumps(row) + "\n" for row in rows)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, self.path)

    def add_run(self, run: dict) -> None:
        self.results.runs.append({"kind": "run", **run})
        self._append(self.results.runs[-1])

    def add_trial(self, trial: dict) -> None:
        self.results.trials.append({"kind": "trial", **trial})
        self._append(self.results.trials[-1])

    def _append(self, row: dict) -> None:
        self._file.write(json.dumps(row) + "\n")
        self._file.flush()
        os.fsync(self._file.fileno())

    def __enter__(self) -> "ResultsWriter":
        return self

    def __exit__(self, *exc) -> None:
        self._file.close()
        self._lock.close()
