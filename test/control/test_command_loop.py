"""The command loop: ramp, zero burst, silence, and what it records."""

import numpy as np
import pytest

from depth_pc_ros.control.command_loop import CommandLoop, ZeroBurst
from depth_pc_ros.control.limits import VelocityLaw

TARGET = np.array([0.2, 0.0, 0.0, 0.0, 0.0, 0.0])


@pytest.fixture
def loop() -> CommandLoop:
    return CommandLoop(VelocityLaw(2.5, 0.25, 1.0, max_linear_acceleration=1.0, max_angular_acceleration=4.0))


def speeds(loop, targets) -> list:
    """Speed along x of every command, 0.02 s apart, None where nothing is sent."""
    out = []
    for target in targets:
        loop.aim(target)
        twist = loop.command(0.02, 0.0)
        out.append(None if twist is None else pytest.approx(twist[0]))
    return out


def answer(loop, target, stamp_s) -> float:
    loop.aim(target)
    return loop.answer(stamp_s, stamp_s)[0]


def test_a_burst_has_its_count_and_then_silence():
    burst = ZeroBurst(count=5)
    assert not burst.tick()
    burst.start()
    assert [burst.tick() for _ in range(8)] == [True] * 5 + [False] * 3


def test_a_burst_restarts_in_full_and_can_be_cancelled():
    burst = ZeroBurst(count=3)
    burst.start()
    burst.tick()
    burst.start()
    assert sum(burst.tick() for _ in range(10)) == 3
    burst.start()
    burst.cancel()
    assert not burst.tick()


def test_nothing_is_sent_at_rest(loop):
    assert speeds(loop, [None] * 3) == [None] * 3


def test_ramp_then_five_zeros_then_silence_then_a_ramp_from_zero(loop):
    assert speeds(loop, [TARGET] * 3) == [0.02, 0.04, 0.06]
    assert speeds(loop, [None] * 7) == [0, 0, 0, 0, 0, None, None]
    assert speeds(loop, [TARGET] * 2) == [0.02, 0.04]


def test_a_burst_is_finished_before_new_motion(loop):
    speeds(loop, [TARGET])
    loop.stop()
    assert speeds(loop, [TARGET] * 7) == [0, 0, 0, 0, 0, 0.02, 0.04]


def test_after_a_stop_only_a_new_target_moves(loop):
    speeds(loop, [TARGET])
    loop.stop()
    assert [loop.command(0.02, 0.0) is None for _ in range(7)] == [False] * 5 + [True] * 2


def test_one_answer_per_image_and_one_zero_to_stop(loop):
    assert answer(loop, None, 1.0) == 0
    assert answer(loop, TARGET, 1.04) == pytest.approx(0.04)
    assert answer(loop, TARGET, 1.14) == pytest.approx(0.14)
    assert answer(loop, None, 1.18) == 0
    assert speeds(loop, [None]) == [None]
    assert answer(loop, TARGET, 1.22) == pytest.approx(0.04)


def test_answers_that_fall_silent_end_in_a_burst_which_the_next_image_cuts_short(loop):
    answer(loop, TARGET, 1.0)
    assert speeds(loop, [None] * 2) == [0, 0]
    answer(loop, None, 1.04)
    assert speeds(loop, [None]) == [None]


def test_every_command_is_recorded_from_when_it_acts_until_the_next_one_does(loop):
    loop.aim(TARGET)
    for k in range(4):
        loop.command(0.02, 0.1 + 0.02 * k)  # 0.02, 0.04, 0.06, 0.08 m/s
    total, obeyed = loop.record.translation(0.0, 1.0)
    assert total == pytest.approx([0.02 * (0.02 + 0.04 + 0.06), 0, 0])
    assert obeyed
    loop.obeyed = False
    loop.count_until(0.2)
    total, obeyed = loop.record.translation(0.16, 0.18)
    assert total == pytest.approx([0.02 * 0.08, 0, 0])
    assert not obeyed


def test_what_a_stop_cut_off_is_not_recorded(loop):
    loop.aim(TARGET)
    loop.command(0.02, 0.0)
    loop.stop()
    loop.count_until(0.1)
    assert not loop.record.translation(0.0, 1.0)[0].any()


def test_a_command_counts_for_a_quarter_of_a_second_at_most(loop):
    loop.aim(TARGET)
    loop.command(0.02, 0.0)
    loop.count_until(2.0)
    assert loop.record.translation(-1.0, 3.0)[0][0] == pytest.approx(0.25 * 0.02)
