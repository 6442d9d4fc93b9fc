"""Controller node, adapter node, its driver and a stand-in arm in virtual time, tick by tick. Import it where ROS is.

What is left out is the transport: every message is handed on at once. The eye of the arm is points with noise, or a
camera in PyBullet.
"""

import types
from array import array

import numpy as np
from sensor_msgs.msg import JointState
from stand_in_arms import JointArm
from std_msgs.msg import Header, String

from depth_pc_interfaces.msg import ServoGoal
from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.nodes.controller_node import ControllerNode
from depth_pc_ros.nodes.conversions import intrinsics_to_info, matches_to_msg, seconds_to_stamp
from depth_pc_ros.nodes.drivers.servo_settings import ABOUT_TIP, ServoSettings
from depth_pc_ros.nodes.hand_eye import FixedHandEye
from depth_pc_ros.nodes.twist_adapter import TwistAdapter
from depth_pc_ros.perception.factory import make_matcher
from depth_pc_ros.sim.arm_models import PANDA
from depth_pc_ros.sim.panda import URDF
from depth_pc_ros.sim.world import SimWorld
from depth_pc_ros.types import Matches, ServoState

TICK_S = 0.02
TICKS_PER_IMAGE = 2
XYZ, QUAT = [0.05, -0.02, 0.11], [0.2, -0.4, 0.4, 0.8]  # camera in the tool of the PointEye


class PointEye:
    """60 points in front of a free camera, seen with 0.05 px of noise."""

    T_tool_cam = FixedHandEye(XYZ, QUAT).T_tool_cam("")
    distance = 0.6

    def __init__(self, seed: int):
        self._rng = rng = np.random.default_rng(seed)
        self._intrinsics = Intrinsics(540.0, 540.0, 319.5, 239.5, 640, 480)
        self._points = rng.uniform([-0.15, -0.12, -0.05], [0.15, 0.12, 0.05], (60, 3))
        self._T_goal = se3.look_at(np.array([0.02, -0.03, 0.6]), np.zeros(3), np.array([0.0, 1.0, 0.0]))
        start = np.array([0.12, -0.08, -0.1, 0.1, -0.1, 0.7]) * rng.choice([-1, 1], 6)
        self._T_cam = self._T_goal @ se3.exp(start)
        self.T_base_tool = self._T_cam @ se3.inverse(self.T_tool_cam)

    def goal(self) -> tuple[np.ndarray, Intrinsics]:
        return self._pixels(self._T_goal), self._intrinsics

    def look(self) -> Matches:
        pixels = self._pixels(self._T_cam) + self._rng.normal(0, 0.05, (60, 2))
        return Matches(pixels, np.ones(60, bool), np.ones(60, np.float32))

    def _pixels(self, T_cam) -> np.ndarray:
        return self._intrinsics.project(se3.transform(se3.inverse(T_cam), self._points))

    def move(self, tool_twist: np.ndarray) -> None:
        self.T_base_tool = self.T_base_tool @ se3.exp(TICK_S * tool_twist)
        self._T_cam = self.T_base_tool @ self.T_tool_cam

    def error(self) -> tuple[float, float]:
        """Distance to the goal, mm and degrees."""
        metres, degrees = se3.pose_error(self._T_cam, self._T_goal)
        return 1e3 * metres, degrees

    def close(self) -> None:
        pass


class WristEye:
    """The wrist camera of the Panda in PyBullet, at half the usual size."""

    T_tool_cam = PANDA.T_tool_cam

    def __init__(self, seed: int):
        self.world = SimWorld(seed=seed, rig="arm", intrinsics=Intrinsics(270.0, 270.0, 159.5, 119.5, 320, 240))
        self._matcher = make_matcher(MatcherConfig())
        self._matcher.set_goal(self.world.goal_view()[0], self.world.intrinsics)
        self.world.reset_to_start()
        self.distance = self.world.scene_distance

    @property
    def T_base_tool(self) -> np.ndarray:
        return self.world.rig.tool_pose

    def goal(self) -> tuple[np.ndarray, Intrinsics]:
        return self._matcher.goal_points, self.world.intrinsics

    def look(self) -> Matches:
        return self._matcher.match_features(self._matcher.detect(self.world.render()[0]))

    def move(self, tool_twist: np.ndarray) -> None:
        self.world.step(tool_twist, TICK_S)

    def error(self) -> tuple[float, float]:
        metres, degrees = self.world.pose_error()
        return 1e3 * metres, degrees

    def close(self) -> None:
        self.world.close()


class DrivenArm:
    """The chain. arm: the stand-in, see `stand_in_arms`. tf: the stand-in for tf2_ros. options: of the adapter.

    controller: options of the controller. steps: ticks of 20 ms since `drive` began.
    """

    def __init__(self, runner, eye, arm, tf, controller=None, **options):
        self.time_s, self.steps = 1000.0, 0
        self.eye, self.arm, self._tf = eye, arm, tf
        quat_xyz = {"camera_in_tool_xyz": XYZ, "camera_in_tool_quat": QUAT}
        if eye.T_tool_cam is PANDA.T_tool_cam:
            s = float(np.sqrt(0.5))
            quat_xyz = {"camera_in_tool_xyz": PANDA.T_tool_cam[:3, 3].tolist(), "camera_in_tool_quat": [0.0, 0.0, s, s]}
        frames = {"tool_frame": "panda_hand" if isinstance(arm, JointArm) else "tool0", "base_frame": "base_link"}
        parameters = {"controller": "pbvs", "actuation_delay_s": 0.0, "default_distance": eye.distance}
        self.controller = runner.make(ControllerNode, **{**parameters, **(controller or {})})
        self.adapter = runner.make(TwistAdapter, **{**quat_xyz, **frames, **options})
        clock = types.SimpleNamespace(now=self._now)
        for node in (self.controller, self.adapter):
            node.now_s = node.steady_s = lambda: self.time_s
            node.start()
            node.get_clock = lambda: clock
        self.controller._rivals.look = lambda: ""  # the chain before this one may still be known
        self._twists = []
        self.controller._twist_pub.publish = self._twists.append
        self.adapter._status_publisher.publish = self.controller._on_adapter_status
        self.adapter._driver._publisher.publish = arm.take
        points, intrinsics = eye.goal()
        goal = ServoGoal(goal_id=1, distance=float(parameters["default_distance"]))
        if controller and "default_distance" in controller:
            goal.distance = 0.0
        goal.keypoints = array("d", points.tobytes())
        goal.camera_info = intrinsics_to_info(intrinsics, Header())
        self.controller._on_goal(goal)

    def _now(self):
        stamp = seconds_to_stamp(self.time_s)
        return types.SimpleNamespace(nanoseconds=round(1e9 * self.time_s), to_msg=lambda: stamp)

    @property
    def state(self) -> tuple[ServoState, str]:
        return self.controller.state()

    def tick(self) -> None:
        """20 ms: an image in every second one, a command, and the motion that the arm makes of it."""
        self.time_s += TICK_S
        self._tf.poses["base_link", "tool0"] = self.eye.T_base_tool, self.time_s
        if hasattr(self.adapter._driver, "_on_joints"):
            rig = self.eye.world.rig
            self.adapter._driver._on_joints(JointState(name=rig.joint_names, position=rig.joint_positions))
        self.adapter._tick()
        if self.steps % TICKS_PER_IMAGE == 0:
            header = Header(stamp=seconds_to_stamp(self.time_s), frame_id="optical")
            self.controller._on_matches(matches_to_msg(self.eye.look(), 1, header))
        self.controller._on_tick()
        while self._twists:
            self.adapter._on_twist(self._twists.pop(0))
        self.steps += 1
        self.eye.move(self.arm.tool_twist(self.time_s, self.eye.T_base_tool))

    def drive(self, most_steps: int = 1500) -> int:
        """Until the servo has converged, or so many steps; the steps."""
        self.controller.enable()
        while self.steps < most_steps and self.state[0] is not ServoState.CONVERGED:
            self.tick()
        return self.steps

    def close(self) -> None:
        self.eye.close()
        for node in (self.controller, self.adapter):
            node.destroy_node()


def told(driver, arm) -> None:
    """What the driver of MoveIt Servo would have been answered, and that of joint velocities be told."""
    if isinstance(arm, JointArm):
        driver._on_urdf(String(data=URDF.read_text()))
        return
    model = arm.model
    driver._newer = not model.humble
    driver._on_start(types.SimpleNamespace(success=True))
    values = model.parameters if model.humble else {**model.parameters, ABOUT_TIP: True}
    driver._settings = ServoSettings.from_values("/servo_node", values)
