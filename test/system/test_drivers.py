"""The whole start-up with MoveIt Servo and with Kinova's driver, over DDS: stand-ins of both move the camera."""

import time

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

from geometry_msgs.msg import Twist, TwistStamped
from sensor_msgs.msg import CameraInfo, Image
from stand_in_arms import KortexArm
from stand_in_servo import StandInServo
from waits import WAIT_S

from depth_pc_interfaces.msg import ServoStatus
from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.base import IMAGE_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import seconds_to_stamp, stamp_to_seconds, twist_to_msg

pytestmark = [pytest.mark.ros, pytest.mark.slow]

PERIOD_S = 0.02
TOPIC = "/arm/driver/commands"


class Robot:
    """A simulated camera whose images have the time of this machine, as a real one's, and the arm that moves it.

    twist_of: the twist (6,) with which its driver moves the tool at a time, s.
    """

    def __init__(self, client, twist_of):
        self.client, self._node, self._twist_of = client, client.node, twist_of
        self._out = self._node.create_publisher(TwistStamped, "bridge/command", TWIST_QOS)
        for name, kind in (("image", Image), ("camera_info", CameraInfo)):
            publisher = self._node.create_publisher(kind, name, 1)
            self._node.create_subscription(
                kind, f"bridge/{name}", lambda msg, publisher=publisher: self._relay(msg, publisher), IMAGE_QOS
            )
        self._node.create_timer(PERIOD_S, self._move)

    def _relay(self, msg, publisher):
        msg.header.stamp = seconds_to_stamp(time.time())
        publisher.publish(msg)

    def _move(self):
        self._out.publish(TwistStamped(twist=twist_to_msg(self._twist_of(time.time()))))


def moveit_servo(client):
    pytest.importorskip("moveit_msgs.srv", reason="needs moveit_msgs: run scripts/setup.sh")
    parameters = {"scale.linear": 0.6, "scale.rotational": 0.3}  # UR's
    servo = StandInServo("servo_node", parameters=parameters, context=client._context, namespace="/arm")
    client.node.executor.add_node(servo)
    return lambda now_s: servo.model.tip_twist(now_s)[0]


def kortex(client):
    arm = KortexArm()
    client.node.create_subscription(Twist, TOPIC, arm.take, TWIST_QOS)
    return lambda now_s: arm.tool_twist(now_s, np.eye(4))


DRIVERS = {
    "moveit_servo": (moveit_servo, {"servo_node": "/arm/servo_node"}),
    "kortex": (kortex, {"cmd_vel": TOPIC}),
}


def wait_for_a_new_view(client):
    """The nodes see where the camera is now."""
    now_s = time.time()
    assert client._wait("keypoints/matches", lambda msg: stamp_to_seconds(msg.header.stamp) >= now_s)


@pytest.mark.parametrize("driver", DRIVERS)
def test_the_servo_converges_through_the_driver(start_servo, driver):
    make, options = DRIVERS[driver]
    world = start_servo(only=("bridge",), namespace="/arm", level="S")
    robot = Robot(world.client, make(world.client))
    servo = start_servo(
        driver=driver, image="/arm/image", camera_info="/arm/camera_info", camera_in_tool="0 0 0 0 0 0 1",
        tool_frame="tool0", depth="none", default_distance=0.7, check_motion=False, slow_limit_s=5.0,
        **options,
    )  # fmt: skip
    robot.client._trigger("bridge/look_from_goal")
    wait_for_a_new_view(servo.client)
    servo.client.capture_goal()
    robot.client._trigger("bridge/reset")
    wait_for_a_new_view(servo.client)
    assert se3.pose_error(robot.client.camera_pose, robot.client.goal_pose)[0] > 0.02
    servo.client.enable(True)
    servo.client.wait_for(lambda status: status.state == ServoStatus.CONVERGED, timeout_s=2 * WAIT_S)
    te_m, re_deg = se3.pose_error(robot.client.camera_pose, robot.client.goal_pose)
    assert te_m < 3e-3
    assert re_deg < 0.3
