"""Surface point clouds of objects: from YCB, from a folder of OBJ meshes, or of built-in primitives."""

import io
import zlib
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depth_pc_ros.errors import FileError, SceneError
from depth_pc_ros.files.array_file import read_arrays
from depth_pc_ros.files.cache import cached
from depth_pc_ros.sim.mesh import read_obj
from depth_pc_ros.sim.ycb import read_model, ycb_names
from depth_pc_ros.training.primitives import random_primitives

_SIZE_M = (0.005, 1.0)


@dataclass(frozen=True)
class Cloud:
    """Points (M, 3) float32 on an object's surface in metres, their mean at the origin, in random order."""

    name: str
    points: np.ndarray


def load_clouds(
    source: str | Path | None = None,
    cache_dir: str | Path | None = None,
    voxel_m: float = 0.005,
    points: int = 20000,
    seed: int = 0,
    exclude=(),
) -> list[Cloud]:
    """Clouds of all objects in `source`, sorted by name: `points` samples of the surface, one kept per voxel (eq. 1).

    source: a YCB folder (NAME/model.urdf), a folder of .obj meshes in metres (at any depth), or None for 21 primitives
    drawn from the seed. cache_dir: keeps the clouds of meshes between runs. exclude: names of objects to leave out.
    An object's cloud does not depend on which others there are.
    """
    if not (np.isfinite(voxel_m) and voxel_m > 0):
        raise SceneError(f"voxel_m: expected a length > 0 m, got {voxel_m}")
    if points < 1:
        raise SceneError(f"points: expected at least 1 sample, got {points}")
    primitives = random_primitives(np.random.default_rng([seed, 10])) if source is None else {}
    meshes = {} if source is None else _find_meshes(Path(source))
    names = sorted({**primitives, **meshes})
    unknown = sorted(set(exclude) - set(names))
    if unknown:
        raise SceneError(f"exclude: expected names out of {', '.join(names)}, got {', '.join(unknown)}")
    names = [name for name in names if name not in exclude]
    if not names:
        raise SceneError(f"exclude: expected to leave at least one object of {source or 'the primitives'}, got all")

    def sampled(name: str) -> Cloud:
        triangles = primitives[name] if source is None else read_triangles(meshes[name])
        rng = np.random.default_rng([seed, 11, zlib.crc32(name.encode())])
        kept = rng.permutation(voxel_downsample(sample_surface(rng, triangles, points), voxel_m))
        return Cloud(name, (kept - kept.mean(axis=0)).astype(np.float32))

    if source is None or cache_dir is None:
        return [sampled(name) for name in names]
    settings = f"{voxel_m:g}-{points}-{seed}"
    return [_cached(name, meshes[name], settings, Path(cache_dir), sampled) for name in names]


def _find_meshes(folder: Path) -> dict[str, Path]:
    """Mesh files by object name: those of the YCB models if there are any, else all .obj files."""
    if not folder.is_dir():
        raise SceneError(f"source: expected a folder of NAME/model.urdf or .obj meshes, got no such folder: {folder}")
    if any(folder.glob("*/model.urdf")):
        return {name: read_model(folder, name).mesh for name in ycb_names(folder)}
    meshes = {str(path.relative_to(folder).with_suffix("")): path for path in folder.rglob("*.obj")}
    if not meshes:
        raise SceneError(f"source: expected NAME/model.urdf or .obj meshes in {folder}, found none")
    return meshes


def read_triangles(path: Path) -> np.ndarray:
    """Triangles (F, 3, 3) in metres of an OBJ file."""
    vertices, _, _, corners = read_obj(path)
    faces = corners[..., 0]
    triangles = vertices[faces]
    size_m = np.ptp(triangles.reshape(-1, 3), axis=0).max()
    if not _SIZE_M[0] <= size_m <= _SIZE_M[1]:
        raise SceneError(f"source: expected an object of {_SIZE_M[0]} to {_SIZE_M[1]} m in {path}, got {size_m:g} m")
    return triangles


def sample_surface(rng: np.random.Generator, triangles: np.ndarray, count: int) -> np.ndarray:
    """Points (count, 3), even over the area of the triangles (F, 3, 3)."""
    a, b, c = np.moveaxis(triangles, 1, 0)
    area = np.linalg.norm(np.cross(b - a, c - a), axis=1)
    chosen = rng.choice(len(triangles), count, p=area / area.sum())
    u, v = rng.random((2, count, 1))
    u, v = np.where(u + v > 1, (1 - u, 1 - v), (u, v))
    return a[chosen] + u * (b - a)[chosen] + v * (c - a)[chosen]


def voxel_downsample(points: np.ndarray, voxel_m: float) -> np.ndarray:
    """One of the points (M, 3) per occupied cube of edge `voxel_m`: the nearest to the mean of those in the cube.

    A point and not the mean itself, which lies beside a curved or thin surface.
    """
    cells = np.floor(points / voxel_m).astype(np.int64)
    _, cell, count = np.unique(cells, axis=0, return_inverse=True, return_counts=True)
    cell = cell.ravel()
    mean = np.stack([np.bincount(cell, points[:, k]) for k in range(3)], axis=1) / count[:, None]
    distance = np.linalg.norm(points - mean[cell], axis=1)
    order = np.lexsort((distance, cell))
    return points[order[np.concatenate([[0], np.cumsum(count)[:-1]])]]


def _cached(name: str, mesh: Path, settings: str, cache_dir: Path, make) -> Cloud:
    """The cloud from `cache_dir`, made first where it is missing or damaged, or the mesh has changed."""
    stat = mesh.stat()
    key = f"{mesh.resolve()}|{stat.st_size}|{stat.st_mtime_ns}|{settings}"
    path = cache_dir / "clouds" / f"{Path(name).name}-{zlib.crc32(key.encode()):08x}.npz"

    def packed() -> bytes:
        file = io.BytesIO()
        np.savez(file, points=make(name).points)
        return file.getvalue()

    return Cloud(name, cached(path, _read_points, packed, SceneError))


def _read_points(path: Path) -> np.ndarray:
    points = read_arrays(path, "cache_dir", ("points",))["points"]
    if points.ndim != 2 or points.shape[1] != 3 or len(points) == 0 or points.dtype != np.float32:
        raise FileError(f"cache_dir: {path}: points: expected (M, 3) float32, got {points.dtype} {points.shape}")
    if not np.isfinite(points).all():
        raise FileError(f"cache_dir: {path}: points: expected finite numbers")
    return points
