"""The format of a results file: one JSON Schema per kind of line, and the check of a line against it.

A results file is text of JSON objects, one a line (JSON lines). The first line is the header, each start of the
benchmark adds a `run` line, all others are trials, or first answers of `e_real`. Units are in the keys: mm, deg, m, s,
ms, MB. Poses are (4, 4) row by row, of the camera (optical frame) in the world.
"""

from typing import Any

from depth_pc_ros.benchmark.answer import CAUSES, OUTCOMES
from depth_pc_ros.benchmark.settings import LEVELS, PHOTO_LEVEL
from depth_pc_ros.benchmark.trial import FAILURES, STAGES, SUCCESS
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.files.schema import AMOUNT, COUNT, NUMBER, TEXT, Schema, array_of, as_json, object_of

FILE_VERSION = 1


class ResultsError(DepthPcError):
    """A folder of results cannot be read, written, or continued."""


# One line without control characters, which a terminal would obey.
_LINE = {"type": "string", "pattern": r"^[^\x00-\x1f\x7f-\x9f]{0,4096}\Z"}
_NAME = {"type": "string", "pattern": r"^[^\x00-\x1f\x7f-\x9f]{1,120}\Z"}
_PATH = {"type": ["string", "null"], "maxLength": 4096}
_POSE = array_of(array_of(NUMBER, 4), 4)

_PLACES = ("ycb_root", "photo_dir", "scenes", "matcher_weights", "lightglue_weights", "recording", "mask")

# What every run has named; the other settings came later, one by one.
_SETTINGS = {"type": "object", "required": ["environment", "split", "seed", "speed"]}

# trace_samples: in an archived file, the largest number of steps that a trace keeps.
HEADER = object_of(
    {"kind": {"const": "header"}, "version": {"const": FILE_VERSION}, "settings": _SETTINGS,
     "trace_samples": {"type": "integer", "minimum": 2}},
    optional=("trace_samples",),
)  # fmt: skip
# places: folders and files of the machine that ran, to draw pictures there; an archived file has none.
RUN = object_of(
    {"kind": {"const": "run"}, "command": _LINE, "commit": _LINE, "started": _LINE, "host": _LINE, "opencv": _LINE,
     "places": object_of(dict.fromkeys(_PLACES, _PATH), optional=_PLACES)},
    optional=("opencv", "places"),
)  # fmt: skip
TRIAL = object_of(
    {
        "kind": {"const": "trial"},
        "episode": {"type": "string", "pattern": r"^\w+/\w+/[0-9]{1,9}\Z"},  # SPLIT/LEVEL/NUMBER
        "level": {"enum": [*LEVELS, PHOTO_LEVEL]},
        "method": _NAME,
        "label": _NAME,
        "settings": _LINE,
        "outcome": {"enum": [SUCCESS, *FAILURES]},
        "message": TEXT,
        "te_mm": AMOUNT,
        "re_deg": AMOUNT,
        "start_te_mm": AMOUNT,
        "start_re_deg": AMOUNT,
        "steps": COUNT,
        "peak_linear_m_s": AMOUNT,
        "peak_angular_rad_s": AMOUNT,
        "path_m": AMOUNT,
        "matches_min": COUNT,
        "matches_median": AMOUNT,
        "wall_s": AMOUNT,
        "load_s": AMOUNT,
        "step_ms_mean": AMOUNT,
        "step_ms_p95": AMOUNT,
        "stages_s": object_of(dict.fromkeys(STAGES, AMOUNT)),
        "rss_mb": AMOUNT,
        "T_world_start": _POSE,
        "T_world_goal": _POSE,
        "T_world_final": _POSE,
        "trace": object_of(
            {
                "step": array_of(COUNT),
                "error_px": array_of({"type": ["number", "null"]}),
                "te_mm": array_of(AMOUNT),
                "re_deg": array_of(AMOUNT),
                "position": array_of(array_of(NUMBER, 3)),
            }
        ),
        # Of a run with a fault. commanded: path and turn since it began; end_mm: 95th percentile of the last second.
        "fault": object_of({"commanded_mm": AMOUNT, "commanded_deg": AMOUNT, "end_mm": AMOUNT}),
    },
    optional=("fault",),
)
# One first answer: what it was asked (motion: from live to goal; baseline, and errors as shares: over distance_m), and
# what came. What a law does not say, or what cannot be known, is null.
_MAYBE_AMOUNT = {"type": ["number", "null"], "minimum": 0}
_SHARE = {"type": "number", "minimum": 0, "maximum": 1}
ANSWER = object_of(
    {
        "kind": {"const": "answer"},
        "pair": {"type": "string", "pattern": r"^\w+/[0-9]{1,9}\Z"},  # SPLIT/NUMBER
        "method": _NAME,
        "label": _NAME,
        "settings": _LINE,
        "goal": _LINE,
        "live": _LINE,
        "rotation_deg": AMOUNT,
        "baseline": AMOUNT,
        "overlap": _SHARE,
        "distance_m": AMOUNT,
        "outcome": {"enum": [*OUTCOMES]},
        "cause": {"enum": ["", *CAUSES]},
        "message": TEXT,
        "re_deg": _MAYBE_AMOUNT,
        "te_share": _MAYBE_AMOUNT,
        "translation_deg": _MAYBE_AMOUNT,
        "scale": _MAYBE_AMOUNT,
        "way_deg": _MAYBE_AMOUNT,
        "matches": COUNT,
        "right_share": {**_SHARE, "type": ["number", "null"]},
        "inliers": COUNT,
        "wall_s": AMOUNT,
    }
)
_SCHEMAS = {schema["properties"]["kind"]["const"]: Schema(schema) for schema in (HEADER, RUN, TRIAL, ANSWER)}


def check_row(row: dict[str, Any], where: str) -> None:
    """Raise ResultsError if a line is none of these kinds, or not as its schema says. where: 'FILE, line N'."""
    kind = row.get("kind")
    if not isinstance(kind, str) or kind not in _SCHEMAS:
        raise ResultsError(f"results: {where}: kind: expected one of {', '.join(_SCHEMAS)}, got {as_json(kind)}")
    _SCHEMAS[kind].check(row, f"results: {where}", ResultsError)
    if kind == "trial" and len({len(column) for column in row["trace"].values()}) > 1:
        raise ResultsError(f"results: {where}: trace: expected columns of one length")
