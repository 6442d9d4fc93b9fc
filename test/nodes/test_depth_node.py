import time

import numpy as np
import pytest
from sensor_msgs.msg import CameraInfo, Image
from std_msgs.msg import Header

from depth_pc_interfaces.msg import ServoGoal
from depth_pc_ros.nodes.base import IMAGE_QOS, LATCHED_QOS
from depth_pc_ros.nodes.conversions import (
    depth_to_image,
    depth_to_metres,
    image_to_rgb,
    intrinsics_to_info,
    relative_depth_from_image,
    rgb_to_image,
    seconds_to_stamp,
)
from depth_pc_ros.nodes.depth_node import DepthNode
from depth_pc_ros.perception import relative_depth
from depth_pc_ros.perception.relative_depth import RelativeDepth

pytestmark = pytest.mark.ros


@pytest.fixture
def chain(runner, intrinsics):
    """The node, functions that publish to it, and what it answers."""

    class Chain:
        node = runner.add(DepthNode)
        heard = runner.listen(Image, "depth/metric_depth", IMAGE_QOS)
        images = runner.publisher(Image, "depth_image")
        infos = runner.publisher(CameraInfo, "camera_info")

        def see_camera(self, info=None):
            self.infos.publish(info or intrinsics_to_info(intrinsics, Header()))
            runner.wait(lambda: self.node._camera._key is not None, "the camera_info")

        def refused(self, msg) -> str:
            """Publish a wrong image; the node's diagnostic message about it."""
            self.node._frames = 0
            self.images.publish(msg)
            runner.wait(lambda: self.node._frames == 1, "the image")
            time.sleep(0.05)
            assert not self.heard
            return self.node.diagnose()[1]

    return Chain()


def depth_image(values, stamp_s=12.5) -> Image:
    return depth_to_image(values, Header(stamp=seconds_to_stamp(stamp_s), frame_id="optical"))


def test_relays_metres_with_the_cameras_own_header(runner, chain):
    chain.see_camera()
    depth = np.full((480, 640), 0.75, np.float32)
    depth[10, 20], depth[30, 40], depth[50, 60] = 0.0, np.inf, -1.0
    chain.images.publish(depth_image(depth))
    runner.wait(lambda: chain.heard, "depth")
    out = depth_to_metres(chain.heard[0])
    assert np.isnan([out[10, 20], out[30, 40], out[50, 60]]).all()
    assert np.count_nonzero(np.isnan(out)) == 3
    assert np.nanmin(out) == np.nanmax(out) == 0.75
    header = chain.heard[0].header
    assert (header.frame_id, header.stamp) == ("optical", seconds_to_stamp(12.5))


def test_millimetres_become_metres(runner, chain):
    chain.see_camera()
    msg = depth_image(np.zeros((480, 640), np.float32))
    msg.encoding, msg.step = "16UC1", 1280
    msg.data = np.full((480, 640), 1234, np.uint16).tobytes()
    chain.images.publish(msg)
    runner.wait(lambda: chain.heard, "depth")
    np.testing.assert_allclose(depth_to_metres(chain.heard[0]), 1.234, rtol=1e-6)


def test_wrong_input_is_named_and_not_relayed(runner, chain):
    depth = np.ones((480, 640), np.float32)
    assert "no camera_info" in chain.refused(depth_image(depth))
    chain.see_camera(CameraInfo(width=640, height=480))
    assert "K[0] is 0" in chain.refused(depth_image(depth))
    chain.node._camera._key = None
    chain.see_camera()
    assert "expected 640 x 480" in chain.refused(depth_image(depth[:240]))
    wrong = depth_image(depth)
    wrong.encoding = "rgb8"
    assert "not metric depth" in chain.refused(wrong)
    chain.images.publish(depth_image(depth))
    runner.wait(lambda: chain.heard, "depth after all that")


@pytest.fixture
def estimating(runner, intrinsics, tiny_depth_model, monkeypatch):
    """The node with a tiny network, what it hears, and what it answers. lowered: how often it has."""
    lowered = []
    monkeypatch.setattr(relative_depth, "lower_priority", lambda: lowered.append(True))  # spares these tests

    class Estimating:
        node = runner.add(DepthNode, source="estimated", model=str(tiny_depth_model), short_side=56)
        heard = runner.listen(Image, "depth/relative_depth", IMAGE_QOS)
        goals_heard = runner.listen(Image, "depth/goal_relative_depth", LATCHED_QOS)
        images = runner.publisher(Image, "image")
        goals = runner.publisher(ServoGoal, "goal", LATCHED_QOS)
        infos = runner.publisher(CameraInfo, "camera_info")

    chain = Estimating()
    chain.lowered = lowered
    chain.infos.publish(intrinsics_to_info(intrinsics, Header()))
    runner.wait(lambda: chain.node._camera._key is not None, "the camera_info")
    return chain


def picture(stamp_s=12.5) -> Image:
    rgb = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    return rgb_to_image(rgb, Header(stamp=seconds_to_stamp(stamp_s), frame_id="optical"))


def test_estimates_relative_depth_with_the_stamp_of_its_image(runner, estimating, tiny_depth_model):
    msg = picture()
    estimating.images.publish(msg)
    runner.wait(lambda: estimating.heard, "relative depth")
    depth = relative_depth_from_image(estimating.heard[0])
    expected = RelativeDepth(str(tiny_depth_model), short_side=56)(image_to_rgb(msg))
    np.testing.assert_allclose(depth, expected, atol=1e-5)
    assert estimating.heard[0].header == msg.header
    _, text, values = estimating.node.diagnose()
    assert text == "estimating"
    assert values["device"] == "cpu"
    assert float(values["estimate_s"]) > 0
    assert not [p for p in estimating.node.publishers if p.topic_name.endswith("metric_depth")]


def test_the_node_lowers_its_priority(estimating):
    assert len(estimating.lowered) == 1


def test_estimates_a_goal_once_with_the_stamp_of_the_goal(runner, estimating):
    header = Header(stamp=seconds_to_stamp(3.0), frame_id="optical")
    estimating.goals.publish(ServoGoal(header=header, goal_id=1, image=picture(2.0)))
    runner.wait(lambda: estimating.goals_heard, "the goal's relative depth")
    assert estimating.goals_heard[0].header == header
    assert relative_depth_from_image(estimating.goals_heard[0]).shape == (480, 640)


def test_wrong_images_are_named_and_not_estimated(runner, estimating):
    wrong = picture()
    wrong.encoding = "32FC1"
    estimating.images.publish(wrong)
    runner.wait(lambda: estimating.node._problem, "the warning")
    assert "32FC1" in estimating.node.diagnose()[1]
    assert not estimating.heard
    estimating.goals.publish(ServoGoal(goal_id=1, image=wrong))
    estimating.goals.publish(ServoGoal(goal_id=0))
    estimating.images.publish(picture())
    runner.wait(lambda: estimating.heard, "relative depth after all that")
    assert not estimating.goals_heard


def test_source_none_reads_nothing(runner):
    node = runner.add(DepthNode, source="none")
    assert not [s for s in node.subscriptions if s.topic_name.endswith("depth_image")]
    assert node.diagnose()[1] == "no depth, as configured"


def test_a_wrong_camera_info_is_named_and_the_node_goes_on(runner, intrinsics):
    node = runner.make(DepthNode)
    node.start()
    sent = []
    node._depth_pub.publish = sent.append
    absurd = intrinsics_to_info(intrinsics, Header())
    absurd.width, absurd.height, absurd.d = 12000, 12000, [-0.2, 0.05, 0.0, 0.0, 0.0]
    node._on_depth(depth_image(np.ones((480, 640))))  # before any camera_info
    assert "no camera_info has arrived" in node.diagnose()[1]
    node._on_camera_info(absurd)
    node._on_depth(depth_image(np.ones((480, 640))))
    assert "got 12000 x 12000" in node.diagnose()[1]
    distorted = intrinsics_to_info(intrinsics, Header())
    distorted.d = [-0.2, 0.05, 0.0, 0.0, 0.0]
    node._on_camera_info(distorted)
    node._on_depth(depth_image(np.ones((480, 640))))
    assert len(sent) == 1
    node.destroy_node()


def test_an_absurd_goal_is_named_and_not_estimated(estimating):
    node = estimating.node
    for goal in (
        ServoGoal(goal_id=1, image=Image(width=8192, height=64, encoding="rgb8", step=3 * 8192)),
        ServoGoal(goal_id=1, image=picture(), header=Header(frame_id="f" * 10_000)),
    ):
        node._on_goal(goal)
        assert node._goal_problem.startswith("goal")
        assert "expected" in node._goal_problem
        assert len(node._goal_problem) < 300
