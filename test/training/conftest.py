"""Clouds of the built-in primitives, and the YCB meshes where this machine has them."""

import os
from pathlib import Path

import pytest

from depth_pc_ros.training.clouds import Cloud, load_clouds


@pytest.fixture(scope="session")
def clouds() -> list[Cloud]:
    return load_clouds()


@pytest.fixture(scope="session")
def ycb_root() -> Path:
    root = Path(os.environ.get("DEPTH_PC_YCB_ROOT") or Path(__file__).resolve().parents[2].parent / "shared" / "ycb")
    if not root.is_dir():
        pytest.skip(f"no YCB meshes: {root} is missing (set DEPTH_PC_YCB_ROOT)")
    return root
