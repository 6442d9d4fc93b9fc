"""What ends the controller's motion, tick by tick on clocks that the test moves: the same on the busiest machine."""

import numpy as np
import pytest
from ticked_nodes import TickedController

from depth_pc_interfaces.msg import ServoGoal
from depth_pc_ros.nodes.adapter_status import AdapterStatus
from depth_pc_ros.nodes.conversions import seconds_to_stamp
from depth_pc_ros.types import ServoState

pytestmark = pytest.mark.ros


@pytest.fixture
def ticked(runner, camera, monkeypatch):
    ticked = TickedController(runner, camera, monkeypatch)
    yield ticked
    ticked.node.destroy_node()


STOPS = {
    "disabled": lambda ticked: ticked.node.disable(),
    "goal cleared": lambda ticked: ticked.node._on_goal(ServoGoal()),
    "another goal": lambda ticked: ticked.node._on_goal(ticked.camera.goal_msg(goal_id=9)),
    "adapter fault": lambda ticked: ticked.report(AdapterStatus("FAULT", "because")),
    "future stamp": lambda ticked: ticked.node._on_matches(ticked.camera.matches_msg(ticked.time_s + 0.5)),
    "old stamp": lambda ticked: ticked.node._on_matches(ticked.camera.matches_msg(ticked.time_s - 0.7)),
    "too few matches": lambda ticked: ticked.node._on_matches(ticked.camera.matches_msg(ticked.time_s + 0.001, 5)),
    "other goal's matches": lambda ticked: ticked.node._on_matches(
        ticked.camera.matches_msg(ticked.time_s + 0.001, goal_id=77)
    ),
    "silence": lambda ticked: setattr(ticked, "time_s", ticked.time_s + 0.6),
}


@pytest.mark.parametrize("cause", STOPS)
def test_the_first_tick_after_any_stop_is_zero_then_four_more_then_silence(ticked, cause):
    ticked.start_moving()
    STOPS[cause](ticked)
    twists = [ticked.tick(matches=False) for _ in range(8)]
    assert [twist is not None and not twist.any() for twist in twists] == [True] * 5 + [False] * 3
    assert twists[5:] == [None] * 3


def test_without_a_transform_zeros_go_on_and_motion_waits_for_the_next_image(ticked):
    ticked.start_moving()
    ticked.report(AdapterStatus("TF_ERROR", "because"))
    assert not any(ticked.tick().any() for _ in range(12))
    ticked.report(AdapterStatus())
    assert ticked.node.state()[1] == "waiting for the next matched image"
    assert ticked.tick(matches=False) is None
    assert 0 < np.linalg.norm(ticked.tick()[:3]) <= 0.04


def test_all_motion_until_a_stop_is_recorded(ticked):
    """The sum of what was sent times its period equals what is in the record, whatever ended the motion."""
    ticked.start_moving()
    STOPS["too few matches"](ticked)
    for _ in range(3):
        ticked.tick(matches=False)
    sent_m = 0.02 * np.sum([twist[:3] for twist in ticked.sent], axis=0)
    recorded_m, _ = ticked.node._servo.record.translation(0.0, ticked.time_s + 1.0)
    np.testing.assert_allclose(recorded_m, sent_m, atol=1e-9)


def test_done_converges_and_then_disables_itself(runner, camera, monkeypatch):
    ticked = TickedController(runner, camera, monkeypatch, after_goal="done")
    ticked.start_moving()
    states = []
    for _ in range(300):
        ticked.tick()
        states.append(ticked.node.state()[0])
        if states[-1] is ServoState.DISABLED:
            break
    ticked.node.destroy_node()
    assert states[-1] is ServoState.DISABLED
    assert ticked.node.error < 0.01


def test_a_doubt_of_the_picture_stops_as_ambiguous_and_says_why(runner, camera, monkeypatch, ticked):
    ticked.start_moving()
    matches_msg = camera.matches_msg

    def see(doubt, agreement):
        def judged(*arguments):
            msg = matches_msg(*arguments)
            msg.doubt, msg.agreement = doubt, agreement
            return msg

        monkeypatch.setattr(camera, "matches_msg", judged)

    see("half of the picture is elsewhere", 0.5)
    for _ in range(300):
        ticked.tick()
        state, message = ticked.node.state()
        assert state is not ServoState.CONVERGED
        if state is ServoState.AMBIGUOUS:
            break
    assert state is ServoState.AMBIGUOUS
    assert message == "half of the picture is elsewhere"
    see("", np.nan)  # not judged: the doubt stands
    ticked.tick()
    assert ticked.node.state()[0] is ServoState.AMBIGUOUS
    see("", 0.9)
    ticked.tick()
    assert ticked.node.state()[0] is ServoState.CONVERGED


def test_a_frozen_stream_stops_the_node_until_it_is_enabled_again(ticked):
    ticked.start_moving()
    last = ticked.camera.matches_msg(ticked.time_s)
    for _ in range(40):
        ticked.time_s += 0.02
        last.header.stamp = seconds_to_stamp(ticked.time_s)
        ticked.node._on_matches(last)
        ticked.node._on_tick()
    state, message = ticked.node.state()
    assert state is ServoState.FROZEN
    assert "did not change at all" in message
    assert not ticked.sent[-1].any()
    ticked.node.disable()
    ticked.node.enable()
    assert ticked.node.state()[0] is ServoState.STALE_INPUT
    ticked.tick()
    assert ticked.node.state()[0] is ServoState.SERVOING


def test_a_camera_frame_turned_by_180_degrees_stops_the_node(ticked):
    ticked.node._on_goal(ticked.camera.goal_msg())
    ticked.node.enable()
    obey = ticked.camera.move
    ticked.camera.move = lambda twist, dt_s: obey(twist * [1, -1, -1, 1, -1, -1], dt_s)
    for _ in range(60):
        ticked.tick()
    state, message = ticked.node.state()
    assert state is ServoState.CONTRADICTED
    assert "turned by 180° about its x axis" in message
    assert "camera_in_tool_quat" in message
    assert not ticked.sent[-1].any()
    sent = np.array([twist for twist in ticked.sent if twist.any()])
    # This camera moves 0.05 s sooner than the controller thinks, so that it is taken for one that follows at first.
    assert 0.02 * np.linalg.norm(sent[:, :3], axis=1).sum() < 0.035
