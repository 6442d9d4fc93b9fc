"""What the trials of `e_fault` say: right, a safe stop with the true reason, or a silent failure; and their table."""

from collections import Counter

import numpy as np

from depth_pc_ros.benchmark.fault_rows import PATH_LIMIT_M, ROWS, TURN_LIMIT_DEG, Row, row_of
from depth_pc_ros.benchmark.metrics import by_method
from depth_pc_ros.benchmark.results import Results
from depth_pc_ros.benchmark.trial import SUCCESS

RIGHT, SAFE, SILENT = "right", "safe", "silent"
NOT_FOLLOWED = "not followed"  # near enough to a target that moved, but not as near as the row asks for
COLUMNS = (
    "row", "method", "n", "right", "safe", "silent", "SR %", "med TE", "end mm", "max cm", "max °", "not right",
)  # fmt: skip
SUM_COLUMNS = ("method", "n", "right", "safe", "silent")
LEGEND = (
    "right: stopped within 3 cm and 3°, or followed a moving target. safe: stopped by itself and named the true cause,"
    " or that it came no nearer (frozen images, deaf arms, wrong frames: the cause, within"
    f" {100 * PATH_LIMIT_M:g} cm and {TURN_LIMIT_DEG:g}° of commanded motion). silent: all else, false alarms too. SR:"
    " stopped within 3 cm and 3°. med TE: median of all trials, mm. end: of moving targets, largest distance in the"
    " last second (95th percentile). max cm, max °: largest motion that was commanded after the fault began."
)


def verdict(trial: dict, row: Row) -> str:
    """RIGHT, SAFE or SILENT."""
    fault = trial["fault"]
    if trial["outcome"] == SUCCESS and (row.end_mm is None or fault["end_mm"] <= row.end_mm):
        return RIGHT
    far = fault["commanded_mm"] > 1e3 * PATH_LIMIT_M or fault["commanded_deg"] > TURN_LIMIT_DEG
    if row.names_cause(trial["outcome"], trial["message"]) and not (row.misled and far):
        return SAFE
    return SILENT


def sums(results: list[Results]) -> list[list[str]]:
    """One line per method, over all rows, in the order of SUM_COLUMNS."""
    counts: dict[str, Counter] = {}
    for each in in_order(results):
        row = row_of(each.settings.fault)
        for trial in each.trials:
            counts.setdefault(trial["method"], Counter())[verdict(trial, row)] += 1
    return [
        [method, str(count.total()), *(str(count[each]) for each in (RIGHT, SAFE, SILENT))]
        for method, count in counts.items()
    ]


def in_order(results: list[Results]) -> list[Results]:
    """Rows as the suite lists them. Raises ConfigError for one that it does not have."""
    for each in results:
        row_of(each.settings.fault)
    return sorted(results, key=lambda each: list(ROWS).index(each.settings.fault))


def table(results: list[Results]) -> list[list[str]]:
    """One line per row of the suite and method, in the order of COLUMNS."""
    lines = []
    for each in in_order(results):
        row = row_of(each.settings.fault)
        for trials in by_method(each.trials).values():
            given = [verdict(trial, row) for trial in trials]
            ends = [NOT_FOLLOWED if trial["outcome"] == SUCCESS else trial["outcome"] for trial in trials]
            others = Counter(end for end, v in zip(ends, given) if v != RIGHT)
            sr = np.mean([trial["outcome"] == SUCCESS for trial in trials])

            def largest(key: str, trials=trials) -> float:
                return max(trial["fault"][key] for trial in trials)

            lines.append([
                each.settings.fault, trials[0]["label"], str(len(trials)),
                *(str(given.count(each)) for each in (RIGHT, SAFE, SILENT)),
                f"{100 * sr:.0f}", f"{np.median([trial['te_mm'] for trial in trials]):.2f}",
                "–" if row.end_mm is None else f"{largest('end_mm'):.1f}",
                f"{largest('commanded_mm') / 10:.1f}", f"{largest('commanded_deg'):.1f}",
                ", ".join(f"{count} {name}" for name, count in others.most_common()) or "–",
            ])  # fmt: skip
    return lines
