"""Counts of campaigns: kept, taken up again, put together into tables."""

from pathlib import Path

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

import campaign
from campaign_results import Chunk, Life, ProcessRun, Results, table_of_faults, table_of_runs
from fault_machine import FAULTS, FaultMachine

ROOT = Path(__file__).parents[2]
KEPT = ROOT / "benchmark_results/fault_campaign"


def chunk(number=0, seed=1, count=5, violations=(), law="pbvs", commit="abc"):
    kinds = {"clock_stops": [count, 2, 1], "goal_is_set": [3, 1, 0]}
    return Chunk(law, seed, number, commit, 1.5, kinds, list(violations))


def test_what_ran_is_read_again_and_a_violated_chunk_runs_again(tmp_path):
    results = Results(tmp_path)
    results.add(chunk())
    results.add(chunk(1, violations=[["clock_stops", "speed", 1]]))
    results.add(Life("pbvs", 1, "abc", 300, 0.12))
    again = Results(tmp_path)
    assert again.chunk("pbvs", 1, 0) == chunk()
    assert again.chunk("pbvs", 1, 1) is again.chunk("pbvs", 2, 0) is None
    assert again.life("pbvs", 1).grown_mb == 0.12
    again.add(chunk(1, count=7, commit="def"))
    mended = Results(tmp_path)
    assert [each.faults for each in mended.chunks("pbvs", 1)] == [8, 10]
    assert table_of_runs(mended).splitlines()[2:] == ["| pbvs | 1 | 18 | 0 | +0.12 MB after 300 | abc, def |"]


def test_tables_add_the_chunks_up():
    results = Results()
    for part in (chunk(), chunk(1, violations=[["clock_stops", "speed", 1]]), chunk(seed=2, law="ibvs")):
        results.add(part)
    assert table_of_runs(results).splitlines()[2:] == [
        "| ibvs | 2 | 8 | 0 | - | abc |",
        "| pbvs | 1 | 16 | 1 | - | abc |",
    ]
    assert table_of_faults(results.chunks()).splitlines()[2:] == [
        "| clock stops | 15 | 6 | 3 | speed: 1 |",
        "| goal is set | 9 | 3 | 0 | - |",
    ]


def test_runs_of_processes_are_kept_and_tabled(tmp_path):
    Results(tmp_path).add(ProcessRun(2, "abc", {"stop adapter": 5, "kill adapter": 2}, 900, 0, 3.2))
    Results(tmp_path).add(ProcessRun(1, "abc", {"stop adapter": 5}, 800, 1, 17.6))
    results = Results(tmp_path)
    assert not results.all_well(2.0)
    assert results.tables()[0].splitlines() == [
        "| seed | kill adapter | stop adapter | commands | problems | load | commit |",
        "|---:|---:|---:|---:|---:|---:|---|",
        "| 1 | 0 | 5 | 800 | 1 | 18 | abc |",
        "| 2 | 2 | 5 | 900 | 0 | 3 | abc |",
    ]


def test_a_campaign_runs_what_is_missing(tmp_path, monkeypatch):
    ran = []

    def sequences(number, phases, *_rest):
        ran.append(number)
        FaultMachine.tally.faults["clock_stops"] += 40
        return ""

    monkeypatch.setattr(campaign, "run_sequences", sequences)
    monkeypatch.setattr(campaign, "commit_now", lambda: "abc")
    monkeypatch.setattr(FaultMachine, "tally", None)
    monkeypatch.setattr(FaultMachine, "law", "pbvs")
    campaign.run_law("ibvs", 80, 3, Results(tmp_path))
    assert ran == [3_000_000, 3_000_001]
    campaign.run_law("ibvs", 120, 3, Results(tmp_path))
    assert ran[2:] == [3_000_002]
    assert sum(each.faults for each in Results(tmp_path).chunks("ibvs", 3)) == 120


@pytest.mark.skipif(not KEPT.is_dir(), reason="no campaign is kept")
def test_the_page_shows_what_is_kept():
    results = Results(KEPT)
    assert {fault for each in results.chunks() for fault in each.kinds} <= set(FAULTS)
    page = (ROOT / "docs/reference/fault_campaign.md").read_text(encoding="utf-8")
    assert all(table in page for table in results.tables())
