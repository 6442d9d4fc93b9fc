"""Subscriptions that follow what a camera's driver offers: type, quality of service, and none at all."""

import time
from array import array

import cv2
import numpy as np
import pytest
from rclpy.qos import DurabilityPolicy, QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header, String
from std_srvs.srv import Trigger

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal
from depth_pc_interfaces.srv import SetGoalImage
from depth_pc_ros.nodes.base import IMAGE_QOS, LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import image_to_rgb, intrinsics_to_info, rgb_to_image, seconds_to_stamp
from depth_pc_ros.nodes.image_source import CameraSource
from depth_pc_ros.nodes.keypoint_node import KeypointNode

pytestmark = pytest.mark.ros

BEST_EFFORT = QoSProfile(depth=1, reliability=ReliabilityPolicy.BEST_EFFORT)
RELIABLE = QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE)


class Reader:
    """A source of the tester's node, which looks at the publishers often."""

    def __init__(self, runner, kind=Image, name="image"):
        node = runner.node
        node.steady_s = lambda: 1e-9 * node.get_clock().now().nanoseconds
        self.runner, self.heard = runner, []
        self.source = CameraSource(node, kind, name, self.heard.append)
        self._timer = node.create_timer(0.02, self.source.look)

    def close(self):
        self.runner.node.destroy_timer(self._timer)
        self.source.close()

    def hears(self, publisher, make) -> None:
        """Publishes until a message arrives: one that is sent while the subscription changes may be lost."""
        count = len(self.heard)

        def publish():
            time.sleep(0.02)
            publisher.publish(make())
            return len(self.heard) > count

        self.runner.wait(publish, "a message")


@pytest.fixture
def reader(runner):
    reader = Reader(runner)
    yield reader
    reader.close()


@pytest.mark.parametrize(("qos", "reliable"), [(BEST_EFFORT, False), (RELIABLE, True)])
def test_a_publisher_of_any_reliability_is_received(runner, reader, qos, reliable):
    publisher = runner.publisher(Image, "image", qos)
    runner.wait(lambda: reader.source._publishers, "the publisher")
    assert (reader.source._qos.reliability == ReliabilityPolicy.RELIABLE) == reliable
    reader.hears(publisher, Image)
    assert reader.source.silence() == ""


def test_a_second_publisher_of_best_effort_is_received_too(runner, reader):
    first = runner.publisher(Image, "image", RELIABLE)
    runner.wait(lambda: reader.source._qos.reliability == ReliabilityPolicy.RELIABLE, "a reliable reader")
    reader.hears(first, Image)
    second = runner.node.create_publisher(Image, "image", BEST_EFFORT)
    runner.wait(lambda: reader.source._qos.reliability == ReliabilityPolicy.BEST_EFFORT, "a best-effort reader")
    for publisher in (second, first):
        reader.hears(publisher, Image)


def test_no_image_comes_twice_and_none_is_lost_while_the_subscription_changes(runner, reader):
    publisher = runner.publisher(Image, "image", RELIABLE)
    stamps = [seconds_to_stamp(float(second)) for second in range(1, 21)]
    for index, stamp in enumerate(stamps):
        if index == 5:
            runner.wait(lambda: reader.source._qos.reliability == ReliabilityPolicy.RELIABLE, "a reliable reader")
        publisher.publish(Image(header=Header(stamp=stamp)))
        runner.wait(lambda stamp=stamp: reader.heard and reader.heard[-1].header.stamp == stamp, f"image {index}")
    assert [image.header.stamp for image in reader.heard] == stamps
    assert reader.source._old is None


def test_messages_of_equal_stamps_are_not_taken_for_one(runner):
    reader = Reader(runner, CameraInfo, "camera_info")
    publisher = runner.publisher(CameraInfo, "camera_info", RELIABLE)
    for width in range(1, 6):
        if width == 3:
            runner.wait(lambda: reader.source._qos.reliability == ReliabilityPolicy.RELIABLE, "a reliable reader")
        publisher.publish(CameraInfo(width=width))
        runner.wait(lambda width=width: reader.heard and reader.heard[-1].width == width, f"camera_info {width}")
    reader.close()


def test_the_type_is_that_of_the_publisher_whatever_the_name(runner, reader):
    publisher = runner.other_process().create_publisher(CompressedImage, "image", BEST_EFFORT)
    runner.wait(lambda: reader.source._kind is CompressedImage, "the publisher's type")
    reader.hears(publisher, CompressedImage)
    assert isinstance(reader.heard[-1], CompressedImage)


def test_a_name_of_image_transport_is_enough(runner):
    reader = Reader(runner, name="image/compressed")
    runner.publisher(CompressedImage, "image/compressed").publish(CompressedImage())
    runner.wait(lambda: reader.heard, "the image")
    reader.close()


def test_a_latched_camera_info_of_earlier_is_received(runner):
    publisher = runner.node.create_publisher(CameraInfo, "camera_info", LATCHED_QOS)
    publisher.publish(CameraInfo(width=7))
    reader = Reader(runner, CameraInfo, "camera_info")
    runner.wait(lambda: reader.heard, "the camera_info")
    assert reader.source._qos.durability == DurabilityPolicy.TRANSIENT_LOCAL
    assert reader.heard[0].width == 7
    reader.close()


def test_silence_is_named(runner, reader):
    topic = f"{runner.namespace}/image"
    assert reader.source.silence() == f"{topic} has no publisher: start the camera's driver, or give the right topic"
    driver = runner.other_process()
    foreign = driver.create_publisher(String, "image", 1)
    runner.wait(lambda: reader.source._publishers, "the publisher")
    assert reader.source.silence() == (
        f"{topic} has type std_msgs/msg/String, expected sensor_msgs/msg/Image or sensor_msgs/msg/CompressedImage"
    )
    driver.destroy_publisher(foreign)
    driver.create_publisher(Image, "image", 1)
    runner.wait(lambda: "waiting for" in reader.source.silence(), "the other publisher")
    reader.source._begin_s -= 60.0
    assert reader.source.silence() == f"{topic} has 1 publisher(s), but sends nothing"


# In the keypoint node


@pytest.mark.parametrize("suffix", [".jpg", ".png"])
def test_a_compressed_stream_is_matched_and_becomes_a_goal(runner, plane, intrinsics, T_world_goal, suffix):
    node = runner.add(KeypointNode)
    matches = runner.listen(KeypointMatches, "keypoints/matches", TWIST_QOS)
    goals = runner.listen(ServoGoal, "keypoints/goal", LATCHED_QOS)
    infos = runner.publisher(CameraInfo, "camera_info")
    images = runner.other_process().create_publisher(CompressedImage, "image", IMAGE_QOS)
    rgb = plane.view(T_world_goal, intrinsics)
    data = array("B", cv2.imencode(suffix, rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 95])[1].tobytes())
    header = Header(frame_id="optical", stamp=seconds_to_stamp(100.0))

    def see(data=data):
        time.sleep(0.05)  # a camera of 20 Hz
        infos.publish(intrinsics_to_info(intrinsics, Header()))
        images.publish(CompressedImage(header=header, format=f"rgb8; {suffix[1:]} compressed bgr8", data=data))

    runner.wait(lambda: see() or matches, "matches")
    request = SetGoalImage.Request(image=rgb_to_image(rgb, header))
    assert runner.call(SetGoalImage, "keypoints/set_goal_image", request).success
    runner.wait(lambda: see() or (matches[-1].goal_id and sum(matches[-1].matched) > 200), "matches")
    assert np.abs(image_to_rgb(goals[-1].image).astype(int) - rgb).max() == 0

    half, foreign = data[: len(data) // 2], array("B", b"no image")
    runner.wait(lambda: see(half) or "not a whole image" in node.problem, "the damaged image to be named")
    runner.wait(lambda: see(foreign) or "not an image" in node.problem, "the foreign data to be named")
    runner.wait(lambda: see() or node.problem == "", "a whole image")

    assert runner.call(Trigger, "keypoints/capture_goal", Trigger.Request()).success
    runner.wait(lambda: len(goals) == 2, "the captured goal")
    assert np.abs(image_to_rgb(goals[-1].image).astype(float) - rgb).mean() < 4.0
