"""The suite from end to end: faults in the closed loop, the command, its table."""

import dataclasses
import itertools

import numpy as np
import pytest

from depth_pc_ros.benchmark import e_fault, methods
from depth_pc_ros.benchmark.__main__ import main
from depth_pc_ros.benchmark.episodes import EpisodeSource, Places
from depth_pc_ros.benchmark.fault_rows import ROWS
from depth_pc_ros.benchmark.results import read_results
from depth_pc_ros.benchmark.schema import check_row
from depth_pc_ros.benchmark.settings import DT_S, E_GENERIC, Settings
from depth_pc_ros.benchmark.trial import FAULT_STOP_STEPS, run_trial
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.types import ServoState, StepResult

FORWARD = np.array([0, 0, 0.1, 0, 0, 0])


@pytest.fixture
def run(photo_settings, photo_places, monkeypatch):
    """Run a row above a photograph with a method that answers `answer(frames)`, of the frames so far."""

    def start(row, answer, max_steps=100):
        frames = []

        class Fake(methods.Method):
            label = "fake"

            def start(self, goal, disturb_matches):
                frames.clear()

            def step(self, frame):
                frames.append(frame)
                return answer(frames)

        monkeypatch.setitem(methods.METHODS, "fake", Fake)
        settings = dataclasses.replace(e_fault.row_settings(photo_settings, row), max_steps=max_steps)
        episode = EpisodeSource(photo_settings, photo_places).episode("P", 0)
        trial = run_trial(episode, "fake", settings, photo_places)
        check_row({"kind": "trial", **trial}, row)
        return trial, frames

    return start


def servoing(frames):
    return StepResult(FORWARD, ServoState.SERVOING)


def arrived_after(count):
    def answer(frames):
        arrived = len(frames) > count
        return StepResult(np.zeros(6), ServoState.CONVERGED if arrived else ServoState.SERVOING)

    return answer


def test_motion_counts_from_the_begin_of_the_fault(run):
    trial, frames = run("frozen", servoing, max_steps=60)
    repeats = sum(np.array_equal(a.view.image, b.view.image) for a, b in itertools.pairwise(frames))
    assert trial["outcome"] == "timeout"
    assert 20 <= repeats < 51
    assert trial["fault"]["commanded_mm"] == pytest.approx(1e3 * 0.1 * DT_S * repeats, rel=0.06)
    assert trial["path_m"] == pytest.approx(0.1 * 60 * DT_S)


def test_a_stop_ends_the_run_under_its_name_once_it_has_lasted(run):
    def stops(frames):
        return servoing(frames) if len(frames) <= 5 else StepResult.stopped(ServoState.NOT_FOLLOWING, "the arm is off")

    trial, _ = run("deaf", stops)
    assert (trial["outcome"], trial["message"]) == ("not_following", "the arm is off")
    assert trial["steps"] == 5 + FAULT_STOP_STEPS
    assert trial["te_mm"] == pytest.approx(trial["start_te_mm"], abs=1e-3)


def test_stops_that_alternate_are_none(run):
    def wavers(frames):
        state = ServoState.LOST if len(frames) % 40 < 20 else ServoState.AMBIGUOUS
        return StepResult.stopped(state, "")

    assert run("deaf", wavers)[0]["outcome"] == "timeout"


def test_between_the_images_of_a_slow_camera_a_command_acts_for_a_quarter_of_a_second(run):
    trial, frames = run("camera_2hz", servoing, max_steps=100)
    assert len(frames) == 4
    assert trial["path_m"] == pytest.approx(4 * 0.1 * 0.26, rel=1e-3)
    assert np.diff([frame.stamp_s for frame in frames]) == pytest.approx(0.5)


def test_a_run_with_a_moving_target_goes_on_after_the_arrival(run):
    trial, frames = run("target_10mm_s", arrived_after(3), max_steps=100)
    shift = frames[-1].T_world_cam[:3, 3] - frames[0].T_world_cam[:3, 3]
    assert trial["outcome"] == "timeout"
    assert np.linalg.norm(shift) == pytest.approx(0.01 * 99 * DT_S)
    assert trial["path_m"] == 0


def test_a_told_lag_is_the_age_of_the_frame(run):
    _, frames = run("lag_300ms_told", servoing, max_steps=2)
    assert [frame.age_s for frame in frames] == [0.3, 0.3]


def test_a_mask_reaches_the_method(photo_settings, photo_places, monkeypatch):
    given = []

    class Fake(methods.Method):
        label = "fake"

        def start(self, task, disturb_matches):
            given.append(task.mask)

        def step(self, frame):
            return arrived_after(0)([0])

    monkeypatch.setitem(methods.METHODS, "fake", Fake)
    episode = EpisodeSource(photo_settings, photo_places).episode("P", 0)
    for row in ("gripper_20_plain", "gripper_20_plain_masked"):
        run_trial(episode, "fake", e_fault.row_settings(photo_settings, row), photo_places)
    assert given[0] is None
    assert 0.2 < (given[1] == 0).mean() < 0.27


def test_a_board_is_elsewhere_in_the_goal_image_of_a_real_run():
    settings = Settings(environment=E_GENERIC, speed="swift", camera_noise=True, fault="board_30", max_steps=2)
    episode = EpisodeSource(settings, Places()).episode("S", 0)
    trial = run_trial(episode, "pbvs", settings, Places())
    assert trial["steps"] == 2
    assert trial["matches_min"] > 20
    assert trial["fault"]["commanded_mm"] > 0


def test_rows_are_named_by_patterns():
    assert e_fault.rows_from("*") == list(ROWS)
    assert e_fault.rows_from("deaf,frozen*,deaf") == ["deaf", "frozen", "frozen_noisy"]
    with pytest.raises(ConfigError, match="rows: expected names of rows, see --list, got 'fog'"):
        e_fault.rows_from("deaf,fog")


def test_the_rows_are_listed(capsys):
    assert main(["e_fault", "--list", "--rows", "frame_*"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert [line.split()[0] for line in lines] == e_fault.rows_from("frame_*")


def test_the_command_runs_resumes_and_reports(tmp_path, capsys):
    words = ["e_fault", "--rows", "deaf", "--methods", "oracle", "--episodes", "1", "--workers", "1"]
    assert main([*words, "--output", str(tmp_path)]) == 0
    first = (tmp_path / "summary.md").read_text()
    file = tmp_path / "deaf" / "trials.jsonl"
    before = file.read_bytes()
    assert "| deaf | oracle | 1 | 0 |" in first
    settings = read_results(tmp_path / "deaf").settings
    assert (settings.fault, settings.speed, settings.camera_noise) == ("deaf", "swift", True)
    assert main([*words, "--output", str(tmp_path)]) == 0
    assert file.read_bytes() == before
    capsys.readouterr()
    assert main(["report", str(tmp_path), "--output", str(tmp_path / "page")]) == 0
    assert "oracle" in capsys.readouterr().out
    assert (tmp_path / "page" / "summary.md").read_text() == first
