"""The adapter with a stand-in for MoveIt Servo: what it is told, what it does with twists, and what is said of it."""

import sys
import time

import numpy as np
import pytest
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import TwistStamped
from stand_in_servo import StandInServo
from std_msgs.msg import Header

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.base import LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import seconds_to_stamp, twist_to_msg
from depth_pc_ros.nodes.dead_man import DeadMan
from depth_pc_ros.nodes.drivers.moveit_servo import MoveItServoDriver
from depth_pc_ros.nodes.drivers.servo_settings import ServoSettings
from depth_pc_ros.nodes.node_configs import DriverConfig
from depth_pc_ros.nodes.twist_adapter import TwistAdapter

pytestmark = pytest.mark.ros

FAST = np.array([0.3, 0.0, 0.0, 0.0, 0.0, 1.2])  # beyond the scale of UR's stock file in rotation only


NAMES = {
    "delta_twist_cmds": "delta_twist_cmds", "switch_command_type": "switch_command_type",
    "start_servo": "start_servo", "servo_parameters": "get_parameters", "servo_status": "status",
}  # fmt: skip


class Chain:
    """An adapter with profile moveit_servo, a source of twists, and a stand-in under the name `servo`."""

    def __init__(self, runner, **parameters):
        self.runner = runner
        words = ["--ros-args"]
        for own, name in NAMES.items():
            words += ["-r", f"{own}:={runner.namespace}/servo/{name}"]
        self.words = words
        options = {"profile": "moveit_servo", "tool_frame": "tool0", **parameters}
        self.adapter = runner.add(self.made(TwistAdapter), **options)
        self.statuses = runner.listen(DiagnosticStatus, "adapter/status", LATCHED_QOS)
        self.commands = runner.publisher(TwistStamped, "twist_cmd", TWIST_QOS)

    def made(self, node_class):
        return lambda **node: node_class(cli_args=self.words, **node)

    def servo(self, **options):
        servo = StandInServo("servo", context=self.runner.context, namespace=self.runner.namespace, **options)
        self.runner._nodes.append(servo)
        self.runner.executor.add_node(servo)
        return servo

    def send(self, twist=FAST, age_s=0.0):
        stamp = seconds_to_stamp(1e-9 * self.adapter.get_clock().now().nanoseconds - age_s)
        self.commands.publish(TwistStamped(header=Header(stamp=stamp, frame_id="optical"), twist=twist_to_msg(twist)))

    def send_until(self, condition, what, **options):
        def done():
            self.send(**options)
            time.sleep(0.01)
            return condition()

        return self.runner.wait(done, what)

    def message(self, text):
        self.send_until(lambda: self.statuses and text in self.statuses[-1].message, text)
        return self.statuses[-1]

    def values(self):
        return {pair.key: pair.value for pair in self.statuses[-1].values}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(MoveItServoDriver, "RETRY_S", 0.05)


@pytest.fixture(params=[False, True], ids=["jazzy", "humble"])
def humble(request, monkeypatch):
    if request.param:
        monkeypatch.setitem(sys.modules, "moveit_msgs.msg", None)
    else:
        pytest.importorskip("moveit_msgs.srv", reason="needs moveit_msgs: run scripts/setup.sh")
    return request.param


def settled(servo, twist):
    return servo.moved and np.allclose(servo.moved[-1], twist, atol=1e-6)


def test_it_is_told_to_take_twists_and_then_moves(runner, humble):
    chain = Chain(runner)
    chain.message("MoveIt Servo is not there")
    servo = chain.servo(humble=humble, parameters={"scale.linear": 0.6, "scale.rotational": 0.3})
    wanted = FAST * (1.0 if humble else 0.25)  # with its direction; only that of Humble does as told
    chain.send_until(lambda: settled(servo, wanted), "the settled twist", age_s=0.15)  # older than Servo takes
    assert servo.asked == 1
    chain.send()
    limits = {key: float(value) for key, value in chain.values().items() if key.startswith("max_")}
    assert limits == {"max_linear": 0.5, "max_angular": 1.5 if humble else 0.3}
    runner.remove(servo)
    chain.message("MoveIt Servo is not there")
    again = chain.servo(humble=humble)
    chain.send_until(lambda: again.moved, "motion after it came back")


def test_unitless_commands_are_shares_of_the_scale(runner, humble):
    chain = Chain(runner)
    parameters = {"command_in_type": "unitless", "scale.linear": 0.2, "scale.rotational": 0.3}
    servo = chain.servo(humble=humble, parameters=parameters)
    chain.send_until(lambda: settled(servo, FAST * 0.25), "the settled twist")
    servo.set(command_in_type="speed_units", scale__rotational=0.6)  # read again while it moves
    chain.send_until(lambda: settled(servo, FAST * (1.0 if humble else 0.5)), "the settled twist")


@pytest.mark.parametrize(
    ("code", "jazzy", "humble_name"),
    [
        (1, "SINGULARITY: MoveIt Servo slows", "SINGULARITY: MoveIt Servo slows"),
        (2, "SINGULARITY: MoveIt Servo has halted", "SINGULARITY: MoveIt Servo has halted"),
        (3, "SINGULARITY: MoveIt Servo slows the arm down while it leaves", "COLLISION: MoveIt Servo slows"),
        (4, "COLLISION: MoveIt Servo slows", "COLLISION: MoveIt Servo has halted"),
        (5, "COLLISION: MoveIt Servo has halted", "JOINT_BOUND: MoveIt Servo has halted"),
        (6, "JOINT_BOUND: MoveIt Servo has halted", "SINGULARITY: MoveIt Servo slows the arm down while it leaves"),
        (-1, "INVALID: MoveIt Servo refuses", "INVALID: MoveIt Servo refuses"),
        (0, "", ""),
        (99, "", ""),
    ],
)
def test_its_status_is_named(code, jazzy, humble_name):
    class Steady:
        def steady_s(self):
            return 0.0

        def create_publisher(self, *_):
            pass

    driver = MoveItServoDriver(Steady(), DriverConfig(tool_frame="tool0"))
    for driver._newer, name in ((True, jazzy), (False, humble_name)):
        driver._on_status(code)
        halts = "has halted" in name or "INVALID" in name
        text, other = (driver.halted(), driver.slowed())[:: 1 if halts else -1]
        assert text.startswith(name)
        assert bool(text) == bool(name)
        assert not other


def test_a_servo_that_slows_down_limits_and_the_arm_goes_on(runner, humble):
    chain = Chain(runner)
    servo = chain.servo(humble=humble)
    servo.model.code = 1
    assert chain.message("SINGULARITY").level == DiagnosticStatus.WARN
    assert chain.values()["state"] == "LIMITED"
    count = len(servo.moved)
    chain.send_until(lambda: len(servo.moved) > count, "motion")
    servo.model.code = 0
    chain.send_until(lambda: "SINGULARITY" not in chain.statuses[-1].message, "the end of it")


def test_a_servo_that_halts_holds_the_arm_and_gets_commands_that_may_lead_away(runner, humble):
    chain = Chain(runner)
    servo = chain.servo(humble=humble)
    servo.model.code = 2
    chain.message("SINGULARITY: MoveIt Servo has halted the arm")
    assert chain.values()["state"] == "HELD"
    count = len(servo.moved)
    chain.send_until(lambda: len(servo.moved) > count, "commands")


def test_a_frame_that_servo_does_not_know_is_named(runner, humble):
    chain = Chain(runner, tool_frame="flange")
    chain.servo(humble=humble)
    chain.message("INVALID: MoveIt Servo refuses the twists: does it know the frame 'flange'?")


REFUSED = {
    "no parameters": ({"declare": False}, "cannot be read"),
    "answers false": ({"answer": False}, "refuses to take twists"),
    "unit": ({"parameters": {"command_in_type": "furlongs"}}, "is none of speed_units, unitless"),
    "scale": ({"parameters": {"command_in_type": "unitless", "scale.linear": 0.0}}, "scale.linear 0.4"),
    "timeout": ({"parameters": {"incoming_command_timeout": 0.0}}, "incoming_command_timeout 0.1"),
    "topic": ({"parameters": {"cartesian_command_in_topic": "/twists"}}, "cartesian_command_in_topic is /twists"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_does_not_fit_is_named_and_nothing_moves(runner, case):
    pytest.importorskip("moveit_msgs.srv", reason="needs moveit_msgs: run scripts/setup.sh")
    options, text = REFUSED[case]
    chain = Chain(runner)
    servo = chain.servo(**options)
    chain.message(text)
    assert not servo.moved


def test_twists_about_the_base_are_refused():
    fault = ServoSettings("/servo_node", "speed_units", 0.4, 0.8, 0.1, about_tip=False).fault()
    assert fault.mend == "ros2 param set /servo_node moveit_servo.apply_twist_commands_about_ee_frame true"


def test_a_servo_that_is_killed_stops_the_commands(runner, humble):
    chain = Chain(runner)
    servo = chain.servo(humble=humble)
    chain.send_until(lambda: servo.moved, "motion")
    runner.remove(servo)
    chain.message("MoveIt Servo")
    assert chain.values()["moving"] == "False"


def test_a_servo_that_is_paused_is_named(runner):
    pytest.importorskip("moveit_msgs.srv", reason="needs moveit_msgs: run scripts/setup.sh")
    chain = Chain(runner)
    servo = chain.servo()
    chain.send_until(lambda: servo.moved, "motion")
    servo.model.paused = True
    chain.message(f"it is paused (ros2 service call {runner.namespace}/servo/pause_servo")
    servo.model.paused = False
    count = len(servo.moved)
    chain.send_until(lambda: len(servo.moved) > count, "motion again")


def test_a_dead_man_changes_nothing_at_its_start(runner, humble):
    chain = Chain(runner)
    servo = chain.servo(humble=humble)
    chain.send_until(lambda: servo.asked, "the adapter's request")
    runner.remove(chain.adapter)
    servo.asked = 0
    guard = runner.add(chain.made(DeadMan), profile="moveit_servo", tool_frame="tool0")
    runner.wait(lambda: guard._driver._publisher.get_subscription_count(), "the dead man's topic")
    time.sleep(0.3)
    assert servo.asked == 0
    assert not list(guard.clients)


def test_it_needs_the_tips_frame():
    with pytest.raises(ConfigError, match="tool_frame"):
        MoveItServoDriver(None, DriverConfig())
