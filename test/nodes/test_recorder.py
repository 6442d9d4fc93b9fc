"""The recorder: what is published is in the bag, with what a replay needs; a full disk ends only the recording."""

import itertools

import numpy as np
import pytest
from bags import CAMERA

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'depth_pc_ros[rosbag]'")

from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseStamped, TwistStamped
from rclpy.node import Node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal, ServoStatus
from depth_pc_ros.errors import FileError
from depth_pc_ros.files.bag_file import BagFile
from depth_pc_ros.nodes.base import LATCHED_QOS
from depth_pc_ros.nodes.conversions import (
    depth_to_image,
    intrinsics_to_info,
    matches_to_msg,
    rgb_to_image,
    seconds_to_stamp,
    twist_to_msg,
)
from depth_pc_ros.nodes.message_values import image_to_rgb, matches_from_msg
from depth_pc_ros.nodes.node_configs import ControllerNodeConfig
from depth_pc_ros.nodes.recorder import Recorder
from depth_pc_ros.replay.recorded import read_recorded
from depth_pc_ros.types import Matches

pytestmark = pytest.mark.ros


class Recording:
    """A recorder that spins in the runner."""

    def __init__(self, runner, folder, image="cam/image", codec="png", with_depth=False):
        self.runner, self.folder = runner, folder
        self.node = Recorder(
            folder, runner.namespace, image, "cam/camera_info", codec, with_depth, context=runner.context
        )
        runner.executor.add_node(self.node)

    def __enter__(self):
        return self.node

    def __exit__(self, *exc):
        self.node.close()
        self.runner.executor.remove_node(self.node)
        self.node.destroy_node()


def header(k):
    return Header(frame_id="camera", stamp=seconds_to_stamp(1.0 + 0.04 * k))


def picture(k):
    return np.random.default_rng(k).integers(0, 256, (24, 32, 3), np.uint8)


def controller(runner):
    """A node that has the parameters of a controller."""
    node = Node("controller", context=runner.context, namespace=runner.namespace)
    for name, field in ControllerNodeConfig.__dataclass_fields__.items():
        node.declare_parameter(name, field.default)
    runner.executor.add_node(node)
    return node


def test_what_is_published_is_in_the_bag(runner, tmp_path):
    ns = runner.namespace
    node = controller(runner)
    goal = ServoGoal(header=header(0), goal_id=7, keypoints=[1.0, 2.0], image=rgb_to_image(picture(9), header(0)))
    with Recording(runner, tmp_path / "bag", with_depth=True) as recorder:
        images = runner.publisher(Image, "cam/image")
        topics = {
            "cam/camera_info": (CameraInfo, 10, lambda k: intrinsics_to_info(CAMERA, header(k))),
            "keypoints/goal": (ServoGoal, LATCHED_QOS, lambda k: goal),
            "keypoints/matches": (KeypointMatches, 10, lambda k: matches_to_msg(Matches.none(k), 7, header(k))),
            "controller/status": (
                ServoStatus, LATCHED_QOS, lambda k: ServoStatus(state=3, image_stamp=header(k).stamp),
            ),
            "controller/twist_cmd": (
                TwistStamped, 10, lambda k: TwistStamped(header=header(k), twist=twist_to_msg(np.arange(6) + 0.1 * k)),
            ),
            "adapter/status": (DiagnosticStatus, LATCHED_QOS, lambda k: DiagnosticStatus(message=str(k))),
            "bridge/camera_pose": (PoseStamped, 10, lambda k: PoseStamped(header=header(k))),
            "depth/metric_depth": (Image, 10, lambda k: depth_to_image(np.full((24, 32), 0.5 + k), header(k))),
        }  # fmt: skip
        publishers = {name: runner.publisher(kind, name, qos) for name, (kind, qos, _) in topics.items()}
        for k in range(3):
            images.publish(rgb_to_image(picture(k), header(k)))
            for name, (_, _, make) in topics.items():
                publishers[name].publish(make(k))
            for topic in (f"{ns}/{name}" for name in (*topics, "cam/image")):
                runner.wait(lambda topic=topic, k=k: recorder.heard(topic) > k, f"{topic} is heard")
        assert recorder.missing == []
        runner.wait(lambda: "controller" not in recorder.missing_parameters, "the controller's parameters")
        node.set_parameters([Parameter("gain", value=1.5)])
        runner.wait(lambda: recorder.heard(f"{ns}/recorder/parameters") > 1, "the changed parameters")
        assert recorder.missing_parameters == ["depth", "keypoints"]
    runner.executor.remove_node(node)
    node.destroy_node()
    assert recorder.problem == ""
    with BagFile(tmp_path / "bag") as bag:
        assert bag.complete
        expected = [*(f"{ns}/{name}" for name in topics), f"{ns}/cam/image/compressed"]
        assert bag.counts == {**dict.fromkeys(expected, 3), f"{ns}/recorder/parameters": 2} == recorder.counts
        compressed = [logged.read() for logged in bag.logged([f"{ns}/cam/image/compressed"])]
        for k, message in enumerate(compressed):
            assert message.header.stamp.nanosec == 40_000_000 * k
            np.testing.assert_array_equal(image_to_rgb(message), picture(k))
        sizes = [len(matches_from_msg(logged.read()).matched) for logged in bag.logged([f"{ns}/keypoints/matches"])]
        assert sizes == [0, 1, 2]
        recorded = read_recorded(bag, ns)
    twists = [event.value for event in recorded.of_kind("twist")]
    np.testing.assert_array_equal(twists, [np.arange(6) + 0.1 * k for k in range(3)])
    assert recorded.config("controller") == ControllerNodeConfig(gain=1.5)
    assert "gain changed during the run" in recorded.notes[0]
    text = (tmp_path / "bag" / "metadata.yaml").read_text()
    assert "rosbag2_bagfile_information" in text
    assert "storage_identifier: mcap" in text
    assert "depth_pc_interfaces/msg/KeypointMatches" in text
    assert "durability: 1" in text  # of what is latched: a later node gets it from `ros2 bag play`, too


def test_compressed_images_are_kept_as_they_are_and_jpeg_is_smaller(runner, tmp_path):
    with Recording(runner, tmp_path / "kept", "cam/image/compressed") as recorder:
        images = runner.publisher(CompressedImage, "cam/image/compressed")
        images.publish(CompressedImage(header=header(0), format="jpeg", data=b"as it came"))
        topic = f"{runner.namespace}/cam/image/compressed"
        runner.wait(lambda: recorder.heard(topic) == 1, "the image is heard")
    with BagFile(tmp_path / "kept") as bag:
        (message,) = (logged.read() for logged in bag.logged([topic]))
    assert (bytes(message.data), message.format) == (b"as it came", "jpeg")


def test_a_full_disk_ends_the_recording_and_nothing_waits_for_it(runner, tmp_path):
    with Recording(runner, tmp_path / "bag") as recorder:

        def full(*_, **__):
            raise FileError("bag: bag.mcap: No space left on device; what was written before is in it")

        recorder._bag.write = full
        images = runner.publisher(Image, "cam/image")

        numbers = itertools.count()

        def problem():
            images.publish(rgb_to_image(picture(0), header(next(numbers))))
            return recorder.problem

        runner.wait(problem, "the recorder says that the disk is full")
        assert recorder.problem.endswith("No space left on device; what was written before is in it")


def test_a_folder_that_exists_is_refused(runner, tmp_path):
    with pytest.raises(FileError, match="exists already"):
        Recorder(tmp_path, runner.namespace, "image", "camera_info", "png", False, context=runner.context)
