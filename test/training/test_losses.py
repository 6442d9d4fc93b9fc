import pytest
import torch

from depth_pc_ros.graph.builder import frame_from_tensors
from depth_pc_ros.networks import se3
from depth_pc_ros.networks.depth_pc import DepthPcNet
from depth_pc_ros.networks.encoder import EncoderConfig
from depth_pc_ros.training.clouds import load_clouds
from depth_pc_ros.training.feed import make_batch
from depth_pc_ros.training.losses import ARRIVED, policy_loss
from depth_pc_ros.training.plans import DisturbanceConfig
from depth_pc_ros.training.scene_config import SceneConfig
from depth_pc_ros.training.simulation import ServoBatch


@pytest.fixture(scope="module")
def world():
    scenes = make_batch(load_clouds(None)[:4], SceneConfig(max_points=40, dense_points=600, near_share=0.0), 4, 0, 0)
    return ServoBatch(scenes, DisturbanceConfig(), 0)


class Answers(DepthPcNet):
    """A velocity network that answers what it was told."""

    def __init__(self, direction, log_norm):
        super().__init__(EncoderConfig(width=8))
        self.answer = direction, log_norm

    def forward(self, graph, frame, memory):
        return *self.answer, memory


def loss_of(world, velocity, frame=None):
    frame = world.observe()[0] if frame is None else frame
    norm = velocity.norm(dim=1)
    net = Answers(velocity / norm[:, None], norm.log())
    return policy_loss(net, world.graph, frame, frame.seen, None, None, world.T_cam_goal)[0].item()


def test_the_expert_has_no_loss_and_the_reverse_has_most(world):
    expert = world.expert()
    assert loss_of(world, expert) == pytest.approx(0, abs=1e-5)
    assert loss_of(world, -expert) == pytest.approx(2 + 0.3 * 4, abs=1e-4)
    assert 0 < loss_of(world, 2 * expert) < 0.3


def test_a_sample_without_matches_or_at_the_goal_counts_nothing(world):
    graph = world.graph
    nothing = torch.zeros(graph.num_points, dtype=torch.bool)
    zero = torch.zeros(graph.num_points)
    blind = frame_from_tensors(graph, torch.zeros(graph.num_points, 2), nothing, zero, nothing)
    assert loss_of(world, -world.expert(), blind) == 0
    still = se3.exp(torch.full((4, 6), 0.1 * ARRIVED))
    net = Answers(torch.ones(4, 6), torch.zeros(4))
    frame, _ = world.observe()
    assert policy_loss(net, graph, frame, frame.seen, None, None, still)[0].item() == 0
