"""How the bodies of a scene become collision shapes (to settle them) and meshes (to look at them)."""

from pathlib import Path

import numpy as np

from depth_pc_ros.sim import textures, ycb
from depth_pc_ros.sim.bullet import BulletClient
from depth_pc_ros.sim.mesh import Mesh, check_collision, quads
from depth_pc_ros.sim.models import load_model, model_mesh

_TEXEL_M = 0.0006


def add_collision(client: BulletClient, asset: str, size_m, ycb_root: Path | None) -> int:
    """Add a falling body of this asset to `client`, at the origin; returns its id."""
    if asset == "package":
        shape = client.createCollisionShape(client.GEOM_BOX, halfExtents=[v / 2 for v in size_m])
        return client.createMultiBody(0.2, shape)
    source, name = asset.split("/", 1)
    if source == "pybullet":
        return load_model(client, name)
    model = ycb.read_model(ycb_root, name)
    check_collision(model.collision)
    shape = client.createCollisionShape(
        client.GEOM_MESH, fileName=str(model.collision), collisionFramePosition=model.origin_m
    )
    return client.createMultiBody(model.mass_kg, shape)


def scene_meshes(scene, ycb_root: Path | None, cache_dir: Path) -> list[Mesh]:
    """What a `scenes.Scene` looks like, in the world frame; the table comes last, after all that may hide it.

    cache_dir: keeps light copies of YCB models between runs.
    """
    bodies = [
        _body_mesh(body, ycb_root, cache_dir).moved(body.position_m, body.quaternion_xyzw) for body in scene.bodies
    ]
    return [*bodies, _table(scene.table, scene.table_seed)]


def _body_mesh(body, ycb_root: Path | None, cache_dir: Path) -> Mesh:
    if body.asset == "package":
        return _package(body.size_m, body.texture_seed)
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
