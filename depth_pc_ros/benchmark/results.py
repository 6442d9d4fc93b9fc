"""Reading results: a folder of raw trials of one set of settings, plain (a run's) or compressed (an archived one's).

The format is in `schema`; lines are appended and flushed to disk as trials finish (`results_writer`).
"""

import lzma
import zlib
from dataclasses import dataclass, field
from pathlib import Path

from depth_pc_ros.benchmark.schema import FILE_VERSION, ResultsError, check_row
from depth_pc_ros.benchmark.settings import E_REAL, Settings
from depth_pc_ros.config import RENAMED
from depth_pc_ros.errors import ConfigError, FileError, shown
from depth_pc_ros.files.json_file import parse_json
from depth_pc_ros.files.raw import read_bytes

FILE_NAME = "trials.jsonl"
_NAMES = (FILE_NAME, f"{FILE_NAME}.xz", f"{FILE_NAME}.gz")
_MAX_BYTES = 256_000_000  # of a file, and of its lines unpacked
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
    files = [Path(folder) / name for name in _NAMES]
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
    lines = _unpacked(path).decode("utf-8", errors="replace").split("\n")
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
        elif row["kind"] == "answer":
            if results.settings.environment != E_REAL:
                raise ResultsError(f"results: {path}, line {number}: answer: expected one in results of {E_REAL} only")
            if (row["pair"], row["method"]) not in seen:
                seen.add((row["pair"], row["method"]))
                results.answers.append(row)
        elif bool(results.settings.fault) != ("fault" in row):
            expected = "expected one" if results.settings.fault else "expected none without a fault in the settings"
            raise ResultsError(f"results: {path}, line {number}: fault: {expected}")
        elif (row["episode"], row["method"]) not in seen:
            seen.add((row["episode"], row["method"]))
            results.trials.append(row)
    return results


def _unpacked(path: Path) -> bytes:
    """The text of a file of trials. ResultsError where it cannot be read, is cut off, or is too large."""
    where = f"results: cannot read {path}"
    data = read_bytes(path, where, _MAX_BYTES, ResultsError)
    if path.name == FILE_NAME:
        return data
    packed = lzma.LZMADecompressor(memlimit=_MAX_BYTES) if path.suffix == ".xz" else zlib.decompressobj(wbits=31)
    try:
        data = packed.decompress(data, _MAX_BYTES + 1)
    except (lzma.LZMAError, zlib.error) as error:
        raise ResultsError(f"{where}: {error}") from None
    if len(data) > _MAX_BYTES:
        raise ResultsError(f"{where}: expected at most {_MAX_BYTES / 1e6:g} MB unpacked, it holds more")
    if not packed.eof:
        raise ResultsError(f"{where}: Compressed file ended before its last byte")
    return data


def _settings(line: str, path: Path) -> Settings:
    """The settings of a header line; keys that were renamed since (`config.RENAMED`) are read under their new name."""
    where = f"{path}, line 1"
    header = _parse(line)
    if header is None or header.get("kind") != "header":
        raise ResultsError(f"results: {where}: expected the header, got {shown(line)}; move the file away")
    if header.get("version") != FILE_VERSION:
        raise ResultsError(
            f"results: {where}: expected schema version {FILE_VERSION}, got {shown(header.get('version'))}"
        )
    check_row(header, where)
    settings = {RENAMED.get(name, name): value for name, value in header["settings"].items()}
    try:
        return Settings.from_mapping(_BEFORE | settings, "settings")
    except ConfigError as error:
        raise ResultsError(f"results: {where}: {error}") from None


def _parse(line: str) -> dict | None:
    try:
        row = parse_json(line)
    except FileError:
        return None
    return row if isinstance(row, dict) else None
