import numpy as np
import pytest

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.training import augment


def rng(seed=0):
    return np.random.default_rng(seed)


def test_a_share_is_off_at_any_step_and_stays_so():
    flicker = augment.draw_flicker(rng(), 5000, 0.2, 10.0)
    off = np.array([flicker.at(step) for step in range(200)])
    assert off[[0, 50, 199]].mean(axis=1) == pytest.approx(0.2, abs=0.02)
    starts = (off[1:] & ~off[:-1]).sum()
    changing = off.any(axis=0) & ~off.all(axis=0)
    assert off[:, changing].sum() / starts == pytest.approx(10, rel=0.5)
    assert (off.mean(axis=0) < 0.02).mean() > 0.4, "most points are hardly ever off"
    assert (off.mean(axis=0) > 0.9).mean() > 0.02, "some nearly always"


def test_nothing_is_off_without_a_share():
    flicker = augment.draw_flicker(rng(), 100, 0.0, 10.0)
    assert not any(flicker.at(step).any() for step in range(50))


def test_periods_suit_single_precision():
    flicker = augment.draw_flicker(rng(), 1000, 0.1, 30.0)
    single = augment.Flicker(*(v.astype(np.float32) for v in (flicker.phase, flicker.duration, flicker.period)))
    differ = [(flicker.at(step) != single.at(step)).mean() for step in range(100)]
    assert np.mean(differ) < 1e-3


def test_mismatches():
    plan = augment.draw_mismatches(rng(), 2000, 0.3, 20.0)
    assert plan.wrong.at(7).mean() == pytest.approx(0.3, abs=0.04)
    assert np.bincount(plan.kind) / 2000 == pytest.approx([0.5, 0.25, 0.25], abs=0.04)
    assert (plan.other != np.arange(2000)).all()
    assert plan.other.min() >= 0
    assert plan.other.max() < 2000
    assert plan.spot.shape == (2000, 2)
    assert plan.spot.mean() == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize("n", [0, 1, 2])
def test_few_points(n):
    plan = augment.draw_mismatches(rng(), n, 0.3, 20.0)
    assert plan.other.tolist() == [[], [0], [1, 0]][n]
    assert plan.wrong.at(3).shape == (n,)


def test_discs_cover_move_and_come_back():
    size = (640, 480)
    disc = augment.Discs(np.array([[100.0, 100], [0, 240]]), np.array([[0, 0], [8.0, 0]]), np.array([20.0, 40]), size)
    pixels = np.array([[100, 119], [100, 121], [30, 240], [350, 240]])
    assert disc.cover(pixels, 0).tolist() == [True, False, True, False]
    assert disc.cover(pixels, 40).tolist() == [True, False, False, True]
    assert disc.cover(pixels, 90).tolist() == [True, False, True, False]  # 720 px: once around


def test_discs_come_with_their_shares():
    radius = np.array([augment.draw_discs(rng(seed)).radius for seed in range(1000)])
    assert (radius > 0).mean(axis=0) == pytest.approx([0.15, 0.25], abs=0.04)
    assert radius.max() <= 160
    assert not augment.draw_discs(rng(), share=(0, 0)).cover(rng().random((50, 2)) * 480, 3).any()


def test_noise_covers_its_range():
    generator = rng()
    drawn = [augment.draw_noise_px(generator) for _ in range(1000)]
    assert np.percentile(drawn, [0, 50, 100]) == pytest.approx([0, 0.5, 2], abs=0.1)


def pixels_and_depth(n=300):
    return rng(1).random((n, 2)) * (640, 480), rng(2).uniform(0.4, 0.8, n)


def test_without_bias_and_noise_the_order_of_depth_is_kept():
    pixels, depth = pixels_and_depth()
    for seed in range(200):
        relative = augment.draw_depth_distortion(rng(seed), strength=0.0).apply(depth, pixels, np.zeros(300))
        assert (np.diff(relative[np.argsort(depth)]) > 0).all()


def test_a_perfect_network_gives_depth_or_disparity_up_to_an_affine_map():
    pixels, depth = pixels_and_depth()
    for power, expected in ((1.0, depth), (-1.0, -1 / depth)):
        perfect = augment.DepthDistortion(power, np.array([0, 1.0, 0]), np.zeros((3, 4)), 0.0, 3.0, -1.0, (640, 480))
        relative = perfect.apply(depth, pixels, np.zeros(300))
        assert np.corrcoef(relative, expected)[0, 1] == pytest.approx(1, abs=1e-9)
        assert np.allclose(perfect.apply(5 * depth, pixels, np.zeros(300)), relative)


def test_distorted_depth_still_separates_near_from_far():
    pixels, depth = pixels_and_depth()
    likeness = [np.corrcoef(augment.distort_depth(rng(seed), depth, pixels), depth)[0, 1] for seed in range(300)]
    assert np.median(likeness) > 0.93
    assert np.percentile(likeness, 2) > 0.8
    assert np.percentile(likeness, 10) < 0.95


def test_bias_changes_slowly_over_the_image():
    flat = np.full(1000, 0.6)
    pixels = rng(1).random((1000, 2)) * (640, 480)
    distortion = augment.draw_depth_distortion(rng(3))
    here, beside = (distortion.apply(flat, p, np.zeros(1000)) for p in (pixels, pixels + 5))
    assert np.abs(here - beside).max() < 0.15 * distortion.scale
    assert np.ptp(here) > 0


def test_bad_arguments_are_named():
    with pytest.raises(ConfigError, match="share"):
        augment.draw_omissions(rng(), 10, 1.0, 5.0)
    with pytest.raises(ConfigError, match="persistence"):
        augment.draw_mismatches(rng(), 10, 0.1, 0.5)
