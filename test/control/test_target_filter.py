import numpy as np

from depth_pc_ros.control.target_filter import TargetFilter

DT = 0.04


def test_the_velocity_of_a_target_is_found_while_the_camera_moves_too():
    rng = np.random.default_rng(0)
    velocity = np.array([0.01, -0.005, 0.002, 0.0, 0.01, 0.02])
    remaining = np.array([0.004, 0, 0, 0, 0, 0.01])
    target, seen = TargetFilter(), []
    for _ in range(100):
        commanded = DT * (2 * remaining + rng.normal(size=6) * 0.01)
        remaining = remaining + DT * velocity - commanded
        target.see(remaining + 3e-4 * rng.standard_normal(6), commanded, DT)
        seen.append(target.velocity)
    np.testing.assert_allclose(np.mean(seen[50:], axis=0), velocity, atol=1e-3)
    assert np.std(seen[50:], axis=0).max() < 3e-3


def test_nothing_is_known_at_first_and_after_a_reset():
    target = TargetFilter()
    assert not target.velocity.any()
    for k in range(20):
        target.see(np.full(6, 0.001 * k), np.zeros(6), DT)
    assert target.velocity.min() > 0.02
    target.reset()
    assert not target.velocity.any()
