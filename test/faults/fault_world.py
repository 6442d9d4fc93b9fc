"""A whole servo in virtual time: all its nodes, a camera that sees points, an arm with a lag, and a person."""

import contextlib
import sys
import types
from array import array
from types import SimpleNamespace
from unittest import mock

import numpy as np
from geometry_msgs.msg import TransformStamped, TwistStamped
from rclpy.lifecycle import TransitionCallbackReturn
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool
from virtual_ros import VirtualActionServer, VirtualRos

from depth_pc_interfaces.msg import ServoStatus
from depth_pc_interfaces.srv import SetGoalImage
from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.errors import ImageError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.nodes import controller_node, dead_man, depth_node, keypoint_node, servo_action, twist_adapter
from depth_pc_ros.nodes.conversions import (
    depth_to_image,
    intrinsics_to_info,
    mask_to_image,
    seconds_to_stamp,
    twist_from_msg,
)
from depth_pc_ros.nodes.quaternions import quaternion_of
from depth_pc_ros.types import Matches, ServoState

NODES = {
    "keypoints": keypoint_node.KeypointNode,
    "depth": depth_node.DepthNode,
    "controller": controller_node.ControllerNode,
    "adapter": twist_adapter.TwistAdapter,
    "dead_man": dead_man.DeadMan,
}
R_TOOL_CAM = se3.exp_so3(np.array([0.0, 0.0, 0.5 * np.pi]))
_BEFORE = {  # states of a node that have a transition
    "configure": ("unconfigured",),
    "activate": ("inactive",),
    "deactivate": ("active",),
    "cleanup": ("inactive",),
    "shutdown": ("unconfigured", "inactive", "active"),
}
MOVING = (ServoStatus.SERVOING, ServoStatus.LIMITED)


class World:
    """law: the controller's. seed: of the scene, the start and the noise. Further options: of the controller node.

    Use `close`, or `with`. Everything happens while `run` lets time pass.
    """

    FRAME_S, EXPOSURE_S = 0.04, 0.02
    ARM_STEP_S, ARM_DELAY_S, ARM_TIMEOUT_S = 0.02, 0.03, 0.25

    def __init__(self, law: str = "pbvs", seed: int = 0, **options):
        self.rng = np.random.default_rng(seed)
        self.ros = VirtualRos()
        self.camera = PointCamera(self.rng)
        self.tf = GoodTf()
        self.twist = np.zeros(6)  # what the arm carries out, of the camera
        self._commanded_s = -np.inf
        self.status = ServoStatus()
        self.statuses = 0
        topics = {name: self.name(f"bridge/{name}") for name in ("image", "camera_info", "depth_image")}
        real_arm = BringupConfig(controller=law, driver="twist", tool_frame="tool0", **topics)
        self.specs = {spec.name: spec for spec in nodes(real_arm)}
        self._options = options
        self._open: list = []
        self._machine_until_s = -1.0
        self.complain = lambda invariant, what: None  # what a fault calls that sees a violation
        self.rivals = 0
        self.arm_gain = 1.0
        self.nodes = {}
        self._stack = contextlib.ExitStack()
        self._stack.enter_context(mock.patch.object(keypoint_node, "make_matcher", self._matcher))
        self._stack.enter_context(mock.patch.object(servo_action, "ActionServer", VirtualActionServer))
        self._stack.enter_context(mock.patch.object(dead_man.DeadMan, "_adapter_reports", self._adapter_reports))
        sys.modules["tf2_ros"] = _fake_tf(lambda: self.tf)
        self._stack.callback(sys.modules.pop, "tf2_ros")
        self.ros.listen(TwistStamped, self.name("bridge/command"), self._obey)
        self.ros.listen(ServoStatus, self.name("controller/status"), self._note)
        try:
            for name in NODES:
                self.start(name)
        except BaseException:
            self._stack.close()  # or the tests that come after it in this process would fail, too
            raise
        self.ros.every(self.FRAME_S, self._expose)
        self.ros.every(self.ARM_STEP_S, self._move)

    def hold(self, seconds: float, end) -> None:
        """Call `end` after so long, or at `heal`."""
        self._open.append(end)

        def finish():
            if end in self._open:
                self._open.remove(end)
                end()

        self.ros.at(seconds, finish)

    def tamper(self, topic: str, seconds: float, change) -> None:
        """Change what is published on a topic for so long. change: (message) -> messages."""
        tampering = self.ros.tampering[self.name(topic)]

        def all_of(messages):
            return [each for msg in messages for each in change(msg)]

        tampering.append(all_of)
        self.hold(seconds, lambda: tampering.remove(all_of))

    @property
    def troubled(self) -> bool:
        """Whether a fault goes on."""
        return bool(self._open)

    def heal(self) -> None:
        """End all faults that have not ended yet."""
        while self._open:
            self._open.pop()()

    def close(self) -> None:
        for node in self.nodes.values():
            if not node.dead:
                self.ros.kill(node)
        self._stack.close()

    def __enter__(self) -> "World":
        return self

    def __exit__(self, *_exc) -> None:
        self.close()

    def name(self, name: str) -> str:
        return f"/depth_pc/{name}"

    def run(self, seconds: float) -> None:
        self.ros.run(seconds)

    # The nodes

    def start(self, name: str) -> None:
        """Start a node, as bringup does."""
        spec = self.specs[name]
        arguments = ["-r", f"__node:={name}", "-r", f"__ns:={spec.namespace}"]
        for inside, outside in spec.remappings.items():
            arguments += ["-r", f"{inside}:={outside}"]
        parameters = {key: value for key, value in spec.parameters.items() if key != "use_sim_time"}
        if name in ("adapter", "dead_man"):
            parameters["profile"] = "pybullet"  # of all drivers the one with a stamp
            arguments += ["-r", "command:=bridge/command", "-r", "at_limit:=bridge/at_limit"]
        if name == "controller":
            parameters |= self._options
        node = self.nodes[name] = self.ros.make(NODES[name], arguments, **parameters)
        self.ros.stall(node, self._machine_until_s - self.ros.steady_s)
        node.start()

    def stall_machine(self, seconds: float) -> None:
        """Hold up all nodes for so long, those that are started meanwhile, too."""
        self._machine_until_s = max(self._machine_until_s, self.ros.steady_s + seconds)
        for node in self.nodes.values():
            self.ros.stall(node, seconds)

    def restart(self, name: str, seconds: float) -> None:
        """Kill a node, and start it again after so long."""
        if not self.nodes[name].dead:
            self.ros.kill(self.nodes[name])
            self.hold(seconds, lambda: self.start(name))

    def change_state(self, name: str, transition: str) -> None:
        """configure, activate, deactivate, cleanup or shutdown; nothing where the node's state does not have it."""
        node = self.nodes[name]

        def act():
            if node._state_machine.current_state[1] not in _BEFORE[transition]:
                return
            if getattr(node, f"trigger_{transition}")() is TransitionCallbackReturn.ERROR:
                raise RuntimeError(f"{transition}: {node._refusal}")

        node.later(act)

    def lifecycle(self, name: str) -> str:
        """unconfigured, inactive, active, finalized, or dead."""
        node = self.nodes[name]
        return "dead" if node.dead else node._state_machine.current_state[1]

    def _matcher(self, _config, **_how):
        return PointMatcher(self.camera)

    def _adapter_reports(self, within_s: float) -> bool:
        """Stands for that of the dead man: whether the adapter reports within this time, which does not pass."""
        adapter = self.nodes.get("adapter")
        until_ns = self.ros.steady_ns + int(within_s * 1e9)
        return adapter is not None and not adapter.dead and adapter.active and adapter.stalled_until_ns < until_ns

    # The camera and the arm

    def _expose(self) -> None:
        view = self.camera.take()
        header = Header(stamp=seconds_to_stamp(1e-9 * self.ros.clock_ns), frame_id="optical")

        def deliver():
            info = intrinsics_to_info(self.camera.intrinsics, header)
            self.ros.publish(self.name("bridge/camera_info"), info, "camera")
            self.ros.publish(self.name("bridge/depth_image"), self.camera.depth_image(view, header), "camera")
            self.ros.publish(self.name("bridge/image"), self.camera.image(view, header), "camera")

        self.ros.at(self.EXPOSURE_S, deliver)

    def _obey(self, msg: TwistStamped) -> None:
        twist = twist_from_msg(msg.twist)
        camera_twist = np.concatenate([R_TOOL_CAM.T @ twist[:3], R_TOOL_CAM.T @ twist[3:]])

        def act():
            self.twist, self._commanded_s = camera_twist, self.ros.steady_s

        self.ros.at(self.ARM_DELAY_S, act)

    def _move(self) -> None:
        if self.ros.steady_s - self._commanded_s > self.ARM_TIMEOUT_S or not np.isfinite(self.twist).all():
            self.twist = np.zeros(6)
        if self.twist.any():
            self.camera.T = self.camera.T @ se3.exp(self.ARM_STEP_S * self.arm_gain * self.twist)

    # The person

    def _note(self, status: ServoStatus) -> None:
        self.status, self.statuses = status, self.statuses + 1

    @property
    def state(self) -> str:
        """Name of the state in the controller's last status."""
        return ServoState(self.status.state).name

    def call(self, name: str, request, within_s: float = 0.5):
        """The answer of a service; None: there was none."""
        future = self.ros.call(self.name(name), request)
        for _ in range(round(within_s / 0.01)):
            if future.done():
                break
            self.run(0.01)
        return future.result()

    def enable(self, on: bool = True):
        return self.call("controller/enable", SetBool.Request(data=on))

    def goal_request(self, distance: float = 0.6) -> SetGoalImage.Request:
        """A right one."""
        header = Header(frame_id="optical")
        goal = self.camera.take(self.camera.T_goal)
        return SetGoalImage.Request(
            image=self.camera.image(goal, header), depth=self.camera.depth_image(goal, header), distance=distance
        )

    def start_again(self) -> None:
        """Disable, put the camera at another start pose, enable."""
        self.enable(False)
        self.run(0.2)
        self.camera.start()
        self.enable()

    def activate_all(self) -> None:
        for name in self.nodes:
            for transition in ("configure", "activate"):
                self.change_state(name, transition)
                self.run(0.01)

    def add_rival(self, topic: str, name: str, seconds: float):
        """Another publisher of a topic: a function that publishes there."""
        rival = SimpleNamespace(get_name=lambda: name, get_namespace=lambda: "/depth_pc")
        publishers = self.ros.publishers[self.name(topic)]
        publishers.append(rival)
        self.rivals += 1

        def end():
            publishers.remove(rival)
            self.rivals -= 1

        self.hold(seconds, end)
        return lambda msg: self.ros.send(self.name(topic), msg, "rival")

    def set_goal(self):
        return self.call("keypoints/set_goal_image", self.goal_request())

    def servo(self) -> None:
        """Set a goal, enable, and let the arm move for a moment."""
        self.run(0.2)
        self.set_goal()
        self.enable()
        self.run(0.4)


class PointCamera:
    """Points, a pose `T` that the arm changes, and the views taken so far; an image carries the number of its view."""

    WIDTH, HEIGHT, FOCAL = 160, 120, 135.0  # small, so that images cost little
    NOISE_PX, KEPT = 0.01, 400

    def __init__(self, rng: np.random.Generator, count: int = 40):
        centre = 0.5 * (self.WIDTH - 1), 0.5 * (self.HEIGHT - 1)
        self.intrinsics = Intrinsics(self.FOCAL, self.FOCAL, *centre, self.WIDTH, self.HEIGHT)
        self._rng = rng
        self.points = rng.uniform([-0.15, -0.12, -0.05], [0.15, 0.12, 0.05], (count, 3))
        self.T_goal = se3.look_at(np.array([0.02, -0.03, 0.6]), np.zeros(3), np.array([0.0, 1.0, 0.0]))
        self.start()
        self.visible = count  # points that the matcher finds
        self._views: dict[int, tuple[np.ndarray, np.ndarray]] = {}
        self._number = 0

    def start(self) -> None:
        """Move to a start pose."""
        offset = np.array([0.12, 0.1, 0.1, 0.15, 0.15, 0.4]) * self._rng.uniform(0.4, 1.0, 6)
        self.T = self.T_goal @ se3.exp(offset * self._rng.choice([-1, 1], 6))

    def pixels(self, T: np.ndarray) -> np.ndarray:
        return self.intrinsics.project(se3.transform(se3.inverse(T), self.points))

    def in_view(self) -> np.ndarray:
        """Which points (N,) bool are in the image."""
        with np.errstate(invalid="ignore"):
            pixels = self.pixels(self.T)
            return ((pixels > 0) & (pixels < self.intrinsics.size)).all(axis=1)

    def take(self, T: np.ndarray | None = None) -> int:
        """Number of a new view, from the pose of the moment unless another is given."""
        self._number += 1
        T = self.T if T is None else T
        noise = self._rng.normal(0, self.NOISE_PX, (len(self.points), 2))
        self._views[self._number] = T.copy(), self.pixels(T) + noise
        self._views.pop(self._number - self.KEPT, None)
        return self._number

    def image(self, view: int, header: Header) -> Image:
        msg = mask_to_image(np.zeros((self.intrinsics.height, self.intrinsics.width)), header)
        msg.data[:4] = array("B", np.uint32(view).tobytes())
        return msg

    def depth_image(self, view: int, header: Header) -> Image:
        """Depth (H, W): that of each point around its pixel, 0 (unknown) elsewhere."""
        T, pixels = self._views[view]
        depth = np.zeros((self.intrinsics.height, self.intrinsics.width), np.float32)
        z = se3.transform(se3.inverse(T), self.points)[:, 2]
        for (u, v), z_m in zip(pixels, z):
            if z_m > 0.02 and 0 <= u < self.WIDTH and 0 <= v < self.HEIGHT:
                depth[max(round(v) - 1, 0) : round(v) + 2, max(round(u) - 1, 0) : round(u) + 2] = z_m
        return depth_to_image(depth, header)

    def view_of(self, image: np.ndarray) -> np.ndarray | None:
        """Pixels (N, 2) of the points in an image (H, W, 3); None: it shows nothing known."""
        number = int(np.frombuffer(image[0, :4, 0].tobytes(), np.uint32)[0])
        return self._views[number][1] if number in self._views else None


class PointMatcher:
    """Stands for a matcher of images: finds the points of a `PointCamera`."""

    def __init__(self, camera: PointCamera):
        self._camera = camera
        self.goal_points = np.zeros((0, 2))

    def set_goal(self, image: np.ndarray, _intrinsics: Intrinsics, _mask=None) -> int:
        pixels = self._camera.view_of(image)
        if pixels is None:
            raise ImageError("goal image: 0 keypoints, at least 20 are needed")
        self.goal_points = pixels.copy()
        return len(pixels)

    def match(self, image: np.ndarray) -> Matches:
        pixels = self._camera.view_of(image)
        if pixels is None:
            return Matches.none(len(self.goal_points))
        height, width = image.shape[:2]
        with np.errstate(invalid="ignore"):
            matched = ((pixels > 0) & (pixels < (width, height))).all(axis=1)
        matched &= np.arange(len(pixels)) < self._camera.visible
        return Matches(np.where(matched[:, None], pixels, np.nan), matched, matched.astype(np.float32))


class GoodTf:
    """What TF knows."""

    def lookup(self) -> TransformStamped:
        found = TransformStamped()
        q = found.transform.rotation
        q.x, q.y, q.z, q.w = map(float, quaternion_of(R_TOOL_CAM))
        return found


def _fake_tf(source) -> types.ModuleType:
    """Stands for tf2_ros. source(): what answers a look-up now; it raises LookupError where it knows nothing."""

    class TransformException(Exception):
        pass

    class Buffer:
        def lookup_transform(self, _target, _source, _time):
            try:
                return source().lookup()
            except LookupError as error:
                raise TransformException(str(error)) from None

        def clear(self):
            pass

    module = types.ModuleType("tf2_ros")
    module.TransformException, module.Buffer = TransformException, Buffer
    module.TransformListener = lambda buffer, node: None
    return module
