import numpy as np
import pytest

from depth_pc_ros.errors import SceneError
from depth_pc_ros.sim.mesh import indexed, plain, read_collision, read_obj, read_picture
from depth_pc_ros.sim.models import MODEL_NAMES, model_mesh

QUAD = "v 0 0 0\nv 2 0 0\nv 2 1 0\nv 0 1 0\nvt 0 0\nvt 1 1\nvn 0 0 1\n"


def test_polygons_become_triangles_and_corners_vertices(tmp_path):
    path = tmp_path / "quad.obj"
    path.write_text(QUAD + "f 1/1/1 2/2/1 3/1/1 4/2/1\n")
    mesh = indexed(*read_obj(path), plain((1, 0, 0)))
    assert len(mesh.vertices) == 4
    assert mesh.vertices[mesh.faces].tolist() == [
        [[0, 0, 0], [2, 0, 0], [2, 1, 0]],
        [[0, 0, 0], [2, 1, 0], [0, 1, 0]],
    ]
    assert mesh.uvs[mesh.faces[0]].tolist() == [[0, 0], [1, 1], [0, 0]]
    assert np.array_equal(mesh.normals, np.tile([0, 0, 1], (4, 1)))


def test_faces_without_normals_are_flat(tmp_path):
    path = tmp_path / "roof.obj"
    path.write_text("v 0 0 0\nv 1 0 1\nv 1 1 1\nv 2 0 0\nf 1 2 3\nf 4 3 2\n")
    mesh = indexed(*read_obj(path), plain((1, 0, 0)))
    assert len(mesh.vertices) == 6
    root = np.sqrt(0.5)
    assert np.allclose(mesh.normals[mesh.faces[0]], [-root, 0, root])
    assert np.allclose(mesh.normals[mesh.faces[1]], [root, 0, root])


@pytest.mark.parametrize("unusable", ["nan nan nan", "0 nan 1", "0 0 0"])
def test_a_normal_that_is_none_counts_as_none(tmp_path, unusable):
    path = tmp_path / "a.obj"
    path.write_text(f"v 0 0 0\nv 1 0 0\nv 0 1 0\nvn 0 0.6 0.8\nvn {unusable}\nf 1//1 2//2 3//-1\n")
    mesh = indexed(*read_obj(path), plain([1, 1, 1]))
    assert np.allclose(mesh.normals[mesh.faces[0]], [[0, 0.6, 0.8], [0, 0, 1], [0, 0, 1]])


def test_every_ycb_mesh_is_read(ycb_root):
    paths = sorted(ycb_root.glob("*/textured.obj"))
    assert paths
    for path in paths:
        assert np.isfinite(indexed(*read_obj(path), plain([1, 1, 1])).normals).all()


def test_moved_rotates_then_translates(tmp_path):
    path = tmp_path / "quad.obj"
    path.write_text(QUAD + "f 1 2 3\n")
    mesh = indexed(*read_obj(path), plain((1, 0, 0))).moved([0, 0, 5], [0, 0, np.sqrt(0.5), np.sqrt(0.5)])
    assert np.allclose(mesh.vertices, [[0, 0, 5], [0, 2, 5], [-1, 2, 5]])


def test_unreadable_files_are_named(tmp_path):
    path = tmp_path / "broken.obj"
    path.write_text("v 0 zero 0\n")
    with pytest.raises(SceneError, match=r"broken\.obj"):
        read_obj(path)
    with pytest.raises(SceneError, match=r"missing\.jpg"):
        read_picture(tmp_path / "missing.jpg")


@pytest.mark.parametrize("name", MODEL_NAMES)
def test_models_are_where_pybullet_draws_them(name):
    """Depth of a model from above agrees with that of PyBullet's own loading."""
    from depth_pc_ros.geometry import se3
    from depth_pc_ros.geometry.camera import Intrinsics
    from depth_pc_ros.sim import models
    from depth_pc_ros.sim.bullet import BulletClient
    from depth_pc_ros.sim.light import FAR_M, NEAR_M, Light
    from depth_pc_ros.sim.tiny_renderer import TinyRenderer, projection_matrix, view_matrix

    k = Intrinsics(135.0, 135.0, 79.5, 59.5, 160, 120)
    T = se3.look_at(np.array([0.1, 0.2, 0.3]), np.zeros(3), np.array([0.0, 0.0, 1.0]))
    ours = TinyRenderer([model_mesh(name)], Light())
    _, depth_m = ours.render(T, k)
    ours.close()
    client = BulletClient()
    body = client.loadURDF(str(models._urdf(name)), globalScaling=models._MODELS[name][1])
    client.resetBasePositionAndOrientation(body, (0, 0, 0), (0, 0, 0, 1))
    matrices = [m.T.ravel().tolist() for m in (view_matrix(T), projection_matrix(k))]
    buffer = np.reshape(client.getCameraImage(160, 120, *matrices, renderer=client.ER_TINY_RENDERER)[3], (120, 160))
    client.close()
    expected = np.where(buffer < 1, FAR_M * NEAR_M / (FAR_M - buffer * (FAR_M - NEAR_M)), 0)
    assert (depth_m > 0).sum() > 50
    assert np.median(np.abs(depth_m - expected)[depth_m > 0]) < 1e-5
    assert (np.abs(depth_m - expected) > 1e-3).mean() < 1e-3


TRIANGLE = "v 0 0 0\nv 1 0 0\nv 0 1 0\n"


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (TRIANGLE + "f 1 2 4\n", "line 4: expected a corner of the 3 `v` above, got '4'"),
        (TRIANGLE + "f 1 2 0\n", "line 4: expected a corner of the 3 `v` above, got '0'"),
        (TRIANGLE + "f 1 2 -4\n", "line 4: expected a corner"),
        (TRIANGLE + "f 1 2 99999999999999999999\n", "line 4: expected a corner"),
        (TRIANGLE + "f 1 2 " + "9" * 5000 + "\n", "line 4: "),
        (TRIANGLE + "f 1/1 2/1 3/1\n", "line 4: expected a corner of the 0 `vt` above, got '1/1'"),
        (TRIANGLE + "f 1//7 2//7 3//7\n", "line 4: expected a corner of the 0 `vn` above"),
        (TRIANGLE + "f 1 2\n", "line 4: expected a face of 3 to 64 corners, got 2"),
        (TRIANGLE + "f\n", "line 4: expected a face"),
        (TRIANGLE + "f" + " 1" * 100 + "\n", "line 4: expected a face of 3 to 64 corners, got 100"),
        (TRIANGLE + "f a b c\n", "line 4: "),
        (TRIANGLE + "f 1/1/1/1 2 3\n", "line 4: expected a corner such as"),
        (TRIANGLE + "f /1 2 3\n", "line 4: expected a corner such as"),
        ("v 0 0 nan\n", "line 1: expected 3 numbers below 1e\\+06, got '0 0 nan'"),
        ("v 0 0 inf\n", "line 1: expected 3 numbers"),
        ("v 0 0 1e300\n", "line 1: expected 3 numbers"),
        ("v 0 0\n", "line 1: expected 3 numbers"),
        ("v 0 0 zero\n", "line 1: "),
        ("vt 0\n", "line 1: expected 2 numbers"),
        ("vn 0 1e9 0\n", "line 1: expected 3 numbers"),
        ("v 0 0 0\nv 0 0 0\nv 0 0 0\nf 1 2 3\n", "expected triangles with an area, got 1 without"),
        ("v 0 0 0\nv 1 0 0\nv 2 0 0\nf 1 2 3\n", "expected triangles with an area, got 1 without"),
        (TRIANGLE, "expected triangles with an area, got 0 without"),
        ("", "expected triangles with an area"),
    ],
)
def test_a_damaged_mesh_is_named_with_its_line(tmp_path, text, words):
    path = tmp_path / "bad.obj"
    path.write_text(text)
    with pytest.raises(SceneError, match=rf"^mesh: cannot read .*bad\.obj: {words}") as error:
        read_obj(path)
    assert "\n" not in str(error.value)
    with pytest.raises(SceneError, match=r"bad\.obj"):
        read_collision(path)


def test_corners_may_count_back_and_vertices_may_have_colours(tmp_path):
    path = tmp_path / "mesh.obj"
    path.write_text("v 0 0 0 1 0 0\nv 1 0 0 1 0 0\nv 0 1 0 1 0 0\nvt 0 1 0\nf -3/-1 -2 -1/1\n")
    vertices, uvs, _, corners = read_obj(path)
    assert vertices.shape == (3, 3)
    assert uvs.tolist() == [[0, 1]]
    assert corners.tolist() == [[[0, 0, -1], [1, -1, -1], [2, 0, -1]]]


def stl(corners) -> bytes:
    triangles = np.zeros(len(corners), np.dtype([("n", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")]))
    triangles["corners"] = corners
    return bytes(80) + len(corners).to_bytes(4, "little") + triangles.tobytes()


@pytest.mark.parametrize(
    ("name", "data", "words"),
    [
        ("a.stl", b"", "expected binary STL, got 0 bytes that name 0 triangles"),
        ("a.stl", b"solid x\nendsolid x\n", "expected binary STL"),
        ("a.stl", stl([np.eye(3)])[:-1], "expected binary STL, got 133 bytes that name 1 triangles"),
        ("a.stl", bytes(80) + b"\xff\xff\xff\xff", "that name 4294967295 triangles"),
        ("a.stl", stl([np.full((3, 3), np.nan)]), "expected corners below"),
        ("a.stl", stl([np.full((3, 3), 1e30)]), "expected corners below"),
        ("a.stl", stl([np.ones((3, 3))]), "not all in one point"),
        ("a.dae", b"<x/>", "expected .obj or .stl, got '.dae'"),
    ],
)
def test_a_damaged_collision_mesh_is_refused_before_pybullet_sees_it(tmp_path, name, data, words):
    (tmp_path / name).write_bytes(data)
    with pytest.raises(SceneError, match=f"^collision mesh: cannot read .*{words}"):
        read_collision(tmp_path / name)
    (tmp_path / "good.stl").write_bytes(stl([np.eye(3)]))
    read_collision(tmp_path / "good.stl")
