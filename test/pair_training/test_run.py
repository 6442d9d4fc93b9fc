"""Runs of a few updates: they learn, stop, resume, and refuse what is not theirs."""

import json
import shutil

import pytest
import torch

from depth_pc_ros.errors import CheckpointError
from depth_pc_ros.networks.pair_networks import PAIR_NETWORKS, load_pair_network
from depth_pc_ros.pair_training.config import PairTrainConfig
from depth_pc_ros.pair_training.losses import flow_loss, pose_errors, pose_loss, true_flow
from depth_pc_ros.pair_training.run import PairTrainingRun

CONFIG = PairTrainConfig(updates=4, batch_size=2, warm_up=2, drawn=2)


@pytest.fixture
def make_run(tmp_path, photographs):
    def make(name="run", config=CONFIG, folder=photographs, **options):
        return PairTrainingRun(
            tmp_path / name, config, folder, workers=0, validate_every=2, validation_pairs=2, **options
        )  # fmt: skip

    return make


@pytest.mark.parametrize("network", list(PAIR_NETWORKS))
def test_a_run_leaves_a_model_and_its_learning_curve(make_run, tmp_path, network):
    config = PairTrainConfig(network=network, updates=2, batch_size=2, warm_up=1, drawn=2)
    assert make_run(config=config, facts={"commit": "abc"}).train()
    row = json.loads((tmp_path / "run" / "metrics.jsonl").read_text().splitlines()[-1])
    assert row["update"] == 2
    assert row["seen_end_point_px" if network == "compact_flow" else "unseen_left"] > 0
    load_pair_network(tmp_path / "run" / "model", network)
    training = json.loads((tmp_path / "run" / "model" / "config.json").read_text())["training"]
    assert training["commit"] == "abc"
    assert training["config"]["network"] == network


def test_a_stopped_run_goes_on_exactly(make_run):
    whole = make_run("whole")
    whole.train()
    first = make_run("parts", max_hours=0.0)  # stops after one update
    assert not first.train()
    assert first.course.update == 1
    second = make_run("parts")
    assert second.course.update == 1
    assert second.train()
    for name, value in whole.course.averaged.state_dict().items():
        torch.testing.assert_close(second.course.averaged.state_dict()[name], value, rtol=0, atol=0, msg=name)


def test_another_network_or_other_photographs_are_refused(make_run, photographs, tmp_path):
    make_run(max_hours=0.0).train()
    with pytest.raises(CheckpointError, match="was made with network 'alexnet', got 'siame_se3'"):
        make_run(config=PairTrainConfig(network="siame_se3", updates=4, batch_size=2, warm_up=2, drawn=2))
    (tmp_path / "others").mkdir()
    shutil.copy(photographs / "0.png", tmp_path / "others")
    with pytest.raises(CheckpointError, match="was made with data"):
        make_run(folder=tmp_path / "others")


def test_a_broken_checkpoint_is_named(make_run, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.pt").write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="cannot read"):
        make_run()


class Answers(torch.nn.Module):
    """Answers what it was given."""

    pose_of = staticmethod(lambda T: T)

    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, live, goal):
        return self.answer


def test_the_pose_loss_is_the_error_in_both_parts():
    T = torch.eye(4).repeat(2, 1, 1)
    turned = PAIR_NETWORKS["alexnet"].pose_of(torch.tensor([[0.1, 0.0, 0.0, 0.0, 0.2, 0.0]] * 2))
    terms = pose_loss(Answers(turned), None, None, T)
    assert float(terms["translation"]) == pytest.approx(0.1, rel=1e-3)
    assert float(terms["rotation"]) == pytest.approx(0.2, rel=0.01)  # a chord
    translation, rotation = pose_errors(turned, T)
    assert translation.tolist() == pytest.approx([0.1, 0.1])
    assert rotation.tolist() == pytest.approx([11.459, 11.459], rel=1e-3)


def test_the_flow_loss_vanishes_at_the_truth_and_grows_with_the_error():
    H = torch.tensor([[[1.0, 0.0, 4.0], [0.0, 1.0, 0.0], [0.0, 0.0, 1.0]]])
    image = torch.zeros(1, 1, 32, 48)
    flow, _ = true_flow(H, (32, 48))
    cells = torch.nn.functional.avg_pool2d(flow, 8) / 8
    assert float(flow_loss(Answers((flow, [cells, cells])), image, image, H)["loss"]) < 0.01
    terms = flow_loss(Answers((flow + 1, [cells])), image, image, H)
    assert float(terms["end_point_px"]) == pytest.approx(2**0.5, rel=1e-3)
