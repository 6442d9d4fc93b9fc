"""The watch node: what it subscribes to and when, what it draws, and what its buttons do."""

import socket

import numpy as np
import pytest

pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'depth_pc_ros[view]'")

from ports import free_port
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger
from view_messages import unpacked
from waits import WAIT_S

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal, ServoStatus
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.files.image_file import decode_image
from depth_pc_ros.nodes import image_source, watch_node
from depth_pc_ros.nodes.base import LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import (
    depth_to_image,
    intrinsics_to_info,
    matches_to_msg,
    rgb_to_image,
    seconds_to_stamp,
)
from depth_pc_ros.nodes.watch_node import NoAnswerError, WatchNode
from depth_pc_ros.types import Matches
from depth_pc_ros.view.drawing import jpeg
from depth_pc_ros.view.live_view import PICTURES, Viewer

pytestmark = pytest.mark.ros

POINTS = np.array([[100.0, 100.0], [500.0, 300.0]])  # of the goal
GREY = np.full((480, 640, 3), 90, np.uint8)


class Chain:
    """The node, what it listens to, and one browser."""

    def __init__(self, runner, intrinsics):
        self.runner, self.intrinsics = runner, intrinsics
        self.node = runner.add(WatchNode, port=free_port())
        self.view, self.viewer = self.node._view, Viewer()
        node = runner.node
        self.images = node.create_publisher(Image, "image", 1)
        self.infos = node.create_publisher(CameraInfo, "camera_info", LATCHED_QOS)
        self.matches = node.create_publisher(KeypointMatches, "matches", TWIST_QOS)
        self.goals = node.create_publisher(ServoGoal, "goal", LATCHED_QOS)
        self.depths = node.create_publisher(Image, "metric_depth", 1)
        self.statuses = node.create_publisher(ServoStatus, "status", LATCHED_QOS)
        self.pictures: dict[str, bytes] = {}
        self.infos.publish(intrinsics_to_info(intrinsics, Header()))

    def watch(self, *names):
        """A browser shows these pictures, and the node has subscribed."""
        self.view.attach(self.viewer)
        self.view.want(self.viewer, frozenset(names))
        self.runner.wait(lambda: min(self.readers) > 0, "the subscriptions")

    @property
    def readers(self) -> list[int]:
        return [each.get_subscription_count() for each in (self.images, self.infos, self.matches, self.depths)]

    def set_goal(self, goal_id=7):
        goal = ServoGoal(goal_id=goal_id, image=rgb_to_image(GREY, Header()), keypoints=POINTS.ravel().tolist())
        goal.camera_info = intrinsics_to_info(self.intrinsics, Header())
        self.goals.publish(goal)

    def show(self, stamp_s, level=90):
        self.images.publish(rgb_to_image(np.full_like(GREY, level), header_at(stamp_s)))

    def match(self, stamp_s, goal_id=7):
        current = np.array([[200.0, 100.0], [np.nan, np.nan]])
        matches = Matches(current, np.array([True, False]), np.array([1.0, 0.0], np.float32))
        self.matches.publish(matches_to_msg(matches, goal_id, header_at(stamp_s)))

    def head(self) -> dict:
        """The JSON of the next message; pictures are kept."""
        head, pictures = unpacked(self.view.message(self.viewer))
        self.pictures |= pictures
        return head

    def has(self, *names) -> bool:
        self.head()
        return all(self.pictures.get(name) for name in names)

    def pixel(self, name, u, v) -> np.ndarray:
        return decode_image(self.pictures[name], name)[v, u].astype(int)


def header_at(stamp_s) -> Header:
    return Header(stamp=seconds_to_stamp(stamp_s), frame_id="optical")


@pytest.fixture
def chain(runner, intrinsics, monkeypatch):
    monkeypatch.setattr(watch_node, "_NICE", 0)  # the thread is the tests', too
    chain = Chain(runner, intrinsics)
    yield chain
    chain.node._server.stop()


def test_it_listens_to_images_only_while_somebody_looks(chain, runner):
    runner.wait(lambda: chain.goals.get_subscription_count() == 1, "the goal's reader")
    assert chain.readers == [0, 0, 0, 0]
    chain.watch("live")
    chain.view.detach(chain.viewer)
    runner.wait(lambda: chain.readers == [0, 0, 0, 0], "the end of the subscriptions")


def test_all_pictures_come_with_the_matches_of_their_image(chain, runner):
    chain.watch(*PICTURES)
    chain.set_goal()
    chain.show(10.0)
    chain.match(10.0)
    chain.depths.publish(depth_to_image(np.full((480, 640), 0.6), header_at(10.0)))
    runner.wait(lambda: chain.has(*PICTURES), "all pictures")
    runner.wait(lambda: chain.head() and chain.pixel("live", 200, 100)[1] > 200, "the match")
    assert chain.pixel("live", 150, 100)[1] > 150  # the line to its goal
    runner.wait(lambda: chain.head() and chain.pixel("goal", 100, 100)[1] > 200, "the match in the goal image")
    assert np.abs(chain.pixel("goal", 500, 300) - 150).max() < 20  # not matched
    assert chain.pixel("difference", 320, 240).max() < 20


def test_an_image_without_new_matches_is_shown_alone(chain, runner):
    chain.watch("live")
    chain.set_goal()
    chain.show(10.0)
    chain.match(10.0)
    runner.wait(lambda: chain.has("live") and chain.pixel("live", 200, 100)[1] > 200, "the match")
    chain.show(10.5, level=30)  # its matches may come
    chain.show(11.5, level=200)
    runner.wait(lambda: chain.has("live") and chain.pixel("live", 300, 300).min() > 180, "the newest image")
    assert np.abs(chain.pixel("live", 200, 100) - 200).max() < 10


def test_matches_whose_image_was_lost_leave_the_picture_as_it_is(chain, runner):
    chain.watch("live")
    chain.set_goal()
    chain.show(10.0)
    chain.match(10.0)
    runner.wait(lambda: chain.has("live") and chain.pixel("live", 200, 100)[1] > 200, "the match")
    chain.match(10.04)
    runner.wait(lambda: not chain.node._images._images, "the end of the older images")
    chain.node._on_tick()
    assert chain.node._images._newest()[0].header.stamp.sec == 10
    chain.show(10.08, level=30)
    chain.match(10.08)
    runner.wait(lambda: chain.has("live") and chain.pixel("live", 300, 300).max() < 60, "the next one")


def test_matches_of_another_goal_are_not_drawn(chain, runner):
    chain.watch("live")
    chain.set_goal(goal_id=8)
    chain.show(10.0)
    chain.match(10.0, goal_id=7)
    runner.wait(lambda: chain.has("live"), "the image")
    assert np.abs(chain.pixel("live", 200, 100) - 90).max() < 10


def test_a_cleared_goal_is_not_shown_any_more(chain, runner):
    chain.watch("goal", "difference")
    chain.set_goal()
    chain.show(10.0)
    runner.wait(lambda: chain.has("goal", "difference"), "the goal")
    chain.goals.publish(ServoGoal())
    runner.wait(lambda: chain.head() and chain.pictures["goal"] == chain.pictures["difference"] == b"", "its end")


def test_compressed_images_are_shown_too(chain, runner):
    other = runner.other_process()
    runner.node.destroy_publisher(chain.images)
    chain.images = other.create_publisher(CompressedImage, "image", 1)
    chain.watch("live")
    runner.wait(lambda: chain.images.get_subscription_count() == 1, "a reader of compressed images")

    def shown():
        chain.images.publish(CompressedImage(header=header_at(10.0), format="jpeg", data=jpeg(GREY)))
        return chain.has("live")

    runner.wait(shown, "the picture")
    assert np.abs(chain.pixel("live", 300, 300) - 90).max() < 10


def test_why_there_is_no_picture_is_said(chain, runner, monkeypatch):
    monkeypatch.setattr(image_source, "SILENT_S", WAIT_S)
    chain.watch("live")
    chain.images.publish(rgb_to_image(GREY[:100], header_at(10.0)))
    runner.wait(lambda: "expected 640 x 480 as in its camera_info, got 640 x 100" in chain.head()["note"], "the reason")
    chain.show(11.0)
    runner.wait(lambda: chain.head()["note"] == "", "its end")


def test_a_missing_camera_is_said(chain, runner):
    runner.node.destroy_publisher(chain.images)
    chain.view.attach(chain.viewer)
    chain.view.want(chain.viewer, frozenset(["live"]))
    note = runner.wait(lambda: chain.head()["note"], "the reason")
    assert "/image has no publisher" in note


def test_the_status_becomes_a_reading(chain, runner):
    status = ServoStatus(state=3, message="slow", controller="pbvs", num_matches=42, error_px=1.5, depth_source="none")
    status.command.linear.x, status.command.angular.z = 0.03, 0.5
    status.latency_ms, status.agreement, status.depth_age_s = 51.6, 0.87, float("nan")
    chain.statuses.publish(status)
    reading = runner.wait(lambda: chain.head()["reading"], "the reading")
    facts = reading.pop("facts")
    assert reading == {"state": "SERVOING", "kind": "moving", "message": "slow", "error_px": 1.5}
    assert facts["control law"] == "pbvs"
    assert (facts["matches"], facts["latency"], facts["picture agrees"]) == ("42", "52 ms", "87 %")
    status.state = 200
    chain.statuses.publish(status)
    status.state = 4
    chain.statuses.publish(status)
    runner.wait(lambda: chain.head()["reading"]["state"] == "CONVERGED", "the next one")


def test_buttons_call_the_services(chain, runner):
    calls = []

    def enable(request, response):
        calls.append(request.data)
        response.success, response.message = True, f"enabled {request.data}"
        return response

    def capture(_, response):
        response.message = "nothing to capture"
        return response

    runner.node.create_service(SetBool, "enable", enable)
    runner.node.create_service(Trigger, "capture_goal", capture)
    runner.wait(chain.node._enable.service_is_ready, "the service")
    runner.wait(chain.node._capture_goal.service_is_ready, "the service")
    assert chain.node._on_enable() == "enabled True"
    assert chain.node._on_stop() == "enabled False"
    assert calls == [True, False]
    with pytest.raises(NoAnswerError, match=r"^nothing to capture$"):
        chain.node._on_capture()


def test_a_controller_that_is_missing_or_hangs_is_said(chain, runner, monkeypatch):
    monkeypatch.setattr(watch_node, "ANSWER_WITHIN_S", 0.2)
    with pytest.raises(NoAnswerError, match=rf"^there is no service {runner.namespace}/enable: is the node running\?$"):
        chain.node._on_stop()
    hanging = runner.other_process()  # nothing spins it
    hanging.create_service(SetBool, "enable", lambda request, response: response)
    runner.wait(chain.node._enable.service_is_ready, "the service")
    with pytest.raises(
        NoAnswerError, match=rf"^no answer from {runner.namespace}/enable within 0.2 s; it may still be done$"
    ):
        chain.node._on_stop()


def test_a_port_in_use_refuses_the_node(runner):
    with socket.create_server(("127.0.0.1", 0)) as other:
        node = runner.make(WatchNode, port=other.getsockname()[1])
        with pytest.raises(ConfigError, match=r"^port: \d+ of 127.0.0.1 is in use, give another one$"):
            node.start()
        node.destroy_node()
