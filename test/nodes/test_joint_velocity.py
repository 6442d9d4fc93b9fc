"""Joint speeds from the tool's twist, and the driver that sends them."""

import types

import numpy as np
import pytest
from builtin_interfaces.msg import Time
from sensor_msgs.msg import JointState
from std_msgs.msg import String

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.drivers.arm_kinematics import ArmKinematics
from depth_pc_ros.nodes.drivers.joint_velocity import JointVelocityDriver
from depth_pc_ros.nodes.node_configs import DriverConfig
from depth_pc_ros.sim import panda
from depth_pc_ros.sim.arm_models import PANDA

pytest.importorskip("pinocchio", reason="needs pinocchio: pip install pin")

JOINTS = tuple(f"panda_joint{i}" for i in range(1, 8))
TWIST = np.array([0.1, -0.05, 0.08, 0.2, -0.1, 0.3])
URDF = panda.URDF.read_text()


@pytest.fixture(scope="module")
def arm():
    return ArmKinematics(URDF, JOINTS, "panda_hand")


def at(q):
    return dict(zip(JOINTS, q))


def near_its_limit():
    """Joint 7 is 0.03 rad from its limit in that URDF."""
    return np.append(PANDA.home_rad[:6], 2.9671 - 0.03)


def test_the_jacobian_is_that_of_another_library(arm):
    chain = panda.PandaArm()._chain
    for q in np.random.default_rng(0).uniform(-1, 1, (5, 7)) + PANDA.home_rad:
        np.testing.assert_allclose(arm.jacobian(at(q)), chain.solve(q)[1], atol=1e-6)


def test_speeds_move_the_tool_with_the_twist(arm):
    speeds, slowed = arm.speeds(TWIST, at(PANDA.home_rad))
    assert slowed == ""
    np.testing.assert_allclose(arm.jacobian(at(PANDA.home_rad)) @ speeds, TWIST, atol=1e-9)


def test_the_order_of_the_joints_is_that_of_the_options():
    forward, _ = ArmKinematics(URDF, JOINTS, "panda_hand").speeds(TWIST, at(PANDA.home_rad))
    backward, _ = ArmKinematics(URDF, JOINTS[::-1], "panda_hand").speeds(TWIST, at(PANDA.home_rad))
    np.testing.assert_allclose(backward[::-1], forward, atol=1e-9)


def test_speed_limits_keep_the_direction(arm):
    speeds, slowed = arm.speeds(30 * TWIST, at(PANDA.home_rad))
    assert slowed.startswith("JOINT_SPEED: panda_joint")
    moved = arm.jacobian(at(PANDA.home_rad)) @ speeds
    np.testing.assert_allclose(moved / np.linalg.norm(moved), TWIST / np.linalg.norm(TWIST), atol=1e-9)
    assert np.abs(speeds).max() <= 2.61 + 1e-9


def test_a_singularity_and_a_joints_limit_halt_the_arm(arm):
    three = ArmKinematics(URDF, JOINTS[:3], "panda_hand")  # too few for most directions
    speeds, slowed = three.speeds(TWIST, at(PANDA.home_rad))
    assert not speeds.any()
    assert slowed.startswith("SINGULARITY")
    q = near_its_limit()
    speeds, slowed = arm.speeds(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.5]), at(q))
    assert not speeds.any()
    assert slowed == "JOINT_BOUND: panda_joint7 is at its limit"
    assert arm.speeds(np.array([0.0, 0.0, 0.0, 0.0, 0.0, -0.5]), at(q))[0].any()  # away from it


@pytest.mark.parametrize(
    ("urdf", "joints", "frame", "named"),
    [
        ("<robot", JOINTS, "panda_hand", "robot_description: expected a URDF"),
        (URDF, ("elbow",), "panda_hand", "joints: 'elbow' is no joint of one axis"),
        (URDF, JOINTS, "tool0", "tool_frame: robot_description has no link 'tool0'"),
    ],
)
def test_what_the_urdf_does_not_have_is_named(urdf, joints, frame, named):
    with pytest.raises(ConfigError, match=named):
        ArmKinematics(urdf, joints, frame)


class Chain:
    """The driver, with a node whose time the test sets."""

    def __init__(self, **options):
        self.time_s, self.sent, self.log = 100.0, [], []
        names = {"profile": "joint_velocity", "joints": " ".join(JOINTS), "tool_frame": "panda_hand"}
        self.driver = JointVelocityDriver(self, DriverConfig(**{**names, **options}))

    def steady_s(self):
        return self.time_s

    def create_publisher(self, kind, topic, qos):
        return types.SimpleNamespace(publish=lambda msg: self.sent.append(np.array(msg.data)))

    def get_logger(self):
        return types.SimpleNamespace(error=self.log.append)

    def joints(self, q=PANDA.home_rad, names=JOINTS):
        self.driver._on_joints(JointState(name=list(names), position=[float(value) for value in q]))


def test_commands_need_a_urdf_and_fresh_joint_states():
    chain = Chain()
    driver = chain.driver
    driver.send(np.zeros(6), Time())  # a stop needs nothing: the dead man's zeros
    np.testing.assert_array_equal(chain.sent[0], np.zeros(7))
    assert driver.problem() == "robot_description: no URDF has come"
    driver._on_urdf(String(data="<nothing"))
    assert "expected a URDF" in driver.problem() == chain.log[0]
    driver._on_urdf(String(data=URDF))
    assert driver.problem().endswith("none have come")
    chain.joints(q=np.zeros(3), names=JOINTS[:3])
    assert driver.problem().endswith("none have come")
    chain.joints(q=np.full(7, np.nan))
    assert driver.problem().endswith("none have come")
    chain.joints()
    assert driver.problem() == ""
    driver.send(TWIST, Time())
    np.testing.assert_allclose(driver._arm.jacobian(at(PANDA.home_rad)) @ chain.sent[-1], TWIST, atol=1e-9)
    chain.time_s += 0.4
    assert driver.problem().endswith("the newest are 0.4 s old")


def test_after_a_halt_it_begins_from_rest():
    chain = Chain()
    chain.driver._on_urdf(String(data=URDF))
    q = near_its_limit()
    chain.joints(q)
    chain.driver.send(np.array([0.0, 0.0, 0.0, 0.0, 0.0, 0.5]), Time())
    assert not chain.sent[-1].any()
    assert chain.driver.problem().startswith("JOINT_BOUND")  # the adapter rests meanwhile
    chain.time_s += 0.6
    chain.joints(q)
    assert chain.driver.problem() == ""


@pytest.mark.parametrize("missing", ["joints", "tool_frame"])
def test_names_that_it_needs(missing):
    with pytest.raises(ConfigError, match=f"{missing}: profile 'joint_velocity' needs it"):
        Chain(**{missing: ""})
