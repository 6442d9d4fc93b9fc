"""What `teach` takes from a camera's topics, without a running graph."""

import threading
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from depth_pc_ros.bringup.view_taker import ViewTaker
from depth_pc_ros.errors import CameraError
from depth_pc_ros.nodes.conversions import rgb_to_image

RGB = np.random.default_rng(0).integers(0, 255, (24, 32, 3), dtype=np.uint8)


class Topics:
    """In place of a client: keeps the callbacks, and delivers what a test says."""

    timeout_s = 20.0

    def __init__(self):
        self.node = self
        self.heard = {}

    def create_subscription(self, kind, topic, callback, _qos):
        self.heard[topic] = SimpleNamespace(kind=kind, callback=callback)

    def take(self, messages):
        """The view that is taken while the messages come again and again."""
        taker, done = ViewTaker(self, *messages, "", ""), threading.Event()

        def deliver():
            while not done.wait(0.01):
                for topic, msg in messages.items():
                    self.heard[topic].callback(msg)

        thread = threading.Thread(target=deliver)
        thread.start()
        try:
            return taker.take(0.5)
        finally:
            done.set()
            thread.join()


def info(width=32, height=24):
    return CameraInfo(
        width=width, height=height, distortion_model="plumb_bob", k=np.array([30.0, 0, 16, 0, 30, 12, 0, 0, 1])
    )


def test_compressed_and_raw_images_make_the_same_view():
    png = cv2.imencode(".png", RGB[..., ::-1])[1]
    compressed = CompressedImage(format="rgb8; png compressed bgr8", data=png.tobytes())
    topics = Topics()
    view = topics.take({"camera/image/compressed": compressed, "camera/camera_info": info()})
    assert topics.heard["camera/image/compressed"].kind is CompressedImage
    raw = Topics()
    same = raw.take({"camera/image": rgb_to_image(RGB, Header()), "camera/camera_info": info()})
    assert raw.heard["camera/image"].kind is Image
    assert np.array_equal(view.image, RGB)
    assert np.array_equal(same.image, RGB)
    assert (view.camera.width, view.distance_m) == (32, 0.5)


def test_a_camera_info_of_another_size_is_named():
    with pytest.raises(CameraError, match="camera_info: expected 32 x 24 as the image, got 64 x 48"):
        Topics().take({"camera/image": rgb_to_image(RGB, Header()), "camera/camera_info": info(64, 48)})
