"""First answers as tables, for the terminal and as Markdown."""

import numpy as np

from depth_pc_ros.benchmark.answer import CAUSES, LOST, OFF, OUTCOMES, RIGHT, TOWARD, WRONG_WAY
from depth_pc_ros.benchmark.metrics import by_method
from depth_pc_ros.benchmark.real_pairs import ROTATIONS_DEG, rotation_name
from depth_pc_ros.benchmark.results import Results

COLUMNS = (
    "source", "depth", "method", "rotation", "n", "right %", "off %", "wrong way %", "lost %", "right way %", "RE °",
    "TE %", "way °", "scale", "matches", "right matches %", "answer s", "causes",
)  # fmt: skip
WORDS = ("source", "depth", "method", "rotation", "causes")
LEGEND = (
    "right: rotation within 5° and translation within 10 % of the distance or a third of the way. wrong way: the "
    "motion starts more than 90° off. off: neither. right way: not lost, and within 90°. Laws that solve for no pose "
    "have only the last three. RE, TE (of the distance), way, scale: medians over all answers. causes: of answers that "
    f"are not right: {'; '.join(f'{name} ({what})' for name, what in CAUSES.items())}."
)


def rows(results: Results) -> list[list[str]]:
    """For each method a row per stratum of rotation, then one over all; in the order of COLUMNS."""
    table = []
    strata = [rotation_name(end - 1e-6) for end in ROTATIONS_DEG]
    for group in by_method(results.answers).values():
        for name in (*strata, "all"):
            chosen = [a for a in group if name in ("all", rotation_name(a["rotation_deg"]))]
            if chosen:
                table.append(_row(results, chosen, name))
    return table


def _row(results: Results, answers: list[dict], rotation: str) -> list[str]:
    s = results.settings
    depth = f"estimated ({s.depth_model})" if s.depth == "estimated" else s.depth
    source = s.recording + (", masked" if s.mask_digest else "") + ("" if s.matcher == "akaze" else f", {s.matcher}")
    n = len(answers)
    outcome = {name: sum(a["outcome"] == name for a in answers) for name in OUTCOMES}
    poseless = outcome[TOWARD] > 0 or all(a["re_deg"] is None for a in answers if a["outcome"] != LOST)
    shares = [_share(outcome[name], n, poseless and name in (RIGHT, OFF)) for name in (RIGHT, OFF, WRONG_WAY, LOST)]
    onward = sum(a["way_deg"] is not None and a["way_deg"] <= 90 for a in answers)
    causes = {name: sum(a["cause"] == name for a in answers) for name in CAUSES}
    right_matches = _median(answers, "right_share", 0, 100)
    return [
        source, depth, answers[0]["label"], rotation, str(n), *shares, _share(onward, n),
        _median(answers, "re_deg", 2), _median(answers, "te_share", 1, 100), _median(answers, "way_deg", 1),
        _median(answers, "scale", 2), _median(answers, "matches", 0), right_matches, _median(answers, "wall_s", 1),
        ", ".join(f"{count} {name}" for name, count in causes.items() if count) or "–",
    ]  # fmt: skip


def _share(count: int, n: int, not_asked: bool = False) -> str:
    return "–" if not_asked else f"{100 * count / n:.0f}"


def _median(answers: list[dict], key: str, digits: int, factor: float = 1.0) -> str:
    values = [a[key] for a in answers if a[key] is not None]
    return f"{factor * np.median(values):.{digits}f}" if values else "–"


def overall(results: list[Results]) -> list[list[str]]:
    """The rows over all rotations, of several runs."""
    return [row for each in results for row in rows(each) if row[COLUMNS.index("rotation")] == "all"]
