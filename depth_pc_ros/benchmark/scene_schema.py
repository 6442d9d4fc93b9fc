"""The format of a file of exported episodes, and the check of one: shapes by a JSON Schema, then what they mean."""

from typing import Any

import numpy as np

from depth_pc_ros.benchmark.settings import E_IMAGE, Settings
from depth_pc_ros.errors import SceneError
from depth_pc_ros.files.schema import COUNT, NUMBER, TEXT, Schema, array_of, object_of
from depth_pc_ros.sim.models import MODEL_NAMES
from depth_pc_ros.sim.scenes import SCENE_KINDS

FILE_VERSION = 1
_MAX_EPISODES, _MAX_BODIES = 10_000, 64
_RIGID = 1e-4
_SEED = {"type": "integer", "minimum": 0, "maximum": 2**32}
_WITHIN_REACH = {"type": "number", "minimum": -20, "maximum": 20}  # metres
_POSE = array_of(array_of(NUMBER, 4), 4)
_POINT = array_of(_WITHIN_REACH, 3)
_EDGE = {"type": "number", "exclusiveMinimum": 0, "maximum": 2}
# pybullet/NAME or ycb/NAME, where NAME leads out of no folder.
_ASSET = {"anyOf": [
    {"enum": ["package", "can", *(f"pybullet/{name}" for name in MODEL_NAMES)]},
    {"type": "string", "pattern": r"^ycb/\w[\w.-]{0,99}\Z"},
]}  # fmt: skip
_BODY = object_of({
    "asset": _ASSET, "position_m": _POINT, "quaternion_xyzw": array_of(NUMBER, 4),
    "size_m": {"anyOf": [{"type": "null"}, array_of(_EDGE, 3)]}, "texture_seed": _SEED,
})  # fmt: skip
_SCENE = object_of({
    "kind": {"enum": list(SCENE_KINDS)}, "seed": _SEED, "bodies": array_of(_BODY, most=_MAX_BODIES),
    "table": {"enum": ["terrazzo", "wood"]}, "table_seed": _SEED, "centre": _POINT,
})  # fmt: skip
_PHOTO = object_of({
    "name": TEXT, "width_m": {"type": "number", "exclusiveMinimum": 0, "maximum": 20}, "centre": _POINT
})  # fmt: skip


def _file(place: dict) -> Schema:
    episode = object_of({
        "id": {"type": "string", "pattern": r"^\w+/\w+/[0-9]{1,9}\Z"}, "level": TEXT, "seed": _SEED,
        "T_world_goal": _POSE, "T_world_start": _POSE, "place": place,
    })  # fmt: skip
    header = {
        "version": {"const": FILE_VERSION}, "environment": TEXT, "split": TEXT, "seed": COUNT, "scene": TEXT,
        "base": TEXT, "elevation": TEXT, "episodes": array_of(episode, most=_MAX_EPISODES),
    }  # fmt: skip
    return Schema(object_of(header, optional=("elevation",)))


_SCHEMAS = {True: _file(_PHOTO), False: _file(_SCENE)}


def check_episodes(data: Any, where: str, settings: Settings) -> None:
    """Raise SceneError unless `data` is a file of episodes of these settings. where: begins the message."""
    version = data.get("version") if isinstance(data, dict) else None
    if version != FILE_VERSION or isinstance(version, bool):
        raise SceneError(f"{where}: expected version {FILE_VERSION}, got {version!r:.40}")
    for key in ("environment", "split", "scene", "base", "elevation"):
        value = data.get(key, "standard" if key == "elevation" else None)
        if value != getattr(settings, key):
            raise SceneError(f"{where} has {key} {value!r:.40}, expected {getattr(settings, key)!r}")
    _SCHEMAS[settings.environment == E_IMAGE].check(data, where, SceneError)
    seen = set()
    for k, row in enumerate(data["episodes"]):
        here = f"{where}: episodes[{k}]"
        split, level, _ = row["id"].split("/")
        if split != settings.split or level != row["level"] or level not in settings.levels:
            expected = f"{settings.split}/LEVEL/NUMBER with its own level, one of {', '.join(settings.levels)}"
            raise SceneError(f"{here}: id: expected {expected}, got {row['id']!r:.60} and level {row['level']!r:.20}")
        if row["id"] in seen:
            raise SceneError(f"{here}: id: {row['id']} is there twice")
        seen.add(row["id"])
        for key in ("T_world_goal", "T_world_start"):
            _check_pose(np.array(row[key], dtype=np.float64), f"{here}: {key}")
        for j, body in enumerate(row["place"].get("bodies", ())):
            _check_body(body, f"{here}: place.bodies[{j}]")


def _check_pose(T: np.ndarray, where: str) -> None:
    R = T[:3, :3]
    rigid = np.abs(R @ R.T - np.eye(3)).max() < _RIGID and np.linalg.det(R) > 0
    if not (rigid and np.array_equal(T[3], [0, 0, 0, 1]) and np.abs(T[:3, 3]).max() < 20):
        raise SceneError(f"{where}: expected a rigid pose (4, 4) within 20 m, got {T.tolist()!r:.120}")


def _check_body(body: dict, where: str) -> None:
    norm = np.linalg.norm(body["quaternion_xyzw"])
    if not abs(norm - 1) < _RIGID:
        raise SceneError(f"{where}.quaternion_xyzw: expected unit length, got {norm:g}")
    if (body["asset"] in ("package", "can")) != (body["size_m"] is not None):
        expected = "lengths of a package or can, and null of all else"
        raise SceneError(f"{where}.size_m: expected {expected}, got {body['size_m']}")
