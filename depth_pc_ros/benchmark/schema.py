"""The format of a results file: one JSON Schema per kind of line, and the check of a line against it.

A results file is text of JSON objects, one a line (JSON lines). The first line is the header, each start of the
benchmark adds a `run` line, all others are trials, or first answers of `e_real`. Units are in the keys: mm, deg, m, s,
ms, MB. Poses are (4, 4) row by row, of the camera (optical frame) in the world.
"""

import json
from typing import Any

from jsonschema import Draft202012Validator
from jsonschema.exceptions import best_match

from depth_pc_ros.benchmark.answer import CAUSES, OUTCOMES
from depth_pc_ros.benchmark.settings import LEVELS, PHOTO_LEVEL
from depth_pc_ros.benchmark.trial import FAILURES, STAGES, SUCCESS
from depth_pc_ros.errors import DepthPcError

FILE_VERSION = 1
_SHOWN = 80  # characters of a wrong value in a message


class ResultsError(DepthPcError):
    """A folder of results cannot be read, written, or continued."""


def _object(properties: dict, optional=()) -> dict:
    required = [name for name in properties if name not in optional]
    return {"type": "object", "properties": properties, "required": required, "additionalProperties": False}


def _array(items: dict, length: int | None = None) -> dict:
    return {"type": "array", "items": items} | ({"minItems": length, "maxItems": length} if length else {})


_TEXT = {"type": "string"}
_NUMBER = {"type": "number"}
_AMOUNT = {"type": "number", "minimum": 0}
_COUNT = {"type": "integer", "minimum": 0}
_POSE = _array(_array(_NUMBER, 4), 4)

# trace_samples: in an archived file, the largest number of steps that a trace keeps.
HEADER = _object(
    {"kind": {"const": "header"}, "version": {"const": FILE_VERSION}, "settings": {"type": "object"},
     "trace_samples": {"type": "integer", "minimum": 2}},
    optional=("trace_samples",),
)  # fmt: skip
# places: folders and files of the machine that ran, to draw pictures there; an archived file has none.
RUN = _object(
    {"kind": {"const": "run"}, "command": _TEXT, "commit": _TEXT, "started": _TEXT, "host": _TEXT, "opencv": _TEXT,
     "places": {"type": "object", "additionalProperties": {"type": ["string", "null"]}}},
    optional=("opencv", "places"),
)  # fmt: skip
TRIAL = _object(
    {
        "kind": {"const": "trial"},
        "episode": {"type": "string", "pattern": r"^[^/]+/[^/]+/\d+$"},  # SPLIT/LEVEL/NUMBER
        "level": {"enum": [*LEVELS, PHOTO_LEVEL]},
        "method": _TEXT,
        "label": _TEXT,
        "settings": _TEXT,
        "outcome": {"enum": [SUCCESS, *FAILURES]},
        "message": _TEXT,
        "te_mm": _AMOUNT,
        "re_deg": _AMOUNT,
        "start_te_mm": _AMOUNT,
        "start_re_deg": _AMOUNT,
        "steps": _COUNT,
        "peak_linear_m_s": _AMOUNT,
        "peak_angular_rad_s": _AMOUNT,
        "path_m": _AMOUNT,
        "matches_min": _COUNT,
        "matches_median": _AMOUNT,
        "wall_s": _AMOUNT,
        "load_s": _AMOUNT,
        "step_ms_mean": _AMOUNT,
        "step_ms_p95": _AMOUNT,
        "stages_s": _object(dict.fromkeys(STAGES, _AMOUNT)),
        "rss_mb": _AMOUNT,
        "T_world_start": _POSE,
        "T_world_goal": _POSE,
        "T_world_final": _POSE,
        "trace": _object(
            {
                "step": _array(_COUNT),
                "error_px": _array({"type": ["number", "null"]}),
                "te_mm": _array(_AMOUNT),
                "re_deg": _array(_AMOUNT),
                "position": _array(_array(_NUMBER, 3)),
            }
        ),
        # Of a run with a fault. commanded: path and turn since it began; end_mm: 95th percentile of the last second.
        "fault": _object({"commanded_mm": _AMOUNT, "commanded_deg": _AMOUNT, "end_mm": _AMOUNT}),
    },
    optional=("fault",),
)
# One first answer: what it was asked (motion: from live to goal; baseline, and errors as shares: over distance_m), and
# what came. What a law does not say, or what cannot be known, is null.
_MAYBE, _MAYBE_AMOUNT = {"type": ["number", "null"]}, {"type": ["number", "null"], "minimum": 0}
ANSWER = _object(
    {
        "kind": {"const": "answer"},
        "pair": {"type": "string", "pattern": r"^[^/]+/\d+$"},  # SPLIT/NUMBER
        "method": _TEXT,
        "label": _TEXT,
        "settings": _TEXT,
        "goal": _TEXT,
        "live": _TEXT,
        "rotation_deg": _AMOUNT,
        "baseline": _AMOUNT,
        "overlap": _AMOUNT,
        "distance_m": _AMOUNT,
        "outcome": {"enum": [*OUTCOMES]},
        "cause": {"enum": ["", *CAUSES]},
        "message": _TEXT,
        "re_deg": _MAYBE_AMOUNT,
        "te_share": _MAYBE_AMOUNT,
        "translation_deg": _MAYBE_AMOUNT,
        "scale": _MAYBE_AMOUNT,
        "way_deg": _MAYBE_AMOUNT,
        "matches": _COUNT,
        "right_share": _MAYBE,
        "inliers": _COUNT,
        "wall_s": _AMOUNT,
    }
)
_KINDS = (HEADER, RUN, TRIAL, ANSWER)
_VALIDATORS = {schema["properties"]["kind"]["const"]: Draft202012Validator(schema) for schema in _KINDS}


def check_row(row: dict[str, Any], where: str) -> None:
    """Raise ResultsError if a line is none of these kinds, or not as its schema says. where: 'FILE, line N'."""
    kind = row.get("kind")
    if kind not in _VALIDATORS:
        raise ResultsError(f"results: {where}: kind: expected one of {', '.join(_VALIDATORS)}, got {_shown(kind)}")
    error = best_match(_VALIDATORS[kind].iter_errors(row))
    if error is not None:
        key = error.json_path.removeprefix("$").removeprefix(".")
        raise ResultsError(f"results: {where}: {key + ': ' if key else ''}{_complaint(error)}")
    if kind == "trial" and len({len(column) for column in row["trace"].values()}) > 1:
        raise ResultsError(f"results: {where}: trace: expected columns of one length")


def _complaint(error) -> str:
    """What was expected and what came, for a message."""
    expected, got = error.validator_value, error.instance
    if error.validator == "type":
        return f"expected {expected if isinstance(expected, str) else ' or '.join(expected)}, got {_shown(got)}"
    if error.validator == "const":
        return f"expected {expected!r}, got {_shown(got)}"
    if error.validator == "enum":
        return f"expected one of {', '.join(expected)}, got {_shown(got)}"
    if error.validator == "required":
        return f"missing key {next(key for key in expected if key not in got)!r}"
    if error.validator == "additionalProperties":
        known = error.schema["properties"]
        return f"unknown key {next(key for key in got if key not in known)!r}; known keys: {', '.join(known)}"
    return f"expected {error.validator} {expected}, got {_shown(got)}"


def _shown(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= _SHOWN else text[:_SHOWN] + "..."
