"""How the bodies of a scene become meshes to look at."""

from pathlib import Path

import numpy as np

from depth_pc_ros.files.cache import default_cache_dir
from depth_pc_ros.sim import textures, ycb
from depth_pc_ros.sim.mesh import Mesh, quads
from depth_pc_ros.sim.models import model_mesh

_TEXEL_M = 0.0006
_CAN_SIDES = 48


def scene_meshes(scene, ycb_root: str | Path | None, cache_dir: str | Path | None) -> list[Mesh]:
    """What a `scenes.Scene` looks like, in the world frame; the table comes last, after all that may hide it.

    cache_dir: keeps light copies of YCB models between runs; None: the usual one.
    """
    root = Path(ycb_root) if ycb_root is not None else None
    cache = Path(cache_dir or default_cache_dir())
    bodies = [_body_mesh(body, root, cache).moved(body.position_m, body.quaternion_xyzw) for body in scene.bodies]
    return [*bodies, _table(scene.table, scene.table_seed)]


def _body_mesh(body, ycb_root: Path | None, cache_dir: Path) -> Mesh:
    if body.asset == "package":
        return _package(body.size_m, body.texture_seed)
    if body.asset == "can":
        return _can(body.size_m, body.texture_seed)
    source, name = body.asset.split("/", 1)
    if source == "pybullet":
        return model_mesh(name)
    return ycb.light_copy(ycb.read_model(ycb_root, name), cache_dir)


def _package(size_m, texture_seed: int) -> Mesh:
    """A box with another print on each face."""
    corners, normals, faces_px = [], [], []
    half = np.asarray(size_m) / 2
    for axis in range(3):
        for sign in (-1.0, 1.0):
            normal = np.eye(3)[axis] * sign
            up = np.eye(3)[2 if axis < 2 else 1]
            right = np.cross(up, normal)
            square = np.array([-right - up, right - up, right + up, -right + up])
            corners.append((normal + square) * half)
            normals.append(normal)
            faces_px.append(tuple(max(16, round(2 * abs(half @ side) / _TEXEL_M)) for side in (right, up)))
    picture, rectangles = textures.package_atlas(np.random.default_rng(texture_seed), faces_px)
    uvs = rectangles[:, [[0, 1], [2, 1], [2, 3], [0, 3]]]
    return quads(corners, uvs, normals, picture)


def _can(size_m, texture_seed: int) -> Mesh:
    """An upright cylinder of `size_m` (diameter, diameter, height) with a print around it and others on its lids."""
    radius, half = size_m[0] / 2, size_m[2] / 2
    lengths_m = [(2 * np.pi * radius, 2 * half), (2 * radius, 2 * radius), (2 * radius, 2 * radius)]
    faces_px = [tuple(max(16, round(length / _TEXEL_M)) for length in face) for face in lengths_m]
    picture, (wall, *lids) = textures.package_atlas(np.random.default_rng(texture_seed), faces_px)
    turns = np.linspace(0, 1, _CAN_SIDES + 1)
    circle = np.stack([np.cos(2 * np.pi * turns), np.sin(2 * np.pi * turns), 0 * turns], axis=1)
    up = np.array([0.0, 0.0, 1.0])
    vertices = [radius * circle - half * up, radius * circle + half * up]
    normals = [circle, circle]
    u = wall[0] + turns * (wall[2] - wall[0])
    uvs = [np.stack([u, np.full_like(u, v)], axis=1) for v in (wall[1], wall[3])]
    k, n = np.arange(_CAN_SIDES), _CAN_SIDES + 1
    faces = [np.stack([k, k + 1, n + k + 1], axis=1), np.stack([k, n + k + 1, n + k], axis=1)]
    for sign, rectangle in zip((1.0, -1.0), lids):
        first = sum(map(len, vertices))
        vertices += [sign * half * up[None], radius * circle + sign * half * up]
        normals.append(np.tile(sign * up, (n + 1, 1)))
        middle, reach = (rectangle[:2] + rectangle[2:]) / 2, (rectangle[2:] - rectangle[:2]) / 2
        uvs += [middle[None], middle + reach * circle[:, :2] * (1, sign)]
        fan = np.stack([0 * k, 1 + k, 2 + k], axis=1)
        faces.append(first + (fan if sign > 0 else fan[:, ::-1]))
    return Mesh(*map(np.concatenate, (vertices, normals, uvs, faces)), picture)


def _table(kind: str, texture_seed: int) -> Mesh:
    """The table top at z = 0, 4.8 m wide: 'terrazzo' (many corners) or 'wood' (few).

    The texture covers the middle 1.2 m; mirror images of it continue to the rim, so that a tilted view sees no gap.
    """
    rng = np.random.default_rng(texture_seed)
    size_px, tile_m, reach = 1024, 0.6, 4
    picture = textures.terrazzo(rng, size_px, (2.5, 16.0), 2200) if kind == "terrazzo" else textures.wood(rng, size_px)
    steps = np.arange(-reach, reach + 1)
    edge_m = steps * tile_m
    edge_uv = np.abs((steps + 3) % 4 - 2) / 2  # 0 and 1 at the ends of the middle, folded back and forth outside
    edge_uv = np.clip(edge_uv, 0.5 / size_px, 1 - 0.5 / size_px)
    corners, uvs = [], []
    for i in range(2 * reach):
        for j in range(2 * reach):
            around = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
            corners.append([(edge_m[a], edge_m[b], 0.0) for a, b in around])
            uvs.append([(edge_uv[a], edge_uv[b]) for a, b in around])
    normals = np.tile([0.0, 0.0, 1.0], (len(corners), 1))
    return quads(corners, uvs, normals, picture)
