"""A servo of real processes, small enough to be quick, and what it publishes."""

import contextlib
import time

import pytest
from waits import WAIT_S

try:
    from geometry_msgs.msg import TwistStamped

    from depth_pc_ros.bringup.bringup_config import BringupConfig
    from depth_pc_ros.bringup.client import ServoClient
    from depth_pc_ros.bringup.node_table import nodes
    from depth_pc_ros.bringup.processes import NodeProcesses
    from depth_pc_ros.nodes.conversions import stamp_to_seconds, twist_from_msg
except ImportError:
    ServoClient = None

# Half the usual size: the same view of the same scene, four times faster.
PARAMS = """
bridge: {{width: 320, height: 240, focal_px: 270.0, idle_s: {idle_s}}}
controller: {{check_motion: {check_motion}, slow_limit_s: {slow_limit_s}}}
"""


class Twists:
    """Twists (6,) of a topic in the order they came, their stamps, and when each came on time.monotonic."""

    def __init__(self, client, topic: str):
        self.topic, self.values, self.stamps_s, self.times_s = topic, [], [], []
        client.node.create_subscription(TwistStamped, topic, self._hear, 100)

    def _hear(self, msg):
        self.values.append(twist_from_msg(msg.twist))
        self.stamps_s.append(stamp_to_seconds(msg.header.stamp))
        self.times_s.append(time.monotonic())

    @property
    def moving(self) -> bool:
        return bool(self.values) and self.values[-1].any()

    def silent_s(self) -> float:
        return time.monotonic() - self.times_s[-1]

    def last_motion(self) -> int:
        """Index of the last twist that is not zero."""
        return max(i for i, twist in enumerate(self.values) if twist.any())


class RunningServo:
    """Running nodes and a client. twists: of the camera, from the controller. commands: of the tool, to the arm."""

    def __init__(self, processes, client):
        self.processes, self.client = processes, client
        self.twists = Twists(client, "controller/twist_cmd")
        self.commands = Twists(client, "bridge/command")

    def wait(self, condition, what: str, timeout_s: float = WAIT_S):
        end_s = time.monotonic() + timeout_s
        while not condition():
            assert time.monotonic() < end_s, f"waited {timeout_s} s in vain for {what}"
            time.sleep(0.005)

    def prepare(self):
        """Goal from the goal pose, camera at the start pose."""
        self.client.look_from_goal()
        self.client.capture_goal()
        self.client.reset()

    def start_moving(self):
        """Enable, and wait until the arm gets a motion command."""
        self.client.enable(True)
        self.wait(lambda: self.twists.moving and self.commands.moving, "motion")

    def wait_for_stop(self):
        """Wait for zero twists and then silence of both topics.

        The controller sends five zeros. The adapter passes them on, and five of its own if it fell silent first.
        """
        for twists, most in ((self.twists, 5), (self.commands, 10)):
            self.wait(lambda twists=twists: not twists.moving and twists.silent_s() > 0.5, "silence")
            zeros = len(twists.values) - 1 - twists.last_motion()
            assert 1 <= zeros <= most, twists.topic


@pytest.fixture
def start_servo(tmp_path):
    """Starts a servo for BringupConfig options; only the named nodes of it where `only` names some.

    The law is pbvs unless a test names one: nodes that import no torch start in half of the time.
    check_motion: False where a busy machine may hold the simulated arm up, which is a fault to the controller.
    slow_limit_s: longer where a test does not end because images come slowly.
    idle_s: in lockstep, how long the world waits for the first answer; a run repeats exactly where that comes in time.
    """
    if ServoClient is None:
        pytest.skip("needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")
    params = tmp_path / "small.yaml"
    with contextlib.ExitStack() as stack:

        def start(only=(), idle_s=0.3, check_motion=True, slow_limit_s=1.0, **options) -> RunningServo:
            values = {"idle_s": idle_s, "check_motion": str(check_motion).lower(), "slow_limit_s": slow_limit_s}
            params.write_text(PARAMS.format(**values))
            specs = nodes(BringupConfig(params=str(params), **{"controller": "pbvs", **options}))
            specs = [spec for spec in specs if not only or spec.name in only]
            namespace = specs[0].namespace
            processes = stack.enter_context(NodeProcesses(specs, tmp_path / f"log{namespace}"))
            client = stack.enter_context(ServoClient(WAIT_S, namespace))
            processes.wait_until_active(client, 2 * WAIT_S)
            return RunningServo(processes, client)

        yield start
