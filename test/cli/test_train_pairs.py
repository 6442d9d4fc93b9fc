"""The command line of `train_pairs`; the run behind it has its own tests."""

import cv2
import numpy as np
import pytest

from depth_pc_ros.cli import train_pairs
from depth_pc_ros.pair_training import run


@pytest.fixture
def photographs(tmp_path):
    (tmp_path / "photographs").mkdir()
    for k in range(2):
        cv2.imwrite(str(tmp_path / "photographs" / f"{k}.png"), np.full((30, 40, 3), 50 * k, np.uint8))
    return tmp_path / "photographs"


def test_help_teaches(capsys):
    with pytest.raises(SystemExit) as end:
        train_pairs.main(["--help"])
    assert end.value.code == 0
    text = capsys.readouterr().out
    for part in ("--network", "--photographs", "--max-hours", "tensorboard", "resumes", "siame_se3@", "exit code"):
        assert part in text


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (["--photographs", "nowhere"], "images: no such folder: nowhere"),
        (["--photographs", "EMPTY"], "images: expected files ending in .jpg, .jpeg, .png in"),
        (["--updates", "0"], "updates"),
        (["--closer-share", "2"], "closer_share"),
        (["--device", "cuda"], "device: 'cuda' is not there"),
    ],
)
def test_wrong_arguments_are_named_in_one_line(words, message, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("torch.cuda.is_available", lambda: False)
    (tmp_path / "EMPTY").mkdir()
    monkeypatch.chdir(tmp_path)
    assert train_pairs.main([*words, "--output", str(tmp_path / "out")]) == 1
    error = capsys.readouterr().err
    assert message in error
    assert error.count("\n") == 1


def test_a_foreign_checkpoint_is_named_in_one_line(photographs, tmp_path, capsys):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "last.pt").write_bytes(b"nonsense")
    words = ["--photographs", str(photographs), "--drawn", "0", "--output", str(tmp_path / "out")]
    assert train_pairs.main(words) == 1
    error = capsys.readouterr().err
    assert "train_pairs: checkpoint: cannot read" in error
    assert error.count("\n") == 1


def test_a_run_is_made_of_the_arguments(photographs, tmp_path, monkeypatch):
    made = {}

    class Run:
        def __init__(self, folder, config, photographs, **options):
            made.update(folder=folder, config=config, photographs=photographs, **options)

        def train(self):
            return False

    monkeypatch.setattr(run, "PairTrainingRun", Run)
    words = ["--output", str(tmp_path), "--network", "siame_se3", "--updates", "7", "--max-hours", "0.5"]
    words += ["--photographs", str(photographs), "--drawn", "2", "--threads", "1"]
    assert train_pairs.main(words) == 3
    assert (made["config"].network, made["config"].updates, made["max_hours"]) == ("siame_se3", 7, 0.5)
    assert (made["photographs"], made["config"].drawn) == (photographs, 2)
    assert made["facts"]["command"].startswith("python -m depth_pc_ros.cli.train_pairs --output")
