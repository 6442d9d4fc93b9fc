"""Textured triangle meshes as arrays, and how they are read from OBJ files."""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

import cv2
import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.errors import SceneError


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


def read_picture(path: Path) -> np.ndarray:
    """Picture (H, W, 3) uint8 RGB of an image file."""
    picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
    if picture is None:
        raise SceneError(f"scene: cannot read the texture {path}")
    return cv2.cvtColor(picture, cv2.COLOR_BGR2RGB)


def read_obj(path: Path):
    """Vertices (V, 3), uvs (T, 2), normals (N, 3), and per triangle corner the index of each (F, 3, 3), -1 for none."""
    rows = {"v": [], "vt": [], "vn": []}
    corners = []
    try:
        for line in path.read_text().splitlines():
            head, *values = line.split() or ("",)
            if head in rows:
                rows[head].append(values)
            elif head == "f":
                polygon = [_corner(value) for value in values]
                corners += [(polygon[0], b, c) for b, c in pairwise(polygon[1:])]
        vertices, uvs, normals = (
            np.array([row[:width] for row in rows[name]], dtype=np.float64).reshape(-1, width)
            for name, width in (("v", 3), ("vt", 2), ("vn", 3))
        )
        return vertices, uvs, normals, np.array(corners, dtype=np.int64).reshape(-1, 3, 3) - 1
    except (OSError, ValueError) as error:
        raise SceneError(f"scene: cannot read {path}: {error}") from error


def _corner(text: str) -> tuple[int, int, int]:
    """Numbers of vertex, uv and normal, counted from 1, 0 for none."""
    numbers = [int(part or 0) for part in text.split("/")] + [0, 0]
    return numbers[0], numbers[1], numbers[2]


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
