"""Textured triangle meshes as arrays, and how they are read from OBJ files."""

import math
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.errors import DepthPcError, SceneError, shown
from depth_pc_ros.files.image_file import read_image
from depth_pc_ros.files.raw import read_bytes, read_text

_MAX_OBJ_BYTES, _MAX_POLYGON = 64_000_000, 64
_MAX_NUMBER = 1e6
_STL_HEADER = 84
_STL_TRIANGLE = np.dtype([("normal", "<f4", 3), ("corners", "<f4", (3, 3)), ("attribute", "<u2")])
_WIDTHS = {"v": 3, "vt": 2, "vn": 3}  # numbers of a line


@dataclass(frozen=True)
class Mesh:
    """Triangles with one picture.

    vertices (V, 3) in metres; normals (V, 3), unit; uvs (V, 2), (0, 0) is the picture's lower left corner, (1, 1) the
    upper right; faces (F, 3) indices, counter-clockwise seen from outside; picture (H, W, 3) uint8 RGB.
    """

    vertices: np.ndarray
    normals: np.ndarray
    uvs: np.ndarray
    faces: np.ndarray
    picture: np.ndarray

    def moved(self, position_m, quaternion_xyzw) -> "Mesh":
        """This mesh rotated by the quaternion (4,), then translated by `position_m` (3,)."""
        R = Rotation.from_quat(quaternion_xyzw).as_matrix()
        return Mesh(self.vertices @ R.T + position_m, self.normals @ R.T, self.uvs, self.faces, self.picture)


def quads(corners, uvs, normals, picture: np.ndarray) -> Mesh:
    """Mesh of F flat quads: corners (F, 4, 3) in metres, counter-clockwise; uvs (F, 4, 2); normals (F, 3)."""
    first = 4 * np.arange(len(corners))[:, None]
    return Mesh(
        np.reshape(corners, (-1, 3)),
        np.repeat(normals, 4, axis=0),
        np.reshape(uvs, (-1, 2)),
        np.concatenate([first + [0, 1, 2], first + [0, 2, 3]], axis=1).reshape(-1, 3),
        picture,
    )


def plain(rgb) -> np.ndarray:
    """A picture (1, 1, 3) uint8 of one colour, given in [0, 1]."""
    return np.round(255 * np.asarray(rgb, dtype=np.float64)).astype(np.uint8).reshape(1, 1, 3)


def read_picture(path: Path, error: type[DepthPcError] = SceneError) -> np.ndarray:
    """Picture (H, W, 3) uint8 RGB of an image file."""
    return read_image(path, "texture", error)


def read_obj(path: Path):
    """Vertices (V, 3), uvs (T, 2), normals (N, 3), and per triangle corner the index of each (F, 3, 3), -1 for none.

    A normal that is zero or NaN, as scanners write for a corner of triangles without an area, counts as none.

    Raises SceneError, which names the line, for other numbers that are not finite and corners of no vertex; also where
    no triangle has an area.
    """
    rows: dict[str, list] = {"v": [], "vt": [], "vn": []}
    corners = []
    where = f"mesh: cannot read {path}"
    for number, line in enumerate(read_text(path, where, _MAX_OBJ_BYTES, SceneError).splitlines(), start=1):
        head, *words = line.split() or ("",)
        try:
            if head in rows:
                rows[head].append(_numbers(words, _WIDTHS[head], may_be_nan=head == "vn"))
            elif head == "f":
                polygon = [_corner(word, rows) for word in words]
                if not 3 <= len(polygon) <= _MAX_POLYGON:
                    raise ValueError(f"expected a face of 3 to {_MAX_POLYGON} corners, got {len(polygon)}")
                corners += [(polygon[0], b, c) for b, c in pairwise(polygon[1:])]
        except ValueError as problem:
            raise SceneError(f"{where}: line {number}: {shown(problem, 200)}") from None
    vertices, uvs, normals = (np.array(rows[name]).reshape(-1, width) for name, width in _WIDTHS.items())
    corners = np.array(corners, dtype=np.int64).reshape(-1, 3, 3)
    usable = np.append(np.linalg.norm(normals, axis=1) > 0, False)  # the last one stands for none
    corners[..., 2][~usable[corners[..., 2]]] = -1
    a, b, c = (vertices[corners[:, k, 0]] for k in range(3))
    if not np.cross(b - a, c - a).any():
        raise SceneError(f"{where}: expected triangles with an area, got {len(corners)} without")
    return vertices, uvs, normals, corners


def _numbers(words: list[str], count: int, may_be_nan: bool) -> list[float]:
    """The first `count` of a line's numbers; what follows, such as a colour, is left out."""
    values = [float(word) for word in words[:count]]
    if len(values) < count or not all(abs(v) < _MAX_NUMBER or (may_be_nan and math.isnan(v)) for v in values):
        raise ValueError(f"expected {count} numbers below {_MAX_NUMBER:g}, got {' '.join(words)!r}")
    return values


def _corner(word: str, rows: dict[str, list]) -> tuple[int, ...]:
    """Index of vertex, uv and normal, -1 for none, of `v`, `v/t`, `v//n` or `v/t/n`.

    In the file they count from 1, or back from -1, the last one before this line.
    """
    parts = word.split("/")
    if not 1 <= len(parts) <= 3 or not parts[0]:
        raise ValueError(f"expected a corner such as 1, 1/1 or 1/1/1, got {word!r}")
    found = []
    for name, part in zip(rows, [*parts, "", ""]):
        index = -1 if not part else int(part) - 1 if int(part) > 0 else int(part) + len(rows[name])
        if part and not (int(part) != 0 and 0 <= index < len(rows[name])):
            raise ValueError(f"expected a corner of the {len(rows[name])} `{name}` above, got {word!r}")
        found.append(index)
    return tuple(found)


def read_collision(path: Path) -> np.ndarray:
    """Corners (V, 3) in metres of a collision mesh, OBJ or binary STL.

    Raises SceneError for what a physics engine cannot load: what is wrong in a mesh can end PyBullet's process.
    """
    where = f"collision mesh: cannot read {path}"
    if path.suffix == ".obj":
        return read_obj(path)[0]
    if path.suffix != ".stl":
        raise SceneError(f"{where}: expected .obj or .stl, got {shown(path.suffix)}")
    data = read_bytes(path, where, _MAX_OBJ_BYTES, SceneError)
    count = int.from_bytes(data[80:84], "little")
    if count == 0 or len(data) != _STL_HEADER + count * _STL_TRIANGLE.itemsize:
        raise SceneError(f"{where}: expected binary STL, got {len(data)} bytes that name {count} triangles")
    corners = np.frombuffer(data, _STL_TRIANGLE, offset=_STL_HEADER)["corners"].reshape(-1, 3)
    if not (np.abs(corners) < _MAX_NUMBER).all() or not np.ptp(corners, axis=0).any():
        raise SceneError(f"{where}: expected corners below {_MAX_NUMBER:g}, not all in one point")
    return corners


def indexed(vertices, uvs, normals, corners, picture: np.ndarray) -> Mesh:
    """Mesh of what `read_obj` gives: each distinct corner becomes a vertex; corners without a normal are flat."""
    a, b, c = (vertices[corners[:, k, 0]] for k in range(3))
    flat = np.cross(b - a, c - a)
    flat /= np.maximum(np.linalg.norm(flat, axis=1, keepdims=True), 1e-15)
    smooth = corners[..., 2]
    own = np.arange(len(corners))[:, None] + len(normals)
    corners = np.stack([corners[..., 0], corners[..., 1], np.where(smooth < 0, own, smooth)], axis=-1)
    distinct, faces = np.unique(corners.reshape(-1, 3), axis=0, return_inverse=True)
    uvs = np.concatenate([uvs, np.zeros((1, 2))])  # the last one stands for none
    v, t, n = distinct.T
    return Mesh(vertices[v], np.concatenate([normals, flat])[n], uvs[t], faces.reshape(-1, 3), picture)
