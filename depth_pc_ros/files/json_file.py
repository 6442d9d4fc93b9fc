"""JSON: strict, and not deeper or with longer numbers than any file of this package needs."""

import json
import math
from pathlib import Path
from typing import Any

from depth_pc_ros.errors import DepthPcError, FileError
from depth_pc_ros.files.raw import read_text

MAX_BYTES = 64_000_000
MAX_DEPTH = 32
MAX_DIGITS = 40  # of a number; a double has 17


def read_json(path: str | Path, what: str, error: type[DepthPcError] = FileError, limit: int = MAX_BYTES) -> Any:
    """The value in a JSON file of at most `limit` bytes."""
    where = f"{what}: cannot read {path}"
    text = read_text(path, where, limit, error)
    try:
        return parse_json(text)
    except FileError as problem:
        raise error(f"{where}: {problem}") from None


def parse_json(text: str) -> Any:
    """The value of a JSON text. FileError: no JSON, a key twice, a number that is not finite or long, or too deep."""
    try:
        value = json.loads(
            text, parse_int=_int, parse_float=_float, parse_constant=_constant, object_pairs_hook=_unique
        )  # fmt: skip
    except json.JSONDecodeError as problem:
        place = f"line {problem.lineno}: " if "\n" in text else ""
        raise FileError(f"{place}expected JSON, {problem.msg} at column {problem.colno}") from None
    except RecursionError:
        raise FileError(f"expected at most {MAX_DEPTH} levels, it is nested deeper") from None
    _check_depth(value)
    return value


def _int(text: str) -> int:
    if len(text) > MAX_DIGITS:
        raise FileError(f"expected a number of at most {MAX_DIGITS} digits, got one of {len(text)}")
    return int(text)


def _float(text: str) -> float:
    value = float(text) if len(text) <= MAX_DIGITS else math.inf
    if not math.isfinite(value):
        raise FileError(f"expected a finite number of at most {MAX_DIGITS} digits, got {text[:MAX_DIGITS]}...")
    return value


def _constant(text: str):
    raise FileError(f"expected a finite number, got {text}")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    values = dict(pairs)
    if len(values) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))
        raise FileError(f"expected every key once, got {twice[:40]!r} twice")
    return values


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [
            each
            for outer in level if isinstance(outer, list | dict)
            for each in (outer.values() if isinstance(outer, dict) else outer)
        ]  # fmt: skip
        if not level:
            return
    raise FileError(f"expected at most {MAX_DEPTH} levels, it is nested deeper")
