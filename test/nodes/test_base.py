import gc
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass

import pytest
import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rcl_interfaces.srv import DescribeParameters
from rclpy.context import Context
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from std_msgs.msg import String
from waits import WAIT_S

from depth_pc_ros.config import option
from depth_pc_ros.errors import CameraError, ConfigError
from depth_pc_ros.nodes.base import TWIST_QOS, NodeConfig, ServoNode

pytestmark = pytest.mark.ros


@dataclass(frozen=True)
class TalkerConfig(NodeConfig):
    rate_hz: float = option(50.0, "Messages per second.", 1.0, 100.0)
    count: int = option(3, "A whole number.", 1, 9)
    word: str = option("go", "What is said.", choices=("go", "run"))
    offset: tuple = option((0.0, 0.0), "Two numbers.")


class Talker(ServoNode):
    live_parameters = frozenset({"rate_hz"})
    refuse = False

    def __init__(self, **node_options):
        super().__init__("talker", TalkerConfig, **node_options)

    def build(self):
        self.create_service(DescribeParameters, "~/other", lambda request, response: response)
        self.publisher = self.create_lifecycle_publisher(String, "~/said", TWIST_QOS)
        self.create_subscription(String, "heard", lambda msg: None, 1)
        self.create_timer(0.02, lambda: self.publisher.publish(String(data=self.config.word)))
        if self.refuse:
            raise CameraError("no camera")

    def halt(self):
        self.publisher.publish(String(data="stop"))

    def diagnose(self):
        return DiagnosticStatus.WARN, "so so", {"rate": 4.5}


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("rate_hzz", 1.0, "unknown key 'rate_hzz' (did you mean rate_hz?)"),
        ("rate_hz", 0.5, "rate_hz: expected a value in [1.0, 100.0], got 0.5"),
        ("rate_hz", float("nan"), "rate_hz: expected a finite number"),
        ("count", 2.5, "count: expected int, got float"),
        ("word", "walk", "word: expected one of go, run, got 'walk'"),
    ],
)
def test_a_wrong_override_is_refused_by_name(runner, name, value, words):
    with pytest.raises(ConfigError) as error:
        runner.make(Talker, **{name: value})
    assert words in str(error.value)
    assert "/talker" in str(error.value)


def test_overrides_reach_the_config_and_ints_widen(runner):
    node = runner.add(Talker, rate_hz=20, offset=[1.0, 2.0])
    assert node.config == TalkerConfig(rate_hz=20.0, offset=(1.0, 2.0))
    assert node.get_parameter("rate_hz").value == 20.0


def test_parameters_carry_range_and_description(runner):
    node = runner.add(Talker)
    rate, count, word = node.describe_parameters(["rate_hz", "count", "word"])
    assert (rate.floating_point_range[0].from_value, rate.floating_point_range[0].to_value) == (1.0, 100.0)
    assert (count.integer_range[0].from_value, count.integer_range[0].to_value) == (1, 9)
    assert rate.description == "Messages per second."
    assert word.additional_constraints == "one of: go, run"


def test_changes_at_run_time(runner):
    node = runner.add(Talker)

    def change(name, value):
        return node.set_parameters([Parameter(name, value=value)])[0]

    assert change("rate_hz", 10.0).successful
    assert node.config.rate_hz == 10.0
    assert "out of range" in change("rate_hz", 1000.0).reason
    assert "cannot change while the node is configured" in change("word", "run").reason
    assert node.config.word == "go"
    node.trigger_deactivate()
    node.trigger_cleanup()
    assert "expected one of go, run" in change("word", "walk").reason
    assert change("word", "run").successful
    assert node.config.word == "run"


def test_lifecycle_publishes_only_while_active_and_cleans_up(runner):
    heard = runner.listen(String, "talker/said", TWIST_QOS)
    node = runner.add(Talker, autostart=False)
    empty = node._entities()
    node.trigger_configure()
    assert len(node._entities()) == len(empty) + 4
    assert not node.active
    node.trigger_activate()
    runner.wait(lambda: len(heard) >= 3, "three messages")
    assert node.active
    node.trigger_deactivate()
    assert not node.active
    runner.wait(lambda: heard[-1].data == "stop", "the last message")
    said = len(heard)
    time.sleep(0.1)
    assert len(heard) == said
    node.trigger_cleanup()
    assert node._entities() == empty
    assert node.trigger_configure() == TransitionCallbackReturn.SUCCESS


def test_a_destroyed_node_leaves_no_dds_participant(runner):
    """Its threads and its shared memory (8 MB) would stay for as long as the process, the memory even longer."""

    def threads():
        return len(os.listdir("/proc/self/task"))

    context = Context()
    rclpy.init(context=context)
    before = threads()
    node = Talker(context=context)
    node.start()
    assert threads() > before
    gc.disable()  # a node is in cycles of references, which nothing collects when a process ends
    try:
        node.shutdown_safely()
        node.destroy_node()
        runner.wait(lambda: threads() <= before, "the end of the participant's threads")
    finally:
        gc.enable()
        context.try_shutdown()


def test_a_refused_configuration_says_why_and_leaves_nothing(runner):
    node = runner.make(Talker)
    node.refuse = True
    empty = node._entities()
    with pytest.raises(ConfigError, match="no camera"):
        node.start()
    assert node._entities() == empty
    node.refuse = False
    node.start()
    assert node.active
    node.destroy_node()


@pytest.mark.parametrize("transition", [Transition(id=Transition.TRANSITION_ACTIVATE), Transition(id=99)])
def test_an_impossible_transition_is_refused_and_the_node_lives(runner, transition):
    node = runner.add(Talker)
    request = ChangeState.Request(transition=transition)
    assert not runner.call(ChangeState, "talker/change_state", request).success
    request = ChangeState.Request(transition=Transition(id=Transition.TRANSITION_DEACTIVATE))
    assert runner.call(ChangeState, "talker/change_state", request).success
    assert not runner.call(ChangeState, "talker/change_state", request).success
    assert not node.active


def test_diagnostics_carry_any_text(runner, monkeypatch):
    heard = runner.listen(DiagnosticArray, "/diagnostics")
    node = runner.add(Talker)
    wild = {"file": "caf\udce9 é 測", "long": "x" * 100_000}
    monkeypatch.setattr(node, "diagnose", lambda: (DiagnosticStatus.OK, "\ud800", wild))
    name = f"depth_pc: {runner.namespace}/talker"
    status = runner.wait(
        lambda: next((s for m in heard for s in m.status if s.name == name and len(s.values) == 2), None), "diagnostics"
    )
    assert status.message == "?"
    assert status.values[0].value == "caf? é 測"
    assert 100 < len(status.values[1].value) < 5000


def test_the_end_of_a_node_waits_for_all_its_subscribers_together(runner, monkeypatch):
    node = runner.add(Talker)
    waits = []

    class Stalled:
        def wait_for_all_acked(self, timeout):
            waits.append(1e-9 * timeout.nanoseconds)
            now[0] += waits[-1]

    now = [100.0]
    monkeypatch.setattr(node, "steady_s", lambda: now[0])
    monkeypatch.setattr(type(node), "publishers", [Stalled()] * 8)
    node.shutdown_safely()
    assert len(waits) == 8
    assert 0 < sum(waits) < 1.0
    monkeypatch.undo()


def test_diagnostics(runner):
    heard = runner.listen(DiagnosticArray, "/diagnostics")
    runner.add(Talker)
    names = f"depth_pc: {runner.namespace}/talker"
    status = runner.wait(
        lambda: next((s for m in heard for s in m.status if s.name == names and s.values), None), "diagnostics"
    )
    assert (status.level, status.message) == (DiagnosticStatus.WARN, "so so")
    assert [(pair.key, pair.value) for pair in status.values] == [("rate", "4.5")]


SCRIPT = """
import sys
from std_msgs.msg import String
from depth_pc_ros.nodes.base import TWIST_QOS, NodeConfig, ServoNode, run

class Mover(ServoNode):
    def __init__(self):
        super().__init__("mover", NodeConfig)
    def build(self):
        self.publisher = self.create_lifecycle_publisher(String, "~/said", TWIST_QOS)
        self.create_timer(0.01, lambda: self.publisher.publish(String(data="move")))
        self.create_subscription(String, "~/crash", lambda msg: 1 / 0, 1)
    def halt(self):
        self.publisher.publish(String(data="stop"))

sys.exit(run(Mover))
"""


@pytest.fixture
def start_mover(runner, tmp_path):
    path = tmp_path / "mover.py"
    path.write_text(SCRIPT)
    processes = []

    def start(*arguments):
        command = [sys.executable, str(path), "--ros-args", "-r", f"__ns:={runner.namespace}", *arguments]
        process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, env=os.environ)
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_ends_with_the_last_message_and_exit_code_0(runner, start_mover, number):
    heard = runner.listen(String, "mover/said", TWIST_QOS)
    process = start_mover()
    runner.wait(lambda: len(heard) >= 3, "the node to move")
    for _ in range(3):  # as Ctrl-C reaches a node both by itself and through bringup
        process.send_signal(number)
    assert process.wait(timeout=WAIT_S) == 0
    runner.wait(lambda: heard[-1].data == "stop", "the last message")


def test_a_crashed_callback_stops_the_motion_and_gives_exit_code_1(runner, start_mover):
    heard = runner.listen(String, "mover/said", TWIST_QOS)
    process = start_mover()
    runner.wait(lambda: len(heard) >= 3, "the node to move")
    runner.publisher(String, "mover/crash").publish(String())
    assert process.wait(timeout=WAIT_S) == 1
    runner.wait(lambda: heard[-1].data == "stop", "the last message")
    assert "ZeroDivisionError" in process.stderr.read()


def test_an_unknown_key_in_yaml_is_one_clear_line(runner, start_mover, tmp_path):
    (tmp_path / "mover.yaml").write_text("/**:\n  ros__parameters:\n    autostrat: true\n")
    process = start_mover("--params-file", str(tmp_path / "mover.yaml"))
    assert process.wait(timeout=WAIT_S) == 1
    lines = process.stderr.read().splitlines()
    assert len(lines) == 1
    assert "unknown key 'autostrat' (did you mean autostart?)" in lines[0]


def test_a_missing_yaml_is_one_clear_line(start_mover):
    process = start_mover("--params-file", "/no/such/file.yaml")
    assert process.wait(timeout=WAIT_S) == 1
    last = process.stderr.read().splitlines()[-1]
    assert "/no/such/file.yaml" in last
