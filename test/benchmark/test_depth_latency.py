import numpy as np
import pytest

from depth_pc_ros.benchmark import depth_latency
from depth_pc_ros.errors import CheckpointError, ConfigError


def test_the_servo_is_timed_alone_and_beside_depth(tiny_depth_model):
    results = depth_latency.measure_depth([str(tiny_depth_model)], frames=8, seed=0)
    assert list(results) == ["", str(tiny_depth_model)]
    assert all(0 < values["step_ms"]["median"] <= values["step_ms"]["p95"] for values in results.values())
    assert results[str(tiny_depth_model)]["rate_hz"] > 0


def test_a_process_that_dies_is_named_at_once(tiny_depth_model):
    estimating = depth_latency._Estimating(str(tiny_depth_model), [np.zeros((90, 120, 3), np.uint8)])
    with pytest.raises(CheckpointError, match="ended"), estimating:
        estimating._process.kill()
    assert not estimating._process.is_alive()


def test_report_compares_rate_and_step_time_with_their_targets():
    def values(p95, rate_hz):
        return {"step_ms": {"median": 10.0, "p95": p95}, "rate_hz": rate_hz}

    results = {"": {"step_ms": {"median": 10.0, "p95": 20.0}}}
    results |= {"depth_anything_tiny": values(22.0, 9.0), "random_small": values(30.0, 1.0), "mine": values(20.0, 0.1)}
    rows = depth_latency.report(results).splitlines()[2:]
    assert rows[0].endswith("step p95 at most 1.2 x: met, at least 8 Hz: met")
    assert rows[1].endswith("step p95 at most 1.2 x: MISSED, at least 2 Hz: MISSED")
    assert rows[2].endswith("step p95 at most 1.2 x: met")


def test_no_model_and_one_that_is_not_there_are_refused_at_once(tmp_path, monkeypatch):
    monkeypatch.setattr(depth_latency, "_record", None)
    with pytest.raises(ConfigError, match="models"):
        depth_latency.measure_depth([], 8, 0)
    with pytest.raises(CheckpointError, match="depth model"):
        depth_latency.measure_depth([str(tmp_path / "none")], 8, 0)
