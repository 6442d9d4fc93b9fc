"""Damaged files of episodes: each is refused with one line that names file, place, what was expected and what came."""

import copy
import json
import os

import numpy as np
import pytest

from depth_pc_ros.benchmark.episodes import Episode, EpisodeSource, Places, load_episodes, save_episodes
from depth_pc_ros.benchmark.settings import E_GENERIC, Settings
from depth_pc_ros.errors import SceneError
from depth_pc_ros.sim.poses import sample_pair
from depth_pc_ros.sim.scenes import SCENE_CENTRE, Body, Scene
from depth_pc_ros.sim.workplace import DEFAULT_INTRINSICS

GENERIC = Settings(environment=E_GENERIC)


@pytest.fixture
def data(tmp_path) -> dict:
    """What a file of one episode holds, as it is exported to whole.json."""
    bodies = (
        Body("package", (0.0, 0.0, 0.03), (0.0, 0.0, 0.0, 1.0), (0.1, 0.08, 0.06), 3),
        Body("pybullet/duck_vhacd.urdf", (0.1, 0.0, 0.03), (0.0, 0.0, 0.0, 1.0)),
    )
    place = Scene("default", 1, bodies, "terrazzo", 2, SCENE_CENTRE)
    poses = sample_pair(0, place.centre, DEFAULT_INTRINSICS, "S")
    save_episodes(tmp_path / "whole.json", [Episode("dev/S/000", "S", 5, *poses, place)], GENERIC)
    return json.loads((tmp_path / "whole.json").read_text())


def episode(data) -> dict:
    return data["episodes"][0]


def body(data, k=0) -> dict:
    return episode(data)["place"]["bodies"][k]


DAMAGE = {
    "no episodes": (lambda d: d.pop("episodes"), "missing key 'episodes'"),
    "episodes null": (lambda d: d.update(episodes=None), "episodes: expected array, got null"),
    "episodes a mapping": (lambda d: d.update(episodes={"a": 1}), "episodes: expected array"),
    "episode a number": (lambda d: d.update(episodes=[3]), r"episodes\[0\]: expected object, got 3"),
    "unknown key": (lambda d: d.update(fog=1), "unknown key 'fog'"),
    "version true": (lambda d: d.update(version=True), "expected version 1, got True"),
    "version a list": (lambda d: d.update(version=[1]), r"expected version 1, got \[1\]"),
    "seed a text": (lambda d: d.update(seed="x"), 'seed: expected integer, got "x"'),
    "no place": (lambda d: episode(d).pop("place"), r"episodes\[0\]: missing key 'place'"),
    "place null": (lambda d: episode(d).update(place=None), r"place: expected object, got null"),
    "place a text": (lambda d: episode(d).update(place="scene"), "place: expected object"),
    "a photograph": (lambda d: episode(d).update(place={"name": "a", "width_m": 1, "centre": [0, 0, 0]}), "place: "),
    "bodies null": (lambda d: episode(d)["place"].update(bodies=None), "bodies: expected array, got null"),
    "bodies of numbers": (lambda d: episode(d)["place"].update(bodies=[1]), r"bodies\[0\]: expected object"),
    "too many bodies": (lambda d: episode(d)["place"].update(bodies=[body(d)] * 1000), "bodies: expected maxItems 64"),
    "unknown table": (lambda d: episode(d)["place"].update(table="glass"), "table: expected one of terrazzo, wood"),
    "unknown kind": (lambda d: episode(d)["place"].update(kind="x"), "kind: expected one of default, printed, ycb"),
    "short centre": (lambda d: episode(d)["place"].update(centre=[0, 0]), "centre: expected minItems 3"),
    "negative seed": (lambda d: episode(d).update(seed=-1), "seed: expected minimum 0, got -1"),
    "fractional seed": (lambda d: episode(d).update(seed=0.5), "seed: expected integer, got 0.5"),
    "boolean seed": (lambda d: episode(d).update(seed=True), "seed: expected integer, got true"),
    "large seed": (lambda d: episode(d)["place"].update(table_seed=10**30), "table_seed: expected maximum"),
    "wrong id": (lambda d: episode(d).update(id="../x"), "id: expected pattern"),
    "id a number": (lambda d: episode(d).update(id=7), "id: expected string, got 7"),
    "id of another level": (lambda d: episode(d).update(id="dev/M/000"), "id: expected dev/LEVEL/NUMBER"),
    "id of another split": (lambda d: episode(d).update(id="test/S/000"), "id: expected dev/LEVEL/NUMBER"),
    "unknown level": (lambda d: episode(d).update(level="X", id="dev/X/000"), "one of S, M, L"),
    "twice": (lambda d: d["episodes"].append(copy.deepcopy(episode(d))), "dev/S/000 is there twice"),
    "pose null": (lambda d: episode(d).update(T_world_goal=None), "T_world_goal: expected array, got null"),
    "pose of 3 rows": (lambda d: episode(d)["T_world_goal"].pop(), "T_world_goal: expected minItems 4"),
    "pose flat": (lambda d: episode(d).update(T_world_start=[1.0] * 16), "T_world_start: expected maxItems 4"),
    "pose of texts": (lambda d: episode(d)["T_world_goal"][0].__setitem__(0, "1"), 'expected number, got "1"'),
    "pose not rigid": (lambda d: episode(d)["T_world_goal"][0].__setitem__(0, 9), "T_world_goal: expected a rigid"),
    "pose mirrored": (lambda d: episode(d).update(T_world_goal=np.diag([1, 1, -1, 1]).tolist()), "expected a rigid"),
    "pose far away": (lambda d: episode(d)["T_world_goal"][2].__setitem__(3, 1e9), "expected a rigid pose"),
    "unknown asset": (lambda d: body(d).update(asset="car"), "asset: expected"),
    "asset elsewhere": (lambda d: body(d, 1).update(asset="ycb/../../etc"), "asset: expected"),
    "asset of no folder": (lambda d: body(d, 1).update(asset="ycb/.."), "asset: expected"),
    "unknown model": (lambda d: body(d, 1).update(asset="pybullet/plane.urdf"), "asset: expected"),
    "asset null": (lambda d: body(d).update(asset=None), "asset: expected"),
    "short position": (lambda d: body(d).update(position_m=[0, 0]), "position_m: expected minItems 3"),
    "position far away": (lambda d: body(d).update(position_m=[0, 0, 1e6]), r"position_m\[2\]: expected maximum 20"),
    "quaternion of zeros": (lambda d: body(d).update(quaternion_xyzw=[0, 0, 0, 0]), "quaternion_xyzw: expected unit"),
    "package without size": (lambda d: body(d).update(size_m=None), "size_m: expected lengths of a package"),
    "model with size": (lambda d: body(d, 1).update(size_m=[1, 1, 1]), "size_m: expected lengths of a package"),
    "size zero": (lambda d: body(d).update(size_m=[0, 1, 1]), r"size_m\[0\]: expected exclusiveMinimum 0, got 0"),
    "size too large": (lambda d: body(d).update(size_m=[9, 1, 1]), r"size_m\[0\]: expected maximum 2, got 9"),
    "unknown key of a body": (lambda d: body(d).update(colour=1), "unknown key 'colour'"),
}  # fmt: skip


@pytest.mark.parametrize("name", DAMAGE)
def test_damaged_values_are_named_in_one_line(data, tmp_path, name):
    damage, words = DAMAGE[name]
    damage(data)
    path = tmp_path / "scenes.json"
    path.write_text(json.dumps(data))
    with pytest.raises(SceneError, match=rf"^scenes: .*scenes\.json.*{words}") as error:
        load_episodes(path, GENERIC)
    assert "\n" not in str(error.value)
    assert len(str(error.value)) < 700


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda text: text[: len(text) // 2], "expected JSON"),
        (lambda text: text.replace('"seed": 5', '"seed": NaN'), "expected a finite number, got NaN"),
        (lambda text: text.replace('"seed": 5', '"seed": 1e999'), "expected a finite number"),
        (lambda text: text.replace('"seed": 5', '"seed": ' + "9" * 5000), "number of at most 40 digits"),
        (lambda text: text.replace('"seed": 5', '"seed": ' + "[" * 90_000), "nested deeper"),
        (lambda text: text.replace('"seed": 5', '"seed": 5, "seed": 6'), "got 'seed' twice"),
        (lambda text: "", "expected JSON"),
    ],
)
def test_damaged_texts_are_named_in_one_line(data, tmp_path, change, words):
    path = tmp_path / "scenes.json"
    path.write_text(change((tmp_path / "whole.json").read_text()))
    with pytest.raises(SceneError, match=rf"^scenes: cannot read .*scenes\.json: .*{words}") as error:
        load_episodes(path, GENERIC)
    assert "\n" not in str(error.value)


def test_other_things_than_files_of_text_are_named(data, tmp_path):
    (tmp_path / "latin.json").write_bytes(b'{"version": "\xe9"}')
    os.mkfifo(tmp_path / "pipe.json")
    for name, words in (("latin.json", "expected UTF-8"), ("pipe.json", "got a pipe"), ("", "got a folder")):
        with pytest.raises(SceneError, match=f"scenes: cannot read .*{words}"):
            load_episodes(tmp_path / name, GENERIC)


def test_a_level_that_the_settings_do_not_have_is_named():
    with pytest.raises(SceneError, match="level: expected one of S, M, L, got 'X'"):
        EpisodeSource(GENERIC, Places()).episode("X", 0)
