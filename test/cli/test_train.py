import json

import pytest

from depth_pc_ros.cli.train import main
from depth_pc_ros.networks.checkpoint import load_policy

TINY = [
    "--width", "8", "--context-blocks", "1", "--batch-size", "2", "--frames", "1", "--segments", "2",
    "--placements", "1", "--workers", "0", "--threads", "1", "--validation-scenes", "2",
]  # fmt: skip


def test_a_run_stops_goes_on_and_leaves_a_policy(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    words = [*TINY, "--updates", "4", "--output", str(tmp_path / "run")]
    assert main([*words, "--max-hours", "1e-9"]) == 3
    assert load_policy(tmp_path / "run" / "policy")[2]["training"]["validation"] == {"update": 0}
    assert main(words) == 0
    name, _, header = load_policy(tmp_path / "run" / "policy")
    assert name == "depth_pc_geo"
    assert header["training"]["config"]["updates"] == 4
    assert "--updates 4" in header["training"]["command"]
    rows = [json.loads(line) for line in (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()]
    assert [row["update"] for row in rows] == [4]
    assert 0 <= rows[0]["success_0.05"] <= 1
    assert list((tmp_path / "run" / "log").glob("events*"))
    assert main(words) == 0  # nothing is left to do


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--ycb-root", "/nowhere"], "/nowhere"),
        (["--meshes", "/nowhere"], "/nowhere"),
        (["--learning-rate", "1"], "learning_rate: expected a value in"),
        (["--device", "cuda:7"], "device: 'cuda:7'"),
    ],
)
def test_bad_arguments_are_named(words, message, tmp_path, capsys):
    assert main([*TINY, "--output", str(tmp_path), *words]) == 1
    assert message in capsys.readouterr().err


def test_a_run_of_another_configuration_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    assert main([*TINY, "--updates", "4", "--output", str(tmp_path), "--max-hours", "1e-9"]) == 3
    assert main([*TINY, "--updates", "5", "--output", str(tmp_path)]) == 1
    assert "made with updates 4, got 5" in capsys.readouterr().err
