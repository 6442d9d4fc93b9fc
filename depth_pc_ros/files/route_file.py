"""Routes: a folder of views in the order in which they were taught, listed in `route.json`."""

import hashlib
import io
import json
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PIL import Image

from depth_pc_ros.errors import FileError, GoalError, shown
from depth_pc_ros.files.array_file import read_array
from depth_pc_ros.files.image_file import read_image
from depth_pc_ros.files.json_file import read_json
from depth_pc_ros.files.raw import read_bytes, write_whole
from depth_pc_ros.files.schema import AMOUNT, COUNT, NUMBER, TEXT, Schema, array_of, object_of

VERSION = 1
MANIFEST = "route.json"
MOST_VIEWS = 1000
_MANIFEST_BYTES = 10_000_000
_FILE_NAME = {"type": "string", "pattern": r"^[A-Za-z0-9_.-]{1,64}\Z"}  # in the folder itself
_CAMERA = object_of({
    "width": COUNT, "height": COUNT, "distortion_model": TEXT, "d": array_of(NUMBER, most=16),
    "k": array_of(NUMBER, 9), "r": array_of(NUMBER, 9), "p": array_of(NUMBER, 12),
})  # fmt: skip
_VIEW = object_of({
    "image": _FILE_NAME, "sha256": {"type": "string", "pattern": r"^[0-9a-f]{64}\Z"}, "camera": _CAMERA,
    "depth": _FILE_NAME, "distance_m": AMOUNT, "pause_s": AMOUNT,
    "joints": {"type": "object", "additionalProperties": NUMBER, "maxProperties": 100},
}, optional=("depth", "distance_m", "pause_s", "joints"))  # fmt: skip
_SCHEMA = Schema(
    object_of({"version": {"const": VERSION}, "views": {**array_of(_VIEW, most=MOST_VIEWS), "minItems": 1}})
)


@dataclass(frozen=True)
class CameraModel:
    """What a `camera_info` says of its camera; the names are those of its message."""

    width: int
    height: int
    distortion_model: str
    d: tuple[float, ...]
    k: tuple[float, ...]
    r: tuple[float, ...]
    p: tuple[float, ...]


@dataclass(frozen=True)
class View:
    """One view of a route.

    image: (H, W, 3) uint8 RGB, as the camera delivered it. depth_m: (H, W) float32, m, NaN where unknown, or None.
    distance_m: camera to scene centre, m; 0: unknown. pause_s: how long to stay there; 0: only pass it.
    joints: position of the arm's joints by name, rad or m, for a person or a planner; the servo does not use them.
    """

    image: np.ndarray
    camera: CameraModel
    depth_m: np.ndarray | None = None
    distance_m: float = 0.0
    pause_s: float = 0.0
    joints: dict[str, float] = field(default_factory=dict)


def read_route(folder: str | Path) -> list[View]:
    """All views of a route, complete and of one camera. Raises FileError, which names the view."""
    folder = Path(folder).expanduser()
    entries = _manifest(folder)
    if not entries:
        raise FileError(f"route: {folder} holds no {MANIFEST}: teach a view first")
    views: list[View] = []
    for number, entry in enumerate(entries, 1):
        where = f"route: view {number}"
        view = _read_view(folder, entry, where)
        if views and view.camera != views[0].camera:
            size, first = _size(view.camera), _size(views[0].camera)
            what = f"{size}, the first one by {first}" if size != first else f"{size} with other intrinsics"
            raise FileError(f"{where}: was taken by another camera than view 1: {what}")
        views.append(view)
    return views


def count_views(folder: str | Path) -> int:
    """How many views a route has; 0 where there is none yet. Raises FileError for a damaged manifest."""
    return len(_manifest(Path(folder).expanduser()))


def add_view(folder: str | Path, view: View) -> int:
    """Append a view to a route, which is made where there is none; returns its number, from 1 on.

    The manifest is replaced last and at once: what was taught before stays whole. Raises FileError, GoalError.
    """
    folder = Path(folder).expanduser()
    entries = _manifest(folder)
    if entries and entries[0]["camera"] != _camera_entry(view.camera):
        raise GoalError(f"route: {folder} was taught with another camera; take another folder")
    if len(entries) == MOST_VIEWS:
        raise GoalError(f"route: expected at most {MOST_VIEWS} views, {folder} has them already")
    name = f"{len(entries) + 1:03d}"
    png = io.BytesIO()
    Image.fromarray(view.image).save(png, "PNG")
    files = {f"{name}.png": png.getvalue()}
    entry = {"image": f"{name}.png", "sha256": _digest(png.getvalue()), "camera": _camera_entry(view.camera)}
    if view.depth_m is not None:
        array = io.BytesIO()
        np.save(array, view.depth_m.astype(np.float32))
        files[f"{name}_depth.npy"] = array.getvalue()
        entry["depth"] = f"{name}_depth.npy"
    entry |= {key: value for key in ("distance_m", "pause_s", "joints") if (value := getattr(view, key))}
    manifest = {"version": VERSION, "views": [*entries, entry]}
    try:
        for file, data in files.items():
            write_whole(folder / file, data)
        write_whole(folder / MANIFEST, (json.dumps(manifest, indent=1) + "\n").encode())
    except OSError as problem:
        raise FileError(f"route: cannot write in {folder}: {problem.strerror or problem}") from None
    return len(entries) + 1


def _manifest(folder: Path) -> list[dict]:
    path = folder / MANIFEST
    if not path.exists():
        return []
    manifest = read_json(path, "route", limit=_MANIFEST_BYTES)
    version = manifest.get("version") if isinstance(manifest, dict) else None
    if version != VERSION:
        raise FileError(f"route: {path}: expected version {VERSION}, got {shown(version)}")
    _SCHEMA.check(manifest, f"route: {path}")
    return manifest["views"]


def _read_view(folder: Path, entry: dict, where: str) -> View:
    path = folder / entry["image"]
    image = read_image(path, where, FileError, upright=False)
    if _digest(read_bytes(path, where, 2**31)) != entry["sha256"]:
        raise FileError(f"{where}: {path} is not the image that was taught")
    camera = CameraModel(**{key: tuple(value) if isinstance(value, list) else value
                            for key, value in entry["camera"].items()})  # fmt: skip
    if (image.shape[1], image.shape[0]) != (camera.width, camera.height):
        raise FileError(f"{where}: expected {_size(camera)}, {path} is {image.shape[1]} x {image.shape[0]}")
    depth_m = None
    if "depth" in entry:
        depth_m = read_array(folder / entry["depth"], where)
        if depth_m.shape != image.shape[:2] or depth_m.dtype != np.float32:
            expected = f"float32 {image.shape[:2]}"
            raise FileError(f"{where}: {entry['depth']}: expected {expected}, got {depth_m.dtype} {depth_m.shape}")
    rest = {key: entry[key] for key in ("distance_m", "pause_s", "joints") if key in entry}
    return View(image, camera, depth_m, **rest)


def _camera_entry(camera: CameraModel) -> dict:
    values = {name: getattr(camera, name) for name in CameraModel.__dataclass_fields__}
    return {name: list(value) if isinstance(value, tuple) else value for name, value in values.items()}


def _size(camera: CameraModel) -> str:
    return f"{camera.width} x {camera.height}"


def _digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
