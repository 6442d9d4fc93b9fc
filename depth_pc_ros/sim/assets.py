"""How one body of a scene becomes a collision shape (to settle it) or a textured visual (to look at it)."""

from pathlib import Path

import cv2
import numpy as np
import pybullet_data
from scipy.spatial.transform import Rotation

from depth_pc_ros.sim import textures, ycb
from depth_pc_ros.sim.bullet import BulletClient

_TEXEL_M = 0.0006
# Per model of pybullet_data: rotation that stands it upright (rpy, radians), scale, colour (None: its own texture).
_MODELS = {
    "duck_vhacd.urdf": ((np.pi / 2, 0.0, 0.0), 1.1, None),
    "teddy_vhacd.urdf": ((np.pi / 2, 0.0, 0.0), 1.0, (0.62, 0.42, 0.26, 1.0)),
    "lego/lego.urdf": ((0.0, 0.0, 0.0), 2.0, (0.85, 0.15, 0.12, 1.0)),
    "domino/domino.urdf": ((0.0, -np.pi / 2, 0.0), 1.6, None),
    "jenga/jenga.urdf": ((0.0, 0.0, 0.0), 0.8, None),
    "objects/mug.urdf": ((0.0, 0.0, 0.0), 0.9, (0.25, 0.45, 0.8, 1.0)),
}
PYBULLET_MODELS = tuple(_MODELS)


def upright_quaternion(asset: str, yaw: float) -> tuple[float, ...]:
    """Quaternion (x, y, z, w) of a body that stands upright, turned by `yaw` (radians) about the vertical."""
    rpy = _MODELS[asset.removeprefix("pybullet/")][0] if asset.startswith("pybullet/") else (0.0, 0.0, 0.0)
    return tuple((Rotation.from_euler("z", yaw) * Rotation.from_euler("xyz", rpy)).as_quat().tolist())


def _load_model(client: BulletClient, name: str, fixed: bool) -> int:
    path = str(Path(pybullet_data.getDataPath()) / name)
    body = client.loadURDF(path, globalScaling=_MODELS[name][1], useFixedBase=fixed)
    colour = _MODELS[name][2]
    if colour is not None:
        client.changeVisualShape(body, -1, rgbaColor=colour)
    return body


def add_collision(client: BulletClient, asset: str, size_m, ycb_root: Path | None) -> int:
    """Add a falling body of this asset to `client`, at the origin; returns its id."""
    if asset == "package":
        shape = client.createCollisionShape(client.GEOM_BOX, halfExtents=[v / 2 for v in size_m])
        return client.createMultiBody(0.2, shape)
    source, name = asset.split("/", 1)
    if source == "pybullet":
        return _load_model(client, name, fixed=False)
    model = ycb.read_model(ycb_root, name)
    shape = client.createCollisionShape(
        client.GEOM_MESH, fileName=str(model.collision), collisionFramePosition=model.origin_m
    )
    return client.createMultiBody(model.mass_kg, shape)


def add_scene(client: BulletClient, scene, ycb_root: Path | None, cache_dir: Path, scratch_dir: Path) -> None:
    """Add a `scenes.Scene` to an empty client, to look at only.

    cache_dir: keeps light copies of YCB models between runs. scratch_dir: textures that die with the world.
    """
    _add_table(client, scene.table, scene.table_seed, scratch_dir)
    for body in sorted(scene.bodies, key=lambda body: body.asset != "package"):  # own textures first
        _add_visual(client, body, ycb_root, cache_dir, scratch_dir)


def _add_visual(client: BulletClient, body, ycb_root: Path | None, cache_dir: Path, scratch_dir: Path) -> None:
    if body.asset == "package":
        index = _add_package(client, body.size_m, body.texture_seed, scratch_dir)
    elif body.asset.startswith("pybullet/"):
        index = _load_model(client, body.asset.removeprefix("pybullet/"), fixed=True)
    else:
        mesh = ycb.light_copy(ycb.read_model(ycb_root, body.asset.removeprefix("ycb/")), cache_dir)
        index = client.createMultiBody(0, -1, client.createVisualShape(client.GEOM_MESH, fileName=str(mesh)))
    client.resetBasePositionAndOrientation(index, body.position_m, body.quaternion_xyzw)


def _textured_mesh(client: BulletClient, corners, uvs, normals, picture: np.ndarray, stem: Path) -> int:
    """Static body of F textured quads, through the files `stem`.obj and .bmp (the EGL renderer takes no arrays).

    corners (F, 4, 3) in metres, counter-clockwise; uvs (F, 4, 2); normals (F, 3).
    The picture is loaded as a texture of its own, not by the mesh: PyBullet keeps the pictures of meshes, by file name,
    until the process ends. Its EGL plugin then finds the texture only if no mesh with a picture was loaded before.
    """
    lines = ["v {:.6f} {:.6f} {:.6f}".format(*point) for point in np.reshape(corners, (-1, 3))]
    lines += ["vt {:.7f} {:.7f}".format(*uv) for uv in np.reshape(uvs, (-1, 2))]
    lines += ["vn {:.6f} {:.6f} {:.6f}".format(*normal) for normal in normals]
    for quad in range(len(corners)):
        a, b, c, d = (f"{4 * quad + k}/{4 * quad + k}/{quad + 1}" for k in (1, 2, 3, 4))
        lines += [f"f {a} {b} {c}", f"f {a} {c} {d}"]
    Path(f"{stem}.obj").write_text("\n".join(lines) + "\n")
    cv2.imwrite(f"{stem}.bmp", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    body = client.createMultiBody(0, -1, client.createVisualShape(client.GEOM_MESH, fileName=f"{stem}.obj"))
    client.changeVisualShape(body, -1, textureUniqueId=client.loadTexture(f"{stem}.bmp"), rgbaColor=(1, 1, 1, 1))
    return body


def _add_package(client: BulletClient, size_m, texture_seed: int, scratch_dir: Path) -> int:
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
    return _textured_mesh(client, corners, uvs, normals, picture, scratch_dir / f"package_{texture_seed}")


def _add_table(client: BulletClient, kind: str, texture_seed: int, scratch_dir: Path) -> int:
    """The table top at z = 0, 4.8 m wide: 'terrazzo' (many corners) or 'wood' (few); returns its id.

    The texture covers the middle 1.2 m; mirror images of it go on to the rim, so that a tilted view sees no void.
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
    return _textured_mesh(client, corners, uvs, normals, picture, scratch_dir / f"table_{texture_seed}")
