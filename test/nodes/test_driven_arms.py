"""The servo converges through every driver, with what each arm makes of its commands.

With DRIVER_SEEDS=5 in the environment: five seeds, and the arm in PyBullet for every driver.
"""

import os

import numpy as np
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


def until_named(driven, most_s=3.0) -> tuple[str, float]:
    """Drive until the servo says NOT_FOLLOWING; its message, and for how long, s, motion was commanded until then."""
    driven.controller.enable()
    commanded = 0
    while driven.state[0].name != "NOT_FOLLOWING" and driven.steps * TICK_S < most_s:
        driven.tick()
        commanded += bool(driven.controller._servo.twist.any())
    state, message = driven.state
    driven.close()
    assert state.name == "NOT_FOLLOWING", (state, message)
    return message, commanded * TICK_S


@pytest.mark.parametrize("name", [name for name in ARMS if name != "servo, unitless"])
def test_a_driver_that_never_moves_is_named(runner, tf, name):
    """Within a second of commands, by the picture alone: no driver has said anything."""
    make, options, _ = ARMS[name]
    arm = make()
    arm.tool_twist = lambda now_s, T_base_tool: np.zeros(6)
    driven = DrivenArm(runner, PointEye(0), arm, tf, **options)
    if isinstance(arm, ServoArm):
        told(driven.adapter._driver, arm)
    message, commanded_s = until_named(driven)
    assert "the camera did not move" in message
    assert commanded_s <= 1.0


def test_an_arm_that_is_slowed_down_and_then_stands_still_is_named(runner, tf):
    """A known reason for a slow arm is none for one that does not move."""
    arm = KortexArm()
    driven = DrivenArm(runner, PointEye(0), arm, tf, profile="kortex")
    driven.adapter._on_speed_scaling(Float64(data=30.0))
    obey = arm.tool_twist
    arm.tool_twist = lambda *where: (0.3 if driven.steps < 50 else 0.0) * obey(*where)
    message, commanded_s = until_named(driven)
    assert "speed scaling is 30 %" in message
    assert "the camera did not move" in message
    assert 0.5 < commanded_s - 50 * TICK_S < 1.3


@pytest.mark.parametrize(
    ("code", "text"), [(2, "SINGULARITY: "), (5, "COLLISION: "), (6, "JOINT_BOUND: "), (-1, "INVALID: ")]
)
def test_an_arm_that_moveit_servo_halts_is_named_after_a_second(runner, tf, code, text):
    arm = ServoArm()
    driven = DrivenArm(runner, PointEye(0), arm, tf, profile="moveit_servo")
    told(driven.adapter._driver, arm)
    driven.controller.enable()
    for _ in range(20):
        driven.tick()
    assert driven.state[0].name in ("SERVOING", "LIMITED")
    arm.tool_twist = lambda now_s, T_base_tool: np.zeros(6)
    halted_s, states = driven.time_s, []
    while driven.state[0].name != "NOT_FOLLOWING":
        driven.adapter._driver._on_status(code)
        driven.tick()
        states.append(driven.state[0].name)
    assert set(states[1:-1]) == {"LIMITED"}
    assert driven.state[0].name == "NOT_FOLLOWING"
    assert driven.state[1].startswith(text)
    assert 0.9 < driven.time_s - halted_s <= 1.2
    driven.close()


def test_a_driver_that_takes_no_commands_is_named_after_a_second(runner, tf):
    arm = ServoArm()
    driven = DrivenArm(runner, PointEye(0), arm, tf, profile="moveit_servo")  # nobody has told it to take twists
    message, commanded_s = until_named(driven)
    assert message.startswith("MoveIt Servo")
    assert commanded_s <= 1.2


def test_a_speed_slider_does_not_look_like_a_short_distance(runner, tf):
    """The servo takes longer, reaches its goal, and does not learn a scale from an arm that is slowed down."""
    arm, controller = ServoArm(speed=0.6), {"default_distance": 0.6}
    _, (error_mm, error_deg), scale = drive(runner, tf, PointEye(0), arm, controller, profile="moveit_servo")
    assert error_mm < 1.0
    assert error_deg < 0.1
    assert scale == pytest.approx(1.0, abs=0.1)
