"""Which bodies lie where: scenes as plain data, drawn from a seed.

A scene is dropped and settled once (by `settle` or `mujoco_settle`), then only looked at: its bodies never move again.
World frame: z up, the table top is z = 0, objects lie within 0.2 m of the origin.
"""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from depth_pc_ros.errors import SceneError
from depth_pc_ros.sim import ycb
from depth_pc_ros.sim.models import MODEL_NAMES, upright_quaternion

RADIUS_M = 0.2
SCENE_CENTRE = (0.0, 0.0, 0.04)
SCENE_KINDS = ("default", "printed", "ycb")


@dataclass(frozen=True)
class Body:
    """One object at rest.

    asset: 'package' (a procedurally printed box), 'can' (a printed cylinder), 'pybullet/<urdf>' or 'ycb/<name>'.
    position_m (3,), quaternion_xyzw (4,): pose of the body in the world.
    size_m (3,): edge lengths of a package; diameter, diameter and height of a can. texture_seed: what is printed on it.
    """

    asset: str
    position_m: tuple[float, float, float]
    quaternion_xyzw: tuple[float, float, float, float]
    size_m: tuple[float, float, float] | None = None
    texture_seed: int = 0


@dataclass(frozen=True)
class Scene:
    """Bodies at rest on a textured table. kind: one of SCENE_KINDS. table_seed: what the table looks like."""

    kind: str
    seed: int
    bodies: tuple[Body, ...]
    table: str
    table_seed: int
    centre: tuple[float, float, float] = SCENE_CENTRE


def make_scene(
    kind: str,
    seed: int,
    ycb_root: str | Path | None = None,
    names=None,
    pedestals: int = 0,
    simulator: str = "pybullet",
) -> Scene:
    """The scene of this kind and seed, settled by the physics of `simulator`: the same one every time.

    kind: 'default' (packages, and models that only PyBullet has), 'printed' (packages and cans) or 'ycb'.
    Only for 'ycb': ycb_root, its folder; names: the objects to drop (default: 8-12 drawn from all); pedestals: so many
    boxes of several heights stand under them.
    """
    if kind == "default":
        falling = _default_scene(seed)
    elif kind == "printed":
        falling = _printed_scene(seed)
    elif kind == "ycb":
        falling = _ycb_scene(seed, ycb_root, names, pedestals)
    else:
        raise SceneError(f"scene: expected one of {SCENE_KINDS}, got {kind!r}")
    if simulator == "mujoco":  # only the simulator in use need be installed
        from depth_pc_ros.sim.mujoco_settle import settle
    else:
        from depth_pc_ros.sim.settle import settle
    root = None if ycb_root is None else Path(ycb_root)
    return replace(falling, bodies=settle(falling.bodies, root, RADIUS_M))


def _drop_position(rng: np.random.Generator, i: int, count: int, reach_m: float) -> np.ndarray:
    """Where body i of `count` starts to fall (3,): spread over the disc like sunflower seeds, at several heights."""
    radius = reach_m * np.sqrt((i + 0.5) / count) * rng.uniform(0.85, 1.05)
    angle = i * np.pi * (3 - np.sqrt(5)) + rng.uniform(-0.3, 0.3)
    return np.array([radius * np.cos(angle), radius * np.sin(angle), 0.08 + 0.06 * (i % 3)])


def _default_scene(seed: int) -> Scene:
    """Seven printed packages and five of PyBullet's own models, dropped upright, some onto others."""
    rng = np.random.default_rng([seed, 1])
    models = [f"pybullet/{name}" for name in rng.permutation(MODEL_NAMES)[:5]]
    names = rng.permutation(["package"] * 7 + models).tolist()
    bodies = []
    for i, asset in enumerate(names):
        position = _drop_position(rng, i, len(names), 0.17)
        quaternion = upright_quaternion(asset.removeprefix("pybullet/"), rng.uniform(-np.pi, np.pi))
        size = rng.uniform((0.08, 0.055, 0.025), (0.14, 0.09, 0.07)) if asset == "package" else None
        bodies.append(_body(asset, position, quaternion, size, int(rng.integers(2**31))))
    return Scene("default", seed, tuple(bodies), "terrazzo", int(rng.integers(2**31)))


def _printed_scene(seed: int) -> Scene:
    """Seven printed packages and five printed cans, dropped upright, some onto others."""
    rng = np.random.default_rng([seed, 5])
    bodies = []
    for i, asset in enumerate(rng.permutation(["package"] * 7 + ["can"] * 5).tolist()):
        yaw = rng.uniform(-np.pi, np.pi)
        if asset == "package":
            size = rng.uniform((0.08, 0.055, 0.025), (0.14, 0.09, 0.07))
        else:
            size = np.repeat(rng.uniform((0.05, 0.04), (0.08, 0.1)), (2, 1))
        quaternion = (0.0, 0.0, np.sin(yaw / 2), np.cos(yaw / 2))
        bodies.append(_body(asset, _drop_position(rng, i, 12, 0.17), quaternion, size, int(rng.integers(2**31))))
    return Scene("printed", seed, tuple(bodies), "terrazzo", int(rng.integers(2**31)))


def _ycb_scene(seed: int, ycb_root: str | Path | None, names, pedestals: int) -> Scene:
    """Objects dropped in any orientation, onto pedestals if any."""
    known = ycb.ycb_names(ycb_root)
    rng = np.random.default_rng([seed, 2])
    if names is None:
        names = rng.permutation(known)[: int(rng.integers(8, 13))]
    missing = sorted(set(names) - set(known))
    if missing:
        raise SceneError(f"ycb_root: {ycb_root} has no {', '.join(missing)}")
    bodies = []
    for i in range(pedestals):
        size = (*rng.uniform(0.09, 0.12, 2), 0.05 + 0.15 * i / max(pedestals - 1, 1))
        position = _drop_position(rng, i, pedestals, 0.13)
        position[2] = size[2] / 2
        bodies.append(_body("package", position, (0, 0, 0, 1), size, int(rng.integers(2**31))))
    lift = 0.25 if pedestals else 0.05
    for i, name in enumerate(names):
        position = _drop_position(rng, i, len(names), 0.16) + [0, 0, lift]
        quaternion = rng.standard_normal(4)
        bodies.append(_body(f"ycb/{name}", position, quaternion / np.linalg.norm(quaternion)))
    return Scene("ycb", seed, tuple(bodies), "wood", int(rng.integers(2**31)))


def _body(asset: str, position, quaternion, size=None, texture_seed: int = 0) -> Body:
    """A Body of plain floats, so that scenes compare and serialise."""
    position, quaternion = tuple(map(float, position)), tuple(map(float, quaternion))
    return Body(asset, position, quaternion, None if size is None else tuple(map(float, size)), texture_seed)
