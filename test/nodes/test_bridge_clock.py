import numpy as np
import pytest

from depth_pc_ros.nodes.bridge_clock import Lockstep, RealTime

STILL = np.zeros(6)
MOVE = np.array([0.1, 0, 0, 0, 0, 0])


def test_lockstep_takes_the_first_command_that_is_not_older_than_the_frame():
    lockstep = Lockstep(idle_s=0.3, timeout_s=5.0)
    lockstep.frame_sent(stamp_ns=100, steady_s=0.0)
    assert not lockstep.answer(MOVE, stamp_ns=99)
    assert lockstep.answer(MOVE, stamp_ns=100)


@pytest.mark.parametrize(
    ("stamp_ns", "twist", "wait_s"),
    [
        (200, MOVE, 5.0),  # moving
        (50, MOVE, 5.0),  # delayed motion: the servo is active
        (200, STILL, 0.3),  # commanded to stand still
        (50, STILL, 0.3),
    ],
)
def test_lockstep_waits_long_only_while_the_servo_is_active(stamp_ns, twist, wait_s):
    lockstep = Lockstep(idle_s=0.3, timeout_s=5.0)
    lockstep.frame_sent(100, steady_s=10.0)
    lockstep.answer(twist, stamp_ns)
    lockstep.frame_sent(300, steady_s=20.0)
    assert not lockstep.timed_out(20.0 + wait_s - 0.01)
    assert lockstep.timed_out(20.0 + wait_s)


def test_lockstep_idles_after_a_timeout():
    lockstep = Lockstep(idle_s=0.3, timeout_s=5.0)
    lockstep.answer(MOVE, 0)
    lockstep.frame_sent(100, steady_s=0.0)
    assert lockstep.timed_out(5.0)
    lockstep.frame_sent(200, steady_s=5.0)
    assert lockstep.timed_out(5.31)


def moved(pieces) -> float:
    return sum(twist[0] * dt_s for twist, dt_s in pieces)


def test_real_time_moves_for_the_true_time_in_short_steps():
    motion = RealTime(timeout_s=0.25, steady_s=0.0)
    motion.command(MOVE, steady_s=0.0)
    pieces = motion.pieces(0.1)
    assert max(dt_s for _, dt_s in pieces) <= 0.04
    assert moved(pieces) == pytest.approx(0.1 * 0.1)
    assert sum(dt_s for _, dt_s in pieces) == pytest.approx(0.1)


def test_real_time_stops_moving_when_the_command_is_too_old():
    motion = RealTime(timeout_s=0.25, steady_s=0.0)
    motion.command(MOVE, steady_s=0.0)
    pieces = motion.pieces(1.0)
    assert moved(pieces) == pytest.approx(0.1 * 0.25)
    assert sum(dt_s for _, dt_s in pieces) == pytest.approx(1.0)
    assert moved(motion.pieces(2.0)) == 0.0


def test_real_time_has_nothing_to_do_in_no_time():
    motion = RealTime(timeout_s=0.25, steady_s=3.0)
    assert motion.pieces(3.0) == []


def test_real_time_stop_ends_the_motion_at_once():
    motion = RealTime(timeout_s=0.25, steady_s=0.0)
    motion.command(MOVE, steady_s=0.0)
    motion.stop()
    assert moved(motion.pieces(0.2)) == 0.0
