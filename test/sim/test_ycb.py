import time

import numpy as np
import pytest

from depth_pc_ros.errors import SceneError
from depth_pc_ros.sim import ycb


def test_light_copy_keeps_size_and_place_and_is_made_once(ycb_root, tmp_path):
    model = ycb.read_model(ycb_root, "003_cracker_box")
    mesh = ycb.light_copy(model, tmp_path)
    vertices, _, faces, _ = ycb._read_obj(mesh)
    original, _, original_faces, _ = ycb._read_obj(model.mesh)
    assert len(faces) < 0.4 * len(original_faces)
    assert np.abs(vertices.min(axis=0) - (original + model.origin_m).min(axis=0)).max() < 1e-3
    assert np.abs(vertices.max(axis=0) - (original + model.origin_m).max(axis=0)).max() < 1e-3
    started = time.perf_counter()
    assert ycb.light_copy(model, tmp_path) == mesh
    assert time.perf_counter() - started < 0.05


def test_cache_that_cannot_be_written_is_named(ycb_root, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SceneError, match="cache_dir"):
        ycb.light_copy(ycb.read_model(ycb_root, "011_banana"), tmp_path / "file")
