"""The verdict of scripts/soak.py over a long time."""

import runpy
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

SOAK = Path(__file__).parents[2] / "scripts/soak.py"


@pytest.mark.parametrize(
    ("mb_per_hour", "files", "flat"), [(0.0, 0, True), (5.0, 0, True), (30.0, 0, False), (0.0, 10, False)]
)
def test_what_grows_after_the_warm_up_is_named(mb_per_hour, files, flat):
    times_s = np.arange(0.0, 3600.0, 5.0)
    noise = np.random.default_rng(0).normal(0, 0.5, len(times_s))
    memory = 150.0 - 40.0 * (times_s < 600.0) + mb_per_hour * times_s / 3600.0 + noise
    samples = [(t, mb, 25 + int(files * t / 3600.0), 16) for t, mb in zip(times_s, memory)]
    assert runpy.run_path(str(SOAK))["verdict"](samples, 600.0)[1] is flat
