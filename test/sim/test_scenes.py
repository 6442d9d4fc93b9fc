import dataclasses
import json

import numpy as np
import pytest

from depth_pc_ros.errors import SceneError
from depth_pc_ros.sim.scenes import RADIUS_M, Body, make_scene
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
