import pytest
import torch

from depth_pc_ros.graph.builder import frame_from_tensors
from depth_pc_ros.networks import se3
from depth_pc_ros.networks.depth_pc import DepthPcNet
from depth_pc_ros.networks.depth_pc_geo import DepthPcGeoNet, GeoOutput
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
    """A velocity network with a fixed output."""

    def __init__(self, direction, log_norm):
        super().__init__(EncoderConfig(width=8))
        self.answer = direction, log_norm

    def forward(self, graph, frame, memory):
        return *self.answer, memory


def loss_of(world, velocity, frame=None):
    frame = world.observe()[0] if frame is None else frame
    norm = velocity.norm(dim=1)
    net = Answers(velocity / norm[:, None], norm.log())
    return policy_loss(net, world.graph, frame, frame.seen, None, None, world.T_cam_goal, world.median_depth)[0].item()


def test_the_expert_has_no_loss_and_the_reverse_has_most(world):
    expert = world.expert()
    assert loss_of(world, expert) == pytest.approx(0, abs=1e-5)
    assert loss_of(world, -expert) == pytest.approx(2 + 0.3 * 4 + 0.2 * 2 / 3, abs=0.01)
    assert 0 < loss_of(world, 2 * expert) < 0.4


def test_a_sample_without_matches_or_at_the_goal_counts_nothing(world):
    graph = world.graph
    nothing = torch.zeros(graph.num_points, dtype=torch.bool)
    zero = torch.zeros(graph.num_points)
    blind = frame_from_tensors(graph, torch.zeros(graph.num_points, 2), nothing, zero, nothing)
    assert loss_of(world, -world.expert(), blind) == 0
    still = se3.exp(torch.full((4, 6), 0.1 * ARRIVED))
    net = Answers(torch.ones(4, 6), torch.zeros(4))
    frame, _ = world.observe()
    assert policy_loss(net, graph, frame, frame.seen, None, None, still, world.median_depth)[0].item() < 0.2


class Judges(DepthPcGeoNet):
    """A judging network that knows which matches are right, and the pose."""

    def __init__(self, right, T):
        super().__init__(EncoderConfig(width=8))
        self.right, self.T = right, T

    def forward(self, graph, frame, memory):
        index = torch.nonzero(frame.seen)[:, 0]
        logits = torch.where(self.right[index], 20.0, -20.0)
        return GeoOutput(index, logits, self.T, torch.full((graph.num_samples,), 0.08), memory)


def test_who_knows_matches_and_pose_has_little_loss(world):
    frame, right = world.observe()
    T = world.T_cam_goal
    unit = world.median_depth
    T_unit = se3.from_rt(T[:, :3, :3], T[:, :3, 3] / unit[:, None])
    still = torch.eye(4).expand(4, 4, 4)
    knows, doubts = Judges(right, T_unit), Judges(~right, still)
    good = policy_loss(knows, world.graph, frame, right, None, still, T, unit)
    bad = policy_loss(doubts, world.graph, frame, right, None, still, T, unit)
    assert good[4]["guess"] < 1e-3
    assert good[4]["judge"] < 1e-3
    assert good[4]["accuracy"] == 1
    assert good[0] < 0.2 < 2 < bad[0]
