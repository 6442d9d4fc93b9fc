import dataclasses
import json

import numpy as np
import pytest

from depth_pc_ros.errors import SceneError
from depth_pc_ros.sim.assets import scene_meshes
from depth_pc_ros.sim.scenes import RADIUS_M, Body, Scene, make_scene
from depth_pc_ros.sim.settle import settle


@pytest.fixture(scope="module")
def scene():
    return make_scene("default", 0)


def test_a_seed_names_one_scene(scene):
    assert make_scene("default", 0) == scene
    assert make_scene("default", 1) != scene


def test_default_scene_lies_on_the_table_inside_the_cylinder(scene):
    assert len(scene.bodies) == 12
    positions = np.array([body.position_m for body in scene.bodies])
    assert (np.hypot(positions[:, 0], positions[:, 1]) < RADIUS_M).all()
    assert (positions[:, 2] > 0.0).all()
    assert (positions[:, 2] < 0.2).all()


def test_scene_survives_json(scene):
    assert json.loads(json.dumps(dataclasses.asdict(scene)))["bodies"][0]["position_m"] == list(
        scene.bodies[0].position_m
    )


def test_box_settles_flat_on_the_table():
    (body,) = settle([Body("package", (0.0, 0.0, 0.1), (0.0, 0.0, 0.0, 1.0), (0.1, 0.06, 0.04))], None, RADIUS_M)
    assert body.position_m[2] == pytest.approx(0.02, abs=1e-3)
    assert np.linalg.norm(body.position_m[:2]) < 1e-3


def test_printed_scene_settles_in_pybullet_too():
    scene = make_scene("printed", 0)
    assert sorted(body.asset for body in scene.bodies) == ["can"] * 5 + ["package"] * 7
    positions = np.array([body.position_m for body in scene.bodies])
    assert (np.hypot(positions[:, 0], positions[:, 1]) < RADIUS_M).all()
    assert (positions[:, 2] > 0.01).all()


@pytest.mark.parametrize(("asset", "volume_m3"), [("package", 0.06 * 0.06 * 0.1), ("can", np.pi * 0.03**2 * 0.1)])
def test_what_is_printed_is_closed_and_faces_outwards(tmp_path, asset, volume_m3):
    body = Body(asset, (0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), (0.06, 0.06, 0.1))
    mesh, _ = scene_meshes(Scene("printed", 0, (body,), "wood", 0), None, tmp_path)
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    outward = np.cross(b - a, c - a)
    assert (a * outward).sum() / 6 == pytest.approx(volume_m3, rel=0.005)
    assert ((outward * mesh.normals[mesh.faces[:, 0]]).sum(axis=1) > 0).all()
    assert ((mesh.uvs >= 0) & (mesh.uvs <= 1)).all()


def test_unknown_kind_is_refused():
    with pytest.raises(SceneError, match=r"scene.*'moon'"):
        make_scene("moon", 0)


def test_ycb_without_a_folder_is_refused(tmp_path):
    with pytest.raises(SceneError, match="got None"):
        make_scene("ycb", 0)
    with pytest.raises(SceneError, match="no/such/folder"):
        make_scene("ycb", 0, "/no/such/folder")
    with pytest.raises(SceneError, match=str(tmp_path)):
        make_scene("ycb", 0, tmp_path)


def test_broken_urdf_is_named(tmp_path):
    (tmp_path / "broken").mkdir()
    (tmp_path / "broken" / "model.urdf").write_text("<robot><link/></robot>")
    with pytest.raises(SceneError, match=r"broken/model\.urdf"):
        make_scene("ycb", 0, tmp_path)


def test_ycb_scene_settles_on_the_table(ycb_root):
    scene = make_scene("ycb", 3, ycb_root)
    assert make_scene("ycb", 3, ycb_root) == scene
    assert 8 <= len(scene.bodies) <= 12
    assert len({body.asset for body in scene.bodies}) == len(scene.bodies)
    positions = np.array([body.position_m for body in scene.bodies])
    assert (np.hypot(positions[:, 0], positions[:, 1]) < 1.2 * RADIUS_M).all()
    assert (positions[:, 2] > 0.0).all()
    assert (positions[:, 2] < 0.3).all()
