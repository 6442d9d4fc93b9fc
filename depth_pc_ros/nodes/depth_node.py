"""`depth`: relays the camera's own metric depth, rectified.

A network's depth has no scale. When one is added, it is published on `~/relative_depth`, never on a topic that readers
would take for metres (REP 118).
"""

from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus
from sensor_msgs.msg import CameraInfo, Image

from depth_pc_ros.config import option
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.geometry.camera import check_depth
from depth_pc_ros.nodes.base import IMAGE_QOS, NodeConfig, ServoNode, run
from depth_pc_ros.nodes.conversions import depth_to_image, depth_to_metres, stamp_to_seconds
from depth_pc_ros.nodes.live_camera import LiveCamera


@dataclass(frozen=True)
class DepthNodeConfig(NodeConfig):
    """Parameters of the depth node."""

    source: str = option("camera", "Where depth comes from; `none`: nowhere.", choices=("camera", "none"))
    rectified: bool = option(False, "The depth topic is rectified already (use P, no distortion).")


class DepthNode(ServoNode):
    """In: `depth_image` (32FC1 m or 16UC1 mm, aligned with the colour image), `camera_info`.

    Out: `~/metric_depth` (32FC1 m, NaN where invalid) with the header of the depth image.
    """

    def __init__(self, **node_options):
        super().__init__("depth", DepthNodeConfig, **node_options)

    def build(self):
        self._camera = LiveCamera(self.config.rectified)
        self._problem = ""
        self._frames = 0
        self._age_s = float("nan")
        self._depth_pub = self.create_lifecycle_publisher(Image, "~/metric_depth", IMAGE_QOS)
        if self.config.source == "camera":
            self.create_subscription(CameraInfo, "camera_info", self._camera.update, IMAGE_QOS)
            self.create_subscription(Image, "depth_image", self._on_depth, IMAGE_QOS)

    def _on_depth(self, msg: Image):
        if not self.active:
            return
        self._frames += 1
        try:
            rectifier = self._camera.rectifier
            size = (rectifier.target.width, rectifier.target.height)
            depth_m = check_depth(rectifier.depth(depth_to_metres(msg)), size)
        except DepthPcError as error:
            self._problem = str(error)
            self.get_logger().warning(f"depth image not used: {error}", throttle_duration_sec=2.0)
            return
        self._problem = ""
        self._depth_pub.publish(depth_to_image(depth_m, msg.header))
        self._age_s = self.now_s() - stamp_to_seconds(msg.header.stamp)

    def diagnose(self):
        if self.config.source == "none":
            return DiagnosticStatus.OK, "no depth, as configured", {}
        values = {"rate_hz": self._frames, "age_s": f"{self._age_s:.3f}"}
        problem = self._problem if self._frames else "no depth images"
        self._frames = 0
        if problem:
            return DiagnosticStatus.WARN, problem, values
        return DiagnosticStatus.OK, "relaying the camera's depth", values


def main() -> int:
    return run(DepthNode)


if __name__ == "__main__":
    raise SystemExit(main())
