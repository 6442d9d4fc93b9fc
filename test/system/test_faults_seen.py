"""Faults of the camera stream and of the arm's frame, through the running nodes: stopped early, and named."""

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

from geometry_msgs.msg import TwistStamped
from sensor_msgs.msg import Image
from stand_in_adapter import StandInAdapter

from depth_pc_interfaces.msg import ServoStatus
from depth_pc_ros.nodes.base import IMAGE_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import twist_from_msg, twist_to_msg

pytestmark = [pytest.mark.ros, pytest.mark.slow]

LIMIT_M, LIMIT_RAD = 0.03, np.radians(3.0)  # of commanded motion


def commanded(twists, begin=0) -> tuple[float, float]:
    """Path that was commanded from the twist `begin` on: m and rad."""
    values, stamps = np.array(twists.values[begin:]), np.array(twists.stamps_s[begin:])
    interval_s = np.diff(stamps, append=stamps[-1])[:, None]
    return tuple(np.linalg.norm(part * interval_s, axis=1).sum() for part in (values[:, :3], values[:, 3:]))


def test_a_stream_that_repeats_one_image_with_new_stamps_is_frozen(start_servo):
    servo = start_servo(image="/depth_pc/relay/image")
    node = servo.client.node
    relay = node.create_publisher(Image, "relay/image", 1)
    freeze, last, since = False, None, None

    def pass_on(image: Image):
        nonlocal last, since
        if freeze:
            if since is None:
                since = len(servo.twists.values)
            last.header = image.header
        else:
            last = image
        relay.publish(last)

    node.create_subscription(Image, "bridge/image", pass_on, IMAGE_QOS)
    servo.prepare()
    servo.start_moving()
    freeze = True
    status = servo.client.wait_for(lambda status: status.state != ServoStatus.SERVOING)
    assert status.state == ServoStatus.FROZEN, status.message
    servo.wait_for_stop()
    path_m, path_rad = commanded(servo.twists, since)
    assert path_m < LIMIT_M or path_rad < LIMIT_RAD


@pytest.mark.parametrize("turn", [np.diag([-1.0, -1, 1]), np.array([[0.0, 0, 1], [-1, 0, 0], [0, -1, 0]])])
def test_twists_obeyed_in_a_wrong_frame_are_a_contradiction(start_servo, turn):
    """turn: half a turn about the optical axis; and body axes (x forward) in place of optical ones."""
    servo = start_servo(only=("bridge", "keypoints", "controller"))
    node = servo.client.node
    arm = node.create_publisher(TwistStamped, "bridge/command", TWIST_QOS)
    StandInAdapter(node, "adapter/status")
    adjoint = np.kron(np.eye(2), turn)

    def obey(msg: TwistStamped):
        msg.twist = twist_to_msg(adjoint @ twist_from_msg(msg.twist))
        arm.publish(msg)

    node.create_subscription(TwistStamped, "controller/twist_cmd", obey, TWIST_QOS)
    servo.prepare()
    servo.start_moving()
    status = servo.client.wait_for(lambda status: status.state != ServoStatus.SERVOING)
    assert status.state == ServoStatus.CONTRADICTED, status.message
    servo.wait_for_stop()
    path_m, path_rad = commanded(servo.twists)
    assert path_m < LIMIT_M or path_rad < LIMIT_RAD
