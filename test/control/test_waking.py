import numpy as np
import pytest

from depth_pc_ros.control.waking import WakeRule, image_motion

PX = 1 / 540


def view(rng, count=100):
    return rng.uniform((-0.5, -0.4), (0.5, 0.4), (count, 2))


@pytest.mark.parametrize("moved_px", [0.6, 2.0])
def test_a_drift_below_the_noise_of_one_point_wakes(moved_px):
    rng = np.random.default_rng(0)
    rest = view(rng)
    rule = WakeRule(0.5 * PX)
    rule.rest(rest + 0.3 * PX * rng.standard_normal(rest.shape))
    for _ in range(200):
        assert not rule.drifted(rest + 0.3 * PX * rng.standard_normal(rest.shape))
    for _ in range(rule.FRAMES):
        woken = rule.drifted(rest + (moved_px * PX, 0) + 0.3 * PX * rng.standard_normal(rest.shape))
    assert woken


def test_one_frame_is_not_enough():
    rest = view(np.random.default_rng(0))
    rule = WakeRule(0.5 * PX)
    rule.rest(rest)
    for _ in range(10):
        assert not rule.drifted(rest + 5 * PX)
        assert not rule.drifted(rest)


def test_turning_and_zooming_are_motion_too():
    rest = view(np.random.default_rng(1))
    assert image_motion(rest, rest * 1.01) > 2 * PX * 0.7
    c, s = np.cos(0.01), np.sin(0.01)
    assert image_motion(rest, rest @ np.array([[c, s], [-s, c]])) > 2 * PX * 0.7


def test_wrong_matches_and_points_out_of_view_are_left_out():
    rng = np.random.default_rng(2)
    rest = view(rng)
    now = rest.copy()
    now[:20] = view(rng, 20)
    now[20:50] = np.nan
    assert image_motion(rest, now) < 0.1 * PX
    assert image_motion(rest, np.full_like(rest, np.nan)) == 0.0
