import json

import pytest
import torch

from depth_pc_ros.depth_training import run
from depth_pc_ros.depth_training.config import DepthTrainConfig
from depth_pc_ros.depth_training.scenes import Stock, load_stock
from depth_pc_ros.errors import CheckpointError
from depth_pc_ros.perception.relative_depth import RelativeDepth

CONFIG = DepthTrainConfig(updates=4, batch_size=2, short_side=56, fine_share=0.25, warm_up=2)


@pytest.fixture
def make_run(tmp_path, monkeypatch):
    """A tiny run; its use resolution is small, too."""
    monkeypatch.setattr(run, "SHORT_SIDE", 70)
    full = load_stock(None, tmp_path / "cache", seed=0, pictures=4)
    stock = Stock(full.models[:1], full.pictures)

    def make(name="run", config=CONFIG, data="test", **options):
        return run.DepthTrainingRun(
            tmp_path / name, config, stock, stock, data, workers=0, validate_every=2, validation_images=2, **options
        )

    return make


def test_a_run_leaves_a_model_that_relative_depth_loads(make_run, tmp_path):
    assert make_run(facts={"commit": "abc"}).train()
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["update"] for row in rows] == [2, 4]
    assert json.loads((tmp_path / "run" / "model" / "training.json").read_text())["commit"] == "abc"
    RelativeDepth(str(tmp_path / "run" / "model"), short_side=70)
    assert (tmp_path / "run" / "model" / "model.safetensors").stat().st_size < 16e6


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


def test_another_configuration_or_other_data_is_refused(make_run):
    make_run(max_hours=0.0).train()
    with pytest.raises(CheckpointError, match="was made with updates 4, got 5"):
        make_run(config=DepthTrainConfig(updates=5, batch_size=2, short_side=56, warm_up=2))
    with pytest.raises(CheckpointError, match="was made with data 'test', got 'other'"):
        make_run(data="other")


def test_a_broken_checkpoint_is_named(make_run, tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "last.pt").write_bytes(b"nonsense")
    with pytest.raises(CheckpointError, match="cannot read"):
        make_run()
