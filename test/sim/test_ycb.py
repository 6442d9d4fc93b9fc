import numpy as np
import pytest

from depth_pc_ros.errors import SceneError
from depth_pc_ros.sim import ycb
from depth_pc_ros.sim.mesh import read_obj


def test_light_copy_keeps_size_and_place_and_is_made_once(ycb_root, tmp_path):
    model = ycb.read_model(ycb_root, "003_cracker_box")
    mesh = ycb.light_copy(model, tmp_path)
    original, _, _, original_faces = read_obj(model.mesh)
    assert len(mesh.faces) < 0.4 * len(original_faces)
    assert np.abs(mesh.vertices.min(axis=0) - (original + model.origin_m).min(axis=0)).max() < 1e-3
    assert np.abs(mesh.vertices.max(axis=0) - (original + model.origin_m).max(axis=0)).max() < 1e-3
    assert np.allclose(np.linalg.norm(mesh.normals, axis=1), 1, atol=1e-5)
    assert max(mesh.picture.shape) <= 1024
    files = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")}
    again = ycb.light_copy(model, tmp_path)
    assert np.array_equal(again.vertices, mesh.vertices)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.*")} == files


def test_cache_that_cannot_be_written_is_named(ycb_root, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SceneError, match="cache_dir"):
        ycb.light_copy(ycb.read_model(ycb_root, "011_banana"), tmp_path / "file")
