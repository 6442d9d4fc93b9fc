"""Archived results are small, equal for equal runs, and say what the runs said."""

import pytest

from depth_pc_ros.benchmark import archive, tables
from depth_pc_ros.benchmark.results import FILE_NAME, Results, read_results
from depth_pc_ros.benchmark.schema import ResultsError
from depth_pc_ros.benchmark.settings import Settings

RUN = {"kind": "run", "command": "c", "commit": "abc", "started": "now", "host": "2 cores", "places": {"ycb_root": "/"}}


@pytest.fixture
def results(tmp_path, trial):
    """Builds results of one run from its trials."""

    def build(trials, name="run"):
        return Results(tmp_path / name / FILE_NAME, Settings(), [RUN], [{"kind": "trial", **each} for each in trials])

    return build


def long_trace(count: int) -> dict:
    return {
        "step": list(range(count)), "error_px": [None] * count, "te_mm": [float(count - k) for k in range(count)],
        "re_deg": [1.0] * count, "position": [[0.0, 0.0, 0.01 * k] for k in range(count)],
    }  # fmt: skip


def test_what_is_read_back_gives_the_same_tables(results, trial, tmp_path):
    trials = [trial(), trial(episode="dev/M/000", level="M", outcome="lost"), trial(method="ibvs", label="ibvs")]
    files = archive.archive([results(trials)], tmp_path / "kept")
    assert files == [tmp_path / "kept" / "run" / f"{FILE_NAME}.xz", tmp_path / "kept" / "summary.md"]
    again = read_results(tmp_path / "kept" / "run")
    assert again.trials == results(trials).trials
    assert again.runs == [{key: value for key, value in RUN.items() if key != "places"}]
    assert files[1].read_text() == tables.markdown([results(trials)]) == archive.summary(tmp_path / "kept")


def test_equal_runs_give_equal_bytes_in_any_order_of_their_episodes(results, trial):
    first, second, other = trial(), trial(episode="dev/L/003", level="L"), trial(episode="dev/M/001", level="M")
    packed = archive.packed(results([first, second, other]))
    assert packed == archive.packed(results([first, other, second]))
    assert packed != archive.packed(results([first, other]))


@pytest.mark.parametrize("count", [0, 1, 2, 24, 120])
def test_a_trace_keeps_its_ends_and_at_most_so_many_samples(results, trial, tmp_path, count):
    archive.archive([results([trial(trace=long_trace(count))])], tmp_path / "kept")
    trace = read_results(tmp_path / "kept" / "run").trials[0]["trace"]
    assert len(trace["step"]) == min(count, archive.TRACE_SAMPLES)
    if count:
        assert (trace["step"][0], trace["step"][-1]) == (0, count - 1)
    assert trace["te_mm"] == [float(count - k) for k in trace["step"]]


def test_a_run_archived_again_takes_the_place_of_the_old_one_beside_the_others(results, trial, tmp_path):
    kept = tmp_path / "kept"
    archive.archive([results([trial()], "a"), results([trial(te_mm=0.25)], "b")], kept)
    archive.archive([results([trial(te_mm=0.125)], "a")], kept)
    assert [read_results(kept / name).trials[0]["te_mm"] for name in "ab"] == [0.125, 0.25]
    text = (kept / "summary.md").read_text()
    assert text.startswith("## Overview")
    assert text.index("| 0.125 |") < text.index("| 0.250 |")


def test_two_runs_of_one_name_are_refused_before_anything_is_written(results, trial, tmp_path):
    with pytest.raises(ResultsError, match="got two called 'run'"):
        archive.archive([results([trial()]), results([trial()])], tmp_path / "kept")
    assert not (tmp_path / "kept").exists()


def test_a_folder_that_cannot_be_written_is_named(results, trial, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(ResultsError, match=rf"archive: cannot write in {tmp_path}/file"):
        archive.archive([results([trial()])], tmp_path / "file")
