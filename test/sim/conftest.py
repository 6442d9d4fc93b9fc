"""Renderers and YCB meshes, where this machine has them."""

import os
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
def ycb_root() -> Path:
    root = Path(os.environ.get("DEPTH_PC_YCB_ROOT") or Path(__file__).resolve().parents[2].parent / "shared" / "ycb")
    if not root.is_dir():
        pytest.skip(f"no YCB meshes: {root} is missing (set DEPTH_PC_YCB_ROOT)")
    return root


@pytest.fixture(scope="session")
def mesh_cache(tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp("mesh_cache")
