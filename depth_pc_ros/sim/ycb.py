"""YCB objects from a folder of `NAME/model.urdf`, and light copies of their meshes that load quickly."""

import io
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.errors import FileError, SceneError, shown
from depth_pc_ros.files.array_file import read_arrays
from depth_pc_ros.files.cache import cached
from depth_pc_ros.files.xml_file import read_xml
from depth_pc_ros.sim.mesh import Mesh, indexed, plain, read_obj, read_picture
from depth_pc_ros.sim.simplify import simplify

_TEXTURE_PX = 1024
_MAX_FACES = 4000
_MAX_NUMBER = 1000.0  # metres and kilograms in a model.urdf


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
    """Read `name/model.urdf`. SceneError: it cannot be read, lacks something, or names files elsewhere."""
    folder = Path(ycb_root) / name
    urdf = folder / "model.urdf"
    link = read_xml(urdf, "ycb_root", SceneError).find("link")

    def attribute(path: str, key: str) -> str:
        element = None if link is None else link.find(path)
        if element is None or element.get(key) is None:
            raise SceneError(f"ycb_root: cannot read {urdf}: expected {key} in link/{path}, found none")
        return element.get(key)

    def numbers(path: str, key: str, count: int) -> tuple[float, ...]:
        text = attribute(path, key)
        try:
            values = tuple(float(word) for word in text.split())
        except ValueError:
            values = ()
        if len(values) != count or not all(abs(value) < _MAX_NUMBER for value in values):
            raise SceneError(
                f"ycb_root: cannot read {urdf}: link/{path}: expected {count} numbers below {_MAX_NUMBER:g} as {key}, "
                f"got {shown(text)}"
            )
        return values

    def mesh(path: str) -> Path:
        text = attribute(path, "filename")
        file = folder / text
        if folder.resolve() not in file.resolve().parents or not file.is_file():
            raise SceneError(
                f"ycb_root: cannot read {urdf}: link/{path}: expected a file in its folder, got {shown(text)}"
            )
        return file

    (mass,) = numbers("inertial/mass", "value", 1)
    if mass <= 0:
        raise SceneError(f"ycb_root: cannot read {urdf}: link/inertial/mass: expected kg > 0, got {mass:g}")
    visual, collision = mesh("visual/geometry/mesh"), mesh("collision/geometry/mesh")
    origin = numbers("visual/origin", "xyz", 3)
    return YcbModel(name, visual, folder / "texture_map.jpg", collision, origin, mass)


def light_copy(model: YcbModel, cache_dir: Path) -> Mesh:
    """A mesh like `model`'s, in the body frame, with fewer faces and a smaller texture; kept in `cache_dir`."""
    stamp = int(model.mesh.stat().st_mtime)
    folder = Path(cache_dir) / "ycb" / f"{model.name}-{_MAX_FACES}-{_TEXTURE_PX}-{stamp}"
    picture = cached(
        folder / "texture.jpg", lambda path: read_picture(path, FileError), lambda: _small_picture(model), SceneError
    )
    arrays = cached(folder / "mesh.npz", _read_arrays, lambda: _light_arrays(model), SceneError)
    return Mesh(**arrays, picture=picture)


def _small_picture(model: YcbModel) -> bytes:
    picture = cv2.cvtColor(read_picture(model.texture), cv2.COLOR_RGB2BGR)
    if max(picture.shape) > _TEXTURE_PX:
        picture = cv2.resize(picture, (_TEXTURE_PX, _TEXTURE_PX), interpolation=cv2.INTER_AREA)
    return cv2.imencode(".jpg", picture, [cv2.IMWRITE_JPEG_QUALITY, 92])[1].tobytes()


def _light_arrays(model: YcbModel) -> bytes:
    """The arrays of a `Mesh`, as an .npz file."""
    vertices, uvs, _, corners = read_obj(model.mesh)
    if (corners[..., :2] < 0).any():
        raise SceneError(f"ycb_root: expected textured triangles in {model.mesh}, got some without `vt`")
    vertices, uvs, faces, face_uvs, normals = simplify(vertices, uvs, corners[..., 0], corners[..., 1], _MAX_FACES)
    corners = np.stack([faces, face_uvs, faces], axis=-1)
    mesh = indexed(vertices + model.origin_m, uvs, normals, corners, plain((0, 0, 0)))
    file = io.BytesIO()
    arrays = {name: getattr(mesh, name).astype(np.float32) for name in ("vertices", "normals", "uvs")}
    np.savez(file, faces=mesh.faces.astype(np.int32), **arrays)
    return file.getvalue()


def _read_arrays(path: Path) -> dict[str, np.ndarray]:
    arrays = read_arrays(path, "cache_dir", ("vertices", "normals", "uvs", "faces"))
    count, faces = arrays["normals"].size // 3, arrays["faces"]
    for name, width in (("vertices", 3), ("normals", 3), ("uvs", 2)):
        if arrays[name].shape != (count, width) or not np.isfinite(arrays[name]).all():
            raise FileError(f"cache_dir: {path}: {name}: expected ({count}, {width}) finite numbers")
    indices = faces.ndim == 2 and faces.shape[1] == 3 and faces.dtype.kind == "i"
    if not (indices and ((faces >= 0) & (faces < count)).all()):
        raise FileError(f"cache_dir: {path}: faces: expected (F, 3) indices of {count} vertices")
    return arrays
