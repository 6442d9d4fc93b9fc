"""The latency of learned laws is measured and reported for every model."""

import pytest
import torch

from depth_pc_ros.benchmark import policy_latency
from depth_pc_ros.errors import CheckpointError, ConfigError
from depth_pc_ros.networks.checkpoint import make_policy, save_policy
from depth_pc_ros.networks.encoder import EncoderConfig


@pytest.fixture
def models(tmp_path):
    torch.manual_seed(0)
    for name in ("depth_pc", "depth_pc_geo"):
        save_policy(tmp_path / name, name, make_policy(name, EncoderConfig(width=16)), {})
    return [str(tmp_path / name) for name in ("depth_pc", "depth_pc_geo")]


def test_every_stage_of_every_model_is_timed_and_reported(models):
    results = policy_latency.measure_policies(models, matches=40, frames=2, seed=0)
    assert list(results) == [*models, "akaze"]
    for model in models:
        assert list(results[model]) == ["graph", "network", "control"]
        assert all(0 < values["median"] <= values["p95"] for values in results[model].values())
    text = policy_latency.report(results, 40)
    assert text.count("whole control step") == text.count("at most 8 ms") == 2
    assert "bare cv2.AKAZE" in text


def test_the_camera_sees_the_given_number_of_matches_and_comes_nearer():
    seen = list(policy_latency._drive(30, 4, 0))
    assert all(each.matched.sum() == 30 and len(each.goal) == 1500 for each in seen)
    moved = [abs(each.current - each.goal).mean() for each in seen]
    assert moved == sorted(moved, reverse=True)


def test_no_model_and_an_unknown_one_are_refused():
    with pytest.raises(ConfigError, match="models"):
        policy_latency.measure_policies([], 40, 1, 0)
    with pytest.raises(CheckpointError, match="no_such_model"):
        policy_latency.measure_policies(["no_such_model"], 40, 1, 0)
