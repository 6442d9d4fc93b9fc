"""Pytest plugin of the tests that need ROS: nodes spinning in this process, and a test node that talks to them.

The root conftest loads it. Without rclpy the modules of `test/nodes` and most of `test/bringup` are skipped.
"""

import sys
import threading
import time
import uuid
from array import array

import numpy as np
import pytest
from waits import WAIT_S

from depth_pc_ros.geometry import se3
from depth_pc_ros.types import Matches

try:
    import rclpy
    from geometry_msgs.msg import TwistStamped
    from rclpy.context import Context
    from rclpy.executors import SingleThreadedExecutor
    from rclpy.node import Node
    from rclpy.parameter import Parameter
    from stand_in_adapter import StandInAdapter
    from stand_in_tf import StandInTf
    from std_msgs.msg import Header

    from depth_pc_interfaces.msg import KeypointMatches, ServoGoal
    from depth_pc_ros.nodes.base import LATCHED_QOS, TWIST_QOS
    from depth_pc_ros.nodes.conversions import (
        depth_to_image,
        intrinsics_to_info,
        matches_to_msg,
        seconds_to_stamp,
        twist_from_msg,
    )
    from depth_pc_ros.nodes.spinning import Spinner
except ImportError:
    rclpy = None


WITHOUT_ROS = (
    "test_node_table.py", "test_bringup_config.py", "test_user_params.py", "test_node_configs.py",
    "test_gazebo_config.py", "test_gazebo_files.py", "test_pose_track.py",
)  # fmt: skip


class SkippedModule(pytest.Module):
    def collect(self):
        pytest.skip("needs rclpy: run scripts/setup.sh, or source a ROS 2 environment", allow_module_level=True)


def pytest_pycollect_makemodule(module_path, parent):
    needs_ros = module_path.parent.name in ("nodes", "bringup") and module_path.name not in WITHOUT_ROS
    return SkippedModule.from_parent(parent, path=module_path) if rclpy is None and needs_ros else None


class NodeRunner:
    """A context and a namespace of its own, with everything added to it spinning in one thread."""

    def __init__(self):
        self.context = Context()
        rclpy.init(context=self.context)
        self.namespace = f"/test_{uuid.uuid4().hex[:8]}"
        self.executor = SingleThreadedExecutor(context=self.context)
        self.node = Node("tester", context=self.context, namespace=self.namespace)
        self.executor.add_node(self.node)
        self._nodes = [self.node]
        self._others: list[tuple[Context, Node]] = []
        self._spinner = Spinner(self.executor)

    def make(self, node_class, **parameters):
        """Build a node in this runner, not started."""
        overrides = [Parameter(name, value=value) for name, value in parameters.items()]
        return node_class(context=self.context, namespace=self.namespace, parameter_overrides=overrides)

    def add(self, node_class, **parameters):
        """Build, start and spin a node."""
        node = self.make(node_class, **parameters)
        node.start()
        self._nodes.append(node)
        self.executor.add_node(node)
        return node

    def remove(self, node):
        """Stop spinning a node and destroy it."""
        self.executor.remove_node(node)
        self._nodes.remove(node)
        node.destroy_node()

    def listen(self, msg_type, topic, qos=10) -> list:
        """The list that messages of a topic are appended to."""
        heard = []
        self.node.create_subscription(msg_type, topic, heard.append, qos)
        return heard

    def listen_twists(self, topic) -> list:
        """As `listen`, of TwistStamped: (time received in s of time.monotonic, twist (6,), message)."""
        heard = []

        def hear(msg):
            heard.append((time.monotonic(), twist_from_msg(msg.twist), msg))

        self.node.create_subscription(TwistStamped, topic, hear, 10)
        return heard

    def publisher(self, msg_type, topic, qos=10, readers=1):
        """A publisher with which `readers` subscriptions have already matched."""
        publisher = self.node.create_publisher(msg_type, topic, qos)
        self.wait(lambda: publisher.get_subscription_count() >= readers, f"a reader of {topic}")
        return publisher

    def other_process(self) -> "Node":
        """A node of a process of its own, so to speak: in one process a topic has one type."""
        context = Context()
        rclpy.init(context=context)
        node = Node("driver", context=context, namespace=self.namespace)
        self._others.append((context, node))
        return node

    def call(self, srv_type, name, request, timeout_s=WAIT_S):
        """Answer of a service."""
        client = self.node.create_client(srv_type, name)
        assert client.wait_for_service(timeout_sec=timeout_s), f"no service {name}"
        future = client.call_async(request)
        self.wait(future.done, f"an answer of {name}", timeout_s)
        self.node.destroy_client(client)
        return future.result()

    def wait(self, condition, what, timeout_s=WAIT_S):
        """Poll until the condition holds; its value."""
        end = time.monotonic() + timeout_s
        while not (value := condition()):
            assert not self._spinner.crashed, "a callback raised: see its traceback"
            assert time.monotonic() < end, f"waited {timeout_s} s in vain for {what}"
            time.sleep(0.002)
        return value

    def close(self):
        self._spinner.stop(WAIT_S)
        others = [node for _, node in self._others]
        for node in (*self._nodes, *others):
            node.destroy_node()
        for context in (self.context, *(context for context, _ in self._others)):
            context.try_shutdown()


@pytest.fixture
def tf(monkeypatch):
    """A stand-in for tf2_ros, and for what is published on TF."""
    tf = StandInTf()
    monkeypatch.setitem(sys.modules, "tf2_ros", tf)
    return tf


@pytest.fixture
def runner():
    runner = NodeRunner()
    yield runner
    runner.close()


class PointCamera:
    """A camera without images: it sees 60 points with 0.05 px of noise, and moves as `controller/twist_cmd` says.

    Replaces keypoint node, adapter and arm around a controller node. `drive` integrates one frame in lockstep;
    `live` does so in a thread, 25 times a second.
    """

    PERIOD_S = 0.04

    def __init__(self, runner, intrinsics):
        rng = np.random.default_rng(3)
        self.runner, self.intrinsics = runner, intrinsics
        self.points = rng.uniform([-0.15, -0.12, -0.05], [0.15, 0.12, 0.05], (60, 3))
        self.T_world_goal = se3.look_at(np.array([0.02, -0.03, 0.6]), np.zeros(3), np.array([0.0, 1.0, 0.0]))
        self.T_world_cam = self.T_world_goal @ se3.exp(np.array([0.08, -0.05, -0.06, 0.1, -0.05, 0.25]))
        self.noise = rng
        self.goal_id = 0
        self.goals = runner.node.create_publisher(ServoGoal, "goal", LATCHED_QOS)
        self.matches = runner.node.create_publisher(KeypointMatches, "matches", TWIST_QOS)
        self.twists = runner.listen_twists("controller/twist_cmd")
        self.adapter = StandInAdapter(runner.node, "adapter_status")
        self._stop = threading.Event()
        self._thread = None

    def now_s(self) -> float:
        return 1e-9 * self.runner.node.get_clock().now().nanoseconds

    def goal_msg(self, distance=0.6, depth=None, goal_id=None, keep_moving=False) -> "ServoGoal":
        """A goal as the keypoint node would publish it."""
        self.goal_id = self.goal_id + 1 if goal_id is None else goal_id
        goal = ServoGoal(goal_id=self.goal_id, distance=distance, keep_moving=keep_moving)
        goal.camera_info = intrinsics_to_info(self.intrinsics, Header())
        goal.keypoints = array("d", self.pixels(self.T_world_goal).tobytes())
        if depth is not None:
            goal.depth = depth_to_image(depth, Header())
        return goal

    def set_goal(self, **goal):
        """Publish a goal."""
        self.goals.publish(self.goal_msg(**goal))

    def pixels(self, T_world_cam) -> np.ndarray:
        T_cam_world = se3.inverse(T_world_cam)
        return self.intrinsics.project(se3.transform(T_cam_world, self.points))

    def matches_msg(self, stamp_s=None, visible=60, goal_id=None) -> "KeypointMatches":
        """The matches of the pose at the moment; `visible` of the points are matched."""
        matched = np.arange(len(self.points)) < visible
        pixels = self.pixels(self.T_world_cam) + self.noise.normal(0, 0.05, (len(self.points), 2))
        current = np.where(matched[:, None], pixels, np.nan)
        matches = Matches(current, matched, matched.astype(np.float32))
        stamp_s = self.now_s() if stamp_s is None else stamp_s
        header = Header(stamp=seconds_to_stamp(stamp_s), frame_id="optical")
        goal_id = self.goal_id if goal_id is None else goal_id
        return matches_to_msg(matches, goal_id, header)

    def look(self, stamp_s=None, goal_id=None, visible=60):
        """Publish the matches of the pose at the moment."""
        self.matches.publish(self.matches_msg(stamp_s, visible, goal_id))

    def move(self, twist, dt_s):
        self.T_world_cam = self.T_world_cam @ se3.exp(twist * dt_s)

    def drive(self, stamp_s) -> np.ndarray:
        """Lockstep: show one frame, wait for its one twist (6,), move by it."""
        count = len(self.twists)
        self.look(stamp_s)
        self.runner.wait(lambda: len(self.twists) > count, "the twist of a frame")
        assert len(self.twists) == count + 1
        self.move(self.twists[-1][1], self.PERIOD_S)
        return self.twists[-1][1]

    def live(self):
        """Look and move in real time, until `freeze`."""

        def loop():
            while not self._stop.wait(self.PERIOD_S):
                if self.twists and time.monotonic() - self.twists[-1][0] < 0.2:
                    self.move(self.twists[-1][1], self.PERIOD_S)
                self.look()

        self._stop.clear()
        self._thread = threading.Thread(target=loop, daemon=True)
        self._thread.start()

    def freeze(self):
        """Stop looking, as when the camera is unplugged."""
        self._stop.set()
        if self._thread is not None:
            self._thread.join()

    def error(self) -> tuple[float, float]:
        """Distance to the goal pose, mm and degrees."""
        metres, degrees = se3.pose_error(self.T_world_cam, self.T_world_goal)
        return 1e3 * metres, degrees


@pytest.fixture
def camera(runner, intrinsics):
    camera = PointCamera(runner, intrinsics)
    yield camera
    camera.freeze()
