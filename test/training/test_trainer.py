import numpy as np
import pytest
import torch

from depth_pc_ros.errors import CheckpointError
from depth_pc_ros.training.clouds import load_clouds
from depth_pc_ros.training.config import TrainConfig
from depth_pc_ros.training.feed import make_batch
from depth_pc_ros.training.scene_config import SceneConfig
from depth_pc_ros.training.trainer import Trainer
from depth_pc_ros.training.validation import closed_loop

SMALL = {"width": 16, "context_blocks": 1, "batch_size": 8, "frames": 2, "segments": 2, "placements": 2, "warm_up": 1}


@pytest.fixture(scope="module")
def batches():
    clouds = load_clouds(None)[:4]
    return [make_batch(clouds, SceneConfig(min_points=30, max_points=60, dense_points=600), 8, 0, k) for k in range(3)]


def weights(trainer):
    return torch.cat([p.detach().flatten() for p in trainer.net.parameters()])


@pytest.mark.parametrize("policy", ["depth_pc", "depth_pc_geo"])
def test_a_stopped_run_goes_on_as_if_it_had_not(policy, batches, tmp_path):
    config = TrainConfig(policy=policy, updates=12, **SMALL)
    straight = Trainer(config)
    for scenes in batches:
        straight.train_batch(scenes)
    first = Trainer(config)
    first.train_batch(batches[0])
    first.save(tmp_path / "last.pt")
    second = Trainer.resume(tmp_path / "last.pt", config)
    assert (second.course.update, second.batch) == (4, 1)
    for scenes in batches[1:]:
        second.train_batch(scenes)
    assert torch.equal(weights(straight), weights(second))
    assert straight.course.done
    assert second.course.done


@pytest.mark.parametrize(("policy", "updates"), [("depth_pc", 200), ("depth_pc_geo", 100)])
def test_training_makes_the_loss_smaller(policy, updates, batches):
    trainer = Trainer(TrainConfig(policy=policy, updates=updates, fine_share=0.0, **SMALL))
    losses = []
    while not trainer.course.done:
        losses.append(trainer.train_batch(batches[0])["loss"])
    assert np.mean(losses[-10:]) < 0.9 * np.mean(losses[:10])


def test_a_foreign_checkpoint_is_refused(batches, tmp_path):
    config = TrainConfig(updates=4, **SMALL)
    path = tmp_path / "last.pt"
    Trainer(config).save(path)
    with pytest.raises(CheckpointError, match="made with seed 0, got 1"):
        Trainer.resume(path, TrainConfig(updates=4, seed=1, **SMALL))
    torch.save({"version": 0}, path)
    with pytest.raises(CheckpointError, match="expected version"):
        Trainer.resume(path, config)
    path.write_bytes(b"not a checkpoint")
    with pytest.raises(CheckpointError, match="cannot read"):
        Trainer.resume(path, config)


def test_the_phases_of_a_run():
    trainer = Trainer(TrainConfig(updates=100, fine_share=0.2, **SMALL))
    assert (trainer.expert_share, trainer.fine) == (1.0, False)
    trainer.course.update = 79
    assert (trainer.expert_share, trainer.fine) == (0.1, False)
    trainer.course.update = 80
    assert trainer.fine


def test_closed_loop_counts_those_that_arrive(batches):
    class Idle(torch.nn.Module):
        """Does not move: who starts near is there, who starts far is not."""

        def start(self, graph):
            return graph.goal.new_zeros(graph.num_clusters, 1)

        def act(self, graph, frame, memory, T_warm):
            return torch.zeros(graph.num_samples, 6), memory, T_warm

    near = [scene for batch in batches for scene in batch if np.allclose(scene.T_start_goal, np.eye(4), atol=0.02)]
    far = [scene for batch in batches for scene in batch if np.linalg.norm(scene.T_start_goal[:3, 3]) > 0.05]
    assert near
    assert far
    assert closed_loop(Idle(), near, 0.05, 0).success == 1.0
    result = closed_loop(Idle(), far, 0.05, 0)
    assert result.success == 0.0
    assert result.te_mm > 30
