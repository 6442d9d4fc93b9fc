"""`check_setup --driver` against stand-ins, broken in every way: the fault is named, with the command that mends it."""

import sys
import time

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, Twist, TwistStamped
from sensor_msgs.msg import CameraInfo
from stand_in_controllers import StandInControllers
from stand_in_servo import StandInServo
from std_msgs.msg import Header
from waits import WAIT_S

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.client import ServoClient
from depth_pc_ros.bringup.driver_check import DriverCheck
from depth_pc_ros.bringup.setup_check import _Watch
from depth_pc_ros.nodes.conversions import seconds_to_stamp

pytestmark = pytest.mark.ros

ACTIVE = {
    "joint_state_broadcaster": "active", "io_and_status_controller": "active",
    "forward_position_controller": "active", "scaled_joint_trajectory_controller": "inactive",
}  # fmt: skip
OF_UR = {**ACTIVE, "forward_position_controller": "inactive", "scaled_joint_trajectory_controller": "active"}
OUT = {"command_out_topic": "/forward_position_controller/commands"}


class Bench:
    """Stand-ins in the runner's namespace, and the report of the check about them."""

    def __init__(self, runner):
        self.runner = runner

    def add(self, node):
        self.runner._nodes.append(node)
        self.runner.executor.add_node(node)
        return node

    def servo(self, name="servo_node", humble=False, **options):
        if not humble:
            pytest.importorskip("moveit_msgs.srv", reason="needs moveit_msgs: run scripts/setup.sh")
        where = {"context": self.runner.context, "namespace": self.runner.namespace}
        return self.add(StandInServo(name, humble=humble, **options, **where))

    def controllers(self, states, **options):
        pytest.importorskip("controller_manager_msgs.srv", reason="needs controller_manager_msgs: run scripts/setup.sh")
        where = {"context": self.runner.context, "namespace": self.runner.namespace}
        return self.add(StandInControllers(states, **options, **where))

    def report(self, driver="moveit_servo", until="", **options):
        """Lines `what: detail` of what does not fit, and of what does. Again and again until `until` is in one."""
        place = self.runner.namespace
        options = {
            "namespace": place, "driver": driver, "image": "/i", "camera_info": "/c", "tool_frame": "tool0",
            "servo_node": f"{place}/servo_node", "speed_scaling": f"{place}/speed_scaling", **options,
        }  # fmt: skip
        config = BringupConfig(**options)
        end_s = time.monotonic() + WAIT_S
        with ServoClient(WAIT_S, place) as client:
            check = DriverCheck(client, config, _Watch(client, config).outside)
            while True:
                time.sleep(0.1)
                lines = check.checks()
                wrong = [f"{line.what}: {line.detail}" for line in lines if line.missing]
                right = [f"{line.what}: {line.detail}" for line in lines if line.ok]
                if any(until in line for line in (wrong or right)):
                    return wrong, right
                assert time.monotonic() < end_s, lines


def wait_for(bench, text, **options):
    """Report until a line that fits has this text."""
    bench.runner.wait(lambda: any(text in line for line in bench.report(**options)[1]), text)


@pytest.fixture
def bench(runner):
    return Bench(runner)


def test_a_servo_that_fits_has_nothing_to_mend(bench):
    bench.servo(parameters=OUT)
    bench.controllers(ACTIVE)
    wrong, right = bench.report(until="output")
    while wrong:  # the status has not come yet
        wrong, right = bench.report(until="output")
    assert "MoveIt Servo" in right[0]
    assert any("forward_position_controller: active" in line for line in right)
    assert (
        "moveit_servo.scale.rotational: 0.8 rad/s < `max_angular` 0.99: the servo will turn at 0.8 "
        f"(ros2 param set {bench.runner.namespace}/servo_node moveit_servo.scale.rotational 0.99)"
    ) in right
    assert not any("scale.linear" in line for line in right)


def test_no_servo_at_all(bench):
    (line,), _ = bench.report(until="start it")
    assert line.startswith(f"MoveIt Servo {bench.runner.namespace}/servo_node: neither ")


def test_a_servo_of_another_name(bench):
    bench.servo("servo_server")
    (line,), _ = bench.report(until="there is")
    assert line.endswith(f"give servo_node:={bench.runner.namespace}/servo_server")


def test_a_servo_of_humble_is_recognised(bench, monkeypatch):
    monkeypatch.setitem(sys.modules, "moveit_msgs.msg", None)
    bench.servo(humble=True, parameters={"scale.rotational": 0.3})
    wrong, right = bench.report(until="subscriber(s)")
    assert not wrong
    assert right[0].endswith("of Humble")
    assert not any("scale" in line for line in right)  # it clamps nothing


FAULTS = {
    "unreadable": ({"declare": False}, "parameters of MoveIt Servo: ", "does not have all of moveit_servo."),
    "unit": (
        {"parameters": {"command_in_type": "furlongs"}}, "parameters of MoveIt Servo: ",
        "moveit_servo.command_in_type speed_units",
    ),
    "unitless, no scale": (
        {"parameters": {"command_in_type": "unitless", "scale.rotational": 0.0}}, "parameters of MoveIt Servo: ",
        "moveit_servo.scale.rotational 0.8",
    ),
    "about the base": (
        {"parameters": {"apply_twist_commands_about_ee_frame": False}}, "parameters of MoveIt Servo: ",
        "moveit_servo.apply_twist_commands_about_ee_frame true",
    ),
    "too short a timeout": (
        {"parameters": {"incoming_command_timeout": 0.02}}, "moveit_servo.incoming_command_timeout: ",
        "moveit_servo.incoming_command_timeout 0.1",
    ),
    "another topic": (
        {"parameters": {"cartesian_command_in_topic": "/twists"}}, "parameters of MoveIt Servo: ",
        "start MoveIt Servo again",
    ),
}  # fmt: skip


@pytest.mark.parametrize("fault", FAULTS)
def test_parameters_that_do_not_fit(bench, fault):
    options, what, mend = FAULTS[fault]
    bench.servo(**options)
    wrong, _ = bench.report(until=what)
    assert mend in wrong[0]
    assert wrong[0].startswith(what)


def test_a_paused_servo(bench):
    servo = bench.servo()
    servo.model.paused = True
    wrong, _ = bench.report(until="/status")
    assert f"{bench.runner.namespace}/servo_node/pause_servo std_srvs/srv/SetBool" in wrong[-1]


def test_a_servo_at_a_singularity(bench):
    bench.servo().model.code = 2
    wrong, _ = bench.report(until="SINGULARITY")
    assert wrong[-1].endswith(
        "SINGULARITY: MoveIt Servo has halted the arm at a singularity: move the arm away from it"
    )


def test_the_controller_that_is_active_by_default_on_ur(bench):
    bench.servo(parameters=OUT)
    bench.controllers(OF_UR)
    wrong, _ = bench.report(until="--activate")
    mend = (
        f"ros2 control switch_controllers -c {bench.runner.namespace}/controller_manager "
        "--deactivate scaled_joint_trajectory_controller --activate forward_position_controller"
    )
    assert wrong[0] == f"controller forward_position_controller: scaled_joint_trajectory_controller is active: {mend}"


def test_a_controller_that_is_not_loaded(bench):
    bench.servo(parameters=OUT)
    bench.controllers({"joint_state_broadcaster": "active"})
    wrong, _ = bench.report(until="not loaded")
    assert wrong[0].endswith("not loaded: ros2 control load_controller --set-state active forward_position_controller")


@pytest.mark.parametrize(
    ("percent", "text", "needed"), [(0.0, "0 %: start the arm's program", True), (30.0, "30 %", False)]
)
def test_a_speed_slider_that_is_down(bench, percent, text, needed):
    bench.servo(parameters=OUT)
    bench.controllers(ACTIVE, percent=percent)
    wrong, right = bench.report(until="speed_scaling" if needed else "output")
    while not any("speed_scaling" in line for line in wrong + right):
        wrong, right = bench.report(until="output")
    assert text in (wrong if needed else right)[-1]


def test_kinovas_twist_controller_is_not_active(bench):
    states = {
        "joint_state_broadcaster": "active",
        "joint_trajectory_controller": "active",
        "twist_controller": "inactive",
    }
    bench.controllers(states)
    topic = f"{bench.runner.namespace}/twist_controller/commands"
    bench.runner.listen(Twist, topic)
    wrong, _ = bench.report("kortex", until="--activate", cmd_vel=topic)
    assert wrong[0].endswith("--deactivate joint_trajectory_controller --activate twist_controller")
    wait_for(bench, "Kinova's has none", driver="kortex", cmd_vel=topic)


@pytest.mark.parametrize(("driver", "kind", "mend"), [
    ("twist", TwistStamped, "driver:=twist_stamped"), ("twist_stamped", Twist, "driver:=twist"),
    ("cartesian_pose", Twist, "geometry_msgs/msg/PoseStamped is sent"),
])  # fmt: skip
def test_a_subscriber_of_another_message(bench, driver, kind, mend):
    topic = f"{bench.runner.namespace}/arm/commands"
    (nothing,), _ = bench.report(driver, cmd_vel=topic, target_pose=topic, base_frame="base_link")
    assert nothing.endswith("no subscriber: start the arm's driver")
    bench.runner.listen(kind, topic)
    wrong, _ = bench.report(driver, until="takes", cmd_vel=topic, target_pose=topic, base_frame="base_link")
    assert mend in wrong[0]


def test_a_subscriber_of_the_right_message_needs_a_timeout(bench):
    topic = f"{bench.runner.namespace}/arm/target"
    bench.runner.listen(PoseStamped, topic)
    options = {"target_pose": topic, "base_frame": "base_link"}
    bench.runner.wait(lambda: not bench.report("cartesian_pose", **options)[0], "the subscriber")
    topic = f"{bench.runner.namespace}/arm/commands"
    bench.runner.listen(Twist, topic)
    wait_for(bench, "without a command timeout", driver="twist", cmd_vel=topic)


def test_poses_from_tf_are_old_or_missing(bench, tf):
    options = {"base_frame": "base_link", "driver": "cartesian_pose", "image": "/i", "camera_info": "/c"}
    config = BringupConfig(tool_frame="tool0", namespace=bench.runner.namespace, **options)
    with ServoClient(WAIT_S, bench.runner.namespace) as client:
        watch = _Watch(client, config)
        tf.poses["base_link", "tool0"] = np.eye(4), time.time() - 5.0
        camera, tool = watch.transforms()
    assert camera.missing
    assert "does not exist" in camera.detail
    assert tool.missing
    assert "s old: has robot_state_publisher" in tool.detail


@pytest.mark.parametrize(
    ("age_s", "text"), [(0.02, ""), (-0.7, "s in the future: give its machine"), (3.0, "s old when they come: its")]
)
def test_a_camera_on_a_machine_with_another_time(bench, age_s, text):
    topic = f"{bench.runner.namespace}/info"
    options = {"driver": "twist", "camera_in_tool": "0 0 0 0 0 0 1", "image": "/i", "camera_info": topic}
    with ServoClient(WAIT_S, bench.runner.namespace) as client:
        watch = _Watch(client, BringupConfig(**options))
        source = bench.runner.publisher(CameraInfo, topic)
        while len(watch._ages_s) < 3:
            stamp_s = 1e-9 * bench.runner.node.get_clock().now().nanoseconds - age_s
            source.publish(CameraInfo(header=Header(stamp=seconds_to_stamp(stamp_s))))
            time.sleep(0.01)
        (check,) = watch._stamps()
    assert check.missing == bool(text)
    assert (text or "ms old when they come") in check.detail


def test_hand_eye_needs_the_frames_and_views(bench, tf, capsys):
    options = {
        "driver": "twist",
        "image": "/i",
        "camera_info": "/c",
        "tool_frame": "tool0",
        "camera_in_tool": "0 0 0 0 0 0 1",
    }
    with ServoClient(WAIT_S, bench.runner.namespace) as client:
        check = _Watch(client, BringupConfig(**options)).hand_eye(0.01)
        assert check.missing
        assert "--base-frame" in check.detail
        check = _Watch(client, BringupConfig(base_frame="base_link", **options)).hand_eye(0.01)
        assert check.missing
        assert "0 views" in check.detail
        assert "no image has come" in check.detail
    assert "move the arm by hand" in capsys.readouterr().out
