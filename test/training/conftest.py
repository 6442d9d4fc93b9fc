"""Clouds of the built-in primitives."""

import pytest

from depth_pc_ros.training.clouds import Cloud, load_clouds


@pytest.fixture(scope="session")
def clouds() -> list[Cloud]:
    return load_clouds()
