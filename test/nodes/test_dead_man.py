"""The guard of the arm: zeros when the adapter dies, nothing else."""

import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import Twist, TwistStamped
from rclpy.node import Node
from std_msgs.msg import Header
from waits import SLOW_MACHINE_S, WAIT_S

from depth_pc_ros.nodes.adapter_status import HEARTBEAT_S, AdapterStatus
from depth_pc_ros.nodes.base import LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import twist_from_msg, twist_to_msg
from depth_pc_ros.nodes.dead_man import DeadMan
from depth_pc_ros.nodes.node_configs import AdapterConfig, DeadManConfig
from depth_pc_ros.nodes.rivals import PERIOD_S as LOOK_S
from depth_pc_ros.nodes.twist_adapter import TwistAdapter

pytestmark = pytest.mark.ros

TICK_S = 0.02
MOVE = np.array([0.05, 0.0, 0.0, 0.0, 0.0, 0.1])


class Ticked:
    """A dead man whose clock stands still unless the test moves it. sent: (time in s, twist (6,)) of the driver."""

    def __init__(self, runner, monkeypatch):
        self.node = runner.make(DeadMan, profile="twist")
        self.time_s = 1000.0
        monkeypatch.setattr(self.node, "steady_s", lambda: self.time_s)
        self.node.start()
        self.sent = []
        monkeypatch.setattr(self.node._driver, "send", lambda twist, stamp: self.sent.append((self.time_s, twist)))

    def ticks(self, duration_s, adapter=None):
        """Let time pass while the adapter reports this, every 40 ms; None: nothing."""
        for i in range(round(duration_s / TICK_S)):
            self.time_s += TICK_S
            if adapter is not None and i % 2 == 0:
                self.node._on_status(adapter.to_msg("adapter"))
            self.node._tick()


@pytest.fixture
def ticked(runner, monkeypatch):
    ticked = Ticked(runner, monkeypatch)
    yield ticked
    ticked.node.destroy_node()


def test_an_adapter_that_falls_silent_while_it_moves_gives_five_zeros_and_then_silence(ticked):
    ticked.ticks(1.0, AdapterStatus(moving=True))
    died_s = ticked.time_s
    ticked.ticks(3.0)
    assert len(ticked.sent) == 5
    assert not any(twist.any() for _, twist in ticked.sent)
    assert ticked.sent[0][0] - died_s < 0.4
    level, message, _ = ticked.node.diagnose()
    assert level == DiagnosticStatus.ERROR
    assert "zeros were sent" in message


@pytest.mark.parametrize("moving", [False, None])
def test_an_arm_that_stands_still_gets_nothing(ticked, moving):
    ticked.ticks(1.0, None if moving is None else AdapterStatus(moving=moving))
    ticked.ticks(3.0)
    assert not ticked.sent


def test_a_living_adapter_is_left_alone(ticked):
    ticked.ticks(5.0, AdapterStatus(moving=True))
    assert not ticked.sent


def test_an_adapter_that_comes_back_ends_the_burst(ticked):
    ticked.ticks(1.0, AdapterStatus(moving=True))
    while not ticked.sent:
        ticked.ticks(TICK_S)
    ticked.ticks(2.0, AdapterStatus(moving=True))
    assert len(ticked.sent) == 1
    ticked.ticks(3.0)  # and it is guarded again
    assert len(ticked.sent) == 6


def test_a_guard_that_was_held_up_itself_does_not_take_the_adapter_for_dead(ticked):
    ticked.ticks(1.0, AdapterStatus(moving=True))
    ticked.time_s += 2.0
    ticked.node._tick()  # before the statuses that wait to be read
    assert not ticked.sent
    ticked.ticks(1.0)
    assert len(ticked.sent) == 5


def test_it_fires_only_after_an_adapter_that_was_held_up_would_start_from_rest():
    assert DeadManConfig().adapter_timeout_s - HEARTBEAT_S > AdapterConfig().command_timeout_s


def test_a_burst_that_has_begun_is_finished_when_the_node_ends(ticked):
    ticked.ticks(1.0, AdapterStatus(moving=True))
    while not ticked.sent:
        ticked.ticks(TICK_S)
    ticked.node.shutdown_safely()
    assert len(ticked.sent) == 5


@pytest.mark.parametrize("end", ["shutdown_safely", "trigger_deactivate"])
@pytest.mark.parametrize("alive", [True, False])
def test_when_it_ends_with_a_moving_arm_it_waits_for_a_sign_of_life(runner, alive, end):
    node = runner.make(DeadMan, profile="twist")
    node.start()
    sent = []
    node._driver.send = lambda twist, stamp: sent.append(twist)
    node._on_status(AdapterStatus(moving=True).to_msg("adapter"))
    if alive:
        statuses = runner.node.create_publisher(DiagnosticStatus, "adapter_status", LATCHED_QOS)
        timer = runner.node.create_timer(0.02, lambda: statuses.publish(AdapterStatus(moving=True).to_msg("adapter")))
        runner.wait(lambda: statuses.get_subscription_count() == 1, "the dead man's subscription")
    getattr(node, end)()
    if alive:
        timer.cancel()
    assert len(sent) == (0 if alive else 5)
    node.destroy_node()


def test_a_status_that_an_adapter_sent_before_its_death_is_no_sign_of_life(runner):
    node = runner.make(DeadMan, profile="twist")
    node.start()
    sent = []
    node._driver.send = lambda twist, stamp: sent.append(twist)
    node._on_status(AdapterStatus(moving=True).to_msg("adapter"))
    statuses = runner.publisher(DiagnosticStatus, "adapter_status", LATCHED_QOS)
    statuses.publish(AdapterStatus(moving=True).to_msg("adapter"))
    time.sleep(0.2)  # it has come, and nobody has read it
    node.trigger_deactivate()
    assert len(sent) == 5
    node.destroy_node()


def test_adapter_and_dead_man_are_no_rivals(runner):
    adapter = runner.add(TwistAdapter, profile="twist")
    guard = runner.add(DeadMan, profile="twist")
    topic = adapter.resolve_topic_name("cmd_vel")
    runner.wait(lambda: adapter.count_publishers(topic) == 2, "both publishers")
    time.sleep(3 * LOOK_S)
    assert adapter._rivals.problem == adapter._rivals.look() == ""
    assert adapter._state == "OK"
    # Another node of the adapter's name still is one.
    other = Node("adapter", context=runner.context, namespace="/other")
    other.create_publisher(Twist, topic, 1)
    runner.wait(lambda: adapter._state == "FAULT", "the fault")
    assert guard.get_fully_qualified_name() not in adapter._message
    other.destroy_node()


@pytest.mark.parametrize(
    ("number", "guard_ends"),
    [(signal.SIGKILL, False), (signal.SIGSTOP, False), (signal.SIGKILL, True)],
    ids=["killed", "frozen", "killed, and all nodes are told to end"],
)
def test_zeros_reach_the_driver_of_an_adapter_that_dies(runner, number, guard_ends):
    heard = []
    node = runner.node
    node.create_subscription(Twist, "cmd_vel", lambda msg: heard.append((time.monotonic(), twist_from_msg(msg))), 100)
    commands = node.create_publisher(TwistStamped, "twist_cmd", TWIST_QOS)

    def command():
        header = Header(stamp=node.get_clock().now().to_msg(), frame_id="optical")
        commands.publish(TwistStamped(header=header, twist=twist_to_msg(MOVE)))

    node.create_timer(0.02, command)
    names = ["-r", f"__ns:={runner.namespace}", "-p", "profile:=twist"]
    adapter, guard = (
        subprocess.Popen([sys.executable, "-m", f"depth_pc_ros.nodes.{module}", "--ros-args", *names, *remap])
        for module, remap in (("twist_adapter", []), ("dead_man", ["-r", "adapter_status:=adapter/status"]))
    )
    try:
        statuses = f"{runner.namespace}/adapter/status"
        runner.wait(lambda: node.count_subscribers(statuses) == 1 and heard and heard[-1][1].any(), "motion")
        time.sleep(1.0)
        runner.wait(lambda: heard[-1][1].any(), "motion")  # a busy machine may have stopped it for a moment
        adapter.send_signal(number)
        killed_s = time.monotonic()
        if guard_ends:
            guard.send_signal(signal.SIGINT)
        runner.wait(lambda: not heard[-1][1].any(), "the zeros")
        assert heard[-1][0] - killed_s < 0.5 + SLOW_MACHINE_S
        time.sleep(0.5)
        last_motion = max(i for i, (_, twist) in enumerate(heard) if twist.any())
        assert len(heard) - 1 - last_motion == 5  # zeros, and then silence
        if not guard_ends:
            guard.send_signal(signal.SIGINT)
        assert guard.wait(WAIT_S) == 0
    finally:
        for process in (adapter, guard):
            process.kill()
            process.wait()
