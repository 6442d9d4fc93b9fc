"""The arm drivers by name: what the adapter's `profile` chooses from."""

from depth_pc_ros.nodes.drivers.cartesian_pose import CartesianPoseDriver
from depth_pc_ros.nodes.drivers.contract import ArmDriver
from depth_pc_ros.nodes.drivers.joint_velocity import JointVelocityDriver
from depth_pc_ros.nodes.drivers.moveit_servo import MoveItServoDriver
from depth_pc_ros.nodes.drivers.twists import BridgeDriver, KortexDriver, TwistDriver, TwistStampedDriver
from depth_pc_ros.nodes.node_configs import DRIVER_PROFILES

DRIVERS = {
    "pybullet": BridgeDriver,
    "moveit_servo": MoveItServoDriver,
    "twist": TwistDriver,
    "twist_stamped": TwistStampedDriver,
    "kortex": KortexDriver,
    "cartesian_pose": CartesianPoseDriver,
    "joint_velocity": JointVelocityDriver,
}


def register_driver(profile: str, driver_class: type[ArmDriver]) -> None:
    """Add a driver of your own to those that the adapter's parameter `profile` can name, in this process."""
    DRIVERS[profile] = driver_class
    if profile not in DRIVER_PROFILES:
        DRIVER_PROFILES.append(profile)
