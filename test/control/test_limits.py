import numpy as np
import pytest

from depth_pc_ros.config import ControlConfig
from depth_pc_ros.control.limits import Ramp, VelocityLaw, limit_norms


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def test_limit_norms_keeps_direction_and_obeys_both_limits(rng):
    for _ in range(100):
        twist = rng.normal(size=6) * rng.uniform(0.01, 10)
        limited = limit_norms(twist, 0.25, 1.0)
        assert np.linalg.norm(limited[:3]) <= 0.25 + 1e-12
        assert np.linalg.norm(limited[3:]) <= 1.0 + 1e-12
        cosine = limited @ twist / (np.linalg.norm(limited) * np.linalg.norm(twist))
        np.testing.assert_allclose(cosine, 1)


def test_limit_norms_leaves_small_twists_alone():
    twist = np.full(6, 0.01)
    np.testing.assert_array_equal(limit_norms(twist, 0.25, 1.0), twist)


def test_paper_law_doubles_and_does_not_limit():
    law = VelocityLaw.from_config(ControlConfig(speed="paper"))
    twist = np.array([9.0, 0, 0, 0, 0, 9.0])
    np.testing.assert_array_equal(law.target(twist), 2 * twist)
    np.testing.assert_allclose(law.approach(np.zeros(6), np.zeros(6), 2 * twist, 0.02)[0], 2 * twist)


def test_paper_law_loses_four_percent_a_step():
    law = VelocityLaw.from_config(ControlConfig(speed="paper"))
    error = 1.0
    error -= law.target(np.array([error, 0, 0, 0, 0, 0]))[0] / 50
    np.testing.assert_allclose(error, 0.96)


def test_gain_is_lowered_so_that_a_delayed_loop_does_not_overshoot():
    """A position 0.1 m off, driven through a dead time of 0.4 s: no overshoot with the delay given, some without."""
    law = VelocityLaw.from_config(ControlConfig(gain=4.0))
    dt, delay = 0.02, 20
    lowest = {}
    for given in (0.0, dt * delay):
        positions = [0.1] * (delay + 1)
        for _ in range(400):
            velocity = -law.target(np.array([positions[-1 - delay], 0, 0, 0, 0, 0]), given)[0]
            positions.append(positions[-1] + dt * velocity)
        lowest[given] = min(positions)
    assert lowest[0.0] < -0.02
    assert lowest[dt * delay] > -0.001


@pytest.mark.parametrize("dt", [0.005, 0.02, 0.04])
def test_approach_limits_acceleration_and_jerk_and_arrives_without_overshoot(rng, dt):
    law = VelocityLaw.from_config(ControlConfig(speed="limited"))
    command, acceleration = np.zeros(6), np.zeros(6)
    for _ in range(5):
        target = law.target(rng.normal(size=6))
        begin, farthest = command, 0.0
        for _ in range(round(2.0 / dt)):
            following, changed = law.approach(command, acceleration, target, dt)
            np.testing.assert_allclose(following, command + dt * changed)
            for part, limit, jerk in ((slice(0, 3), 1.0, 20.0), (slice(3, 6), 4.0, 80.0)):
                assert np.linalg.norm(changed[part]) <= limit * (1 + 1e-9)
                assert np.linalg.norm((changed - acceleration)[part]) <= jerk * dt * (1 + 1e-9)
            command, acceleration = following, changed
            farthest = max(farthest, (command - begin) @ (target - begin))
        np.testing.assert_allclose(command, target, atol=1e-12)
        assert farthest <= (target - begin) @ (target - begin) * (1 + 1e-9)


def test_a_target_that_changes_direction_keeps_the_command_within_the_speed_limits(rng):
    law = VelocityLaw.from_config(ControlConfig())
    dt, command, acceleration = 0.02, np.zeros(6), np.zeros(6)
    fastest = np.zeros(2)
    for _ in range(60):
        target = law.target(rng.normal(size=6) * (1, 1, 1, 5, 5, 5))
        for _ in range(rng.integers(2, 12)):
            command, acceleration = law.approach(command, acceleration, target, dt)
            fastest = np.maximum(fastest, [np.linalg.norm(command[:3]), np.linalg.norm(command[3:])])
    assert (fastest <= (law.max_linear * (1 + 1e-9), law.max_angular * (1 + 1e-9))).all()
    assert fastest[1] > 0.9 * law.max_angular


def test_a_lowered_speed_limit_is_reached_within_the_acceleration_limit():
    fast, slow = VelocityLaw.from_config(ControlConfig()), VelocityLaw.from_config(ControlConfig(max_linear=0.05))
    path = np.array([1.0, 0, 0, 0, 0, 0])
    ramp, speeds = Ramp(), []
    for k in range(100):
        law = fast if k < 50 else slow
        speeds.append(ramp.step(law, law.target(path), 0.02)[0])
    assert speeds[49] == pytest.approx(0.25)
    assert speeds[-1] == pytest.approx(0.05)
    assert np.abs(np.diff(speeds)).max() <= 0.02 * (1 + 1e-9)


def test_limits_lowered_while_accelerating_cause_no_overshoot():
    """The current acceleration is cut to the new limit, and falls at its jerk limit."""
    fast, slow = (VelocityLaw.from_config(ControlConfig(max_linear_acceleration=a)) for a in (1.0, 0.1))
    ramp, target = Ramp(), np.array([0.1, 0, 0, 0, 0, 0])
    speeds = [ramp.step(fast if k < 4 else slow, target, 0.02)[0] for k in range(100)]
    assert 0.03 < speeds[3] < 0.08
    assert max(speeds) == pytest.approx(0.1, rel=1e-6)


def test_without_time_the_command_stays_as_it_is():
    law, ramp = VelocityLaw.from_config(ControlConfig()), Ramp()
    target = np.array([0.1, 0, 0, 0, 0, 0])
    before = ramp.follow(law, target, 1.0).copy()
    for stamp_s in (1.0, 0.5):
        np.testing.assert_array_equal(ramp.follow(law, target, stamp_s), before)


def test_a_long_gap_in_the_frames_allows_no_jump():
    law, ramp = VelocityLaw.from_config(ControlConfig(max_linear=2.0)), Ramp()
    target = np.array([2.0, 0, 0, 0, 0, 0])
    first = ramp.follow(law, target, 10.0)
    assert (ramp.follow(law, target, 1000.0) - first)[0] <= 0.25 * law.max_linear_acceleration + 1e-9


def test_without_a_jerk_limit_full_acceleration_is_there_at_once():
    law = VelocityLaw(gain=1.0, max_linear_acceleration=1.0, max_angular_acceleration=4.0)
    command, _ = law.approach(np.zeros(6), np.zeros(6), np.array([1.0, 0, 0, 0, 0, 0]), 0.02)
    np.testing.assert_allclose(command, [0.02, 0, 0, 0, 0, 0])


def test_approach_from_rest_keeps_direction(rng):
    law = VelocityLaw.from_config(ControlConfig())
    target = rng.normal(size=6)
    first, _ = law.approach(np.zeros(6), np.zeros(6), target, 0.01)
    np.testing.assert_allclose(first / np.linalg.norm(first), target / np.linalg.norm(target))


@pytest.mark.parametrize("delay", [0, 1, 2])
@pytest.mark.parametrize("axes", [(0.3, 0.0), (0.0, 2.5), (0.3, 2.5), (0.02, 1.5)])
def test_swift_law_reaches_the_limits_brakes_in_time_and_is_faster(axes, delay):
    """A straight path in metres and radians, with a latency of `delay` steps: no overshoot, limits kept, faster."""
    path = np.array([axes[0], 0, 0, 0, 0, axes[1]])
    dt, arrived = 0.02, {}
    for speed in ("limited", "swift"):
        law = VelocityLaw.from_config(ControlConfig(speed=speed))
        ramp, left, commands = Ramp(), path.copy(), [np.zeros(6)]
        seen = [path.copy()] * delay
        for k in range(800):
            seen.append(left)
            command = ramp.follow(law, law.target(seen[k], (delay + 0.5) * dt), dt * (k + 1)).copy()
            commands.append(command)
            left = left - dt * command
            assert left[0] >= -1e-3  # m, and rad
            assert left[5] >= -4e-3
            if np.linalg.norm(left) < 1e-3:
                arrived[speed] = k
                break
        linear, angular = (np.linalg.norm(np.array(commands)[:, part], axis=1) for part in (slice(0, 3), slice(3, 6)))
        assert linear.max() <= 0.25 + 1e-9
        assert angular.max() <= 0.9948 + 1e-9
        assert np.abs(np.diff(linear)[1:]).max() <= 1.0 * dt + 1e-9
        assert np.abs(np.diff(angular)[1:]).max() <= 4.0 * dt + 1e-9
        assert np.abs(np.diff(linear, 2)[1:]).max() <= 20.0 * dt**2 + 1e-9
        assert np.abs(np.diff(angular, 2)[1:]).max() <= 80.0 * dt**2 + 1e-9
        assert linear.max() > 0.24 or angular.max() > 0.98
    assert arrived["swift"] < 0.7 * arrived["limited"]
