"""The servo converges through every driver, with what each arm makes of its commands.

With DRIVER_SEEDS=5 in the environment: five seeds, and the arm in PyBullet for every driver.
"""

import os

import pytest
from driven_arm import TICK_S, DrivenArm, PointEye, WristEye, told
from stand_in_arms import BaseTwistArm, IdealArm, JointArm, KortexArm, PoseArm, ServoArm
from std_msgs.msg import Float64

pytestmark = pytest.mark.ros

SEEDS = int(os.environ.get("DRIVER_SEEDS", "0"))
UR = {"scale__linear": 0.6, "scale__rotational": 0.3}  # of the stock file of UR
MOST = 1.3  # steps, of those of an ideal driver with the same limits
# Name -> the arm, the adapter's options, and the limits of an ideal driver that it is held against.
ARMS = {
    "servo, UR's scale": (lambda: ServoArm(**UR), {"profile": "moveit_servo"}, (0.6, 0.3)),
    "servo, unitless": (
        lambda: ServoArm(command_in_type="unitless", **UR), {"profile": "moveit_servo"}, (0.6, 0.3),
    ),
    "servo of Humble": (lambda: ServoArm(humble=True), {"profile": "moveit_servo"}, (1.0, 1.0)),
    "kortex": (KortexArm, {"profile": "kortex"}, (1.0, 1.0)),
    "twist in base axes": (
        BaseTwistArm, {"profile": "twist_stamped", "command_frame": "base"}, (1.0, 1.0),
    ),
    "pose": (PoseArm, {"profile": "cartesian_pose"}, (1.0, 1.0)),
}  # fmt: skip


PANDA_JOINTS = " ".join(f"panda_joint{i}" for i in range(1, 8))
# Only the arm in PyBullet has joints.
WITH_JOINTS = {
    **ARMS,
    "joint velocities": (JointArm, {"profile": "joint_velocity", "joints": PANDA_JOINTS}, (1.0, 1.0)),
}


def drive(runner, tf, eye, arm, controller=None, **options):
    """Steps, error in mm and degrees, and the scale that was found."""
    driven = DrivenArm(runner, eye, arm, tf, controller, **options)
    if isinstance(arm, ServoArm | JointArm):
        told(driven.adapter._driver, arm)
        if isinstance(arm, ServoArm) and arm.speed != 1.0:
            driven.adapter._on_speed_scaling(Float64(data=100 * arm.speed))
    try:
        steps = driven.drive()
        assert driven.state[0].name == "CONVERGED", driven.state
        return steps, driven.eye.error(), driven.controller._servo.scale
    finally:
        driven.close()


_IDEAL: dict[tuple, int] = {}  # steps of the ideal driver


def compare(runner, tf, eye, seed, name):
    make, options, limits = WITH_JOINTS[name]
    controller = {"max_linear": min(0.25, limits[0]), "max_angular": min(0.9948, limits[1])}
    key = eye, seed, *controller.values()
    if key not in _IDEAL:
        _IDEAL[key] = drive(runner, tf, eye(seed), IdealArm(), controller)[0]
    seen = eye(seed)
    arm = make(seen.world.rig) if make is JointArm else make()
    steps, (error_mm, error_deg), _ = drive(runner, tf, seen, arm, **options)
    print(
        f"{eye.__name__}, seed {seed}, {name}: {steps} steps, ideal {_IDEAL[key]}, {error_mm:.2f} mm, {error_deg:.3f}°"
    )
    assert error_mm < 1.0
    assert error_deg < 0.1
    assert steps <= MOST * _IDEAL[key]


@pytest.mark.parametrize("seed", range(max(SEEDS, 1)))
@pytest.mark.parametrize("name", ARMS)
def test_the_servo_converges_as_fast_as_with_an_ideal_driver(runner, tf, name, seed):
    compare(runner, tf, PointEye, seed, name)


@pytest.mark.parametrize("seed", range(max(SEEDS, 1)))
@pytest.mark.parametrize("name", WITH_JOINTS if SEEDS else ["joint velocities"])
def test_the_arm_in_pybullet_converges(runner, tf, name, seed):
    pytest.importorskip("pinocchio", reason="needs pinocchio: pip install pin")
    compare(runner, tf, WristEye, seed, name)


def test_a_driver_that_never_moves_is_named(runner, tf):
    """Within a second of commands, by the picture alone: no driver has said anything."""
    arm = KortexArm()
    arm.take = lambda msg: None
    driven = DrivenArm(runner, PointEye(0), arm, tf, profile="kortex")
    driven.controller.enable()
    commanded = 0
    while driven.state[0].name != "NOT_FOLLOWING" and driven.steps < 200:
        driven.tick()
        commanded += bool(driven.controller._servo.twist.any())
    assert driven.state[0].name == "NOT_FOLLOWING"
    assert commanded * TICK_S <= 1.0
    driven.close()


def test_a_speed_slider_does_not_look_like_a_short_distance(runner, tf):
    """The servo takes longer, reaches its goal, and does not learn a scale from an arm that is slowed down."""
    arm, controller = ServoArm(speed=0.6), {"default_distance": 0.6}
    _, (error_mm, error_deg), scale = drive(runner, tf, PointEye(0), arm, controller, profile="moveit_servo")
    assert error_mm < 1.0
    assert error_deg < 0.1
    assert scale == pytest.approx(1.0, abs=0.1)
