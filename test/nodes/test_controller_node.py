import os
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool
from waits import SLOW_MACHINE_S, WAIT_S

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal, ServoStatus
from depth_pc_ros.nodes.adapter_status import AdapterStatus
from depth_pc_ros.nodes.base import LATCHED_QOS
from depth_pc_ros.nodes.controller_node import ControllerNode
from depth_pc_ros.nodes.conversions import depth_to_image, seconds_to_stamp, stamp_to_seconds, twist_from_msg
from depth_pc_ros.types import LawOutput, ServoState

pytestmark = pytest.mark.ros


class Chain:
    """A controller node, its camera, and its answers."""

    def __init__(self, runner, camera, **parameters):
        self.runner, self.camera = runner, camera
        self.node = runner.add(ControllerNode, **parameters)
        self.statuses = runner.listen(ServoStatus, "controller/status", LATCHED_QOS)
        runner.wait(lambda: camera.matches.get_subscription_count() == 1, "the matches' reader")
        runner.wait(lambda: self.node._twist_pub.get_subscription_count() == 1, "the twists' reader")
        runner.wait(lambda: self.statuses, "the latched status")
        runner.wait(lambda: not self.node._adapter_link.stands_still, "the adapter's sign of life")
        self.twists = camera.twists

    def enable(self, on=True) -> SetBool.Response:
        return self.runner.call(SetBool, "controller/enable", SetBool.Request(data=on))

    def set_goal(self, **goal):
        self.camera.set_goal(**goal)
        self.runner.wait(lambda: self.node.goal_id == self.camera.goal_id, "the goal")

    def wait_state(self, state, timeout_s=WAIT_S) -> ServoStatus:
        what = f"state {state.name}"
        return self.runner.wait(lambda: self.statuses[-1].state == state and self.statuses[-1], what, timeout_s)

    def start_moving(self):
        """Servo in real time, at full speed."""
        self.set_goal()
        self.camera.live()
        self.enable()
        self.runner.wait(lambda: len(self.twists) > 10 and self.twists[-1][1].any(), "motion")

    def zeros_then_silence(self, since_s, within_s, zeros=5):
        """From `since_s` on, motion must end within `within_s` with a burst of zeros and then silence."""
        self.runner.wait(lambda: len(self.twists) > zeros and not self.twists[-zeros][1].any(), "zeros")
        time.sleep(0.3)
        moving = [t for t, twist, _ in self.twists if twist.any()]
        stopped = [t for t, twist, _ in self.twists if t > moving[-1]]
        assert len(stopped) == zeros
        assert stopped[0] - since_s < within_s + SLOW_MACHINE_S


@pytest.fixture
def make_chain(runner, camera):
    return lambda **parameters: Chain(runner, camera, **parameters)


@pytest.fixture
def chain(make_chain):
    return make_chain()


# Reaching the goal


@pytest.mark.parametrize(("controller", "bound_mm"), [("pbvs", 1.0), ("ibvs", 5.0)])
def test_lockstep_converges_with_one_twist_per_frame_and_repeats(make_chain, camera, controller, bound_mm):
    chain = make_chain(lockstep=True, controller=controller, max_image_age_s=10.0)
    start = camera.T_world_cam
    runs = []
    for _ in range(2):
        camera.T_world_cam, camera.noise = start, np.random.default_rng(5)
        chain.set_goal()
        chain.enable()
        first_s, twists = int(camera.now_s()) - 5, []  # between too old and in the future
        while not twists or twists[-1].any():
            twists.append(camera.drive(first_s + len(twists) * camera.PERIOD_S))
        chain.wait_state(ServoState.CONVERGED)
        chain.enable(False)
        runs.append(np.array(twists))
        error_mm, error_deg = camera.error()
        assert error_mm < bound_mm
        assert error_deg < 0.1 * bound_mm
        assert 20 < len(twists) < 200
    assert len(runs[0]) == len(runs[1])
    np.testing.assert_allclose(runs[0], runs[1], atol=1e-6)


def test_on_a_route_the_goal_changes_without_a_stop(make_chain, camera):
    chain = make_chain(lockstep=True, max_image_age_s=10.0)
    chain.set_goal()
    chain.enable()
    first_s = int(camera.now_s()) - 5
    twists = [camera.drive(first_s + k * camera.PERIOD_S) for k in range(20)]
    old = camera.goal_id
    chain.set_goal(keep_moving=True)
    assert chain.node.state()[0] is ServoState.SERVOING
    assert np.isnan(chain.node.error)  # not that of the old goal: it might pass for an arrival
    camera.goal_id, new = old, camera.goal_id
    twists.append(camera.drive(first_s + 20 * camera.PERIOD_S))  # matches of the old goal were on their way
    camera.goal_id = new
    twists += [camera.drive(first_s + k * camera.PERIOD_S) for k in range(21, 25)]
    assert chain.node.error > 0
    assert all(twist.any() for twist in twists[1:])
    np.testing.assert_array_equal(twists[20], twists[19])
    chain.set_goal()
    assert chain.node.state()[0] is ServoState.STALE_INPUT


def test_on_a_route_matches_of_the_old_goal_are_no_sign_of_life(make_chain, camera):
    chain = make_chain(input_timeout_s=0.3)
    chain.start_moving()
    camera.freeze()
    old = camera.goal_id
    chain.set_goal(keep_moving=True)
    camera.goal_id = old
    camera.live()
    chain.wait_state(ServoState.STALE_INPUT)
    chain.runner.wait(lambda: not chain.twists[-1][1].any(), "zeros")


def test_real_time_converges_then_zeros_then_silence(chain, camera):
    chain.set_goal()
    camera.live()
    chain.enable()
    status = chain.wait_state(ServoState.CONVERGED)
    chain.zeros_then_silence(time.monotonic(), 0.1)
    error_mm, error_deg = camera.error()
    assert error_mm < 2.0
    assert error_deg < 0.2
    assert (status.goal_id, status.num_matches, status.controller) == (1, 60, "depth_pc_geo")
    assert status.error < 0.01
    assert status.error_px == pytest.approx(540 * status.error)
    assert np.isnan(status.depth_age_s)


def test_twists_come_at_the_rate_and_ramp_within_the_acceleration_limits(chain, camera):
    chain.start_moving()
    time.sleep(1.0)
    times = np.array([t for t, _, _ in chain.twists])
    twists = np.array([twist for _, twist, _ in chain.twists])
    assert np.median(np.diff(times)) == pytest.approx(1 / 50, rel=0.5)
    # One tick may use up to two periods: acceleration limit times 2 / 50 s.
    steps = np.diff(np.vstack([np.zeros(6), twists]), axis=0)
    steps = steps[twists.any(axis=1)]  # a stop has no ramp
    assert np.linalg.norm(steps[:, :3], axis=1).max() <= 1.0 * 0.04 + 1e-9
    assert np.linalg.norm(steps[:, 3:], axis=1).max() <= 4.0 * 0.04 + 1e-9
    assert np.linalg.norm(twists[:, :3], axis=1).max() <= 0.25 + 1e-9
    header = chain.twists[-1][2].header
    assert header.frame_id == "optical"
    assert abs(stamp_to_seconds(header.stamp) - camera.now_s()) < SLOW_MACHINE_S
    status = chain.statuses[-1]
    assert 0 < status.latency_ms < 1e3 * SLOW_MACHINE_S
    assert status.image_stamp.sec > 0
    assert np.isfinite(twist_from_msg(status.command)).all()


# Not moving


def test_disabled_at_start_and_the_status_names_what_is_missing(chain, camera):
    status = chain.wait_state(ServoState.NO_GOAL)
    assert status.message == "no goal image has been set"
    chain.set_goal()
    camera.live()
    status = chain.wait_state(ServoState.DISABLED)
    assert "/controller/enable" in status.message
    time.sleep(0.4)
    assert not chain.twists
    assert chain.statuses[-1].num_matches == 60


def test_status_keeps_coming_without_any_input(chain):
    count = len(chain.statuses)
    chain.runner.wait(lambda: len(chain.statuses) >= count + 3, "three more")


def test_disable_ends_in_zeros_then_silence(chain):
    chain.start_moving()
    now = time.monotonic()
    assert chain.enable(False).message.startswith("disabled; DISABLED")
    chain.zeros_then_silence(now, 0.1)


def test_silence_of_the_camera_ends_in_zeros_then_silence(chain, camera):
    chain.start_moving()
    camera.freeze()
    chain.zeros_then_silence(time.monotonic(), 0.5 + 0.1)
    assert "no matched image for" in chain.wait_state(ServoState.STALE_INPUT).message


def test_the_status_says_by_name_why_no_image_is_matched(chain, camera, runner):
    keypoints = runner.publisher(DiagnosticStatus, "keypoints_status", LATCHED_QOS)
    problem = "no camera_info has arrived: /camera/info has no publisher"
    keypoints.publish(DiagnosticStatus(level=DiagnosticStatus.WARN, message=problem))
    chain.runner.wait(lambda: problem in chain.statuses[-1].message, "the problem without a goal")
    assert chain.statuses[-1].state == ServoState.NO_GOAL
    chain.set_goal()
    chain.runner.wait(lambda: chain.statuses[-1].state == ServoState.DISABLED, "the goal")
    assert chain.statuses[-1].message == problem
    chain.enable()
    chain.runner.wait(lambda: problem in chain.statuses[-1].message, "the problem while enabled")
    assert chain.statuses[-1].state == ServoState.STALE_INPUT
    assert not any(twist.any() for _, twist, _ in chain.twists)
    keypoints.publish(DiagnosticStatus(level=DiagnosticStatus.OK))
    chain.runner.wait(lambda: problem not in chain.statuses[-1].message, "the end of the problem")


def test_a_view_that_stood_still_while_stopped_is_not_convergence(make_chain, camera):
    chain = make_chain(stop_error=0.5, stop_precision=1e-5, stop_hold_s=0.3, input_timeout_s=0.3)
    chain.set_goal()
    chain.enable()
    for _ in range(4):
        count = len(chain.statuses)
        camera.look()  # a frame now and then, and the camera does not move
        chain.runner.wait(
            lambda: ServoState.SERVOING in {status.state for status in chain.statuses[count:]},  # noqa: B023
            "SERVOING",
        )
        chain.wait_state(ServoState.STALE_INPUT)
        time.sleep(0.1)
    assert ServoState.CONVERGED not in {status.state for status in chain.statuses}


@pytest.mark.parametrize(
    ("shift_s", "words"), [(None, "no time stamp"), (-0.7, "s old, at most 0.50 s"), (0.5, "in the future")]
)
def test_bad_stamps_stop_the_motion(chain, camera, shift_s, words):
    chain.start_moving()
    camera.freeze()
    now = time.monotonic()
    camera.look(0.0 if shift_s is None else camera.now_s() + shift_s)
    assert words in chain.wait_state(ServoState.STALE_INPUT).message
    chain.zeros_then_silence(now, 0.1)


@pytest.mark.parametrize("shift_s", [None, -0.7, 0.5])
def test_bad_stamps_never_start_a_motion(chain, camera, shift_s):
    chain.set_goal()
    chain.enable()
    for _ in range(5):
        camera.look(0.0 if shift_s is None else camera.now_s() + shift_s)
        time.sleep(0.03)
    assert not chain.twists


def test_a_repeated_stamp_stops_the_motion(chain, camera):
    """As when /clock stands still, or a driver sends one image again and again."""
    chain.start_moving()
    camera.freeze()
    now = time.monotonic()
    stamp_s = camera.now_s()
    for _ in range(2):
        camera.look(stamp_s)
        time.sleep(0.05)
    assert "not newer" in chain.wait_state(ServoState.STALE_INPUT).message
    chain.zeros_then_silence(now, 0.2)


def test_lost_matches_stop_the_motion(chain, camera):
    chain.start_moving()
    camera.freeze()
    now = time.monotonic()
    camera.look(visible=5)
    status = chain.wait_state(ServoState.LOST)
    assert status.message == "5 matches, at least 8 are needed"
    assert status.num_matches == 5
    chain.zeros_then_silence(now, 0.1)


def test_deactivate_ends_in_zeros_and_says_inactive(chain):
    chain.start_moving()
    now = time.monotonic()
    chain.node.trigger_deactivate()
    chain.wait_state(ServoState.INACTIVE)
    chain.zeros_then_silence(now, 0.1)
    answer = chain.enable()
    assert not answer.success
    assert answer.message == "the controller node is not active"


def test_nan_from_the_law_is_a_fault_until_disabled_and_enabled(chain):
    chain.start_moving()
    law = chain.node._servo._law
    now = time.monotonic()
    chain.node._servo._law = type(
        "NanLaw",
        (type(law),),
        {"__call__": lambda self, o: LawOutput(np.full(6, np.nan), o.matched)},
    )()
    assert "not finite" in chain.wait_state(ServoState.FAULT).message
    chain.zeros_then_silence(now, 0.2)
    chain.node._servo._law = law
    assert "FAULT" in chain.enable().message
    time.sleep(0.2)
    count = len(chain.twists)
    assert chain.statuses[-1].state == ServoState.FAULT
    chain.enable(False)
    chain.enable()
    chain.wait_state(ServoState.SERVOING)
    chain.runner.wait(lambda: len(chain.twists) > count, "motion again")


@pytest.mark.parametrize(("topic", "kind"), [("matches", KeypointMatches), ("goal", ServoGoal)])
def test_a_second_publisher_is_a_fault_that_names_both(chain, topic, kind):
    chain.start_moving()
    runner = chain.runner
    player = Node("player", context=runner.context, namespace=runner.namespace)
    player.create_publisher(kind, topic, 1)
    status = chain.wait_state(ServoState.FAULT)
    assert f"{topic} has 2 publishers" in status.message
    assert f"{runner.namespace}/player and {runner.namespace}/tester" in status.message
    chain.zeros_then_silence(time.monotonic(), 0.1)
    chain.enable(False)
    assert "player" in chain.enable().message  # at once: nothing moves for a moment
    chain.enable(False)
    player.destroy_node()
    runner.wait(lambda: "player" not in chain.enable(False).message, "the end of the player")
    chain.enable()
    chain.wait_state(ServoState.SERVOING)


def test_a_second_controller_of_the_same_name_is_a_fault(chain):
    chain.start_moving()
    twin = Node("controller", context=chain.runner.context, namespace=chain.runner.namespace)
    assert f"another node is called {chain.runner.namespace}/controller" in chain.wait_state(ServoState.FAULT).message
    twin.destroy_node()


# Goals


def test_a_new_goal_while_moving_gives_zeros_and_then_a_ramp(chain, camera):
    chain.start_moving()
    time.sleep(0.3)
    count = len(chain.twists)
    chain.set_goal()
    chain.runner.wait(lambda: len(chain.twists) > count + 15, "motion to the new goal")
    twists = np.array([twist for _, twist, _ in chain.twists])
    still = np.flatnonzero(~twists.any(axis=1))
    first = still[still >= count][0]
    assert not twists[first : first + 5].any()
    after = twists[first + 5]
    assert after.any()
    assert np.linalg.norm(after[:3]) <= 0.04 + 1e-9
    assert chain.statuses[-1].goal_id == 2


def test_matches_of_another_goal_do_not_move(chain, camera):
    chain.start_moving()
    camera.freeze()
    now = time.monotonic()
    camera.look(goal_id=7)
    assert chain.wait_state(ServoState.STALE_INPUT).message == "the matches are of goal 7, not 1"
    chain.zeros_then_silence(now, 0.1)


def test_a_keypoint_node_without_its_goal_stops_the_motion(chain, camera):
    chain.start_moving()
    camera.freeze()
    now = time.monotonic()
    camera.look(goal_id=0)
    chain.wait_state(ServoState.NO_GOAL)
    chain.zeros_then_silence(now, 0.1)


def test_a_cleared_goal_stops_the_motion(chain, camera):
    chain.start_moving()
    now = time.monotonic()
    camera.set_goal(goal_id=0)
    chain.wait_state(ServoState.NO_GOAL)
    chain.zeros_then_silence(now, 0.1)


@pytest.mark.parametrize(
    ("goal", "words"),
    [
        ({"distance": float("nan")}, "distance: expected metres > 0"),
        ({"distance": -0.4}, "distance: expected metres > 0"),
        ({"depth": np.ones((240, 320))}, "goal depth: expected (H, W) = (480, 640)"),
    ],
)
def test_an_unusable_goal_never_moves(chain, camera, goal, words):
    chain.set_goal(**goal)
    camera.live()
    chain.enable()
    chain.runner.wait(lambda: words in chain.statuses[-1].message, words)
    time.sleep(0.2)
    assert not chain.twists


# Depth


def test_depth_is_joined_by_stamp_and_its_age_is_recorded(make_chain, runner, camera):
    chain = make_chain(max_image_age_s=5.0)
    chain.set_goal()
    depths = runner.publisher(Image, "metric_depth")
    stamp_s = camera.now_s() - 1.0
    for count, shift_s in enumerate((-0.09, -0.05, 0.08), start=1):
        header = Header(stamp=seconds_to_stamp(stamp_s + shift_s))
        depths.publish(depth_to_image(np.full((480, 640), 0.6), header))
        runner.wait(lambda: len(chain.node._inputs._depths) == count, "a depth image")  # noqa: B023 (called at once)
    camera.look(stamp_s)
    status = runner.wait(lambda: chain.statuses[-1].depth_source == "camera" and chain.statuses[-1], "depth")
    assert status.depth_age_s == pytest.approx(0.05, abs=1e-6)
    camera.look(stamp_s + 0.19)  # the nearest is 0.11 s away, 0.1 s is allowed
    status = runner.wait(lambda: chain.statuses[-1].depth_source == "none" and chain.statuses[-1], "no depth")
    assert np.isnan(status.depth_age_s)


def test_lockstep_waits_for_the_depth_of_the_same_image_with_a_timeout(make_chain, runner, camera):
    chain = make_chain(lockstep=True)
    chain.set_goal()
    chain.enable()
    depths = runner.publisher(Image, "metric_depth")
    depth = np.full((480, 640), 0.6)
    stamp_s = camera.now_s()
    depths.publish(depth_to_image(depth, Header(stamp=seconds_to_stamp(stamp_s - 0.04))))
    runner.wait(lambda: chain.node._inputs._depths, "a depth image")
    camera.look(stamp_s)
    time.sleep(0.2)
    assert not chain.twists
    depths.publish(depth_to_image(depth, Header(stamp=seconds_to_stamp(stamp_s))))
    runner.wait(lambda: len(chain.twists) == 1, "the twist")
    assert chain.statuses[-1].depth_age_s == 0.0
    camera.look(stamp_s + 0.04)
    runner.wait(lambda: len(chain.twists) == 2, "a twist without depth")


def test_lockstep_with_depth_slower_than_the_frames_still_moves(make_chain, runner, camera):
    """As at the start, while the simulator does not wait: frame 1 comes before the depth of frame 0."""
    chain = make_chain(lockstep=True)
    chain.set_goal()
    chain.enable()
    depths = runner.publisher(Image, "relative_depth")
    rows = np.tile(np.linspace(1, 2, 480, dtype=np.float32)[:, None], (1, 640))
    stamps_s = [camera.now_s() + 0.04 * k for k in range(4)]

    def give_depth(k):
        depths.publish(depth_to_image(rows, Header(stamp=seconds_to_stamp(stamps_s[k]))))

    give_depth(0)
    runner.wait(lambda: chain.node._inputs._relative_s == pytest.approx(stamps_s[0]), "a first depth")
    camera.look(stamps_s[0])
    runner.wait(lambda: len(chain.twists) == 1, "the first twist")
    for stamp_s in stamps_s[1:]:
        camera.look(stamp_s)
        time.sleep(0.1)
    assert len(chain.twists) == 1
    give_depth(1)
    runner.wait(lambda: len(chain.twists) == 2, "the twist of the first that waited")
    give_depth(3)
    runner.wait(lambda: len(chain.twists) == 3, "the twist of the newest")
    assert [twist.any() for _, twist, _ in chain.twists] == [True] * 3
    assert chain.node._matches.header.stamp == seconds_to_stamp(stamps_s[3])


# The scale of the distance, 0.6 m in truth


def test_lockstep_finds_the_scale_from_its_answers(make_chain, camera):
    chain = make_chain(lockstep=True, controller="pbvs", max_image_age_s=10.0)
    chain.set_goal(distance=1.2)
    chain.enable()
    first_s, twists = int(camera.now_s()) - 5, []  # between too old and in the future
    while not twists or twists[-1].any():
        twists.append(camera.drive(first_s + len(twists) * camera.PERIOD_S))
    assert chain.node._servo.scale == pytest.approx(0.5, rel=0.15)


def test_in_lockstep_an_answer_is_in_force_from_its_image_to_the_next(make_chain, camera):
    chain = make_chain(lockstep=True, controller="pbvs", max_image_age_s=10.0)
    recorded = listen_record(chain)
    chain.set_goal()
    chain.enable()
    first_s = int(camera.now_s()) - 8
    twists = [camera.drive(first_s + k * camera.PERIOD_S) for k in range(5)]
    recorded = [
        (twist, begin_s, end_s, obeyed) for twist, begin_s, end_s, obeyed in recorded if twist.any() and end_s > begin_s
    ]
    for k, (twist, begin_s, end_s, _) in enumerate(recorded):
        np.testing.assert_array_equal(twist, twists[k])
        assert (begin_s - first_s, end_s - first_s) == pytest.approx((0.04 * k, 0.04 * (k + 1)), abs=1e-6)
    assert len(recorded) == 4


def listen_record(chain) -> list:
    """What the servo records of commands from now on: (twist, begin, end in s, obeyed); zero twists, too."""
    record, recorded = chain.node._servo.record, []
    add = record.add

    def hear(twist, begin_s, end_s, obeyed):
        recorded.append((twist.copy(), begin_s, end_s, obeyed))
        add(twist, begin_s, end_s, obeyed)

    record.add = hear
    return recorded


def test_in_real_time_every_twist_is_recorded_with_its_time_on_the_nodes_clock(chain, runner, camera):
    recorded = listen_record(chain)
    chain.start_moving()
    camera.adapter.report(AdapterStatus("LIMITED", "slow"))
    chain.wait_state(ServoState.LIMITED)
    sent = {tuple(twist) for _, twist, _ in chain.twists if twist.any()}
    count = len(recorded)
    runner.wait(lambda: len(recorded) > count + 5, "more twists")
    twists, begin_s, end_s, obeyed = zip(*recorded)
    assert sent <= {tuple(twist) for twist in twists}
    assert begin_s[1:] == end_s[:-1]
    assert abs(end_s[-1] - camera.now_s()) < SLOW_MACHINE_S
    lag_s = chain.node.config.actuation_delay_s
    assert lag_s > 0
    assert obeyed[0]
    assert not obeyed[-1]
    camera.adapter.report(AdapterStatus("OK", "it refuses what it is sent"))
    chain.wait_state(ServoState.SERVOING)
    count = len(recorded)
    runner.wait(lambda: len(recorded) > count + 5, "more twists")
    assert not recorded[-1][3]


def test_real_time_finds_the_scale_and_keeps_it_over_a_gap(make_chain, camera):
    chain = make_chain(controller="pbvs", max_linear=0.1)
    chain.set_goal(distance=1.2)
    camera.live()
    chain.enable()
    chain.runner.wait(lambda: chain.node._servo.scale < 0.7, "the scale")
    camera.freeze()
    chain.wait_state(ServoState.STALE_INPUT)
    camera.live()
    chain.wait_state(ServoState.SERVOING)
    assert chain.node._servo.scale < 0.8
    chain.enable(False)
    camera.freeze()
    chain.enable()
    assert chain.node._servo.scale == 1.0


# The adapter and parameters


def test_the_adapters_state_shows_and_stops_where_it_must(chain, runner):
    chain.start_moving()
    chain.camera.adapter.report(AdapterStatus("LIMITED", "because LIMITED"))
    assert chain.wait_state(ServoState.LIMITED).message == "because LIMITED"
    count = len(chain.twists)
    runner.wait(lambda: len(chain.twists) > count + 3 and chain.twists[-1][1].any(), "motion")

    chain.camera.adapter.report(AdapterStatus("TF_ERROR", "because TF_ERROR"))
    chain.wait_state(ServoState.TF_ERROR)
    runner.wait(lambda: not any(twist.any() for _, twist, _ in chain.twists[-5:]), "zeros")
    chain.camera.adapter.report(AdapterStatus())
    chain.wait_state(ServoState.SERVOING)
    runner.wait(lambda: chain.twists[-1][1].any(), "motion again")

    now = time.monotonic()
    chain.camera.adapter.report(AdapterStatus("FAULT", "because FAULT"))
    assert "twist adapter: because FAULT" in chain.wait_state(ServoState.FAULT).message
    chain.zeros_then_silence(now, 0.2)
    chain.camera.adapter.report(AdapterStatus())
    time.sleep(0.1)
    assert chain.statuses[-1].state == ServoState.FAULT


def test_speed_limits_change_while_it_runs(chain):
    chain.start_moving()
    chain.node.set_parameters([Parameter("max_linear", value=0.02)])
    chain.runner.wait(lambda: 0 < np.linalg.norm(chain.twists[-1][1][:3]) <= 0.02 + 1e-9, "a slow twist")
    result = chain.node.set_parameters([Parameter("max_linear", value=50.0)])[0]
    assert not result.successful
    assert "out of range" in result.reason


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_while_moving_ends_in_zeros(runner, camera, number):
    module = "depth_pc_ros.nodes.controller_node"
    command = [sys.executable, "-m", module, "--ros-args", "-r", f"__ns:={runner.namespace}"]
    process = subprocess.Popen(command, env=os.environ)
    try:
        runner.wait(lambda: camera.matches.get_subscription_count() == 1, "the controller process")
        camera.set_goal()
        camera.live()
        runner.call(SetBool, "controller/enable", SetBool.Request(data=True))
        runner.wait(lambda: len(camera.twists) > 10 and camera.twists[-1][1].any(), "motion")
        process.send_signal(number)
        assert process.wait(timeout=WAIT_S) == 0
        runner.wait(lambda: not camera.twists[-1][1].any(), "the last zero")
    finally:
        process.kill()
        process.wait()
