"""What the adapter lets through to the driver, command by command on clocks that the test moves."""

import numpy as np
import pytest
from rclpy.parameter import Parameter
from std_msgs.msg import Float64
from ticked_nodes import FULL, PERIOD_S, TickedAdapter

from depth_pc_ros.config import ControlConfig
from depth_pc_ros.control.limits import Ramp, VelocityLaw
from depth_pc_ros.geometry.se3 import adjoint
from depth_pc_ros.nodes import hand_eye
from depth_pc_ros.nodes.adapter_status import AdapterStatus
from depth_pc_ros.nodes.tf_poses import TransformError

pytestmark = pytest.mark.ros

LINEAR, ANGULAR = 2.0, 8.0  # limits of the acceleration, m/s^2 and rad/s^2
JERK_TIME_S = 0.02


@pytest.fixture
def ticked(runner, monkeypatch):
    ticked = TickedAdapter(runner, monkeypatch)
    yield ticked
    ticked.node.destroy_node()


def assert_gentle(sent, begin=0):
    """Speed, acceleration and jerk of all that the driver got stay within the limits; a stop may be immediate."""
    acceleration = np.zeros((2, 1))
    for (before_s, before), (time_s, twist) in zip(sent[begin:], sent[begin + 1 :], strict=False):
        dt_s = min(max(time_s - before_s, 1e-9), PERIOD_S)
        if not twist.any():
            acceleration = np.zeros((2, 3))
            continue
        change = (twist - before).reshape(2, 3) / dt_s
        jerk = (change - acceleration) / dt_s
        for name, part, limit in (("linear", 0, LINEAR), ("angular", 1, ANGULAR)):
            assert np.linalg.norm(change[part]) <= limit * 1.0001, (name, before, twist)
            assert np.linalg.norm(jerk[part]) <= limit / JERK_TIME_S * 1.0001, (name, before, twist)
        acceleration = change


class NoTransform:
    def T_tool_cam(self, camera_frame):
        raise TransformError("no transform")

    def clear(self):
        pass


def lose_transform(ticked):
    known, ticked.node._hand_eye = ticked.node._hand_eye, NoTransform()
    ticked.command(FULL)
    ticked.node._hand_eye = known


def lose_driver(ticked):
    ticked.node._driver.problem = lambda: "not ready"
    ticked.command(FULL)
    ticked.node._driver.problem = lambda: ""


def fault(ticked):
    ticked.command([np.nan, 0, 0, 0, 0, 0])
    ticked.idle(0.4)


def deactivate(ticked):
    ticked.node.trigger_deactivate()
    ticked.command(FULL)
    ticked.node.trigger_activate()


def rest(ticked, seconds=0.3):
    """The node is held up: the next that it does is to take a command."""
    ticked.time_s += seconds


def set_clock(ticked, by_s):
    ticked.clock_s += by_s
    ticked.command(FULL)


OWN_STOPS = {
    "silence": lambda ticked: ticked.idle(0.3),
    "held up": rest,
    "held up, so that the dead man may have stopped the arm": lambda ticked: rest(ticked, 0.2),
    "old stamp": lambda ticked: ticked.command(FULL, age_s=0.5),
    "future stamp": lambda ticked: ticked.command(FULL, age_s=-0.5),
    "no transform": lose_transform,
    "driver not ready": lose_driver,
    "fault": fault,
    "deactivation": deactivate,
    "clock set back": lambda ticked: set_clock(ticked, -900.0),
    "clock set ahead": lambda ticked: set_clock(ticked, 900.0),
}


@pytest.mark.parametrize("cause", OWN_STOPS)
def test_after_a_stop_of_its_own_it_starts_from_rest_and_tells(ticked, cause):
    ticked.start_moving()
    stops, count = ticked.status.stops, len(ticked.sent)
    OWN_STOPS[cause](ticked)
    twist = ticked.command(FULL)
    after = [twist for _, twist in ticked.sent[count:]]
    assert not after[0].any()  # the stop is immediate, and comes before anything else
    assert np.linalg.norm(twist[:3]) <= LINEAR * PERIOD_S + 1e-9
    assert ticked.status.stops > stops
    for _ in range(30):
        ticked.command(FULL)
    np.testing.assert_allclose(ticked.sent[-1][1], FULL, atol=1e-9)
    assert_gentle(ticked.sent)
    assert ticked.status.state == "OK"


@pytest.mark.parametrize(("percent", "state", "message"), [
    (30.0, "LIMITED", "speed scaling is 30 %"), (100.0, "OK", ""), (np.nan, "OK", ""),
])  # fmt: skip
def test_the_arms_speed_scaling_is_told(ticked, percent, state, message):
    ticked.start_moving()
    ticked.node._on_speed_scaling(Float64(data=percent))
    ticked.command(FULL)
    assert ticked.status.state == state
    assert message in ticked.status.message
    np.testing.assert_allclose(ticked.sent[-1][1], FULL, atol=1e-9)


def test_a_paused_arm_is_stopped_and_starts_from_rest(ticked):
    ticked.start_moving()
    ticked.node._on_speed_scaling(Float64(data=0.0))
    assert not ticked.command(FULL).any()
    assert "paused or stopped" in ticked.status.message
    assert ticked.status.stops == 1
    ticked.node._on_speed_scaling(Float64(data=100.0))
    assert np.linalg.norm(ticked.command(FULL)[:3]) <= LINEAR * PERIOD_S + 1e-9


def test_a_first_command_at_full_speed_is_approached(ticked):
    first = ticked.command(FULL)
    assert 0 < np.linalg.norm(first[:3]) <= LINEAR * PERIOD_S
    assert ticked.status.state == "LIMITED"
    assert "acceleration" in ticked.status.message


def test_whatever_comes_in_the_driver_gets_no_jump(ticked):
    rng = np.random.default_rng(0)
    for _ in range(600):
        size = rng.choice([0.0, 0.01, 1.0, 100.0])
        after_s = rng.choice([1e-4, 0.005, PERIOD_S, 0.1, 0.24])
        ticked.command(size * rng.normal(size=6), after_s=after_s, tick=bool(rng.integers(2)))
    assert_gentle(ticked.sent)
    speeds = np.linalg.norm([twist.reshape(2, 3) for _, twist in ticked.sent], axis=2)
    assert (speeds <= np.array([0.5, 1.5]) + 1e-9).all()
    assert (speeds > 0.1).any(axis=0).all()


def test_a_late_command_may_not_jump_ahead(ticked):
    before = ticked.command([0.02, 0, 0, 0, 0, 0])
    after = ticked.command([0.4, 0, 0, 0, 0, 0], after_s=0.2)
    assert after[0] - before[0] <= LINEAR * PERIOD_S + 1e-9


def test_a_moving_transform_gives_the_tool_no_jump(ticked):
    ticked.start_moving()
    ticked.node._hand_eye = hand_eye.FixedHandEye([0.3, 0.0, 0.0], [0.0, 0.0, 1.0, 0.0])
    for _ in range(40):
        ticked.command(FULL)
    assert_gentle(ticked.sent)


@pytest.mark.parametrize("xyz", [[0.0, 0.0, 0.0], [0.05, 0.0, 0.1]])
@pytest.mark.parametrize("lockstep", [False, True])
def test_a_ramp_of_the_controller_goes_through_unchanged(runner, monkeypatch, xyz, lockstep):
    ticked = TickedAdapter(runner, monkeypatch, camera_in_tool_xyz=xyz, lockstep=lockstep)
    law, ramp = VelocityLaw.from_config(ControlConfig()), Ramp()
    period_s = 0.04 if lockstep else PERIOD_S
    T_tool_cam = hand_eye.FixedHandEye(xyz, [0.0, 0.0, 0.0, 1.0]).T_tool_cam("")
    for target in (FULL, -FULL, 0.1 * FULL, FULL[::-1] * [0.2, 0.2, 0.2, 1, 1, 1]):
        for _ in range(40):
            twist = ramp.step(law, target, period_s)
            sent = ticked.command(twist, after_s=period_s)
            np.testing.assert_allclose(sent, adjoint(T_tool_cam) @ twist, atol=1e-9)
            assert ticked.status.message == ""
    ticked.node.destroy_node()


def test_in_lockstep_the_time_between_commands_is_that_of_their_stamps(runner, monkeypatch):
    ticked = TickedAdapter(runner, monkeypatch, lockstep=True, command_timeout_s=5.0)
    first = ticked.command(FULL)
    ticked.time_s, ticked.clock_s = (
        ticked.time_s + 2.0,
        -2.0 + PERIOD_S,
    )  # simulated time: 20 ms
    second = ticked.command(FULL, after_s=0.0)
    assert 0 < second[0] - first[0] <= LINEAR * PERIOD_S + 1e-9
    ticked.node.destroy_node()


def test_limits_that_are_lowered_while_it_moves_are_approached(ticked):
    ticked.start_moving()
    ticked.node.set_parameters([Parameter("max_linear", value=0.05)])
    for _ in range(40):
        ticked.command(FULL)
    assert_gentle(ticked.sent)
    assert np.linalg.norm(ticked.sent[-1][1][:3]) <= 0.05 + 1e-9


def test_the_arm_that_stands_still_has_nothing_to_stop(ticked):
    ticked.start_moving()
    ticked.command(np.zeros(6))
    count, stops = len(ticked.sent), ticked.status.stops
    ticked.command(np.zeros(6), age_s=1.0)
    ticked.idle(1.0)
    assert len(ticked.sent) == count
    assert ticked.status.stops == stops


def test_a_refused_command_of_an_arm_at_rest_is_told_too(ticked):
    ticked.command(FULL, age_s=1.0)
    assert not ticked.sent
    assert ticked.status.stops == 1


def test_the_status_is_a_sign_of_life_while_the_node_is_active(ticked, monkeypatch):
    published = []
    monkeypatch.setattr(ticked.node._status_publisher, "publish", published.append)
    ticked.idle(1.0)
    assert 15 <= len(published) <= 25
    ticked.node.trigger_deactivate()
    count = len(published)
    ticked.idle(1.0)
    assert len(published) == count


@pytest.mark.parametrize("age_s", [0.0, 1.0], ids=["a zero command", "a refused command"])
def test_motion_is_reported_before_the_driver_hears_of_it_and_a_stop_after(ticked, monkeypatch, age_s):
    """Where the adapter dies in between, the dead man must not take the arm for one that stands still."""
    order = []

    def hear(who, moving):
        order.append((who, bool(moving)))

    monkeypatch.setattr(
        ticked.node._status_publisher, "publish", lambda msg: hear("status", AdapterStatus.from_msg(msg).moving)
    )
    monkeypatch.setattr(ticked.node._driver, "send", lambda twist, stamp: hear("driver", twist.any()))
    ticked.command(FULL)
    assert order.index(("status", True)) < order.index(("driver", True))
    order.clear()
    ticked.command(FULL if age_s else np.zeros(6), age_s=age_s)
    ticked.idle(0.1)
    assert order.index(("driver", False)) < order.index(("status", False))
    assert order[-1] == ("status", False)


def test_a_node_that_is_held_up_while_it_works_on_a_command_starts_from_rest(ticked):
    for _ in range(30):
        ticked.command(FULL)
    known = ticked.node._hand_eye

    class Slow:
        def T_tool_cam(self, camera_frame):
            ticked.time_s += 0.4
            return known.T_tool_cam(camera_frame)

    ticked.node._hand_eye = Slow()
    begin = len(ticked.sent)
    ticked.command(FULL)
    assert np.linalg.norm(ticked.sent[begin][1][:3]) <= LINEAR / JERK_TIME_S * PERIOD_S**2 * 1.0001
