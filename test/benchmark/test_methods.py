"""Methods answer alike under one interface; the oracle is the floor."""

import dataclasses

import cv2
import numpy as np
import pytest

from depth_pc_ros.benchmark import flow, methods
from depth_pc_ros.benchmark.method import paper_peaks
from depth_pc_ros.benchmark.methods import Oracle, check_methods, make_method
from depth_pc_ros.benchmark.settings import DT_S, Settings
from depth_pc_ros.benchmark.task import Frame, Task, View
from depth_pc_ros.benchmark.watched import DisturbedMatcher
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.geometry import se3
from depth_pc_ros.perception.matchers import OrbMatcher
from depth_pc_ros.perception.tracking import TrackingMatcher
from depth_pc_ros.perception.wide_baseline import WideBaselineMatcher
from depth_pc_ros.types import ServoState


def untouched(matches):
    return matches


@pytest.fixture
def task(plane, intrinsics, T_world_goal) -> Task:
    view = View(plane.view(T_world_goal, intrinsics), None)
    return Task(view, intrinsics, 0.6, (1.0, 2.0), T_world_goal, np.zeros(3))


def test_the_oracle_takes_four_percent_a_step_until_the_stopping_rule_holds(task, move):
    oracle = Oracle(Settings())
    oracle.start(task, untouched)
    T = move(task.T_world_goal, (0.1, -0.1, 0.05), roll_deg=60)
    errors, states = [], []
    while ServoState.CONVERGED not in states:
        result = oracle.step(Frame(View(None, None), DT_S * (len(states) + 1), T))
        states.append(result.state)
        errors.append(se3.pose_error(T, task.T_world_goal))
        T = T @ se3.exp(DT_S * result.twist)
    ratios = np.divide(errors[1:], errors[:-1])
    assert ratios == pytest.approx(0.96, abs=0.003)
    assert errors[-1][0] < 0.001
    assert 150 < len(states) < 200


def test_paper_peaks_are_twice_the_path_per_second_and_never_exceeded(task, move):
    T = move(task.T_world_goal, (0.3, -0.3, 0.2), roll_deg=60)
    task = dataclasses.replace(task, peaks=paper_peaks(T, task.T_world_goal))
    path_m, path_deg = se3.pose_error(T, task.T_world_goal)
    assert task.peaks == pytest.approx((2 * path_m, 2 * np.radians(path_deg)))
    oracle = Oracle(Settings(speed="paper_peaks"))
    oracle.start(task, untouched)
    twists = []
    for k in range(1, 60):
        twists.append(oracle.step(Frame(View(None, None), DT_S * k, T)).twist)
        T = T @ se3.exp(DT_S * twists[-1])
    peaks = [max(np.linalg.norm(twist[part]) for twist in twists) for part in (slice(0, 3), slice(3, 6))]
    assert all(peak <= limit * (1 + 1e-9) for peak, limit in zip(peaks, task.peaks))
    assert max(peak / limit for peak, limit in zip(peaks, task.peaks)) > 0.6


def test_the_oracle_is_limited_like_all_others(task, move):
    oracle = Oracle(Settings(speed="limited"))
    oracle.start(task, untouched)
    T = move(task.T_world_goal, (0.3, -0.3, 0.2))
    speeds = []
    for k in range(1, 60):
        twist = oracle.step(Frame(View(None, None), DT_S * k, T)).twist
        T = T @ se3.exp(DT_S * twist)
        speeds.append(np.linalg.norm(twist[:3]))
    assert max(speeds) == pytest.approx(0.25)
    assert np.max(np.diff(speeds)) <= DT_S * 1.0 + 1e-9


@pytest.mark.parametrize("name", ["pbvs", "ibvs", "flow_ibvs"])
def test_methods_that_need_images_move_towards_the_goal(name, task, plane, intrinsics, move):
    method = make_method(name, Settings())
    method.start(task, untouched)
    T = move(task.T_world_goal, (0.01, 0.008, -0.01), roll_deg=3)
    result = method.step(Frame(View(plane.view(T, intrinsics), None), DT_S, T))
    wanted = se3.log(se3.inverse(T) @ task.T_world_goal)
    assert result.state is ServoState.SERVOING
    assert result.num_matches > 50
    assert set(result.timings_ms) == {"detect", "match", "control"}
    assert result.twist[:3] @ wanted[:3] > 0
    assert result.twist[3:] @ wanted[3:] > 0


@pytest.mark.parametrize("find_scale", [True, False])
def test_without_a_distance_the_default_is_taken_and_the_scale_is_found_if_enabled(
    find_scale, task, plane, intrinsics, move
):
    """The goal is 0.6 m away, which is also the default; where 1.2 m is given, motion corrects that."""
    ends = {}
    for distance_m in (None, 1.2):
        method = make_method("pbvs", Settings(speed="limited", find_scale=find_scale))
        method.start(dataclasses.replace(task, distance_m=distance_m), untouched)
        T = move(task.T_world_goal, (0.1, 0.08, -0.1), roll_deg=3)
        for k in range(30):
            twist = method.step(Frame(View(plane.view(T, intrinsics), None), DT_S * k, T)).twist
            T = T @ se3.exp(DT_S * twist)
        ends[distance_m] = np.linalg.norm(twist[:3]) / np.linalg.norm((se3.inverse(T) @ task.T_world_goal)[:3, 3])
    assert ends[1.2] / ends[None] == pytest.approx(1.0 if find_scale else 2.0, rel=0.2)


def test_keypoints_are_those_of_the_settings(task):
    for settings, kind in (
        (Settings(matcher="orb", track=False), OrbMatcher),
        (Settings(wide_baseline="none"), TrackingMatcher),
        (Settings(), WideBaselineMatcher),
    ):
        method = make_method("pbvs", settings)
        method.start(task, untouched)
        assert isinstance(method._matcher._matcher, kind)
        assert len(method._matcher.goal_points) > 50  # so the goal went to this one


def test_a_learned_matcher_without_weights_is_refused_before_anything_runs():
    with pytest.raises(ConfigError, match=r"matcher disk needs|disk needs kornia"):
        make_method("pbvs", Settings(matcher="disk"))


def test_optical_flow_needs_no_keypoint_weights():
    assert make_method("flow_ibvs", Settings(matcher="disk")).label == "flow_ibvs (DIS)"


def test_estimated_depth_has_latency_and_is_propagated(task, plane, intrinsics, tiny_depth_model):
    method = make_method("pbvs", Settings(depth="estimated", depth_model=str(tiny_depth_model)))
    method.start(task, untouched)
    image = plane.view(task.T_world_goal, intrinsics)
    sources, ages = [], []
    for k in range(9):
        frame = Frame(View(image, None), DT_S * (k + 1), task.T_world_goal)
        result = method.step(frame)
        method.beside(frame)
        sources.append(result.depth_source)
        ages.append(result.depth_age_s)
    assert sources == ["goal"] + 8 * ["estimated"]
    np.testing.assert_allclose(ages[1:], DT_S * np.array([1, 2, 3, 4, 5, 6, 1, 2]))


def test_matches_are_disturbed_between_matcher_and_servo(task, plane, intrinsics):
    seen = []

    def blank(matches):
        seen.append(matches.num_matched)
        none = np.zeros(len(matches.matched), dtype=bool)
        return dataclasses.replace(matches, matched=none, current_points=np.full_like(matches.current_points, np.nan))

    method = make_method("pbvs", Settings())
    method.start(task, blank)
    result = method.step(Frame(View(task.view.image, None), DT_S, task.T_world_goal))
    assert seen[0] > 50
    assert result.state is ServoState.LOST
    assert result.num_matches == 0


def test_a_disturbed_matcher_passes_on_everything_else():
    class Inner:
        goal_points = "points"

        def match_features(self, features):
            return features

    matcher = DisturbedMatcher(Inner(), lambda matches: matches + 1)
    assert matcher.goal_points == "points"
    assert matcher.match_features(1) == 2


def test_flow_finds_a_small_motion_to_a_fraction_of_a_pixel(task, plane, intrinsics, move):
    matcher = flow.FlowMatcher(flow.DisFlow())
    count = matcher.set_goal(task.view.image, intrinsics)
    T = move(task.T_world_goal, (0.01, 0.005, 0.0), roll_deg=2)
    matches = matcher.match_features(matcher.detect(plane.view(T, intrinsics)))
    assert matches.num_matched > 0.7 * count
    depth = plane.depth(task.T_world_goal, intrinsics)
    uv = matcher.goal_points[matches.matched]
    points = intrinsics.unproject(uv, depth[uv[:, 1].astype(int), uv[:, 0].astype(int)])
    T_live_goal = se3.inverse(T) @ task.T_world_goal
    true = intrinsics.project(se3.transform(T_live_goal, points))
    errors = np.linalg.norm(matches.current_points[matches.matched] - true, axis=1)
    assert np.median(errors) < 0.3


def test_flow_to_another_picture_matches_nothing(task, intrinsics):
    matcher = flow.FlowMatcher(flow.DisFlow())
    count = matcher.set_goal(task.view.image, intrinsics)
    noise = np.random.default_rng(0).integers(0, 256, (60, 80, 3)).astype(np.uint8)
    matches = matcher.match_features(matcher.detect(cv2.resize(noise, (640, 480))))
    assert matches.num_matched < 0.1 * count


def test_the_table_names_which_flow_ran():
    assert make_method("flow_ibvs", Settings()).label == "flow_ibvs (DIS)"


@pytest.mark.parametrize(("names", "expected"), [(["pbvs", "magic"], "'magic'"), (["pbvs", "pbvs"], "different")])
def test_unknown_and_repeated_methods_are_refused(names, expected):
    with pytest.raises(ConfigError, match=expected):
        check_methods(names)
    assert check_methods(list(methods.METHODS)) == list(methods.METHODS)
