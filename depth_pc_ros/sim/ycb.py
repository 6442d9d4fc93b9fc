"""YCB objects from a folder of `NAME/model.urdf`, and light copies of their meshes that load quickly."""

import os
import xml.etree.ElementTree as ElementTree
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.errors import SceneError
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


def light_copy(model: YcbModel, cache_dir: Path) -> Path:
    """Path of an OBJ like `model`'s, in the body frame, with fewer faces and a smaller texture; made on first use.

    Copies are written aside and moved into place: parallel runs may share `cache_dir`.
    """
    stamp = int(model.mesh.stat().st_mtime)
    folder = Path(cache_dir) / "ycb" / f"{model.name}-{_MAX_FACES}-{_TEXTURE_PX}-{stamp}"
    target = folder / "mesh.obj"
    if target.is_file():
        return target
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise SceneError(f"cache_dir: cannot write in {cache_dir}: {error}") from error
    picture = cv2.imread(str(model.texture), cv2.IMREAD_COLOR)
    if picture is None:
        raise SceneError(f"ycb_root: cannot read the texture {model.texture}")
    if max(picture.shape) > _TEXTURE_PX:
        picture = cv2.resize(picture, (_TEXTURE_PX, _TEXTURE_PX), interpolation=cv2.INTER_AREA)
    _, encoded = cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])
    _write(folder / "texture.jpg", encoded.tobytes())
    _write(folder / "mesh.mtl", b"newmtl print\nmap_Kd texture.jpg\n")
    vertices, uvs, faces, face_uvs = _read_obj(model.mesh)
    vertices, uvs, faces, face_uvs, normals = simplify(vertices, uvs, faces, face_uvs, _MAX_FACES)
    lines = ["mtllib mesh.mtl", "usemtl print"]
    lines += ["v {:.5f} {:.5f} {:.5f}".format(*v) for v in vertices + model.origin_m]
    lines += ["vt {:.5f} {:.5f}".format(*uv) for uv in uvs]
    lines += ["vn {:.3f} {:.3f} {:.3f}".format(*n) for n in normals]
    for (a, b, c), (i, j, k) in zip(faces + 1, face_uvs + 1, strict=True):
        lines.append(f"f {a}/{i}/{a} {b}/{j}/{b} {c}/{k}/{c}")
    _write(target, "\n".join(lines).encode() + b"\n")
    return target


def _read_obj(path: Path):
    """Vertices (V, 3), uvs (T, 2), faces (F, 3) and their uvs (F, 3) of a triangle mesh."""
    rows = {"v": [], "vt": [], "f": []}
    for line in path.read_text().splitlines():
        head, *values = line.split() or ("",)
        if head in rows:
            rows[head].append(values)
    try:
        corners = np.array([[corner.split("/")[:2] for corner in face] for face in rows["f"]], dtype=np.int64) - 1
        vertices, uvs = np.array(rows["v"], dtype=np.float64)[:, :3], np.array(rows["vt"], dtype=np.float64)[:, :2]
        return vertices, uvs, corners[:, :, 0], corners[:, :, 1]
    except (ValueError, IndexError) as error:
        raise SceneError(f"ycb_root: expected textured triangles in {path}: {error}") from error


def _write(path: Path, data: bytes) -> None:
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(data)
    os.replace(aside, path)
