import numpy as np
import pytest
import torch

from depth_pc_ros.depth_training.loss import LEVEL, depth_loss, standardised
from depth_pc_ros.depth_training.metrics import DepthMetrics, mean, measure


@pytest.fixture
def depth():
    """Inverse depth (2, 20, 30) of two images, with a hole in the first."""
    generator = torch.Generator().manual_seed(0)
    inverse = 1 + torch.rand(2, 20, 30, generator=generator)
    inverse[0, :5, :5] = 0
    return inverse


def test_standardised_has_mean_0_and_deviation_1_over_valid_pixels(depth):
    valid = depth > 0
    for image, mask in zip(standardised(7 * depth + 3, valid), valid):
        assert image[mask].mean() == pytest.approx(0, abs=1e-5)
        assert image[mask].std(correction=0) == pytest.approx(1, abs=1e-5)
        assert (image[~mask] == 0).all()


def test_the_right_answer_costs_nothing_whatever_is_in_holes(depth):
    answer = LEVEL + standardised(depth, depth > 0)
    answer[0, :5, :5] = 1e3
    for name, value in depth_loss(answer, depth).items():
        assert value == pytest.approx(0, abs=1e-5), name


def test_scale_and_shift_of_the_target_do_not_matter(depth):
    answer = LEVEL + torch.rand(depth.shape, generator=torch.Generator().manual_seed(2))
    other = torch.where(depth > 0, 0.3 * depth + 5, 0)
    assert depth_loss(answer, other)["loss"] == pytest.approx(float(depth_loss(answer, depth)["loss"]), abs=1e-4)


def test_a_weak_answer_costs_no_more_than_none(depth):
    """Standardised too, a weak and wrong answer would count as a strong one."""
    unsure = depth_loss(torch.full_like(depth, LEVEL), depth)["data"]
    noise = torch.randn(depth.shape, generator=torch.Generator().manual_seed(3))
    assert depth_loss(LEVEL + 0.1 * noise, depth)["data"] == pytest.approx(float(unsure), rel=0.02)
    assert depth_loss(LEVEL + noise, depth)["data"] > 1.2 * unsure


def test_loss_grows_with_the_error_and_its_gradient_is_finite(depth):
    noise = torch.randn(depth.shape, generator=torch.Generator().manual_seed(1))
    losses = []
    for amount in (0.01, 0.1, 0.5):
        answer = (LEVEL + standardised(depth, depth > 0) + amount * noise).requires_grad_()
        loss = depth_loss(answer, depth)["loss"]
        loss.backward()
        assert answer.grad.isfinite().all()
        losses.append(float(loss.detach()))
    assert losses == sorted(losses)
    assert losses[0] > 0


def test_relief_ignores_a_tilt(depth):
    v, u = torch.meshgrid(torch.arange(20.0), torch.arange(30.0), indexing="ij")
    right = LEVEL + standardised(depth, depth > 0)
    tilted = depth_loss(right + 0.2 * u - 0.1 * v, depth)
    assert tilted["relief"] < 1e-3 < 1 < tilted["data"]
    stepped = depth_loss(right + (u > 15), depth)
    assert stepped["relief"] > 0.1


def test_gradient_term_sees_a_blurred_edge():
    target = torch.ones(1, 16, 16)
    target[:, :, 8:] = 2
    ramp = LEVEL + torch.linspace(-1, 1, 16).expand(1, 16, 16)
    assert depth_loss(ramp, target)["gradient"] > 0.05
    assert depth_loss(LEVEL + standardised(target, target > 0), target)["gradient"] == 0


def test_a_flat_or_empty_image_gives_no_nan():
    for target in (torch.full((1, 8, 8), 2.0), torch.zeros(1, 8, 8)):
        flat = torch.full((1, 8, 8), LEVEL + 0.5, requires_grad=True)
        depth_loss(flat, target)["loss"].backward()
        assert flat.grad.isfinite().all()


def test_perfect_relative_depth_measures_perfect():
    depth_m = np.random.default_rng(0).uniform(0.5, 1.5, (20, 30))
    depth_m[:3] = 0
    keypoints = np.array([[4.2, 5.1], [20.0, 10.0], [7.7, 12.9], [1.0, 1.0]])  # the last in the hole
    relative = -(0.2 / np.where(depth_m > 0, depth_m, 1) + 3)
    result = measure(relative, depth_m, keypoints)
    assert result.abs_rel == pytest.approx(0, abs=1e-9)
    assert result.delta1 == 1
    assert result.rank == pytest.approx(1)


def test_metrics_by_hand():
    depth_m = np.array([[1.0, 2.0]])
    result = measure(np.array([[5.0, 5.0]]), depth_m, np.zeros((0, 2)))  # knows nothing: 1 / 0.75 m everywhere
    assert result.abs_rel == pytest.approx((1 / 3 + 1 / 3) / 2)
    assert result.delta1 == 0
    assert np.isnan(result.rank)


def test_mean_leaves_out_unknown_ranks():
    result = mean([DepthMetrics(0.1, 0.8, 0.5), DepthMetrics(0.3, 0.6, float("nan"))])
    assert result == DepthMetrics(pytest.approx(0.2), pytest.approx(0.7), 0.5)
