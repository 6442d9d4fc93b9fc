"""Checks the running nodes and reports what is present and what is missing."""

import functools
import statistics
import time

from sensor_msgs.msg import CameraInfo

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.check_report import Check
from depth_pc_ros.bringup.client import ServoClient
from depth_pc_ros.bringup.driver_check import DriverCheck
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.control.watchdog import MAX_FUTURE_S
from depth_pc_ros.errors import CameraError, DepthPcError
from depth_pc_ros.nodes.base import IMAGE_QOS
from depth_pc_ros.nodes.conversions import rectifier_from_info, stamp_to_seconds
from depth_pc_ros.nodes.hand_eye import FixedHandEye
from depth_pc_ros.nodes.hand_eye_watch import HandEyeWatch
from depth_pc_ros.nodes.image_source import image_kind
from depth_pc_ros.nodes.node_configs import ControllerNodeConfig
from depth_pc_ros.nodes.tf_poses import TfPoses

_INPUTS = ("image", "camera_info", "depth_image")
_SERVICES = ("keypoints/set_goal_image", "keypoints/capture_goal", "controller/enable")


def check_running_nodes(config: BringupConfig, seconds: float, hand_eye_s: float = 0.0) -> list[Check]:
    """Count messages on the topics for so many seconds, and query the nodes.

    hand_eye_s: then watch for so long how somebody moves the arm, and judge the camera's orientation in the tool.
    """
    with ServoClient(namespace=config.namespace) as client:
        watch = _Watch(client, config)
        driver = DriverCheck(client, config, watch.outside)
        time.sleep(seconds)
        of_driver = driver.checks()
        checks = [*watch.topics(seconds), *watch.transforms(), *of_driver, *watch.node_states(), *watch.services()]
        return [*checks, *([watch.hand_eye(hand_eye_s)] if hand_eye_s > 0 else [])]


class _Watch:
    def __init__(self, client: ServoClient, config: BringupConfig):
        self._client = client
        self._config = config
        self._specs = {spec.name: spec for spec in nodes(config)}
        inputs = self._specs["keypoints"].remappings
        self._topics = {name: self._absolute(inputs[name]) for name in _INPUTS if name in inputs}
        self._counts = dict.fromkeys(self._topics, 0)
        self._info: CameraInfo | None = None
        self._ages_s: list[float] = []  # of each camera_info, by its stamp
        for name, topic in self._topics.items():
            kind = CameraInfo if name == "camera_info" else image_kind(topic)
            count = functools.partial(self._count, name)
            raw = kind is not CameraInfo  # images are only counted
            client.node.create_subscription(kind, topic, count, IMAGE_QOS, raw=raw)

    def _count(self, name: str, msg) -> None:
        self._counts[name] += 1
        if name == "camera_info":
            self._info = msg
            now_s = 1e-9 * self._client.node.get_clock().now().nanoseconds
            self._ages_s.append(now_s - stamp_to_seconds(msg.header.stamp))

    def topics(self, seconds: float) -> list[Check]:
        """Publishers and rate of image, camera_info and depth, and whether the intrinsics can be used."""
        checks = []
        for name, topic in self._topics.items():
            publishers = self._client.node.count_publishers(topic)
            rate_hz = self._counts[name] / seconds
            if publishers == 0:
                detail = "no publisher: start the camera's driver, or give the right topic"
            elif rate_hz == 0:
                detail = f"{publishers} publisher(s), but nothing came in {seconds:.0f} s: check the driver"
            else:
                detail = f"{rate_hz:.1f} Hz from {publishers} publisher(s)"
            checks.append(Check(f"topic {topic}", rate_hz > 0, detail, needed=name != "depth_image"))
        return [*checks, *self._stamps(), self._intrinsics()]

    def _stamps(self) -> list[Check]:
        """Whether the camera's machine has the time of this one; nothing where time is simulated, or sent only once."""
        if self._config.driver == "pybullet" or len(self._ages_s) < 2:
            return []
        what, age_s = "stamps of the camera", statistics.median(self._ages_s)
        most_s = self._config.parameter("controller", "max_image_age_s") or ControllerNodeConfig().max_image_age_s
        if age_s < -MAX_FUTURE_S:
            mend = "give its machine and this one the same time (chronyc tracking)"
            return [Check(what, False, f"{-age_s:.2f} s in the future: {mend}")]
        if age_s > most_s:
            mend = "its driver is slow, or give its machine and this one the same time (chronyc tracking)"
            return [Check(what, False, f"{age_s:.2f} s old when they come: {mend}")]
        return [Check(what, True, f"{1e3 * age_s:.0f} ms old when they come")]

    def _intrinsics(self) -> Check:
        if self._info is None:
            return Check("intrinsics", False, "no camera_info has come")
        try:
            rectified = bool(self._config.parameter("keypoints", "rectified", self._config.rectified))
            camera = rectifier_from_info(self._info, rectified=rectified).source
        except CameraError as error:
            return Check("intrinsics", False, str(error))
        found = f"{camera.width} x {camera.height}, fx {camera.fx:.1f} px, fy {camera.fy:.1f} px"
        return Check("intrinsics", True, found)

    def transforms(self) -> list[Check]:
        """The poses that are read from TF: the camera's in the tool, and the tool's in the base."""
        parameters = self._specs["adapter"].parameters
        tool, pairs = parameters["tool_frame"], []
        if parameters["hand_eye"] == "tf":
            pairs.append((tool, self._info.header.frame_id if self._info is not None else "?"))
        if parameters["base_frame"]:
            pairs.append((parameters["base_frame"], tool))
        if not pairs:
            return []
        try:
            poses = TfPoses(self._client.node, "give --camera-in-tool")
        except DepthPcError as error:
            return [Check(f"TF {target} <- {source}", False, str(error)) for target, source in pairs]
        time.sleep(1.0)
        checks = []
        for target, source in pairs:
            detail = "known"
            try:
                poses.pose(target, source)
            except DepthPcError as error:
                detail = str(error)
            checks.append(Check(f"TF {target} <- {source}", detail == "known", detail))
        return checks

    def hand_eye(self, seconds: float) -> Check:
        """Whether the camera turns as the tool does, while somebody moves the arm."""
        what, parameters = "hand-eye", self._specs["adapter"].parameters
        base, tool = self._config.base_frame, self._config.tool_frame
        if not (base and tool):
            return Check(what, False, "give --base-frame and --tool-frame, such as base_link and tool0")
        print(f"for {seconds:g} s: move the arm by hand to five views of one scene, and pause at each.")
        print("Turn it by about 15°, and not always about the same axis.", flush=True)
        try:
            poses = TfPoses(self._client.node, "hand-eye: it is compared with TF")
            watch = HandEyeWatch(
                self._client.node, self._topics["image"], self._topics["camera_info"], lambda: poses.pose(base, tool)
            )
            time.sleep(seconds)
            if parameters["hand_eye"] == "tf":
                T_tool_cam = poses.pose(tool, watch.frame)
            else:
                T_tool_cam = FixedHandEye(
                    parameters["camera_in_tool_xyz"], parameters["camera_in_tool_quat"]
                ).T_tool_cam("")
        except DepthPcError as error:
            return Check(what, False, str(error))
        verdict = watch.verdict(T_tool_cam[:3, :3])
        text = f"{verdict.text}; {watch.problem}" if watch.problem else verdict.text
        return Check(what, bool(verdict.fits), text)

    def node_states(self) -> list[Check]:
        """Whether each node is active."""
        checks = []
        running = [f"{namespace}/{name}" for name, namespace in self._client.node.get_node_names_and_namespaces()]
        for spec in self._specs.values():
            active, count = self._client.is_active(spec.name), running.count(spec.full_name)
            detail = "active" if active else "not running or not active: start it with bringup or ros2 launch"
            if count > 1:
                detail = f"{count} nodes have this name: stop all, and start again"
            checks.append(Check(f"node {spec.full_name}", active and count < 2, detail))
        return checks

    def services(self) -> list[Check]:
        """Whether the services that a user calls are there."""
        present = {name for name, _ in self._client.node.get_service_names_and_types()}
        wanted = [self._absolute(name) for name in _SERVICES]
        return [Check(f"service {name}", name in present, "there" if name in present else "missing") for name in wanted]

    def outside(self, name: str) -> str:
        """What a name in the adapter is outside."""
        return self._absolute(self._specs["adapter"].remappings.get(name, name))

    def _absolute(self, name: str) -> str:
        return name if name.startswith("/") else f"{self._config.namespace}/{name}"
