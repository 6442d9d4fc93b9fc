"""`e_real` from end to end, on a small recording that the tests make."""

import json

import cv2
import numpy as np
import pytest
from real_recordings import Shots, write_7scenes, write_folder

from depth_pc_ros.benchmark.__main__ import main
from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.fused_depth import fused_depth
from depth_pc_ros.benchmark.recordings.source import open_recording
from depth_pc_ros.benchmark.results import read_results
from depth_pc_ros.benchmark.worst_pairs import write_page
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.geometry.camera import Intrinsics

LOW = Intrinsics(600.0, 605.0, 310.0, 125.0, 640, 240)  # half the pixels of a usual camera: half the time


@pytest.fixture(scope="module")
def recording(plane, tmp_path_factory):
    folder = tmp_path_factory.mktemp("e_real") / "table"
    write_7scenes(folder, Shots(plane, 5, camera=LOW))
    return folder


@pytest.fixture(scope="module")
def answered(recording, tmp_path_factory):
    """A folder with the results of one pair; not to be changed."""
    folder = tmp_path_factory.mktemp("answered")
    assert run(recording, "--pairs", 1, "--methods", "pbvs", "--name", "x", "--output", folder) == 0
    return folder


def run(folder, *words):
    return main(["e_real", "--root", str(folder), "--workers", "1", *map(str, words)])


def test_answers_are_right_resumed_and_reported(recording, tmp_path, capsys):
    words = ("--methods", "pbvs,ibvs", "--output", tmp_path)
    assert run(recording, "--pairs", 2, *words) == 0
    file = tmp_path / "trials.jsonl"
    before = file.read_bytes()
    assert run(recording, "--pairs", 2, *words) == 0
    assert file.read_bytes() == before
    assert run(recording, "--pairs", 3, *words) == 0
    assert file.read_bytes().startswith(before)
    answers = read_results(tmp_path).answers
    assert len(answers) == 6
    assert {a["outcome"] for a in answers if a["method"] == "pbvs"} == {"right"}
    for answer in answers:
        assert answer["matches"] > 60
        assert answer["right_share"] > 0.9
        assert answer["way_deg"] < 60
        assert answer["wall_s"] > 0
    summary = (tmp_path / "summary.md").read_text()
    assert "| table | none | pbvs | all | 3 | 100 |" in summary
    assert "Command: python -m depth_pc_ros.benchmark e_real" in summary
    capsys.readouterr()
    assert main(["report", str(tmp_path), "--output", str(tmp_path / "page")]) == 0
    assert "| table | none | pbvs | all | 3 | 100 |" in (tmp_path / "page" / "summary.md").read_text()
    assert '<td class="word">pbvs</td><td class="word">all</td>' in (tmp_path / "page" / "report.html").read_text()
    assert main(["archive", str(tmp_path), "--output", str(tmp_path / "kept")]) == 0
    assert len(read_results(tmp_path / "kept" / tmp_path.name).answers) == 6


@pytest.mark.parametrize("depth", ["measured", "oracle"])
def test_depth_reaches_the_law(depth, recording, tmp_path):
    assert run(recording, "--pairs", 2, "--methods", "pbvs", "--depth", depth, "--output", tmp_path) == 0
    answers = read_results(tmp_path).answers
    assert [a["outcome"] for a in answers] == ["right"] * 2
    for answer in answers:
        assert answer["te_share"] < 0.01
        assert answer["scale"] == pytest.approx(1, abs=0.03)


def test_a_wrong_way_is_drawn_on_the_page_and_its_texts_are_escaped(recording, answered, tmp_path):
    results = read_results(answered)
    assert write_page(results, Places(recording=recording), tmp_path) is None
    results.answers[0] |= {"outcome": "wrong_way", "cause": "mixed", "message": "<b>few</b>", "label": "<i>"}
    page = write_page(results, Places(recording=recording), tmp_path).read_text()
    assert page.count("data:image/jpeg;base64") == 1
    assert "wrong_way" in page
    assert "&lt;b&gt;few&lt;/b&gt;" in page
    assert "<i>" not in page


@pytest.mark.parametrize(
    ("change", "complaint"),
    [({"pair": "dev/999"}, "dev/999: the recording has"), ({"method": "magic"}, "unknown method 'magic'")],
)
def test_an_answer_that_the_recording_cannot_show_is_named(change, complaint, recording, answered, tmp_path):
    results = read_results(answered)
    results.answers[0] |= {"outcome": "off", "cause": "mixed", **change}
    with pytest.raises(DepthPcError, match=complaint):
        write_page(results, Places(recording=recording), tmp_path)


@pytest.mark.slow
def test_closed_loops_on_one_frame_and_between_two(recording, tmp_path):
    for goal_frame in ("own", "other"):
        folder = tmp_path / goal_frame
        words = ("--pairs", 0, "--loops", 1, "--levels", "M", "--goal-frame", goal_frame, "--methods", "oracle,pbvs")
        assert run(recording, *words, "--output", folder) == 0
        trials = read_results(folder).trials
        assert [t["outcome"] for t in trials] == ["success"] * 2
        assert trials[1]["te_mm"] < 2
        assert trials[1]["start_te_mm"] > 20
    assert "| **pbvs** | **all** | **1** | **100.0** |" in (folder / "summary.md").read_text()
    assert (folder / "report.html").read_text().count("data:image/jpeg;base64") == 1


def test_the_mask_leaves_matches_out(recording, answered, tmp_path):
    mask = np.zeros((240, 640), np.uint8)
    mask[50:190, 230:410] = 255
    cv2.imwrite(str(tmp_path / "mask.png"), mask)
    words = ("--pairs", 1, "--methods", "pbvs", "--mask", tmp_path / "mask.png")
    assert run(recording, *words, "--output", tmp_path / "out") == 0
    masked = read_results(tmp_path / "out")
    assert 8 < masked.answers[0]["matches"] < 0.8 * read_results(answered).answers[0]["matches"]
    assert "masked" in masked.settings.variant


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--methods", "oracle"), "'oracle' sees no image and gives no first answer"),
        (("--methods", "cns"), "cns needs a checkout"),
        (("--methods", "cns@/nowhere"), "expected a checkout of the CNS repository"),
        (("--pairs", 0), "expected some pairs or loops"),
        (("--format", "tum"), "expected a recording in"),
        (("--split", "test"), "expected frames of the split test"),
        (("--depth", "renderer"), "depth: expected one of none, estimated, measured, oracle"),
        (("--across", "--methods", "pbvs"), "found no such pair"),
        (("--mask", "/nowhere.png"), "mask: cannot read /nowhere.png: no such file"),
        (("--methods", "pbvs", "--depth", "estimated", "--depth-model", "nobody_has_this"), "nobody_has_this"),
    ],
)
def test_bad_input_is_one_line(words, complaint, recording, tmp_path, capsys):
    assert run(recording, *words, "--output", tmp_path / "out") == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert complaint in lines[0]
    assert not (tmp_path / "out").exists()


def test_depth_of_a_recording_is_not_that_of_a_simulation(tmp_path, capsys):
    assert main(["e_generic", "--depth", "measured", "--output", str(tmp_path / "out")]) == 2
    assert "depth: 'measured' is of recordings" in capsys.readouterr().err


def test_a_mask_of_another_size_is_refused(recording, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "mask.png"), np.full((100, 100), 255, np.uint8))
    assert run(recording, "--mask", tmp_path / "mask.png", "--output", tmp_path / "out") == 2
    assert "expected the recording's size 640 x 240, got 100 x 100" in capsys.readouterr().err


def test_no_such_recording(tmp_path, capsys):
    assert run(tmp_path / "none") == 2
    assert "no such folder" in capsys.readouterr().err


def test_depth_that_was_not_recorded(plane, tmp_path, capsys):
    write_folder(tmp_path, Shots(plane, 3, camera=LOW))
    text = (tmp_path / "poses.json").read_text().replace('"depth":', '"ignored":')
    (tmp_path / "poses.json").write_text(text)
    for words in (("--depth", "measured"), ("--depth", "oracle"), ("--pairs", 0, "--loops", 1)):
        assert run(tmp_path, *words, "--methods", "pbvs", "--output", tmp_path / "out") == 2
        assert "the recording has none" in capsys.readouterr().err


def test_bad_frames_are_told_and_the_run_goes_on(plane, tmp_path, capsys):
    write_7scenes(tmp_path / "in", Shots(plane, 4, camera=LOW))
    np.savetxt(tmp_path / "in" / "frame-000001.pose.txt", np.diag([1, 1, 3, 1.0]))
    (tmp_path / "in" / "frame-000002.color.png").write_bytes(b"none")
    words = ("--pairs", 1, "--methods", "pbvs", "--output", tmp_path / "out")
    assert run(tmp_path / "in", *words) == 0
    told = [line for line in capsys.readouterr().err.splitlines() if line.startswith("e_real: left out:")]
    assert len(told) == 2
    assert "expected a rigid pose" in told[0]
    assert "frame-000002.color.png: not an image" in told[1]


def test_results_of_other_settings_are_not_mixed(recording, answered, capsys):
    words = ("--pairs", 1, "--methods", "pbvs", "--name", "x", "--depth", "measured", "--output", answered)
    assert run(recording, *words) == 2
    assert "depth is 'none' there, 'measured' now" in capsys.readouterr().err


def test_fused_depth_fills_a_hole_that_a_neighbour_knows(plane, tmp_path):
    shots = Shots(plane, 4, spread=0.05)
    shots.depths_m[0][200:240, 300:340] = 0
    write_7scenes(tmp_path, shots)
    frames = open_recording(tmp_path, "dev").frames
    fused = fused_depth(frames, 0)
    truth = plane.depth(shots.poses[0], shots.camera)
    assert np.isfinite(fused[210:230, 310:330]).mean() > 0.7
    assert np.nanmax(np.abs(fused[210:230, 310:330] - truth[210:230, 310:330])) < 0.01


def test_a_header_names_only_the_new_settings_that_are_in_use(answered):
    header = json.loads((answered / "trials.jsonl").read_text().splitlines()[0])
    assert header["settings"]["recording"] == "x"
    assert "mask_digest" not in header["settings"]
    assert read_results(answered).settings.recording == "x"
