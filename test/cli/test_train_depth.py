"""The command line of `train_depth`; the run behind it has its own tests."""

import pytest

from depth_pc_ros.cli import train_depth
from depth_pc_ros.depth_training import run


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as end:
        train_depth.main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for part in ("--ycb-root", "--max-hours", "tensorboard", "resumes", "exit code"):
        assert part in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--exclude", "025_mug"], "exclude: expected names of objects in --ycb-root, got 025_mug"),
        (["--ycb-root", "nowhere"], "ycb_root: no such folder: nowhere"),
        (["--updates", "0"], "updates"),
        (["--device", "cuda"], "device: 'cuda' is not there"),
    ],
)
def test_wrong_arguments_are_named(words, message, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    assert train_depth.main([*words, "--output", str(tmp_path)]) == 1
    assert message in capsys.readouterr().err


def test_a_run_is_made_of_the_arguments(tmp_path, monkeypatch):
    made = {}

    class Run:
        def __init__(self, folder, config, stock, held_out, data, **options):
            made.update(folder=folder, config=config, stock=stock, held_out=held_out, data=data, **options)

        def train(self):
            return False

    monkeypatch.setattr(run, "DepthTrainingRun", Run)
    assert train_depth.main(["--output", str(tmp_path), "--updates", "7", "--max-hours", "0.5", "--threads", "1"]) == 3
    assert made["config"].updates == 7
    assert made["max_hours"] == 0.5
    assert made["data"] == "pybullet"
    assert made["facts"]["command"].startswith("python -m depth_pc_ros.cli.train_depth --output")
    assert len(made["stock"].models) == len(made["held_out"].models) == 6
    assert (made["stock"].pictures[0] != made["held_out"].pictures[0]).any()
