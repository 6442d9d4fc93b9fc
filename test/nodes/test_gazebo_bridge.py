"""The node that drives Gazebo's camera to goal and start, with stand-ins for Gazebo."""

import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped, TwistStamped
from stand_in_gazebo import StandInArm, StandInBody
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from depth_pc_ros.bringup.gazebo_config import GazeboConfig
from depth_pc_ros.bringup.node_table import BringupConfig, nodes
from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.base import LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import pose_from_msg, stamp_to_seconds, twist_to_msg
from depth_pc_ros.nodes.gazebo_bridge import GazeboBridge
from depth_pc_ros.nodes.gazebo_rigs import ARM_HOME_RAD, INTRINSICS, SCENE_CENTRE, T_BODY_CAM, sample_arm_pair
from depth_pc_ros.nodes.node_configs import GAZEBO_ARM_JOINTS
from depth_pc_ros.nodes.twist_adapter import TwistAdapter
from depth_pc_ros.package_files import config_file
from depth_pc_ros.sim import poses

pytestmark = pytest.mark.ros

T_WORLD_BODY = poses.sample_view(np.random.default_rng(1), SCENE_CENTRE) @ se3.inverse(T_BODY_CAM)


def free(runner):
    return StandInBody(runner.node, T_WORLD_BODY, T_BODY_CAM).run()


def arm(runner):
    pytest.importorskip("pinocchio", reason="needs pinocchio: pip install pin")
    return StandInArm(runner.node, URDF, kinematics(), ARM_HOME_RAD).run()


URDF = config_file("gazebo/arm.urdf").read_text()


def kinematics():
    from depth_pc_ros.nodes.drivers.arm_kinematics import ArmKinematics

    return ArmKinematics(URDF, GAZEBO_ARM_JOINTS, "camera_optical_frame")


@pytest.fixture(params=[free, arm])
def world(request, runner):
    return request.param(runner)


def start(runner, world, **parameters):
    node = runner.add(GazeboBridge, rig="arm" if isinstance(world, StandInArm) else "free", **parameters)
    runner.wait(lambda: node._rig.problem() == "" and world.info.get_subscription_count(), "the world")
    return node


def call(runner, name):
    return runner.call(Trigger, f"bridge/{name}", Trigger.Request())


def test_the_camera_drives_to_the_goal_and_to_the_start(runner, world):
    start(runner, world, seed=2)
    goals = runner.listen(PoseStamped, "bridge/goal_pose", LATCHED_QOS)
    places = []
    for name in ("look_from_goal", "reset"):
        answer = call(runner, name)
        assert answer.success, answer.message
        places.append(world.camera_pose())
    rest = world.camera_pose()
    runner.wait(lambda count=world.steps: world.steps > count + 20, "more steps")
    np.testing.assert_array_equal(world.camera_pose(), rest)  # it stands still
    runner.wait(lambda: goals, "the goal pose")
    te_m, re_deg = se3.pose_error(pose_from_msg(goals[-1].pose), places[0])
    assert te_m < 1e-6
    assert re_deg < 1e-4
    shift_m, angle_deg = se3.pose_error(*places)
    assert shift_m > 0.05
    assert angle_deg > 10
    assert all(poses.sees(T, SCENE_CENTRE, INTRINSICS) for T in places)


def test_a_second_run_ends_at_the_same_places(runner):
    world = free(runner)
    node = start(runner, world, seed=5)
    for name, T_wanted in (("look_from_goal", node._rig.goal), ("reset", node._rig.start)):
        assert call(runner, name).success
        te_m, re_deg = se3.pose_error(world.camera_pose(), T_wanted)
        assert te_m < 2e-3
        assert re_deg < 0.25


def test_every_image_has_its_true_pose(runner, world):
    start(runner, world)
    heard = runner.listen(PoseStamped, "bridge/camera_pose")
    assert call(runner, "look_from_goal").success
    runner.wait(lambda: len(heard) > 20, "poses")
    for msg in heard[:20]:
        T_true = world.poses[round(stamp_to_seconds(msg.header.stamp), 9)]
        # Between two poses where one was lost; at another image's time it would be some 15 mm off.
        np.testing.assert_allclose(pose_from_msg(msg.pose), T_true, atol=2e-3)


def test_without_gazebo_the_services_say_so(runner):
    node = runner.add(GazeboBridge)
    answer = call(runner, "reset")
    assert (answer.success, answer.message) == (False, "body_pose: none has come; is Gazebo running?")
    runner.remove(node)
    runner.add(GazeboBridge, rig="arm")
    assert call(runner, "reset").message == "robot_description: no URDF has come"


def test_a_paused_gazebo_is_named(runner, monkeypatch):
    world = free(runner)
    monkeypatch.setattr(GazeboBridge, "GIVE_UP_S", 0.3)
    start(runner, world)
    world.paused.set()
    answer = call(runner, "look_from_goal")
    assert not answer.success
    assert answer.message == "the camera did not arrive within 0.3 s; is Gazebo paused, or the servo enabled?"
    world.paused.clear()
    runner.wait(lambda: not world.twist.any(), "a standstill")


@pytest.mark.parametrize("seed", range(10))
def test_the_arm_sees_the_scene_from_goal_and_start(seed):
    pytest.importorskip("pinocchio", reason="needs pinocchio: pip install pin")
    arm = kinematics()
    goal, start = sample_arm_pair(seed, arm)
    np.testing.assert_array_equal(sample_arm_pair(seed, arm)[0], goal)
    views = [arm.tool_pose(dict(zip(GAZEBO_ARM_JOINTS, angles))) for angles in (goal, start)]
    assert all(poses.sees(T, SCENE_CENTRE, INTRINSICS) for T in views)
    assert all(T[2, 3] > 0.3 for T in views)  # above the table


AXES = np.eye(6) * [0.1, 0.1, 0.1, 0.3, 0.3, 0.3]


@pytest.mark.parametrize("twist_cam", [*AXES, AXES.sum(axis=0)], ids=["vx", "vy", "vz", "wx", "wy", "wz", "all"])
def test_the_servos_twist_moves_the_camera_in_its_optical_frame(runner, twist_cam):
    """As `gazebo.launch.py` starts the adapter, and as VelocityControl takes its commands."""
    world = free(runner)
    specs = nodes(BringupConfig.from_text(GazeboConfig(rig="free").servo_arguments()))
    (spec,) = [spec for spec in specs if spec.name == "adapter"]
    own = {name: value for name, value in spec.parameters.items() if name != "use_sim_time"}
    runner.add(TwistAdapter, **{**own, "max_linear_acceleration": 50.0, "max_angular_acceleration": 50.0})
    commands = runner.publisher(TwistStamped, "twist_cmd", TWIST_QOS)

    def command():
        header = Header(stamp=runner.node.get_clock().now().to_msg(), frame_id="camera_optical_frame")
        commands.publish(TwistStamped(header=header, twist=twist_to_msg(twist_cam)))

    timer = runner.node.create_timer(0.02, command)
    runner.wait(lambda: np.linalg.norm(world.twist) > 0.99 * np.linalg.norm(twist_cam), "full speed")
    runner.node.destroy_timer(timer)
    before = world.camera_pose()
    for _ in range(10):
        world.move()
    moved = se3.log(se3.inverse(before) @ world.camera_pose())
    assert np.linalg.norm(moved) > 0
    np.testing.assert_allclose(moved / np.linalg.norm(moved), twist_cam / np.linalg.norm(twist_cam), atol=2e-3)
