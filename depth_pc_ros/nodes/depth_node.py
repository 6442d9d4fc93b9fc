"""`depth`: the camera's own metric depth, rectified, or relative depth estimated by a network.

A network's depth has no scale. It is published on `~/relative_depth`, never on a topic of metric depth
(REP 118).
"""

import time

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from depth_pc_interfaces.msg import ServoGoal
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.geometry.camera import check_depth, check_image
from depth_pc_ros.nodes.base import IMAGE_QOS, LATCHED_QOS, ServoNode, run
from depth_pc_ros.nodes.bounds import check_header, opencv_errors
from depth_pc_ros.nodes.conversions import (
    depth_to_image,
    depth_to_metres,
    image_to_rgb,
    rectified_rgb,
    stamp_to_seconds,
)
from depth_pc_ros.nodes.image_source import CameraTopics
from depth_pc_ros.nodes.live_camera import LiveCamera
from depth_pc_ros.nodes.node_configs import DepthNodeConfig


class DepthNode(ServoNode):
    """`camera`: in `depth_image` (32FC1 m or 16UC1 mm, aligned with the colour image), `camera_info`; out
    `~/metric_depth` (32FC1 m, NaN where invalid) with the header of the depth image.

    `estimated`: in `image`, `camera_info`, `goal`; out `~/relative_depth` (32FC1, larger = farther, any scale and
    shift) with the header of its image, and `~/goal_relative_depth` with the header of its goal, once per goal. An
    image that comes while one is estimated replaces the waiting one.
    """

    def __init__(self, **node_options):
        super().__init__("depth", DepthNodeConfig, **node_options)

    def build(self):
        self._camera = LiveCamera(self.config.rectified, self.config.max_width)
        self._problem = self._goal_problem = ""
        self._frames = 0
        self._age_s = self._estimate_s = float("nan")
        self._camera_topics = CameraTopics(self)
        if self.config.source == "none":
            return
        self._camera_topics.create_subscription(CameraInfo, "camera_info", self._on_camera_info)
        if self.config.source == "camera":
            self._depth_pub = self.create_lifecycle_publisher(Image, "~/metric_depth", IMAGE_QOS)
            self._images = self._camera_topics.create_subscription(Image, "depth_image", self._on_depth)
        else:
            from depth_pc_ros.perception import relative_depth  # only now: importing torch takes a while

            relative_depth.lower_priority()
            self._estimator = relative_depth.RelativeDepth(
                self.config.model, self.config.short_side, self.config.device
            )
            if self._estimator.choice:
                self.get_logger().info(self._estimator.choice)
            self._relative_pub = self.create_lifecycle_publisher(Image, "~/relative_depth", IMAGE_QOS)
            self._goal_pub = self.create_publisher(Image, "~/goal_relative_depth", LATCHED_QOS)
            self._images = self._camera_topics.create_subscription(Image, "image", self._on_image)
            self.create_subscription(ServoGoal, "goal", self._on_goal, LATCHED_QOS)

    def dismantle(self):
        self._camera_topics.close()

    def _on_camera_info(self, info: CameraInfo):
        if self._camera.update(info) and self._camera.problem:
            self._warn("camera_info", self._camera.problem)

    def _on_depth(self, msg: Image | CompressedImage):
        if not self.active:
            return
        self._frames += 1
        try:
            rectifier = self._camera.rectifier
            with opencv_errors("depth image"):
                depth_m = rectifier.depth(depth_to_metres(msg, size=rectifier.source.size))
                depth_m = check_depth(depth_m, rectifier.target.size)
        except DepthPcError as error:
            self._warn("depth image", error)
            return
        self._problem = ""
        self._depth_pub.publish(depth_to_image(depth_m, msg.header))
        self._age_s = self.now_s() - stamp_to_seconds(msg.header.stamp)

    def _on_image(self, msg: Image | CompressedImage):
        if not self.active:
            return
        self._frames += 1
        try:
            rectifier = self._camera.rectifier
            with opencv_errors("image"):
                image = rectified_rgb(msg, rectifier)
                begin = time.monotonic()
                depth = self._estimator(image)
        except DepthPcError as error:
            self._warn("image", error)
            return
        self._problem = ""
        self._estimate_s = time.monotonic() - begin
        self._relative_pub.publish(depth_to_image(depth, msg.header))
        self._age_s = self.now_s() - stamp_to_seconds(msg.header.stamp)

    def _on_goal(self, msg: ServoGoal):
        if not msg.goal_id:
            return
        try:
            check_header(msg.header, "goal")
            with opencv_errors("goal image"):
                depth = self._estimator(check_image(image_to_rgb(msg.image, "goal image"), "goal image"))
        except DepthPcError as error:
            self._warn("goal image", error)
            self._goal_problem = f"goal image: {error}"
            return
        self._goal_problem = ""
        self._goal_pub.publish(depth_to_image(depth, msg.header))

    def _warn(self, what: str, error: Exception | str) -> None:
        self._problem = str(error)
        self.get_logger().warning(f"{what} not used: {error}", throttle_duration_sec=2.0)

    def diagnose(self):
        source = self.config.source
        if source == "none":
            return DiagnosticStatus.OK, "no depth, as configured", {}
        values = {"source": source, "rate_hz": self._frames, "age_s": f"{self._age_s:.3f}"}
        if source == "estimated":
            values |= {"model": self._estimator.model, "device": self.config.device,
                       "estimate_s": f"{self._estimate_s:.3f}"}  # fmt: skip
        problem = self._problem if self._frames else self._images.silence() or self._problem
        problem = problem or self._goal_problem
        self._frames = 0
        if problem:
            return DiagnosticStatus.WARN, problem, values
        return DiagnosticStatus.OK, "relaying the camera's depth" if source == "camera" else "estimating", values


def main() -> int:
    return run(DepthNode)


if __name__ == "__main__":
    raise SystemExit(main())
