import os

import numpy as np
import pytest

from depth_pc_ros.errors import SceneError
from depth_pc_ros.training.clouds import load_clouds, read_triangles, sample_surface, voxel_downsample
from depth_pc_ros.training.primitives import box

CUBE = """
v 0 0 0\nv 0.1 0 0\nv 0.1 0.1 0\nv 0 0.1 0\nv 0 0 0.1\nv 0.1 0 0.1\nv 0.1 0.1 0.1\nv 0 0.1 0.1
f 1 2 3 4\nf 5 6 7 8\nf 1 2 6 5\nf 2 3 7 6\nf 3 4 8 7\nf 4 1 5 8
"""


@pytest.fixture
def mesh_folder(tmp_path):
    for name in ("first", "deeper/second"):
        path = tmp_path / "meshes" / f"{name}.obj"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(CUBE)
    return tmp_path / "meshes"


def test_samples_are_even_over_the_area():
    points = sample_surface(np.random.default_rng(0), box((0.1, 0.1, 0.3)), 20000)
    side = np.isclose(np.abs(points[:, :2]), 0.05).any(axis=1)
    assert side.mean() == pytest.approx(0.12 / 0.14, abs=0.01)
    assert np.isclose(np.abs(points), (0.05, 0.05, 0.15)).any(axis=1).all()
    on_side = points[side, 2]
    assert np.histogram(on_side, 5)[0] == pytest.approx(len(on_side) / 5, rel=0.06)


def test_one_point_is_left_per_voxel_and_it_is_one_of_those_given():
    points = np.random.default_rng(0).uniform(-0.05, 0.05, (5000, 3))
    kept = voxel_downsample(points, 0.02)
    cells = np.floor(kept / 0.02)
    assert len(kept) == len(np.unique(cells, axis=0)) == len(np.unique(np.floor(points / 0.02), axis=0))
    assert set(map(tuple, kept)) <= set(map(tuple, points))


def test_the_point_nearest_to_the_voxels_mean_is_left():
    points = np.array([[0.001, 0, 0], [0.004, 0, 0], [0.009, 0, 0], [0.011, 0, 0]])
    assert np.array_equal(voxel_downsample(points, 0.01), [[0.004, 0, 0], [0.011, 0, 0]])


def test_primitives_are_centred_and_reproducible(clouds):
    again = load_clouds()
    assert len(clouds) == 21
    for cloud, same in zip(clouds, again):
        assert np.array_equal(cloud.points, same.points)
        assert cloud.points.dtype == np.float32
        assert np.abs(cloud.points.mean(axis=0)).max() < 1e-6
    assert not np.array_equal(clouds[0].points, load_clouds(seed=1)[0].points)


def test_meshes_of_a_folder_and_objects_held_out(mesh_folder):
    both = load_clouds(mesh_folder, points=2000)
    assert [cloud.name for cloud in both] == ["deeper/second", "first"]
    (one,) = load_clouds(mesh_folder, points=2000, exclude=("deeper/second",))
    assert np.array_equal(one.points, both[1].points)
    assert np.ptp(one.points, axis=0) == pytest.approx(0.1, abs=1e-6)


def test_ycb_objects_have_their_size(ycb_root):
    others = [path.name for path in ycb_root.iterdir() if path.is_dir() and path.name != "004_sugar_box"]
    (sugar,) = load_clouds(ycb_root, exclude=others)
    assert np.sort(np.ptp(sugar.points, axis=0)) == pytest.approx([0.047, 0.093, 0.177], abs=0.006)
    assert 1500 < len(sugar.points) < 3000


def test_cache_is_used_until_the_mesh_changes(mesh_folder, tmp_path):
    first = load_clouds(mesh_folder, tmp_path / "cache", points=500)
    files = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.npz")}
    assert len(files) == 2
    again = load_clouds(mesh_folder, tmp_path / "cache", points=500)
    assert all(np.array_equal(a.points, b.points) for a, b in zip(first, again))
    assert {path: path.stat().st_mtime_ns for path in files} == files
    load_clouds(mesh_folder, tmp_path / "cache", points=500, voxel_m=0.01)
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == 4
    os.utime(mesh_folder / "first.obj", (1, 1))
    load_clouds(mesh_folder, tmp_path / "cache", points=500)
    assert len(list((tmp_path / "cache").rglob("*.npz"))) == 5


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("v 0 0 0\n", "expected triangles with an area, got 0"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf 1 2 4\n", "line 4: expected a corner of the 3 `v` above, got '4'"),
        ("v 0 0 0\nv 1 0 0\nv 0 1 0\nf -1 -2 -4\n", "line 4: expected a corner of the 3 `v` above, got '-4'"),
        ("v 0 0 zero\nf 1 1 1\n", "cannot read"),
        (CUBE.replace("0.1", "100"), "got 100 m"),
    ],
)
def test_bad_meshes_are_named(tmp_path, text, message):
    (tmp_path / "bad.obj").write_text(text)
    with pytest.raises(SceneError, match=rf"bad\.obj.*{message}|{message}.*bad\.obj"):
        read_triangles(tmp_path / "bad.obj")


def test_bad_arguments_are_named(mesh_folder, tmp_path):
    with pytest.raises(SceneError, match=r"source.*no such folder.*nowhere"):
        load_clouds(tmp_path / "nowhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(SceneError, match=r"source.*empty, found none"):
        load_clouds(tmp_path / "empty")
    with pytest.raises(SceneError, match=r"exclude.*deeper/second, first, got third"):
        load_clouds(mesh_folder, exclude=("third",))
    with pytest.raises(SceneError, match=r"exclude.*got all"):
        load_clouds(mesh_folder, exclude=("first", "deeper/second"))
    with pytest.raises(SceneError, match=r"voxel_m.*0"):
        load_clouds(voxel_m=0.0)
    (tmp_path / "file").write_text("")
    with pytest.raises(SceneError, match="cache_dir"):
        load_clouds(mesh_folder, tmp_path / "file")


@pytest.mark.parametrize("damage", ["truncated", "empty", "rubbish", "other arrays", "other shape", "not finite"])
def test_a_damaged_cloud_is_sampled_anew(mesh_folder, tmp_path, damage):
    first = load_clouds(mesh_folder, tmp_path, points=500)
    path = sorted((tmp_path / "clouds").iterdir())[0]
    whole = path.read_bytes()
    damaged = {"truncated": whole[:-40], "empty": b"", "rubbish": b"rubbish"}
    if damage in damaged:
        path.write_bytes(damaged[damage])
    else:
        arrays = {
            "other arrays": {"cloud": np.zeros((4, 3), np.float32)},
            "other shape": {"points": np.zeros(4, np.float32)},
            "not finite": {"points": np.full((4, 3), np.nan, np.float32)},
        }
        np.savez(path, **arrays[damage])
    again = load_clouds(mesh_folder, tmp_path, points=500)
    assert all(np.array_equal(a.points, b.points) for a, b in zip(first, again, strict=True))
    assert path.stat().st_size == len(whole)
