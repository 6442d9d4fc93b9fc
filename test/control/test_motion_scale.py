import numpy as np
import pytest

from depth_pc_ros.control.motion_scale import MotionScale
from depth_pc_ros.geometry import se3

ROTATION = se3.exp_so3(np.array([0.4, -0.3, 1.2]))


def approach(scale: MotionScale, prior: float, frames=60, noise_m=0.0, seed=0) -> list[float]:
    """The camera comes 40 cm nearer to the goal, turned against it; the factor after each frame.

    prior: lengths seen are this times the true ones.
    """
    rng, factors = np.random.default_rng(seed), []
    way = np.array([0.3, -0.1, 0.25]) / frames  # goal axes
    position = np.array([-0.3, 0.1, -0.25])
    for _ in range(frames):
        T_goal_cam = np.eye(4)
        T_goal_cam[:3, :3] = ROTATION
        T_goal_cam[:3, 3] = prior * position + noise_m * rng.standard_normal(3)
        scale.see(se3.inverse(T_goal_cam))
        factors.append(scale.factor)
        scale.moved(ROTATION.T @ way)
        position = position + way
    return factors


@pytest.mark.parametrize("prior", [0.5, 1.0, 2.0])
def test_finds_the_factor_of_a_wrong_prior(prior):
    factors = approach(MotionScale(), prior)
    assert factors[0] == 1.0
    assert factors[-1] == pytest.approx(1 / prior, rel=0.03)


@pytest.mark.parametrize("prior", [0.5, 2.0])
def test_noise_of_the_poses_averages_out(prior):
    factors = [approach(MotionScale(), prior, noise_m=0.004, seed=seed)[-1] for seed in range(10)]
    np.testing.assert_allclose(factors, 1 / prior, rtol=0.1)


def test_rest_changes_and_forgets_nothing():
    scale = MotionScale()
    approach(scale, 0.5)
    factor = scale.factor
    rng = np.random.default_rng(0)
    for _ in range(100):
        T = np.eye(4)
        T[:3, 3] = 0.002 * rng.standard_normal(3)
        scale.moved(np.full(3, 1e-7))
        scale.see(T)
    assert scale.factor == pytest.approx(factor, rel=0.02)


def test_a_jump_to_another_solution_is_no_motion():
    scale = MotionScale()
    approach(scale, 1.0)
    T = np.eye(4)
    T[:3, 3] = 0.3
    scale.moved(np.array([0.002, 0, 0]))
    scale.see(T)
    assert scale.factor == pytest.approx(1.0, abs=0.05)


def test_stays_within_its_range():
    scale = MotionScale()
    assert approach(scale, 5.0)[-1] == 1 / MotionScale.RANGE
    scale.reset()
    assert scale.factor == 1.0


@pytest.mark.parametrize("noise_m", [0.0, 0.002])
def test_an_arm_that_does_not_follow_tells_nothing(noise_m):
    scale, rng = MotionScale(), np.random.default_rng(0)
    approach(scale, 0.5)
    factor = scale.factor
    for _ in range(200):
        T = np.eye(4)
        T[:3, 3] = noise_m * rng.standard_normal(3)
        scale.moved(np.array([0.01, 0, 0]))
        scale.see(T)
    assert scale.factor == pytest.approx(factor, rel=0.1)
