from array import array

import cv2
import numpy as np
import pytest
from std_msgs.msg import Header

from depth_pc_interfaces.msg import ServoGoal
from depth_pc_ros.config import ControlConfig
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.errors import ImageError
from depth_pc_ros.nodes.conversions import depth_to_image, intrinsics_to_info, matches_to_msg, seconds_to_stamp
from depth_pc_ros.nodes.servo_input import ServoInput
from depth_pc_ros.types import Matches, ServoState

pytestmark = pytest.mark.ros


@pytest.fixture
def servo() -> Servo:
    return Servo(ControlConfig())


@pytest.fixture
def inputs(servo) -> ServoInput:
    return ServoInput(servo, max_depth_age_s=0.1)


@pytest.fixture
def keypoints():
    return np.random.default_rng(0).uniform([100, 100], [540, 380], (30, 2))


@pytest.fixture
def frame(keypoints):
    """Matches of 30 points seen a little to the side, as a message."""

    def make(stamp_s=1.0, goal_id=1, points=30):
        matches = Matches(keypoints[:points] + [9.0, 4.0], np.ones(points, bool), np.ones(points, np.float32))
        return matches_to_msg(matches, goal_id, Header(stamp=seconds_to_stamp(stamp_s)))

    return make


@pytest.fixture
def goal(intrinsics, keypoints):
    """Makes a goal of these keypoints, as a message."""

    def make(goal_id, distance=0.6, **fields):
        points = array("d", keypoints.tobytes())
        info = intrinsics_to_info(intrinsics, Header())
        return ServoGoal(goal_id=goal_id, distance=distance, keypoints=points, camera_info=info, **fields)

    return make


def test_no_goal_then_another_then_the_right_one(inputs, goal, frame):
    assert inputs.step(frame()).state is ServoState.NO_GOAL
    inputs.set_goal(goal(2))
    assert inputs.step(frame()).message == "the matches are of goal 1, not 2"
    assert inputs.step(frame(goal_id=0)).state is ServoState.NO_GOAL
    result = inputs.step(frame(goal_id=2))
    assert result.state is ServoState.SERVOING
    assert result.twist.any()
    inputs.set_goal(ServoGoal(goal_id=0))
    assert inputs.goal_id == 0
    assert inputs.step(frame()).state is ServoState.NO_GOAL


def test_a_number_of_points_that_changes_is_refused(inputs, goal, frame):
    inputs.set_goal(goal(1))
    inputs.step(frame())
    result = inputs.step(frame(stamp_s=1.1, points=20))
    assert result.state is ServoState.STALE_INPUT
    assert "expected the goal's 30 keypoints, got 20" in result.message
    assert not result.twist.any()


def test_the_goals_depth_and_distance_reach_the_servo(inputs, goal, servo, frame):
    inputs.set_goal(goal(1, distance=0.0, depth=depth_to_image(np.full((480, 640), 0.8), Header())))
    np.testing.assert_allclose(servo.goal.metric_depth_m, 0.8, rtol=1e-6)
    assert servo.goal.distance_m == pytest.approx(0.8)
    inputs.set_distance(0.5)
    assert servo.goal.distance_m == 0.5
    np.testing.assert_allclose(servo.goal.metric_depth_m, 0.8, rtol=1e-6)


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("distance", -1.0, "distance: expected metres"),
        ("keypoints", [1.0, 2.0, 3.0], "goal keypoints: expected u and v"),
        ("keypoints", [], "goal keypoints: expected u and v of every point, got 0 values"),
    ],
)
def test_a_goal_that_cannot_be_used_is_named_and_does_not_move(inputs, goal, frame, field, value, words):
    wrong = goal(1)
    setattr(wrong, field, value)
    inputs.set_goal(wrong)
    result = inputs.step(frame())
    assert result.state is ServoState.NO_GOAL
    assert words in result.message
    assert not result.twist.any()
    inputs.set_goal(goal(2))
    assert inputs.step(frame(goal_id=2)).state is ServoState.SERVOING


def test_depth_of_the_nearest_time_is_used(inputs, goal, frame):
    inputs.set_goal(goal(1))
    assert not inputs.awaits_depth(1.0)
    for stamp_s in (0.8, 0.97):
        inputs.add_depth(depth_to_image(np.full((480, 640), 0.6), Header(stamp=seconds_to_stamp(stamp_s))))
    assert inputs.awaits_depth(1.0)
    assert not inputs.awaits_depth(0.97)
    assert inputs.step(frame(stamp_s=1.0)).depth_source == "camera"
    assert inputs.depth_age_s == pytest.approx(0.03)
    assert inputs.step(frame(stamp_s=1.2)).depth_source == "none"
    assert np.isnan(inputs.depth_age_s)


def test_a_law_that_fails_on_a_frame_is_lost_not_a_crash(inputs, goal, servo, frame, monkeypatch):
    def fail(observation):
        raise cv2.error("no solution")

    inputs.set_goal(goal(1))
    monkeypatch.setattr(servo, "_law", type("Law", (), {"__call__": staticmethod(fail), "reset": lambda self: None})())
    result = inputs.step(frame())
    assert result.state is ServoState.LOST
    assert "no solution" in result.message


def relative(value, stamp_s, stamp=None):
    header = Header(stamp=stamp or seconds_to_stamp(stamp_s))
    return depth_to_image(np.full((480, 640), value, np.float32), header)


def test_estimated_depth_of_an_earlier_image_is_used_with_its_age(inputs, goal, frame):
    inputs.set_goal(goal(1))
    inputs.step(frame())
    inputs.add_relative_depth(relative(-3.0, 1.0))
    result = inputs.step(frame(stamp_s=1.25))
    assert result.depth_source == "estimated"
    assert inputs.depth_age_s == pytest.approx(0.25)
    assert inputs.step(frame(stamp_s=9.0)).depth_source == "none"
    assert np.isnan(inputs.depth_age_s)


@pytest.mark.parametrize("when", ["before the goal", "before the matches", "after the matches"])
def test_the_goals_estimated_depth_may_come_at_any_time(inputs, goal, servo, frame, when):
    msg = goal(1, header=Header(stamp=seconds_to_stamp(5.0)))
    if when == "before the goal":
        inputs.set_goal_relative_depth(relative(-3.0, 5.0))
    inputs.set_goal(msg)
    if when == "before the matches":
        inputs.set_goal_relative_depth(relative(-3.0, 5.0))
    inputs.step(frame())
    if when == "after the matches":
        inputs.set_goal_relative_depth(relative(-3.0, 5.0))
    np.testing.assert_array_equal(servo.goal.relative_depth, np.full(30, -3.0))


def test_the_estimated_depth_of_another_goal_is_not_used(inputs, goal, servo, frame):
    inputs.set_goal(goal(1, header=Header(stamp=seconds_to_stamp(5.0))))
    inputs.step(frame())
    inputs.set_goal_relative_depth(relative(-3.0, 4.0))
    assert servo.goal.relative_depth is None


def test_in_lockstep_estimates_are_waited_for_once_they_come(inputs, goal, frame):
    inputs.set_goal(goal(1, header=Header(stamp=seconds_to_stamp(5.0))))
    inputs.step(frame())
    assert not inputs.awaits_depth(1.1)
    inputs.add_relative_depth(relative(-3.0, 1.0))
    assert not inputs.awaits_depth(1.0)
    assert inputs.awaits_depth(1.1)
    inputs.stop_awaiting()
    assert not inputs.awaits_depth(1.1)


@pytest.mark.parametrize("early", [True, False])
def test_a_wrong_estimate_of_the_goal_is_named_and_does_not_stop_the_servo(inputs, goal, frame, early):
    header = Header(stamp=seconds_to_stamp(5.0))
    wrong = depth_to_image(np.ones((20, 20), np.float32), header)
    if early:
        inputs.set_goal_relative_depth(wrong)
    inputs.set_goal(goal(1, header=header))
    assert inputs.step(frame()).state is ServoState.SERVOING
    if not early:
        inputs.set_goal_relative_depth(wrong)
    assert "goal relative depth: expected" in inputs.problem
    assert inputs.step(frame(stamp_s=1.1)).state is ServoState.SERVOING


def test_a_wrong_estimate_is_refused(inputs, goal, frame):
    inputs.set_goal(goal(1))
    inputs.step(frame())
    wrong = relative(-3.0, 1.0)
    wrong.encoding = "16UC1"
    with pytest.raises(ImageError, match="relative depth: expected encoding 32FC1, got '16UC1'"):
        inputs.add_relative_depth(wrong)


def test_a_refused_goal_leaves_the_old_one(inputs, goal, frame):
    inputs.set_goal(goal(1))
    wrong = goal(2)
    wrong.keypoints = array("d", bytes(16 * 100_000))
    inputs.set_goal(wrong)
    assert "goal 2 was refused: goal keypoints: expected at most 5000 points, got 100000" in inputs.goal_problem
    assert inputs.goal_id == 1
    assert inputs.step(frame()).state is ServoState.SERVOING
    result = inputs.step(frame(stamp_s=1.1, goal_id=2))
    assert result.state is ServoState.STALE_INPUT
    assert "the matches are of goal 2, not 1; goal 2 was refused" in result.message
    inputs.set_goal(goal(3))
    assert inputs.goal_problem == ""
    assert inputs.step(frame(stamp_s=1.2, goal_id=3)).state is ServoState.SERVOING


def test_absurd_matches_are_refused_before_the_law_sees_them(inputs, goal, frame, servo, monkeypatch):
    inputs.set_goal(goal(1))
    monkeypatch.setattr(servo, "update", lambda *_: pytest.fail("the law was asked"))
    absurd = frame()
    absurd.matched = [True] * 100_000
    result = inputs.step(absurd)
    assert result.state is ServoState.STALE_INPUT
    assert "matches: expected at most 5000 points, got 100000" in result.message


@pytest.mark.parametrize("take", ["add_depth", "add_relative_depth", "set_goal_relative_depth"])
def test_absurd_depth_is_refused_and_not_kept(inputs, goal, frame, take):
    inputs.set_goal(goal(1))
    absurd = relative(1.0, 1.0)
    absurd.width = absurd.height = 12000
    with pytest.raises(ImageError, match="expected at most 8192 px"):
        getattr(inputs, take)(absurd)
    late = relative(1.0, 1.0)
    late.header.stamp.nanosec = 4 * 10**9
    with pytest.raises(ImageError, match="stamp: expected nanosec below"):
        getattr(inputs, take)(late)
    assert not inputs._depths
    assert not inputs._goal_relative
    assert inputs.step(frame()).state is ServoState.SERVOING


def test_the_estimated_depth_of_another_goal_does_not_replace_that_of_this_one(inputs, goal, servo):
    inputs.set_goal(goal(1, header=Header(stamp=seconds_to_stamp(5.0))))
    inputs.set_goal_relative_depth(relative(-3.0, 5.0))
    for stamp_s in (4.0, 6.0, 7.0):
        inputs.set_goal_relative_depth(relative(-9.0, stamp_s))
    inputs.set_distance(0.5)  # takes the goal anew
    np.testing.assert_array_equal(servo.goal.relative_depth, np.full(30, -3.0))
    inputs.set_goal(goal(2, header=Header(stamp=seconds_to_stamp(7.0))))
    np.testing.assert_array_equal(servo.goal.relative_depth, np.full(30, -9.0))
    assert len(inputs._goal_relative) == 2
