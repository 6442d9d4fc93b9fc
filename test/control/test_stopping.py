import numpy as np

from depth_pc_ros.control.stopping import StoppingRule

DT = 0.02


def make_rule():
    return StoppingRule(stop_error=0.01, hold_s=0.4, precision=5e-4)


def feed(rule, errors, start=0.0):
    """Index of the first frame at which the rule stops, or None."""
    for i, error in enumerate(errors):
        if rule.converged(error, start + i * DT):
            return i
    return None


def test_constant_small_error_stops_after_the_hold_time():
    assert feed(make_rule(), [0.001] * 100) in (20, 21)


def test_error_above_threshold_never_stops():
    assert feed(make_rule(), [0.02] * 500) is None


def test_still_improving_does_not_stop():
    errors = 0.009 * 0.96 ** np.arange(60)
    assert feed(make_rule(), errors) is None


def test_improvement_below_the_precision_is_not_waited_for():
    """From 0.009 the error falls below 5e-4 after 71 steps of 4 % and counts as constant from there."""
    errors = 0.009 * 0.96 ** np.arange(300)
    assert 71 <= feed(make_rule(), errors) <= 71 + 24


def test_leaving_the_threshold_restarts_the_clock():
    assert feed(make_rule(), [0.001] * 15 + [0.02] + [0.001] * 100) in (
        36,
        37,
    )  # 0.4 s of frames, rounding apart


def test_a_gap_between_frames_does_not_count():
    rule = make_rule()
    assert [rule.converged(0.001, stamp_s) for stamp_s in (0.0, 10.0, 20.0, 30.0)] == [False] * 4
    assert rule.converged(0.001, 40.0)  # four intervals of at most 0.1 s


def test_nan_does_not_stop():
    assert feed(make_rule(), [float("nan")] * 100) is None


def test_excursions_above_the_best_level_do_not_count_as_hold_time():
    rule = make_rule()
    errors = [0.001] + [0.001, 0.004] * 100
    assert feed(rule, errors) > 40  # a steady error stops at 20


def test_mean_error_leaves_out_the_worst_tenth_and_weights_points_seen_often():
    rule = make_rule()
    distances = np.full(20, 0.002)
    distances[0] = 1.0  # one mismatch
    np.testing.assert_allclose(rule.mean_error(distances, np.ones(20, bool)), 0.002)

    rule = make_rule()
    steady, flicker = np.full(40, 0.001), np.full(40, 0.003)
    distances = np.concatenate([steady, flicker])
    for i in range(61):
        seen = np.concatenate([np.ones(40, bool), np.full(40, i % 10 == 0)])
        error = rule.mean_error(distances, seen)
    assert seen.all()
    assert 0.001 < error < 0.0014  # a plain mean would give 0.002
