"""Reading results: a folder of raw trials of one set of settings, plain (a run's) or compressed (an archived one's).

The format is in `schema`; lines are appended and flushed to disk as trials finish (`results_writer`).
"""

import gzip
import json
import lzma
from dataclasses import dataclass, field
from pathlib import Path

from depth_pc_ros.benchmark.schema import FILE_VERSION, ResultsError, check_row
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.config import RENAMED
from depth_pc_ros.errors import ConfigError

FILE_NAME = "trials.jsonl"
_OPENERS = {FILE_NAME: open, f"{FILE_NAME}.xz": lzma.open, f"{FILE_NAME}.gz": gzip.open}
# What runs did before there was a setting for it: results whose header does not name it.
_BEFORE = {"find_scale": False, "freeze_depth": False}


@dataclass
class Results:
    """What a results file holds. broken: (line number, text) of lines that are not JSON objects, cut off by a kill."""

    path: Path
    settings: Settings
    runs: list[dict] = field(default_factory=list)
    trials: list[dict] = field(default_factory=list)
    answers: list[dict] = field(default_factory=list)
    broken: list[tuple[int, str]] = field(default_factory=list)

    @property
    def finished(self) -> set[tuple[str, str]]:
        """(episode, method) of every trial."""
        return {(trial["episode"], trial["method"]) for trial in self.trials}

    @property
    def answered(self) -> set[tuple[str, str]]:
        """(pair, method) of every first answer."""
        return {(answer["pair"], answer["method"]) for answer in self.answers}


def trials_file(folder: str | Path) -> Path:
    """The file of trials in `folder`: plain, else compressed; the plain name where there is none."""
    files = [Path(folder) / name for name in _OPENERS]
    return next((file for file in files if file.is_file()), files[0])


def results_folders(folder: str | Path) -> list[Path]:
    """`folder` itself if it holds trials, else those of its folders that do, by name. Never empty."""
    folder = Path(folder)
    if trials_file(folder).is_file() or not folder.is_dir():
        return [folder]
    return [each for each in sorted(folder.iterdir()) if trials_file(each).is_file()] or [folder]


def read_results(folder: str | Path) -> Results:
    """Read the trials of `folder`. ResultsError: no such file, another version, or a line that breaks the schema."""
    path = trials_file(folder)
    try:
        with _OPENERS[path.name](path, "rt", encoding="utf-8", errors="replace") as file:
            lines = file.read().split("\n")
    except (OSError, EOFError, lzma.LZMAError) as error:
        raise ResultsError(f"results: cannot read {path}: {getattr(error, 'strerror', None) or error}") from None
    results = Results(path, _settings(lines[0], path))
    seen = set()
    for number, line in enumerate(lines[1:], start=2):
        if not line.strip():
            continue
        row = _parse(line)
        if row is None:
            results.broken.append((number, line))
            continue
        check_row(row, f"{path}, line {number}")
        if row["kind"] == "run":
            results.runs.append(row)
        elif row["kind"] == "header":
            raise ResultsError(
                f"results: {path}, line {number}: expected a run, a trial or an answer, got another header"
            )
        else:
            key = (row.get("episode") or row["pair"], row["method"])
            if key not in seen:
                seen.add(key)
                (results.trials if row["kind"] == "trial" else results.answers).append(row)
    return results


def _settings(line: str, path: Path) -> Settings:
    """The settings of a header line; keys that were renamed since (`config.RENAMED`) are read under their new name."""
    where = f"{path}, line 1"
    header = _parse(line)
    if header is None or header.get("kind") != "header":
        raise ResultsError(f"results: {where}: expected the header, got {line[:60]!r}; move the file away")
    if header.get("version") != FILE_VERSION:
        raise ResultsError(f"results: {where}: expected schema version {FILE_VERSION}, got {header.get('version')!r}")
    check_row(header, where)
    settings = {RENAMED.get(name, name): value for name, value in header["settings"].items()}
    try:
        return Settings.from_mapping(_BEFORE | settings, "settings")
    except ConfigError as error:
        raise ResultsError(f"results: {where}: {error}") from None


def _parse(line: str) -> dict | None:
    try:
        row = json.loads(line)
    except ValueError:
        return None
    return row if isinstance(row, dict) else None
