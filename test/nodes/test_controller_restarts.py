"""After what the controller starts again from rest, tick by tick on clocks that the test moves."""

import dataclasses

import numpy as np
import pytest
from rclpy.parameter import Parameter
from ticked_nodes import TickedController

from depth_pc_ros.nodes.adapter_status import AdapterStatus
from depth_pc_ros.types import ServoState

pytestmark = pytest.mark.ros

FIRST_STEP = 0.02 * 0.02 * 1.0 / 0.05 + 1e-9  # m/s: one period at the jerk limit


@pytest.fixture
def ticked(runner, camera, monkeypatch):
    ticked = TickedController(runner, camera, monkeypatch, actuation_delay_s=0.0)  # as this camera has none
    yield ticked
    ticked.node.destroy_node()


def speeds(ticked, ticks) -> list[float]:
    """Of the twists that are sent in so many ticks, m/s."""
    count = len(ticked.sent)
    for _ in range(ticks):
        ticked.tick()
    return [float(np.linalg.norm(twist[:3])) for twist in ticked.sent[count:]]


def assert_from_rest(sent):
    """Zeros, and after the last one motion that begins with one step of the ramp and changes by 1 m/s^2 at most."""
    assert 0.0 in sent
    moving = sent[len(sent) - sent[::-1].index(0.0) :]
    assert len(moving) > 3
    assert moving[0] <= FIRST_STEP
    assert max(np.diff(moving)) <= 0.02 * 1.0 + 1e-9


def hold_up(ticked):
    ticked.time_s += 0.3


def hold_up_before_an_image(ticked):
    ticked.time_s += 0.3
    ticked.node._on_matches(ticked.camera.matches_msg(ticked.node.now_s()))


def adapter_stop(ticked):
    ticked.report(AdapterStatus(message="twist_cmd is 0.4 s old", stops=1))


def adapter_stop_between_two_statuses(ticked):
    ticked.report(AdapterStatus(stops=1))  # its cause is over already


def new_adapter(ticked):
    ticked.report(AdapterStatus(stops=4))
    for _ in range(15):
        ticked.tick()
    ticked.report(AdapterStatus())


def lose_adapter(ticked):
    ticked.report(None)
    for _ in range(20):
        ticked.tick()
    ticked.report(AdapterStatus())


RESTARTS = {
    "held up": hold_up,
    "held up, then an image": hold_up_before_an_image,
    "a stop of the adapter": adapter_stop,
    "a short stop of the adapter": adapter_stop_between_two_statuses,
    "another adapter": new_adapter,
    "an adapter that was lost": lose_adapter,
    "clock set back": lambda ticked: setattr(ticked, "clock_s", -900.0),
    "clock set back a little": lambda ticked: setattr(ticked, "clock_s", -0.3),
    "clock set ahead": lambda ticked: setattr(ticked, "clock_s", 900.0),
}


@pytest.mark.parametrize("cause", RESTARTS)
def test_motion_starts_again_from_rest(ticked, cause):
    ticked.start_moving()
    count = len(ticked.sent)
    RESTARTS[cause](ticked)
    speeds(ticked, 25)
    assert_from_rest([float(np.linalg.norm(twist[:3])) for twist in ticked.sent[count:]])
    assert ticked.node.state()[0] is ServoState.SERVOING


@pytest.mark.parametrize("lockstep", [False, True])
def test_without_a_living_adapter_nothing_moves_and_the_state_says_so(runner, camera, monkeypatch, lockstep):
    limits = {"lockstep": True, "adapter_timeout_s": 5.0, "input_timeout_s": 5.0} if lockstep else {}
    ticked = TickedController(runner, camera, monkeypatch, **limits)
    ticked.adapter = None
    ticked.node._on_goal(camera.goal_msg())
    ticked.node.enable()
    for _ in range(20):
        ticked.tick()
    state, message = ticked.node.state()
    assert state is ServoState.ADAPTER_LOST
    assert "no status of the twist adapter has arrived" in message
    assert not np.any(ticked.sent)
    ticked.report(AdapterStatus())
    assert not np.linalg.norm(ticked.tick()[:3]) > 0.04
    assert ticked.node.state()[0] is ServoState.SERVOING
    ticked.node.destroy_node()


def test_an_adapter_that_dies_stops_the_controller_within_its_timeout(ticked):
    ticked.start_moving()
    died_s = ticked.time_s
    ticked.report(None)
    while ticked.tick().any():
        assert ticked.time_s - died_s < 0.25
    assert ticked.node.state()[0] is ServoState.ADAPTER_LOST
    assert "at most 0.25 s" in ticked.node.state()[1]
    assert ticked.node.diagnose()[0] == b"\x02"
    rest = [ticked.tick() for _ in range(8)]
    assert [twist is None for twist in rest] == [False] * 4 + [True] * 4


def test_a_converged_servo_is_not_converged_without_its_adapter(ticked):
    ticked.start_moving()
    for _ in range(400):
        ticked.tick()
        if ticked.node.state()[0] is ServoState.CONVERGED:
            break
    assert ticked.node.state()[0] is ServoState.CONVERGED
    ticked.report(None)
    for _ in range(20):
        ticked.tick()
    assert ticked.node.state()[0] is ServoState.ADAPTER_LOST


def test_a_node_that_was_held_up_keeps_what_its_law_knows(ticked, monkeypatch):
    """Else a law whose first image takes long would begin with a first image again and again."""
    ticked.start_moving()
    resets = []
    monkeypatch.setattr(ticked.node._servo._law, "reset", lambda: resets.append(1))
    for _ in range(3):
        hold_up(ticked)
        ticked.tick()
    assert not resets


def test_a_converged_servo_that_is_held_up_stays_converged(ticked):
    ticked.start_moving()
    while ticked.node.state()[0] is not ServoState.CONVERGED:
        ticked.tick()
    hold_up(ticked)
    ticked.tick()
    assert ticked.node.state()[0] is ServoState.CONVERGED


def test_a_node_that_was_held_up_does_not_take_its_adapter_for_lost(ticked):
    ticked.start_moving()
    ticked.time_s += 0.4
    ticked.node._on_tick()
    assert ticked.node.state()[0] is not ServoState.ADAPTER_LOST


def test_a_node_that_was_held_up_does_not_take_its_adapter_for_found(runner, camera, monkeypatch):
    ticked = TickedController(runner, camera, monkeypatch)
    ticked.adapter = None
    ticked.node._on_goal(camera.goal_msg())
    ticked.node.enable()
    for _ in range(5):
        ticked.tick()
        ticked.time_s += 0.3
    assert ticked.node.state()[0] is ServoState.ADAPTER_LOST
    assert not np.any(ticked.sent)
    ticked.node.destroy_node()


def test_an_adapter_that_refuses_does_not_flicker_the_state(ticked):
    ticked.start_moving()
    states = set()
    for stops in range(1, 51):
        ticked.report(AdapterStatus(message="the driver is not ready", stops=stops))
        ticked.tick()
        states.add(ticked.node.state())
    assert states == {(ServoState.SERVOING, "the driver is not ready")}
    assert max(np.linalg.norm(twist[:3]) for twist in ticked.sent[-30:]) <= FIRST_STEP


# The clock


@pytest.fixture
def warnings(ticked, monkeypatch):
    heard, logger = [], ticked.node.get_logger()
    monkeypatch.setattr(logger, "warning", lambda text, **_: heard.append(text))
    monkeypatch.setattr(ticked.node, "get_logger", lambda: logger)
    return heard


@pytest.mark.parametrize(("by_s", "words"), [(-900.0, "set back by 900.0 s"), (900.0, "jumped ahead by 900.0 s")])
def test_a_clock_that_is_set_is_told_once_and_the_goal_stays(ticked, warnings, by_s, words):
    ticked.start_moving()
    goal_id = ticked.node.goal_id
    ticked.clock_s = by_s
    ticked.tick(matches=False)
    assert words in ticked.node.state()[1]
    for _ in range(30):
        ticked.tick()
    (text,) = (text for text in warnings if words in text)
    assert "the servo starts again from rest" in text
    assert ticked.node.state()[0] is ServoState.SERVOING
    assert ticked.node.goal_id == goal_id


def test_a_clock_that_is_set_does_not_end_a_fault(ticked):
    ticked.start_moving()
    ticked.report(dataclasses.replace(AdapterStatus(), state="FAULT", message="because"))
    ticked.adapter = AdapterStatus()
    ticked.clock_s = -900.0
    for _ in range(20):
        ticked.tick()
    assert ticked.node.state()[0] is ServoState.FAULT


def test_a_bag_that_loops_is_servoed_in_every_loop(ticked):
    ticked.start_moving()
    for _ in range(3):
        ticked.clock_s -= 0.5
        assert_from_rest(speeds(ticked, 15))


def test_one_late_image_is_refused_and_the_servo_goes_on(ticked, warnings):
    ticked.start_moving()
    ticked.node._on_matches(ticked.camera.matches_msg(ticked.time_s - 0.1))
    assert "is not newer than" in ticked.node.state()[1]
    for _ in range(15):
        ticked.tick()
    assert ticked.node.state()[0] is ServoState.SERVOING
    assert not any("clock" in text for text in warnings)


def test_stamps_that_are_set_back_within_the_age_limit_are_followed(runner, camera, monkeypatch):
    ticked = TickedController(runner, camera, monkeypatch, actuation_delay_s=0.0, max_image_age_s=5.0)
    ticked.start_moving()
    count = len(ticked.sent)
    for i in range(25):
        ticked.tick(matches=False)
        ticked.node._on_matches(camera.matches_msg(ticked.time_s - 2.0))
        if i > 3:
            assert ticked.node.state()[0] is ServoState.SERVOING
    assert_from_rest([float(np.linalg.norm(twist[:3])) for twist in ticked.sent[count:]])
    ticked.node.destroy_node()


def test_a_clock_that_pauses_stops_and_goes_on_from_rest(ticked):
    ticked.start_moving()
    for _ in range(60):
        ticked.clock_s -= 0.02  # the clock stands still while steady time goes on, and no image comes
        ticked.tick(matches=False)
    assert ticked.node.state()[0] is ServoState.STALE_INPUT
    assert_from_rest([0.0, *speeds(ticked, 25)])


def test_depth_of_the_old_time_is_not_waited_for_in_lockstep(runner, camera, monkeypatch):
    ticked = TickedController(runner, camera, monkeypatch, lockstep=True, adapter_timeout_s=5.0, input_timeout_s=5.0)
    ticked.start_moving()
    ticked.node._inputs._relative_s = ticked.node.now_s()  # estimated depth has come so far
    ticked.clock_s = -900.0
    ticked.tick(matches=False)
    assert np.isfinite(ticked.tick()).all()
    ticked.tick()
    assert ticked.node.state()[0] is ServoState.SERVOING
    ticked.node.destroy_node()


def test_the_limits_of_adapter_and_driver_are_the_controllers(ticked):
    ticked.start_moving()
    ticked.report(AdapterStatus(max_linear=0.04, max_angular=0.02))
    moved = [twist.reshape(2, 3) for twist in (ticked.tick() for _ in range(40)) if twist is not None]
    assert (np.linalg.norm(moved[-1], axis=1) <= [0.04 + 1e-9, 0.02 + 1e-9]).all()
    assert np.linalg.norm(moved[-1]) > 0.01
    ticked.node.set_parameters([Parameter("max_linear", value=0.2)])
    assert ticked.node._servo.velocity_law.max_linear == 0.04
    ticked.report(AdapterStatus(max_linear=9.0))
    assert ticked.node._servo.velocity_law.max_linear == 0.2
    assert ticked.node._servo.velocity_law.max_angular == ticked.node.config.max_angular
