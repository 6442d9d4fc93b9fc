"""Models of one's own in the place of the YCB objects: damaged ones are named, damaged caches are made anew."""

import cv2
import numpy as np
import pytest

from depth_pc_ros.errors import SceneError
from depth_pc_ros.sim.bullet import BulletClient
from depth_pc_ros.sim.settle import add_collision
from depth_pc_ros.sim.ycb import light_copy, read_model

CUBE = "".join(f"v {x} {y} {z}\n" for x in (0, 0.1) for y in (0, 0.1) for z in (0, 0.1)) + "vt 0 0\nvt 1 0\nvt 1 1\n"
CUBE += "".join(f"f {a}/1 {b}/2 {c}/3 {d}/1\n" for a, b, c, d in
                [(1, 2, 4, 3), (5, 7, 8, 6), (1, 5, 6, 2), (3, 4, 8, 7), (1, 3, 7, 5), (2, 6, 8, 4)])  # fmt: skip
URDF = """<robot name="x"><link name="base_link">
<visual><origin xyz="0.1 0 0.2"/><geometry><mesh filename="textured.obj"/></geometry></visual>
<collision><geometry><mesh filename="collision.obj"/></geometry></collision>
<inertial><mass value="0.2"/></inertial></link></robot>"""


@pytest.fixture
def folder(tmp_path):
    """A folder of one model, `cube`."""
    model = tmp_path / "models" / "cube"
    model.mkdir(parents=True)
    for name in ("textured.obj", "collision.obj"):
        (model / name).write_text(CUBE)
    (model / "model.urdf").write_text(URDF)
    picture = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)
    cv2.imwrite(str(model / "texture_map.jpg"), picture)
    (tmp_path / "models" / "secret.obj").write_text(CUBE)
    return tmp_path / "models"


def test_a_whole_model_is_read(folder):
    model = read_model(folder, "cube")
    assert (model.origin_m, model.mass_kg) == ((0.1, 0.0, 0.2), 0.2)
    client = BulletClient()
    add_collision(client, "ycb/cube", None, folder)
    client.close()


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        (URDF, "", "expected XML"),
        (URDF, URDF[:100], "expected XML"),
        (URDF, "<robot/>", "expected value in link/inertial/mass, found none"),
        ('<mesh filename="textured.obj"/>', "", "expected filename in link/visual/geometry/mesh, found none"),
        ('<mesh filename="collision.obj"/>', "<box/>", "expected filename in link/collision/geometry/mesh"),
        ("textured.obj", "../secret.obj", r"link/visual/geometry/mesh: expected a file in its folder, got '../secret"),
        ("collision.obj", "/etc/passwd", "link/collision/geometry/mesh: expected a file in its folder"),
        ("textured.obj", "none.obj", "expected a file in its folder, got 'none.obj'"),
        ("textured.obj", "", "expected a file in its folder, got ''"),
        (' xyz="0.1 0 0.2"', "", "expected xyz in link/visual/origin, found none"),
        ("0.1 0 0.2", "0.1 0", "link/visual/origin: expected 3 numbers below 1000 as xyz, got '0.1 0'"),
        ("0.1 0 0.2", "0 0 nan", "expected 3 numbers below 1000 as xyz, got '0 0 nan'"),
        ("0.1 0 0.2", "0 0 1e9", "expected 3 numbers"),
        ("0.1 0 0.2", "a b c", "expected 3 numbers"),
        ('value="0.2"', 'value="-1"', "link/inertial/mass: expected kg > 0, got -1"),
        ('value="0.2"', 'value="inf"', "link/inertial/mass: expected 1 numbers"),
        ('value="0.2"', "", "expected value in link/inertial/mass"),
        ("<robot", '<!DOCTYPE robot [<!ENTITY a "x">]><robot', "a document type is not supported"),
        ("<robot", '<!DOCTYPE robot SYSTEM "file:///etc/passwd"><robot', "a document type is not supported"),
        ("<robot", '<?xml version="1.0" encoding="none"?><robot', "expected XML"),
    ],
)
def test_a_damaged_description_is_named_in_one_line(folder, old, new, words):
    path = folder / "cube" / "model.urdf"
    path.write_text(URDF.replace(old, new))
    with pytest.raises(SceneError, match=rf"^ycb_root: cannot read .*model\.urdf: .*{words}") as error:
        read_model(folder, "cube")
    assert "\n" not in str(error.value)


def test_a_damaged_mesh_or_texture_is_named(folder, tmp_path):
    path = folder / "cube" / "texture_map.jpg"
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(SceneError, match=r"texture: cannot read .*texture_map\.jpg: not a whole image"):
        light_copy(read_model(folder, "cube"), tmp_path / "cache")
    path.write_bytes(whole)
    (folder / "cube" / "textured.obj").write_text(CUBE.replace("/1", ""))
    with pytest.raises(SceneError, match="expected textured triangles in"):
        light_copy(read_model(folder, "cube"), tmp_path / "cache")
    (folder / "cube" / "collision.obj").write_text("v 0 0 0\nf 1 2 3\n")
    client = BulletClient()
    with pytest.raises(SceneError, match=r"collision\.obj: line 2"):
        add_collision(client, "ycb/cube", None, folder)
    client.close()


def truncated(path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def emptied(path) -> None:
    path.write_bytes(b"")


def overwritten(path) -> None:
    path.write_bytes(b"rubbish")


def of_other_arrays(path) -> None:
    with open(path, "wb") as file:
        np.savez(file, vertices=np.zeros(3))


def of_wrong_faces(path) -> None:
    with open(path, "wb") as file:
        ones = np.ones((3, 3), np.float32)
        np.savez(file, vertices=ones, normals=ones, uvs=ones[:, :2], faces=np.array([[0, 1, 99]], np.int32))


def of_no_numbers(path) -> None:
    with open(path, "wb") as file:
        lost = np.full((3, 3), np.nan, np.float32)
        np.savez(file, vertices=lost, normals=lost, uvs=lost[:, :2], faces=np.array([[0, 1, 2]], np.int32))


@pytest.mark.parametrize(
    ("file", "damage"),
    [("texture.jpg", truncated), ("texture.jpg", emptied), ("texture.jpg", overwritten), ("mesh.npz", truncated),
     ("mesh.npz", emptied), ("mesh.npz", overwritten), ("mesh.npz", of_other_arrays), ("mesh.npz", of_wrong_faces),
     ("mesh.npz", of_no_numbers)],
)  # fmt: skip
def test_a_damaged_light_copy_is_made_anew(folder, tmp_path, file, damage):
    model = read_model(folder, "cube")
    first = light_copy(model, tmp_path / "cache")
    (path,) = (tmp_path / "cache").rglob(file)
    before = path.read_bytes()
    damage(path)
    again = light_copy(model, tmp_path / "cache")
    assert np.array_equal(again.vertices, first.vertices)
    assert np.array_equal(again.picture, first.picture)
    assert np.array_equal(again.faces, first.faces)
    if file == "texture.jpg":
        assert path.read_bytes() == before
