"""The closed loop: it integrates exactly, names every kind of failure, and repeats itself."""

import dataclasses

import numpy as np
import pytest

from depth_pc_ros.benchmark import methods
from depth_pc_ros.benchmark.episodes import EpisodeSource
from depth_pc_ros.benchmark.settings import DT_S
from depth_pc_ros.benchmark.trial import TIMED_KEYS, TRACE_SAMPLES, run_trial
from depth_pc_ros.errors import GoalTextureError
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import ServoState, StepResult


@pytest.fixture
def episode(photo_settings, photo_places):
    return EpisodeSource(photo_settings, photo_places).episode("P", 0)


@pytest.fixture
def run(episode, photo_settings, photo_places, monkeypatch):
    """Run one trial of a method that answers `answer(frame)` at every step."""

    def start(answer, **settings):
        class Fake(methods.Method):
            needs_images = False
            label = "fake"

            def start(self, goal, disturb_matches):
                self.goal = goal

            def step(self, frame):
                return answer(frame, self.goal)

        monkeypatch.setitem(methods.METHODS, "fake", Fake)
        settings = dataclasses.replace(photo_settings, **{"max_steps": 400, **settings})
        return run_trial(episode, "fake", settings, photo_places)

    return start


def drive(v):
    """Answers the world direction `v` as a camera twist."""

    def answer(frame, goal):
        twist = np.concatenate([frame.T_world_cam[:3, :3].T @ v, np.zeros(3)])
        return StepResult(twist, ServoState.SERVOING)

    return answer


def homing(stop_at_m):
    """Goes to the goal, and says so at this distance."""

    def answer(frame, goal):
        T = se3.inverse(frame.T_world_cam) @ goal.T_world_goal
        if np.linalg.norm(T[:3, 3]) < stop_at_m:
            return StepResult(np.zeros(6), ServoState.CONVERGED)
        return StepResult(2 * se3.log(T), ServoState.SERVOING)

    return answer


def lost(frame, goal):
    return StepResult(np.zeros(6), ServoState.LOST, "no matches")


def fault(frame, goal):
    return StepResult(np.zeros(6), ServoState.FAULT, "not finite")


@pytest.mark.parametrize(
    ("answer", "outcome", "steps"),
    [
        (lost, "lost", 100),
        (fault, "fault", 1),
        (drive(np.zeros(3)), "timeout", 400),
        (drive(np.array([0.0, 0.0, -0.5])), "ground", None),
        (drive(np.array([0.0, 0.0, 1.0])), "diverged", None),
        (homing(0.1), "inaccurate", None),
        (homing(0.001), "success", None),
    ],
)
def test_every_end_has_a_name(run, answer, outcome, steps):
    trial = run(answer)
    assert trial["outcome"] == outcome
    assert steps is None or trial["steps"] == steps
    assert len(trial["trace"]["step"]) <= TRACE_SAMPLES
    assert trial["trace"]["step"][-1] == trial["steps"] - 1


def test_moving_away_is_divergence(run):
    trial = run(lambda frame, goal: StepResult(np.array([0, 0, 0, 2.0, 0, 0]), ServoState.SERVOING))
    assert trial["outcome"] == "diverged"
    assert trial["steps"] * DT_S * 2.0 < np.pi


def test_lost_for_a_moment_is_not_lost(run):
    calls = []

    def flicker(frame, goal):
        calls.append(0)
        return lost(frame, goal) if len(calls) % 25 else drive(np.zeros(3))(frame, goal)

    assert run(flicker)["outcome"] == "timeout"


def test_a_refused_goal_is_a_failure_of_its_own(run, monkeypatch, episode, photo_settings, photo_places):
    class Blind(methods.Method):
        needs_images = False
        label = "blind"

        def start(self, goal, disturb_matches):
            raise GoalTextureError("goal image: too few keypoints")

    monkeypatch.setitem(methods.METHODS, "blind", Blind)
    trial = run_trial(episode, "blind", photo_settings, photo_places)
    assert (trial["outcome"], trial["steps"], trial["message"]) == ("no_goal", 0, "goal image: too few keypoints")
    assert trial["te_mm"] == pytest.approx(trial["start_te_mm"], abs=1e-3)


def test_speeds_and_path_are_those_of_the_motion(run):
    trial = run(drive(np.array([0.3, 0.0, 0.0])), max_steps=50)
    assert trial["peak_linear_m_s"] == pytest.approx(0.3)
    assert trial["path_m"] == pytest.approx(0.3 * 50 * DT_S)
    moved = np.array(trial["T_world_final"])[:3, 3] - np.array(trial["T_world_start"])[:3, 3]
    np.testing.assert_allclose(moved, [0.3, 0, 0], atol=1e-6)


def test_delayed_commands_are_carried_out_after_the_stop(run):
    clean, delayed = run(homing(0.02)), run(homing(0.02), delay_ms=100)
    assert delayed["outcome"] == clean["outcome"] == "success"
    assert delayed["te_mm"] < delayed["trace"]["te_mm"][-1] - 1
    assert clean["te_mm"] == pytest.approx(clean["trace"]["te_mm"][-1], abs=1e-3)


@pytest.mark.parametrize("changes", [{}, {"depth": "camera", "light": True, "occlude": 0.2, "pixel_noise": 0.5}])
def test_the_same_seed_gives_the_same_numbers(episode, photo_settings, photo_places, changes):
    settings = dataclasses.replace(photo_settings, **changes)
    first, again = (run_trial(episode, "pbvs", settings, photo_places) for _ in range(2))
    for trial in (first, again):
        for key in TIMED_KEYS:
            del trial[key]
    assert first == again
    assert first["matches_min"] > 50
    assert first["te_mm"] < 0.75 * first["start_te_mm"]


def test_time_is_measured_by_stage(episode, photo_settings, photo_places):
    trial = run_trial(episode, "pbvs", photo_settings, photo_places)
    assert all(trial["stages_s"][name] > 0 for name in ("render", "detect", "match", "control"))
    assert sum(trial["stages_s"].values()) < trial["wall_s"]
    assert trial["step_ms_mean"] <= trial["step_ms_p95"] * 1.5
    assert trial["rss_mb"] > 10
