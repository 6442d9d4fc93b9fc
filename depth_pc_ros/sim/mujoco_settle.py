"""Let bodies fall onto the table until they rest, by MuJoCo. Same bodies in, same poses out."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from depth_pc_ros.errors import SceneError
from depth_pc_ros.sim import ycb
from depth_pc_ros.sim.mesh import read_collision
from depth_pc_ros.sim.mujoco_gl import mujoco

_STEP_S, _MAX_S, _FIRST_S = 0.002, 6.0, 0.5
_REST_SPEED = 0.01  # m/s and rad/s
_MASS_KG = 0.2  # of what we print ourselves
_FRICTION = (0.8, 0.003, 0.003)  # sliding; torsional and rolling, m


def settle(bodies, ycb_root: Path | None, radius_m: float) -> tuple:
    """Drop `bodies` (sequence of `scenes.Body`) from where they are, inside an invisible ring of `radius_m`.

    Returns the bodies at rest. Raises SceneError when one left the table.
    """
    spec = mujoco.MjSpec()
    spec.option.timestep = _STEP_S
    spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_PLANE, size=[1, 1, 1], friction=_FRICTION)
    _add_ring(spec, radius_m)
    for k, body in enumerate(bodies):
        x, y, z, w = body.quaternion_xyzw
        child = spec.worldbody.add_body(name=f"body_{k}", pos=body.position_m, quat=[w, x, y, z])
        child.add_freejoint()
        _add_shape(spec, child, body, ycb_root)
    model = spec.compile()
    data = mujoco.MjData(model)
    while data.time < _MAX_S:
        mujoco.mj_step(model, data)
        if data.time > _FIRST_S and np.abs(data.qvel).max() < _REST_SPEED:
            break
    settled = []
    for body, (*position, w, x, y, z) in zip(bodies, data.qpos.reshape(-1, 7).tolist(), strict=True):
        if not (np.isfinite(position).all() and abs(position[2]) < 0.5 and np.hypot(*position[:2]) < 2 * radius_m):
            raise SceneError(f"scene: {body.asset} left the table while settling (at {position})")
        settled.append(replace(body, position_m=tuple(position), quaternion_xyzw=(x, y, z, w)))
    return tuple(settled)


def _add_shape(spec, child, body, ycb_root: Path | None) -> None:
    """What of a falling body touches others."""
    if body.asset == "package":
        half = [edge / 2 for edge in body.size_m]
        child.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=half, mass=_MASS_KG, friction=_FRICTION)
    elif body.asset == "can":
        size = [body.size_m[0] / 2, body.size_m[2] / 2, 0]
        child.add_geom(type=mujoco.mjtGeom.mjGEOM_CYLINDER, size=size, mass=_MASS_KG, friction=_FRICTION)
    elif body.asset.startswith("ycb/"):
        model = ycb.read_model(ycb_root, body.asset.removeprefix("ycb/"))
        corners = np.unique(read_collision(model.collision), axis=0) + model.origin_m
        spec.add_mesh(name=child.name, uservert=corners.astype(np.float32).ravel())  # collides by its convex hull
        kind = mujoco.mjtGeom.mjGEOM_MESH
        child.add_geom(type=kind, meshname=child.name, mass=model.mass_kg, friction=_FRICTION)
    else:
        raise SceneError(f"scene: expected what MuJoCo can drop (package, can or ycb/NAME), got {body.asset!r}")


def _add_ring(spec, radius_m: float, segments: int = 12) -> None:
    """Walls around the drop zone, so that round things do not roll away."""
    half = [0.02, radius_m * np.tan(np.pi / segments) + 0.02, 0.5]
    for angle in np.arange(segments) * 2 * np.pi / segments:
        centre = (radius_m + half[0]) * np.array([np.cos(angle), np.sin(angle), 0]) + [0, 0, half[2]]
        quaternion = [np.cos(angle / 2), 0, 0, np.sin(angle / 2)]
        spec.worldbody.add_geom(type=mujoco.mjtGeom.mjGEOM_BOX, size=half, pos=centre, quat=quaternion)
