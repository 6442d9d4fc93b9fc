import numpy as np
import pytest
import torch

from depth_pc_ros.geometry import se3 as numpy_se3
from depth_pc_ros.networks import se3

TWISTS = np.concatenate(
    [
        np.random.default_rng(0).normal(size=(20, 6)),
        [[0.1, 0.2, 0.3, 0, 0, 0], [0.1, 0, 0, 1e-6, 0, 0], [0, 0, 0, np.pi - 1e-6, 0, 0], [1, 0, 0, 0, 2.2, -2.2]],
    ]
)


def test_agrees_with_the_numpy_version():
    poses = se3.exp(torch.tensor(TWISTS))
    for T, twist in zip(poses.numpy(), TWISTS, strict=True):
        np.testing.assert_allclose(T, numpy_se3.exp(twist), atol=1e-9)
        np.testing.assert_allclose(se3.inverse(torch.tensor(T)).numpy(), numpy_se3.inverse(T), atol=1e-9)
        np.testing.assert_allclose(se3.pbvs_twist(torch.tensor(T)).numpy(), numpy_se3.pbvs_twist(T), atol=1e-6)


def test_log_inverts_exp_up_to_180_degrees():
    w = torch.tensor(np.random.default_rng(1).normal(size=(200, 3)))
    w = w / w.norm(dim=1, keepdim=True) * torch.linspace(0, np.pi - 1e-4, 200, dtype=w.dtype)[:, None]
    torch.testing.assert_close(se3.log_so3(se3.exp_so3(w)), w, atol=1e-6, rtol=0)


def test_gradients_are_finite_at_rest():
    twist = torch.zeros(3, 6, dtype=torch.float64, requires_grad=True)
    with torch.enable_grad():
        se3.exp(twist).sum().backward()
    assert torch.isfinite(twist.grad).all()


@pytest.mark.parametrize("scale", [1e-3, 1.0, 100.0])
def test_six_numbers_give_a_rotation(scale):
    R = se3.rotation_from_6d(scale * torch.randn(50, 6, generator=torch.Generator().manual_seed(0)))
    torch.testing.assert_close(R @ R.transpose(1, 2), torch.eye(3).expand(50, 3, 3), atol=1e-5, rtol=0)
    torch.testing.assert_close(torch.linalg.det(R), torch.ones(50), atol=1e-5, rtol=0)
