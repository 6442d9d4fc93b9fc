import pytest
import torch

from depth_pc_ros.depth_training.loss import LEVEL, depth_loss
from depth_pc_ros.depth_training.network import make_network


@pytest.fixture
def network():
    torch.manual_seed(0)
    return make_network()


def test_a_fresh_answer_varies_around_the_level_over_an_image(network):
    image = torch.randn(2, 3, 84, 112, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        answer = network(image).predicted_depth
    assert answer.shape == (2, 84, 112)
    assert answer.mean() == pytest.approx(LEVEL, abs=1.0)
    assert 0.01 < answer.std((1, 2)).mean() < 2.0


def test_it_overfits_one_image(network):
    """A new network of transformers' own weights does not learn."""
    torch.manual_seed(1)
    image = torch.randn(1, 3, 56, 56)
    target = 1 + torch.nn.functional.interpolate(torch.rand(1, 1, 4, 4), size=(56, 56), mode="bilinear")[:, 0]
    optimiser = torch.optim.AdamW(network.parameters(), lr=1e-3)
    losses = []
    for _ in range(60):
        loss = depth_loss(network(image).predicted_depth, target)["loss"]
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        losses.append(float(loss.detach()))
    assert losses[-1] < 0.5 * losses[0]
