import numpy as np
import pytest
import torch

from depth_pc_ros.errors import GoalError
from depth_pc_ros.graph.depth import normalise_depth, normalise_depth_batch


@pytest.fixture
def depth():
    """(60,) m: a relief of centimetres 0.6 m away, eight unknown."""
    rng = np.random.default_rng(0)
    depth = 0.6 + rng.normal(0, 0.02, 60)
    depth[rng.choice(60, 8, replace=False)] = np.nan
    return depth


def batched(*depths, dtype=torch.float64):
    """The batched version on a list of samples (N_i,), split up again."""
    sizes = [len(depth) for depth in depths]
    raw = torch.as_tensor(np.concatenate(depths), dtype=dtype)
    sample = torch.repeat_interleave(torch.arange(len(depths)), torch.tensor(sizes))
    values, known = normalise_depth_batch(raw, ~raw.isnan(), sample, len(depths))
    assert values.dtype == torch.float32
    assert known.dtype == torch.bool
    return [(v.numpy(), k.numpy()) for v, k in zip(values.split(sizes), known.split(sizes))]


def test_known_numbers():
    values, known = normalise_depth(np.array([1.0, 2.0, np.nan, 3.0, 6.0]))
    # Median 2.5, deviations -1.5, -0.5, 0.5, 3.5 of mean absolute value 1.5.
    np.testing.assert_allclose(values, [-1, -1 / 3, 0, 1 / 3, 7 / 3], rtol=1e-6)
    np.testing.assert_array_equal(known, [True, True, False, True, True])
    assert values.dtype == np.float32


def test_median_is_zero_and_mean_absolute_value_one(depth):
    values, known = normalise_depth(depth)
    np.testing.assert_allclose(np.median(values[known]), 0, atol=1e-6)
    np.testing.assert_allclose(np.abs(values[known]).mean(), 1, atol=0.01)


@pytest.mark.parametrize(("scale", "shift"), [(1, 0), (1000, 0), (1e-3, 0), (2.5, -1.5), (0.3, 10)])
def test_scale_and_shift_do_not_matter(depth, scale, shift):
    values, known = normalise_depth(depth)
    other, other_known = normalise_depth(scale * depth + shift)
    np.testing.assert_allclose(other, values, atol=1e-6)
    np.testing.assert_array_equal(other_known, known)


def test_farther_stays_larger(depth):
    values, known = normalise_depth(depth)
    assert (np.diff(values[known][np.argsort(depth[known])]) >= 0).all()
    mirrored, _ = normalise_depth(-depth)
    np.testing.assert_allclose(mirrored, -values, atol=1e-6)


def test_values_are_clamped():
    values, _ = normalise_depth(np.concatenate([np.linspace(0, 1, 50), [100.0, -100.0]]))
    assert values.max() == 3
    assert values.min() == -3


@pytest.mark.parametrize("level", [0.0, 0.6, 1000.0, -2.0])
def test_a_plane_gives_zero_even_with_rounding_noise(level):
    exact = np.full(40, level)
    rounded = exact + 3e-8 * level * np.random.default_rng(0).uniform(-1, 1, 40)
    for depth in (exact, rounded):
        ((batch, batch_known),) = batched(depth)
        values, known = normalise_depth(depth)
        assert known.all()
        assert batch_known.all()
        assert np.abs(values).max() < 0.01
        assert np.abs(batch).max() < 0.01


@pytest.mark.parametrize("depth", [[], [np.nan, np.nan], [0.5], [np.nan, 0.5, np.inf]])
def test_fewer_than_two_known_depths_say_nothing(depth):
    values, known = normalise_depth(np.array(depth))
    assert not known.any()
    assert not values.any()


def test_two_known_depths_are_enough():
    values, known = normalise_depth(np.array([0.7, np.nan, 0.5]))
    np.testing.assert_allclose(values, [1, 0, -1], atol=1e-6)
    np.testing.assert_array_equal(known, [True, False, True])


@pytest.mark.parametrize(("dtype", "atol"), [(torch.float64, 1e-6), (torch.float32, 1e-4)])
def test_batch_agrees_with_single(depth, dtype, atol):
    """Odd and even counts, unknown samples, one known point, a plane, outliers, in one batch."""
    samples = [
        depth,
        3 * depth[:31] - 1,
        np.full(5, np.nan),
        np.array([0.5]),
        np.array([np.nan, 0.4, np.nan]),
        np.full(7, 0.6),
        np.concatenate([depth, [40.0]]),
        np.array([0.3, np.nan, 0.8]),
    ]
    for (batch, batch_known), sample in zip(batched(*samples, dtype=dtype), samples):
        values, known = normalise_depth(sample)
        np.testing.assert_array_equal(batch_known, known)
        np.testing.assert_allclose(batch, values, atol=atol)


def test_samples_may_lie_mixed(depth):
    depth = depth[:50]
    rng = np.random.default_rng(0)
    sample = torch.from_numpy(rng.integers(0, 3, 50))
    values, known = normalise_depth_batch(torch.from_numpy(depth), torch.ones(50, dtype=torch.bool), sample, 3)
    for s in range(3):
        expected, expected_known = normalise_depth(depth[sample == s])
        np.testing.assert_allclose(values[sample == s], expected, atol=1e-6)
        np.testing.assert_array_equal(known[sample == s], expected_known)


def test_wrong_shapes_are_refused():
    with pytest.raises(GoalError, match=r"depth: expected shape \(N,\), got \(3, 1\)"):
        normalise_depth(np.zeros((3, 1)))
    three = torch.zeros(3)
    with pytest.raises(GoalError, match=r"known: expected shape \(3,\), got \(4,\)"):
        normalise_depth_batch(three, torch.ones(4, dtype=torch.bool), torch.zeros(3, dtype=torch.int64), 1)
    with pytest.raises(GoalError, match=r"depth: expected shape \(P,\), got \(3, 1\)"):
        normalise_depth_batch(three[:, None], three[:, None].bool(), torch.zeros((3, 1), dtype=torch.int64), 1)
