"""From trials to the numbers of a table."""

from collections import Counter
from dataclasses import dataclass

import numpy as np

from depth_pc_ros.benchmark.settings import LEVELS, PHOTO_LEVEL
from depth_pc_ros.benchmark.trial import FAILURES, STAGES, SUCCESS, TOLERANCE_DEG, TOLERANCE_M

STRICT_M, STRICT_DEG = 0.001, 0.1


@dataclass(frozen=True)
class Summary:
    """One row: a method at a level ('all': over all levels). Means over nothing are NaN.

    n: trials. sr, strict_sr: share of trials that stopped within 3 cm and 3 deg, 1 mm and 0.1 deg. pose_sr: share
    that ended within 3 cm and 3 deg, stopped or not. te_mm, re_deg, ts, path_m: means over the successes (ts: steps to
    the stop). te_all_mm, re_all_deg: medians over all. step_ms, step_p95_ms: of the method alone. total_s: mean time
    of a trial. peak_linear_m_s, peak_angular_deg_s: largest commanded speeds of any trial, and their medians.
    failures: count by name.
    """

    label: str
    level: str
    n: int
    sr: float
    strict_sr: float
    pose_sr: float
    te_mm: float
    re_deg: float
    te_all_mm: float
    re_all_deg: float
    ts: float
    path_m: float
    step_ms: float
    step_p95_ms: float
    total_s: float
    peak_linear_m_s: float
    peak_angular_deg_s: float
    failures: dict[str, int]


def within(trial: dict, metres: float = TOLERANCE_M, degrees: float = TOLERANCE_DEG) -> bool:
    """Whether a trial ended this near to its goal."""
    return trial["te_mm"] < 1e3 * metres and trial["re_deg"] < degrees


def mean(values) -> float:
    values = list(values)
    return float(np.mean(values)) if values else float("nan")


def summarise(trials: list[dict], level: str = "all") -> Summary:
    """The row of one method's trials (at least one) at one level, or at all."""
    trials = [trial for trial in trials if level in ("all", trial["level"])]
    good = [trial for trial in trials if trial["outcome"] == SUCCESS]
    counts = Counter(trial["outcome"] for trial in trials)
    return Summary(
        label=trials[0]["label"],
        level=level,
        n=len(trials),
        sr=len(good) / len(trials),
        strict_sr=mean(within(trial, STRICT_M, STRICT_DEG) and trial["outcome"] == SUCCESS for trial in trials),
        pose_sr=mean(within(trial) for trial in trials),
        te_mm=mean(trial["te_mm"] for trial in good),
        re_deg=mean(trial["re_deg"] for trial in good),
        te_all_mm=float(np.median([trial["te_mm"] for trial in trials])),
        re_all_deg=float(np.median([trial["re_deg"] for trial in trials])),
        ts=mean(trial["steps"] for trial in good),
        path_m=mean(trial["path_m"] for trial in good),
        step_ms=mean(trial["step_ms_mean"] for trial in trials),
        step_p95_ms=float(np.median([trial["step_ms_p95"] for trial in trials])),
        total_s=mean(trial["wall_s"] for trial in trials),
        peak_linear_m_s=max(trial["peak_linear_m_s"] for trial in trials),
        peak_angular_deg_s=float(np.degrees(max(trial["peak_angular_rad_s"] for trial in trials))),
        failures={name: counts[name] for name in FAILURES if counts[name]},
    )


def by_method(trials: list[dict]) -> dict[str, list[dict]]:
    """Trials of each method, in order of first appearance."""
    groups: dict[str, list[dict]] = {}
    for trial in trials:
        groups.setdefault(trial["method"], []).append(trial)
    return groups


def levels_of(trials: list[dict]) -> list[str]:
    return [level for level in (*LEVELS, PHOTO_LEVEL) if any(trial["level"] == level for trial in trials)]


def summary_rows(trials: list[dict]) -> list[Summary]:
    """For each method a row per level, then one over all levels."""
    rows = []
    for group in by_method(trials).values():
        levels = levels_of(group)
        rows += (
            [summarise(group, level) for level in (*levels, "all")] if len(levels) > 1 else [summarise(group, "all")]
        )
    return rows


def start_offsets(trials: list[dict]) -> dict[str, tuple[int, float, float]]:
    """By level: number of episodes, mean rotation (deg) and mean translation (m) from start to goal."""
    starts = {trial["episode"]: trial for trial in trials}.values()
    out = {}
    for level in levels_of(trials):
        here = [trial for trial in starts if trial["level"] == level]
        out[level] = (
            len(here), mean(t["start_re_deg"] for t in here), 1e-3 * mean(t["start_te_mm"] for t in here)
        )  # fmt: skip
    return out


def time_shares(trials: list[dict]) -> dict[str, float]:
    """Share of the loops' time by stage; sums to 1 with 'other'. Empty where no time was measured."""
    totals = {name: sum(trial["stages_s"][name] for trial in trials) for name in STAGES}
    spent = sum(trial["wall_s"] for trial in trials)
    if spent <= 0:
        return {}
    return {**{name: total / spent for name, total in totals.items()}, "other": 1 - sum(totals.values()) / spent}
