"""Random scenes for the depth model: objects and shapes on a table, and where the camera stands.

Nothing is settled by physics: objects stand on the table, float a little or reach into each other. World frame: z up,
the table top is z = 0, lengths in metres.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.depth_training.pictures import random_picture, recoloured
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim import ycb
from depth_pc_ros.sim.light import Light
from depth_pc_ros.sim.mesh import Mesh, quads
from depth_pc_ros.sim.models import MODEL_NAMES, model_mesh
from depth_pc_ros.training.primitives import random_primitives

RENDERED = (448, 336)  # width, height of images for the resolution of use, px; the network sees three quarters
_RADIUS_M = (0.1, 0.3)  # where objects stand, another in each scene
_RESTING, _FLOAT_M = 0.75, 0.12  # share of objects that touch the table; others stand up to so much higher
_OWN_PICTURE = 0.6  # share of the models that keep their own picture


@dataclass(frozen=True)
class Stock:
    """What scenes are made of. models: whole objects. pictures: for everything else."""

    models: tuple[Mesh, ...]
    pictures: tuple[np.ndarray, ...]


def load_stock(
    ycb_root: str | Path | None, cache_dir: Path, seed: int, exclude=(), only=(), pictures: int = 160
) -> Stock:
    """PyBullet's models and, with `ycb_root`, those of YCB; pictures are drawn from `seed`.

    exclude: names of YCB objects to leave out. only: names of the only objects to take, PyBullet's left out too.
    """
    models = [] if only else [model_mesh(name) for name in MODEL_NAMES]
    if ycb_root is not None:
        names = [name for name in ycb.ycb_names(ycb_root) if name not in exclude and (not only or name in only)]
        models += [ycb.light_copy(ycb.read_model(ycb_root, name), cache_dir) for name in names]
    rng = np.random.default_rng([seed, 51])
    return Stock(tuple(models), tuple(random_picture(rng) for _ in range(pictures)))


def sample_meshes(rng: np.random.Generator, stock: Stock) -> list[Mesh]:
    """Everything in one scene, world frame."""
    shapes = list(random_primitives(rng, each=1).values())
    meshes, radius = [], rng.uniform(*_RADIUS_M)
    for _ in range(int(rng.integers(3, 20))):
        if stock.models and rng.random() < 0.6:
            mesh = stock.models[rng.integers(len(stock.models))]
            if rng.random() > _OWN_PICTURE:
                mesh = replace(mesh, picture=_picture(rng, stock))
        else:
            mesh = wrapped(shapes[rng.integers(len(shapes))], _picture(rng, stock), rng.uniform(0.05, 0.4))
        meshes.append(_placed(rng, mesh, radius))
    meshes.append(_ground(rng, 0.0, rng.uniform(0.35, 2.5), stock))
    if rng.random() < 0.7:  # the floor under the table
        meshes.append(_ground(rng, -rng.uniform(0.05, 0.8), 3.0, stock))
    return meshes


def sample_camera(rng: np.random.Generator) -> np.ndarray:
    """`T_world_cam` (4, 4), optical frame: mostly from above, as a wrist camera looks."""
    steep = rng.random() < 0.8
    elevation = np.radians(rng.uniform(60, 90) if steep else rng.uniform(25, 60))
    azimuth = rng.uniform(-np.pi, np.pi)
    away = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    target = np.array([*rng.uniform(-0.12, 0.12, 2), rng.uniform(0, 0.1)])
    distance = np.exp(rng.uniform(np.log(0.3), np.log(1.0)))
    up = np.array([-away[1], away[0], 0.0]) if elevation > np.radians(85) else np.array([0.0, 0.0, 1.0])
    T = se3.look_at(target + distance * away, target, up)
    T[:3, :3] = T[:3, :3] @ se3.exp_so3(np.array([0, 0, rng.uniform(-np.pi, np.pi)]))
    return T


def sample_intrinsics(rng: np.random.Generator, size: tuple[int, int]) -> Intrinsics:
    """Of images of `size` (width, height), px: a field of view between 43 and 77 degrees."""
    width, height = size
    focal = width * float(np.exp(rng.uniform(np.log(0.625), np.log(1.25))))
    return Intrinsics(focal, focal, (width - 1) / 2, (height - 1) / 2, width, height)


def sample_light(rng: np.random.Generator) -> Light:
    heading, height = rng.uniform(-np.pi, np.pi), rng.uniform(0.3, 3.0)
    ambient = rng.uniform(0.25, 0.9)
    return Light(
        direction=(np.cos(heading), np.sin(heading), height),
        colour=tuple(rng.uniform(0.8, 1.0, 3)),
        ambient=ambient,
        diffuse=rng.uniform(0.15, 1.1 - ambient),
    )


def wrapped(triangles: np.ndarray, picture: np.ndarray, size_m: float) -> Mesh:
    """Mesh of bare triangles (F, 3, 3), flat shaded; the picture, `size_m` wide, is projected along x, y or z."""
    normals = np.cross(triangles[:, 1] - triangles[:, 0], triangles[:, 2] - triangles[:, 0])
    length = np.linalg.norm(normals, axis=1, keepdims=True)
    triangles, normals = triangles[length[:, 0] > 1e-12], normals[length[:, 0] > 1e-12]
    normals /= np.linalg.norm(normals, axis=1, keepdims=True)
    axis = np.abs(normals).argmax(axis=1)
    kept = np.array([[1, 2], [0, 2], [0, 1]])[axis]
    uvs = np.take_along_axis(triangles, kept[:, None, :], axis=2) / size_m
    uvs = np.abs((uvs + 1) % 2 - 1)  # folded back and forth
    # Both sides, since the winding of some shapes is not uniform; back faces are culled.
    both = np.concatenate([triangles, triangles[:, ::-1]]).reshape(-1, 3)
    normals = np.repeat(np.concatenate([normals, -normals]), 3, axis=0)
    uvs = np.concatenate([uvs, uvs[:, ::-1]]).reshape(-1, 2)
    return Mesh(both, normals, uvs, np.arange(len(both)).reshape(-1, 3), picture)


def _picture(rng: np.random.Generator, stock: Stock) -> np.ndarray:
    return recoloured(rng, stock.pictures[rng.integers(len(stock.pictures))])


def _placed(rng: np.random.Generator, mesh: Mesh, radius_m: float) -> Mesh:
    scale = rng.uniform(0.7, 1.3)
    rotated = replace(mesh, vertices=mesh.vertices * scale).moved(
        np.zeros(3), Rotation.random(random_state=rng).as_quat()
    )
    radius, angle = radius_m * np.sqrt(rng.random()), rng.uniform(-np.pi, np.pi)
    low, middle = rotated.vertices.min(0), (rotated.vertices.min(0) + rotated.vertices.max(0)) / 2
    height = 0.0 if rng.random() < _RESTING else rng.uniform(-0.03, _FLOAT_M)
    translation = np.array([radius * np.cos(angle) - middle[0], radius * np.sin(angle) - middle[1], height - low[2]])
    return replace(rotated, vertices=rotated.vertices + translation)


def _ground(rng: np.random.Generator, height: float, half_m: float, stock: Stock) -> Mesh:
    """A square of tiles at z = `height`, its picture repeated as mirror images."""
    picture = _picture(rng, stock)
    tiles = int(rng.integers(1, 9))
    edges = np.linspace(-half_m, half_m, tiles + 1)
    corners, uvs = [], []
    for i in range(tiles):
        for j in range(tiles):
            around = [(i, j), (i + 1, j), (i + 1, j + 1), (i, j + 1)]
            corners.append([(edges[a], edges[b], height) for a, b in around])
            uvs.append([(a % 2, b % 2) for a, b in around])
    yaw = Rotation.from_euler("z", rng.uniform(-np.pi, np.pi)).as_quat()
    flat = quads(corners, uvs, np.tile([0.0, 0.0, 1.0], (len(corners), 1)), picture)
    return flat.moved([*rng.uniform(-0.3, 0.3, 2) * half_m, 0.0], yaw)
