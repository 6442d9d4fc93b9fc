import threading
import time

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from rclpy.node import Node
from sensor_msgs.msg import Image
from std_msgs.msg import Header
from std_srvs.srv import SetBool, Trigger
from waits import WAIT_S

from depth_pc_interfaces.msg import KeypointMatches, ServoStatus
from depth_pc_interfaces.srv import SetGoalImage
from depth_pc_ros.bringup.client import ServoClient, ServoClientError
from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.base import IMAGE_QOS, LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import (
    depth_to_image,
    depth_to_metres,
    image_to_rgb,
    pose_to_msg,
    rgb_to_image,
    seconds_to_stamp,
)

pytestmark = pytest.mark.ros


@pytest.fixture
def client(runner):
    with ServoClient(timeout_s=WAIT_S, namespace=runner.namespace) as client:
        yield client


def serve(runner, kind, name, **answer):
    """A service that keeps its requests and always answers the same."""
    requests = []

    def reply(request, _response):
        requests.append(request)
        return kind.Response(**answer)

    runner.node.create_service(kind, name, reply)
    return requests


def test_set_goal_sends_all_there_is(runner, client, intrinsics):
    requests = serve(runner, SetGoalImage, "keypoints/set_goal_image", success=True, goal_id=7, num_keypoints=90)
    rgb = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    depth = np.full((480, 640), 0.7, np.float32)
    answer = client.set_goal(rgb, intrinsics, distance=0.6, depth=depth)
    assert (answer.goal_id, answer.num_keypoints) == (7, 90)
    (request,) = requests
    assert np.array_equal(image_to_rgb(request.image), rgb)
    assert np.array_equal(depth_to_metres(request.depth), depth)
    assert (request.distance, request.camera_info.k[0]) == (0.6, intrinsics.fx)
    client.set_goal(rgb)
    assert (requests[1].distance, requests[1].camera_info.k[0], requests[1].depth.width) == (0.0, 0.0, 0)


def test_a_refusal_is_quoted(runner, client):
    serve(runner, SetGoalImage, "keypoints/set_goal_image", success=False, message="too little texture")
    serve(runner, Trigger, "keypoints/capture_goal", success=False, message="no image has arrived yet")
    with pytest.raises(ServoClientError, match=r"keypoints/set_goal_image refused: too little texture"):
        client.set_goal(np.zeros((48, 64, 3), np.uint8))
    with pytest.raises(ServoClientError, match="no image has arrived yet"):
        client.capture_goal()


def test_enable_returns_the_controllers_message(runner, client):
    requests = serve(runner, SetBool, "controller/enable", success=True, message="enabled; SERVOING")
    assert client.enable(True) == "enabled; SERVOING"
    client.enable(False)
    assert [request.data for request in requests] == [True, False]


def test_a_missing_service_is_named_after_the_timeout(runner):
    with ServoClient(timeout_s=0.5, namespace=runner.namespace) as client:
        began_s = time.monotonic()
        with pytest.raises(ServoClientError, match=r"controller/enable: no such service within 0\.5 s.*running"):
            client.enable(True)
        assert time.monotonic() - began_s > 0.4
        assert not client.is_active("controller")


def test_a_service_that_never_answers_is_named_and_leaves_nothing_behind(runner):
    hung = Node("hung", context=runner.context, namespace=runner.namespace)  # nobody spins it
    hung.create_service(SetBool, "controller/enable", lambda request, response: response)
    with ServoClient(timeout_s=0.5, namespace=runner.namespace) as client:
        assert client.node.create_client(SetBool, "controller/enable").wait_for_service(WAIT_S)
        with pytest.raises(ServoClientError, match=r"controller/enable: no answer within 0\.5 s"):
            client.enable(True)
        assert not client._clients["controller/enable"]._pending_requests
    hung.destroy_node()


def test_wait_for_a_status(runner, client):
    statuses = runner.node.create_publisher(ServoStatus, "controller/status", LATCHED_QOS)
    heard = []
    client.on_status(lambda status: heard.append(status.state))
    statuses.publish(ServoStatus(state=ServoStatus.SERVOING))
    assert client.status.state == ServoStatus.SERVOING
    threading.Timer(0.2, lambda: statuses.publish(ServoStatus(state=ServoStatus.CONVERGED, num_matches=9))).start()
    assert client.wait_for(lambda status: status.state == ServoStatus.CONVERGED).num_matches == 9
    assert heard == [ServoStatus.SERVOING, ServoStatus.CONVERGED]


def test_a_status_that_does_not_come_names_the_last_one(runner, client):
    statuses = runner.node.create_publisher(ServoStatus, "controller/status", LATCHED_QOS)
    statuses.publish(ServoStatus(state=ServoStatus.LOST, num_matches=3, message="3 matches, at least 8 are needed"))
    with pytest.raises(ServoClientError, match=r"within 0\.3 s.*LOST, 3 matches, 3 matches, at least 8"):
        client.wait_for(lambda status: status.state == ServoStatus.CONVERGED, timeout_s=0.3)


def test_true_poses(runner, client):
    T = se3.exp(np.array([0.1, -0.2, 0.5, 0.3, 2.0, -1.0]))
    poses = runner.node.create_publisher(PoseStamped, "bridge/camera_pose", 10)
    heard = []
    client.on_camera_pose(lambda stamp_s, T_world_cam: heard.append((stamp_s, T_world_cam)))
    runner.wait(lambda: poses.get_subscription_count() == 1, "the client")
    poses.publish(PoseStamped(header=stamped(2.5), pose=pose_to_msg(T)))
    np.testing.assert_allclose(client.camera_pose, T, atol=1e-12)
    assert heard[0][0] == 2.5


def test_frame_joins_image_and_depth_of_one_time(runner, client):
    images = runner.node.create_publisher(Image, "bridge/image", IMAGE_QOS)
    depths = runner.node.create_publisher(Image, "bridge/depth_image", IMAGE_QOS)
    frames = []
    caller = threading.Thread(target=lambda: frames.append(client.frame()))
    caller.start()
    stamp_s = 1.0
    while not frames and stamp_s < 250.0:  # the first ones may be lost; depth runs ahead of the image
        stamp_s += 1.0
        depths.publish(depth_to_image(np.full((48, 64), stamp_s, np.float32), stamped(stamp_s)))
        time.sleep(0.02)
        images.publish(rgb_to_image(np.full((48, 64, 3), int(stamp_s), np.uint8), stamped(stamp_s)))
        time.sleep(0.1)
    rgb, depth_m, stamp_s = frames[0]
    assert rgb.max() == depth_m.max() == stamp_s


def stamped(stamp_s: float) -> Header:
    return Header(stamp=seconds_to_stamp(stamp_s))


def test_a_jump_is_over_when_the_keypoint_node_has_seen_a_new_image(runner, client):
    serve(runner, Trigger, "bridge/reset", success=True)
    images = runner.node.create_publisher(Image, "bridge/image", IMAGE_QOS)
    matches = runner.node.create_publisher(KeypointMatches, "keypoints/matches", TWIST_QOS)
    jump = threading.Thread(target=client.reset)
    jump.start()
    runner.wait(lambda: images.get_subscription_count() == 1, "the client's image")
    stamp_s = 0.0
    while matches.get_subscription_count() == 0:  # until the client has seen two images
        assert stamp_s < 200
        stamp_s += 1.0
        images.publish(rgb_to_image(np.zeros((48, 64, 3), np.uint8), stamped(stamp_s)))
        time.sleep(0.1)
    matches.publish(KeypointMatches(header=stamped(1.0)))
    jump.join(0.3)
    assert jump.is_alive()
    matches.publish(KeypointMatches(header=stamped(stamp_s)))
    jump.join(WAIT_S)
    assert not jump.is_alive()
