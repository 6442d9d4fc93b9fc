"""Renderers, where this machine has them."""

from pathlib import Path

import pytest

from depth_pc_ros.sim.gl_renderer import egl_works


@pytest.fixture
def egl() -> str:
    if not egl_works():
        pytest.skip("EGL does not start here (Debian/Ubuntu: libegl1 libgl1-mesa-dri)")
    return "egl"


@pytest.fixture(params=["tiny", "egl"])
def renderer(request) -> str:
    return request.getfixturevalue("egl") if request.param == "egl" else "tiny"


@pytest.fixture(scope="session")
def mesh_cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("mesh_cache")
