"""YCB objects from a folder of `NAME/model.urdf`, and light copies of their meshes that load quickly."""

import io
import os
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.errors import SceneError
from depth_pc_ros.sim.mesh import Mesh, indexed, read_obj, read_picture
from depth_pc_ros.sim.simplify import simplify

_TEXTURE_PX = 1024
_MAX_FACES = 4000


@dataclass(frozen=True)
class YcbModel:
    """Files of one object. origin_m (3,): where the mesh's origin lies in the body frame."""

    name: str
    mesh: Path
    texture: Path
    collision: Path
    origin_m: tuple[float, float, float]
    mass_kg: float


def ycb_names(ycb_root: str | Path | None) -> list[str]:
    """Names of the objects in `ycb_root`, sorted. SceneError names the folder when there are none."""
    if ycb_root is None:
        raise SceneError("ycb_root: the 'ycb' scene needs a folder with NAME/model.urdf in it, got None")
    root = Path(ycb_root)
    if not root.is_dir():
        raise SceneError(f"ycb_root: no such folder: {root}")
    names = sorted(path.parent.name for path in root.glob("*/model.urdf"))
    if not names:
        raise SceneError(f"ycb_root: expected NAME/model.urdf in {root}, found none")
    return names


def read_model(ycb_root: Path, name: str) -> YcbModel:
    """Read `name/model.urdf`."""
    folder = Path(ycb_root) / name
    urdf = folder / "model.urdf"
    try:
        link = ElementTree.parse(urdf).getroot().find("link")
        mesh = folder / link.find("visual/geometry/mesh").get("filename")
        collision = folder / link.find("collision/geometry/mesh").get("filename")
        origin = tuple(float(v) for v in link.find("visual/origin").get("xyz").split())
        mass = float(link.find("inertial/mass").get("value"))
    except (OSError, ElementTree.ParseError, AttributeError, ValueError) as error:
        raise SceneError(f"ycb_root: cannot read {urdf}: {error}") from error
    return YcbModel(name, mesh, folder / "texture_map.jpg", collision, origin, mass)


def light_copy(model: YcbModel, cache_dir: Path) -> Mesh:
    """A mesh like `model`'s, in the body frame, with fewer faces and a smaller texture; kept in `cache_dir`.

    Files are written aside and moved into place: parallel runs may share `cache_dir`.
    """
    stamp = int(model.mesh.stat().st_mtime)
    folder = Path(cache_dir) / "ycb" / f"{model.name}-{_MAX_FACES}-{_TEXTURE_PX}-{stamp}"
    if not (folder / "mesh.npz").is_file():
        _make_light_copy(model, folder)
    with np.load(folder / "mesh.npz") as arrays:
        return Mesh(**arrays, picture=read_picture(folder / "texture.jpg"))


def _make_light_copy(model: YcbModel, folder: Path) -> None:
    """Write the light copy: mesh.npz (the arrays of a `Mesh`) and texture.jpg."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SceneError(f"cache_dir: cannot write in {folder}: {error}") from error
    picture = cv2.cvtColor(read_picture(model.texture), cv2.COLOR_RGB2BGR)
    if max(picture.shape) > _TEXTURE_PX:
        picture = cv2.resize(picture, (_TEXTURE_PX, _TEXTURE_PX), interpolation=cv2.INTER_AREA)
    _write(folder / "texture.jpg", cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes())
    vertices, uvs, _, corners = read_obj(model.mesh)
    if len(corners) == 0 or (corners[..., :2] < 0).any():
        raise SceneError(f"ycb_root: expected textured triangles in {model.mesh}")
    vertices, uvs, faces, face_uvs, normals = simplify(vertices, uvs, corners[..., 0], corners[..., 1], _MAX_FACES)
    corners = np.stack([faces, face_uvs, faces], axis=-1)
    mesh = indexed(vertices + model.origin_m, uvs, normals, corners, picture)
    file = io.BytesIO()
    arrays = {name: getattr(mesh, name).astype(np.float32) for name in ("vertices", "normals", "uvs")}
    np.savez(file, faces=mesh.faces.astype(np.int32), **arrays)
    _write(folder / "mesh.npz", file.getvalue())


def _write(path: Path, data: bytes) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(data)
    os.replace(aside, path)
