"""The latency benchmark measures what it says, and reports it."""

import json

import numpy as np
import pytest

from depth_pc_ros.benchmark import __main__ as benchmark
from depth_pc_ros.benchmark import latency

STAGES = ("detect", "match", "control")


class CopyingStages:
    """Messages without ROS: an image is sent as its bytes."""

    def __init__(self):
        self.published = 0

    def encode(self, image, stamp_s):
        return image.shape, image.tobytes()

    def decode(self, message):
        shape, data = message
        return np.frombuffer(data, np.uint8).reshape(shape)

    def publish(self, num_keypoints, result, stamp_s):
        assert num_keypoints > 0
        assert result.num_matches > 0
        self.published += 1


@pytest.fixture(scope="module")
def results():
    return latency.measure_steps(frames=5, seed=0, messages=None)


def test_stages_add_up_to_the_whole_step(results):
    assert set(results["stages_ms"]) == set(STAGES)
    total = sum(results["stages_ms"][name]["median"] for name in STAGES)
    assert total == pytest.approx(results["step_ms"]["median"], rel=0.5)
    for values in (*results["stages_ms"].values(), results["step_ms"], results["akaze_ms"]):
        assert 0 < values["median"] <= values["p95"]


def test_a_step_costs_more_than_bare_akaze_where_every_image_is_detected_and_less_where_matches_are_followed(results):
    # A test next to other work only detects gross errors.
    detecting = latency.measure_steps(frames=5, seed=0, messages=None, track=False)
    assert 1.0 < detecting["ratio"] < 3.0
    assert results["ratio"] < 0.7 * detecting["ratio"]


def test_message_stages_are_timed_for_every_frame():
    messages = CopyingStages()
    results = latency.measure_steps(frames=2, seed=0, messages=messages)
    assert list(results["stages_ms"]) == ["decode", *STAGES, "publish"]
    assert messages.published == 2 + latency.WARM_UP


def test_summary():
    assert latency.summary(range(101)) == {"median": 50.0, "p95": 95.0}


def test_report_names_every_stage_and_what_was_not_measured(results):
    lines = latency.report(results).splitlines()
    assert [line.split()[0] for line in lines[1:6]] == ["decode", "detect", "match", "control", "publish"]
    assert next(line for line in lines if line.startswith("publish")).endswith("not measured")
    assert "target at most 1.5" in lines[-1]


def test_report_compares_with_both_targets():
    ten = {"median": 10.0, "p95": 12.0}
    results = {
        "stages_ms": {}, "step_ms": ten, "akaze_ms": ten, "sift_ms": ten, "ratio": 1.0, "p95_ratio": 1.0,
        "transport_ms": ten,
    }  # fmt: skip
    *_, median, p95, _ = latency.report(results).splitlines()
    assert median.endswith("0.25: MISSED")
    assert p95.endswith("1.5: met")
    assert latency.report(results).splitlines()[-1] == "image transport: 10.00 ms, target at most 5 ms: MISSED"


@pytest.mark.parametrize("words", [["latency", "--frames", "0"], ["latency", "--frames", "x"], [], ["speed"]])
def test_bad_arguments_are_refused(words, capsys):
    with pytest.raises(SystemExit) as end:
        benchmark.main(words)
    assert end.value.code == 2
    assert capsys.readouterr().err


def test_json_holds_the_numbers(tmp_path, monkeypatch, results, capsys):
    monkeypatch.setattr(latency, "measure_steps", lambda *_, **__: dict(results))
    monkeypatch.setattr(latency, "use_two_cores", lambda: None)
    monkeypatch.setattr(benchmark.importlib.util, "find_spec", lambda _: None)
    path = tmp_path / "made" / "latency.json"
    assert benchmark.main(["latency", "--output", str(path)]) == 0
    assert json.loads(path.read_text()) == results
    printed = capsys.readouterr()
    assert "bare cv2.AKAZE" in printed.out
    assert "not measured" in printed.err
