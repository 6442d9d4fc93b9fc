import numpy as np
import pytest

from depth_pc_ros.control.limits import VelocityLaw
from depth_pc_ros.nodes.twist_output import TwistOutput

TARGET = np.array([0.2, 0.0, 0.0, 0.0, 0.0, 0.0])


@pytest.fixture
def output() -> TwistOutput:
    return TwistOutput(VelocityLaw(2.5, 0.25, 1.0, max_linear_acceleration=1.0, max_angular_acceleration=4.0))


def speeds(output, targets) -> list:
    """Speed along x of every tick of 0.02 s, None where nothing is sent."""
    twists = [output.tick(target, 0.02) for target in targets]
    return [None if twist is None else pytest.approx(twist[0]) for twist in twists]


def test_nothing_is_sent_at_rest(output):
    assert speeds(output, [None] * 3) == [None] * 3


def test_ramp_then_five_zeros_then_silence_then_a_ramp_from_zero(output):
    assert speeds(output, [TARGET] * 3) == [0.02, 0.04, 0.06]
    assert speeds(output, [None] * 7) == [0, 0, 0, 0, 0, None, None]
    assert speeds(output, [TARGET] * 2) == [0.02, 0.04]


def test_a_burst_is_finished_before_new_motion(output):
    output.tick(TARGET, 0.02)
    output.stop()
    assert speeds(output, [TARGET] * 7) == [0, 0, 0, 0, 0, 0.02, 0.04]


def test_lockstep_answers_every_frame_and_needs_one_zero(output):
    assert output.answer(None, 1.0)[0] == 0
    assert output.answer(TARGET, 1.04)[0] == pytest.approx(0.04)
    assert output.answer(TARGET, 1.14)[0] == pytest.approx(0.14)
    assert output.answer(None, 1.18)[0] == 0
    assert output.tick(None, 0.02) is None
    assert output.answer(TARGET, 1.22)[0] == pytest.approx(0.04)


def test_lockstep_that_falls_silent_ends_in_a_burst_which_the_next_frame_cuts_short(output):
    output.answer(TARGET, 1.0)
    assert speeds(output, [None] * 2) == [0, 0]
    output.answer(None, 1.04)
    assert speeds(output, [None]) == [None]
