"""What ROS adds to a servo step: decoding and publishing messages, and carrying images between two processes.

The measuring process subscribes; this module run as a program is the process that publishes.
"""

import argparse
import subprocess
import sys
import time

import numpy as np
import rclpy
from geometry_msgs.msg import TwistStamped
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image
from std_msgs.msg import Header

from depth_pc_interfaces.msg import KeypointMatches, ServoStatus
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.nodes import conversions
from depth_pc_ros.nodes.base import IMAGE_QOS, LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.transport import use_large_shared_memory
from depth_pc_ros.types import Matches, StepResult

_TOPIC = "/depth_pc/transport_probe/image"
_SIZE = (640, 480)
_DISCOVERY_S = 20.0


class MessageStages:
    """The stages `decode` and `publish` of a servo step (see `benchmark.latency.MessageStages`); use with `with`."""

    def __enter__(self):
        use_large_shared_memory()
        rclpy.init()
        self._node = rclpy.create_node("latency_probe", namespace="/depth_pc")
        self._matches = self._node.create_publisher(KeypointMatches, "~/matches", TWIST_QOS)
        self._twist = self._node.create_publisher(TwistStamped, "~/twist_cmd", TWIST_QOS)
        self._status = self._node.create_publisher(ServoStatus, "~/status", LATCHED_QOS)
        return self

    def __exit__(self, *_):
        self._node.destroy_node()
        rclpy.try_shutdown()

    def encode(self, image: np.ndarray, stamp_s: float) -> bytes:
        """Serialised rgb8 message of an image (H, W, 3) uint8 RGB."""
        return serialize_message(conversions.rgb_to_image(image, self._header(stamp_s)))

    def decode(self, message: bytes) -> np.ndarray:
        """Image (H, W, 3) uint8 RGB of a serialised message."""
        return conversions.image_to_rgb(deserialize_message(message, Image))

    def publish(self, num_keypoints: int, result: StepResult, stamp_s: float) -> None:
        """Build and publish matches, twist and status, in the sizes of the real ones."""
        matched = np.arange(num_keypoints) < result.num_matches
        matches = Matches(np.zeros((num_keypoints, 2)), matched, matched.astype(np.float32))
        header = self._header(stamp_s)
        self._matches.publish(conversions.matches_to_msg(matches, 1, header))
        twist = conversions.twist_to_msg(result.twist)
        self._twist.publish(TwistStamped(header=header, twist=twist))
        status = ServoStatus(header=header, state=int(result.state), message=result.message, command=twist)
        status.num_matches, status.error, status.error_px = result.num_matches, result.error, result.error_px
        self._status.publish(status)

    @staticmethod
    def _header(stamp_s: float) -> Header:
        return Header(stamp=conversions.seconds_to_stamp(stamp_s), frame_id="camera_optical_frame")


def measure_transport(frames: int, rate_hz: float = 30.0) -> list[float]:
    """Milliseconds from publishing a 640x480 rgb8 image in another process to its callback here, image by image.

    Call inside a `MessageStages`, which holds ROS. Raises DepthPcError when images do not arrive.
    """
    delays_ms = []
    node = rclpy.create_node("transport_probe", namespace="/depth_pc")

    def receive(msg):
        delays_ms.append(1e3 * (time.time() - conversions.stamp_to_seconds(msg.header.stamp)))

    node.create_subscription(Image, _TOPIC, receive, IMAGE_QOS)
    command = [sys.executable, "-m", __name__, "--frames", str(frames), "--rate", str(rate_hz)]
    sender = subprocess.Popen(command)
    try:
        while sender.poll() is None:
            rclpy.spin_once(node, timeout_sec=0.1)
    finally:
        sender.terminate()
        sender.wait()
        node.destroy_node()
    if sender.returncode != 0 or len(delays_ms) < frames // 2:
        raise DepthPcError(f"image transport: only {len(delays_ms)} of {frames} images arrived")
    return delays_ms


def _send(frames: int, rate_hz: float) -> int:
    """Publish `frames` images once somebody listens; 1 when nobody does."""
    rclpy.init()
    node = rclpy.create_node("transport_sender", namespace="/depth_pc")
    publisher = node.create_publisher(Image, _TOPIC, IMAGE_QOS)
    pixels = np.random.default_rng(0).integers(0, 256, (_SIZE[1], _SIZE[0], 3), dtype=np.uint8)
    msg = conversions.rgb_to_image(pixels, Header(frame_id="camera_optical_frame"))
    give_up = time.monotonic() + _DISCOVERY_S
    while publisher.get_subscription_count() == 0:
        if time.monotonic() > give_up:
            return 1
        time.sleep(0.05)
    due = time.monotonic() + 0.5
    for _ in range(frames):
        time.sleep(max(0.0, due - time.monotonic()))
        due = max(due + 1.0 / rate_hz, time.monotonic())
        msg.header.stamp = conversions.seconds_to_stamp(time.time())
        publisher.publish(msg)
    time.sleep(0.5)  # until the last image is delivered
    node.destroy_node()
    rclpy.try_shutdown()
    return 0


def main() -> int:
    parser = argparse.ArgumentParser(description="Publishes images; `depth_pc_ros.benchmark latency` measures them.")
    parser.add_argument("--frames", type=int, required=True)
    parser.add_argument("--rate", type=float, required=True, help="Hz")
    arguments = parser.parse_args()
    return _send(arguments.frames, arguments.rate)


if __name__ == "__main__":
    sys.exit(main())
