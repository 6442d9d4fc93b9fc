"""A signal ends a node's process at any moment: while Python imports, while a model loads, in a long callback."""

import os
import signal
import subprocess
import sys
import time

import pytest
import rclpy
from action_msgs.msg import GoalStatus
from rclpy.action import ActionClient
from sensor_msgs.msg import Image
from std_msgs.msg import String
from waits import SLOW_MACHINE_S, WAIT_S

from depth_pc_interfaces.action import Servo
from depth_pc_interfaces.srv import SetGoalImage
from depth_pc_ros.nodes.base import TWIST_QOS
from depth_pc_ros.nodes.starting import program_name

pytestmark = pytest.mark.ros

SIGNALS = [signal.SIGINT, signal.SIGTERM]
NODES = [
    "keypoint_node",
    "depth_node",
    "controller_node",
    "twist_adapter",
    "dead_man",
    "simulation_bridge",
    "gazebo_bridge",
    "watch_node",
]


@pytest.fixture
def start(tmp_path):
    """Starts a process; what it prints, both streams, is to be read from `stdout`."""
    processes = []

    def start(*words, **environment):
        environment = {**os.environ, "PYTHONUNBUFFERED": "1", **environment}
        process = subprocess.Popen(
            [sys.executable, *words], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, env=environment,
            preexec_fn=lambda: signal.signal(signal.SIGHUP, signal.SIG_DFL),  # under nohup it would be ignored
        )  # fmt: skip
        processes.append(process)
        return process

    yield start
    for process in processes:
        process.kill()
        process.wait()
        process.stdout.close()


def wait_for_line(process, word):
    for line in process.stdout:
        if word in line:
            return
    pytest.fail(f"ended before {word!r}")


def end_of(process) -> tuple[int, str]:
    """Exit code, and what was printed since."""
    output, _ = process.communicate(timeout=WAIT_S)
    return process.returncode, output


@pytest.mark.parametrize("number", SIGNALS)
@pytest.mark.parametrize(
    ("module", "code"),
    [*((f"nodes.{name}", 0) for name in NODES), ("cli.bringup", 0), ("cli.watch", 0), ("cli.demo", 1)],
)
def test_a_signal_ends_a_program_that_still_imports(start, tmp_path, module, code, number):
    (tmp_path / "numpy.py").write_text("import time\nprint('importing', flush=True)\nwhile True: time.sleep(0.01)\n")
    path = os.pathsep.join([str(tmp_path), os.environ.get("PYTHONPATH", "")])
    process = start("-m", f"depth_pc_ros.{module}", PYTHONPATH=path)
    wait_for_line(process, "importing")
    process.send_signal(number)
    assert end_of(process) == (code, "")


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("python -m depth_pc_ros.nodes.twist_adapter --ros-args", "twist_adapter"),
        ("python -X dev -m depth_pc_ros.cli.demo", "demo"),
        ("/usr/bin/python3 /opt/ws/lib/depth_pc_ros/keypoint_node --ros-args", "keypoint_node"),
        ("/usr/bin/python3 /home/me/.local/bin/depth_pc_bringup", "bringup"),
        ("python -m pytest test/nodes", ""),
        ("python", ""),
        ("python my_robot/bringup.py", ""),
    ],
)
def test_only_the_programs_of_this_package_are_taken_for_such(words, name):
    assert program_name(words.split()) == name


LOADER = """
import sys, time
from std_msgs.msg import String
from depth_pc_ros.nodes.base import TWIST_QOS, NodeConfig, ServoNode, run

class Loader(ServoNode):
    def __init__(self):
        super().__init__("loader", NodeConfig)
    def build(self):
        self.publisher = self.create_lifecycle_publisher(String, "~/said", TWIST_QOS)
        if "loads" in sys.argv:
            print("loading", flush=True)
            while True:
                try:
                    time.sleep(0.01)
                except BaseException:  # as libraries do while they are imported
                    pass
        self.create_timer(0.01, self.tick)
    def begin(self):
        print("begins", flush=True)
        time.sleep(0.3 if "slow" in sys.argv else 0)
    def tick(self):
        self.publisher.publish(String(data="move"))
        if "hangs" in sys.argv and self.publisher.get_subscription_count():
            print("hanging", flush=True)
            time.sleep(1000)
    def halt(self):
        self.publisher.publish(String(data="stop"))

sys.exit(run(Loader))
"""


@pytest.fixture
def loader(runner, start, tmp_path):
    (tmp_path / "loader.py").write_text(LOADER)
    return lambda word: start(str(tmp_path / "loader.py"), word, "--ros-args", "-r", f"__ns:={runner.namespace}")


@pytest.mark.parametrize("number", SIGNALS)
def test_a_signal_ends_a_node_that_loads(loader, number):
    process = loader("loads")
    wait_for_line(process, "loading")
    process.send_signal(number)
    assert end_of(process) == (0, "")


@pytest.mark.parametrize("number", [*SIGNALS, signal.SIGHUP])
@pytest.mark.parametrize(("word", "line"), [("slow", "begins"), ("hangs", "hanging")])
def test_an_active_node_says_its_last_word_at_any_moment(runner, loader, word, line, number):
    heard = runner.listen(String, "loader/said", TWIST_QOS)
    process = loader(word)
    wait_for_line(process, line)
    for _ in range(3):
        process.send_signal(number)
    assert end_of(process) == (0, "")
    if word == "hangs":
        runner.wait(lambda: heard[-1].data == "stop", "the last message")


def test_a_signal_ends_the_controller_at_any_share_of_its_start(runner, start):
    words = ("-m", "depth_pc_ros.nodes.controller_node", "--ros-args", "-r", f"__ns:={runner.namespace}")
    began_s = time.monotonic()
    process = start(*words)
    wait_for_line(process, "NO_GOAL")
    start_s = time.monotonic() - began_s
    process.send_signal(signal.SIGINT)
    code, output = end_of(process)
    assert code == 0
    assert "INACTIVE" in output
    for share in (0.3, 0.6, 0.9):
        process = start(*words)
        with pytest.raises(subprocess.TimeoutExpired):
            process.wait(share * start_s)
        process.send_signal(signal.SIGINT)
        process.wait(timeout=2.0 + SLOW_MACHINE_S)
        code, output = end_of(process)
        assert code == 0
        assert "Traceback" not in output


def test_a_signal_during_an_action_answers_the_client(runner, start):
    mute = rclpy.create_node("mute", context=runner.context, namespace=runner.namespace)  # nothing spins it
    mute.create_service(SetGoalImage, "set_goal_image", lambda request, response: response)
    words = ["-p", "controller:=pbvs", "-r", f"__ns:={runner.namespace}"]
    process = start("-m", "depth_pc_ros.nodes.controller_node", "--ros-args", *words)
    wait_for_line(process, "NO_GOAL")
    client = ActionClient(runner.node, Servo, "controller/servo")
    assert client.wait_for_server(timeout_sec=WAIT_S)
    image = Image(width=64, height=48, step=192, encoding="rgb8", data=bytes(64 * 48 * 3))

    def ask():
        """The result to come of a goal that waits for the keypoint node; None: the controller had not found it yet.

        DDS may lose the answer of a server that has not found this client's reader yet: then it is asked again.
        """
        feedback = []
        future = client.send_goal_async(Servo.Goal(image=image), feedback_callback=feedback.append)
        end = time.monotonic() + 5.0
        while not future.done():
            if time.monotonic() > end:
                return None
            time.sleep(0.002)
        result = future.result().get_result_async()
        runner.wait(lambda: result.done() or feedback, "feedback, or an answer")
        return None if result.done() else result

    result = runner.wait(ask, "a goal that waits")
    process.send_signal(signal.SIGINT)
    runner.wait(result.done, "a result")
    assert result.result().status == GoalStatus.STATUS_ABORTED
    assert end_of(process)[0] == 0
    mute.destroy_node()
