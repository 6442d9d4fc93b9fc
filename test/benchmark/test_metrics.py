"""Summaries of hand-made trials."""

import math

import numpy as np
import pytest

from depth_pc_ros.benchmark.metrics import start_offsets, summarise, summary_rows, time_shares


@pytest.fixture
def trials(trial):
    return [
        trial(episode="dev/S/000", te_mm=0.5, re_deg=0.05, steps=100),
        trial(episode="dev/S/001", te_mm=2.5, re_deg=0.05, steps=140),
        trial(episode="dev/M/000", level="M", te_mm=300.0, re_deg=60.0, outcome="lost", start_te_mm=400.0),
        trial(episode="dev/M/001", level="M", te_mm=20.0, re_deg=1.0, outcome="timeout", peak_linear_m_s=1.5),
        trial(episode="dev/S/000", method="ibvs", label="ibvs", te_mm=40.0, outcome="inaccurate"),
    ]


def test_rates_count_what_stopped_at_the_goal(trials):
    row = summarise(trials[:4])
    assert (row.n, row.sr, row.strict_sr, row.pose_sr) == (4, 0.5, 0.25, 0.75)
    assert row.failures == {"lost": 1, "timeout": 1}


def test_means_are_over_successes_and_medians_over_all(trials):
    row = summarise(trials[:4])
    assert row.te_mm == pytest.approx(1.5)
    assert row.ts == pytest.approx(120)
    assert row.te_all_mm == pytest.approx(11.25)
    assert row.re_all_deg == pytest.approx(0.525)
    assert row.peak_linear_m_s == 1.5
    assert row.peak_angular_deg_s == pytest.approx(np.degrees(1.0))


def test_means_over_no_success_are_not_numbers(trials):
    row = summarise(trials[2:4], "M")
    assert row.sr == 0
    assert all(math.isnan(value) for value in (row.te_mm, row.re_deg, row.ts, row.path_m))


def test_strict_success_needs_both_tolerances(trial):
    assert summarise([trial(te_mm=0.99, re_deg=0.099)]).strict_sr == 1
    assert summarise([trial(te_mm=1.01, re_deg=0.05)]).strict_sr == 0
    assert summarise([trial(te_mm=0.5, re_deg=0.11)]).strict_sr == 0


def test_rows_go_by_method_then_level(trials):
    assert [(row.label, row.level) for row in summary_rows(trials)] == [
        ("pbvs", "S"), ("pbvs", "M"), ("pbvs", "all"), ("ibvs", "all"),
    ]  # fmt: skip


def test_start_offsets_count_each_episode_once(trials):
    assert start_offsets(trials) == {"S": (2, 24.0, 0.2), "M": (2, 24.0, pytest.approx(0.3))}


def test_shares_of_time_sum_to_one(trials):
    shares = time_shares(trials)
    assert shares["render"] == pytest.approx(0.4)
    assert sum(shares.values()) == pytest.approx(1)
