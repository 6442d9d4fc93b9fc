"""Let bodies fall onto the table until they rest, by PyBullet. Same bodies in, same poses out."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from depth_pc_ros.errors import SceneError
from depth_pc_ros.sim import ycb
from depth_pc_ros.sim.bullet import BulletClient
from depth_pc_ros.sim.mesh import read_collision
from depth_pc_ros.sim.models import load_model

_STEP_S = 1 / 120
_MAX_STEPS = 480
_REST_SPEED = 0.01  # m/s and rad/s


def settle(bodies, ycb_root: Path | None, radius_m: float) -> tuple:
    """Drop `bodies` (sequence of `scenes.Body`) from where they are, inside an invisible ring of `radius_m`.

    Returns the bodies at rest. Raises SceneError when one left the table.
    """
    client = BulletClient()
    try:
        client.setGravity(0, 0, -9.81)
        client.setTimeStep(_STEP_S)
        client.setPhysicsEngineParameter(deterministicOverlappingPairs=1)
        client.createMultiBody(0, client.createCollisionShape(client.GEOM_PLANE))
        _add_ring(client, radius_m)
        indices = []
        for body in bodies:
            index = add_collision(client, body.asset, body.size_m, ycb_root)
            client.resetBasePositionAndOrientation(index, body.position_m, body.quaternion_xyzw)
            client.changeDynamics(index, -1, lateralFriction=0.8, rollingFriction=0.003, spinningFriction=0.003)
            indices.append(index)
        for step in range(_MAX_STEPS):
            client.stepSimulation()
            if step % 20 == 19 and step > 60 and _at_rest(client, indices):
                break
        settled = []
        for body, index in zip(bodies, indices, strict=True):
            position, quaternion = client.getBasePositionAndOrientation(index)
            if not (np.isfinite(position).all() and abs(position[2]) < 0.5 and np.hypot(*position[:2]) < 2 * radius_m):
                raise SceneError(f"scene: {body.asset} left the table while settling (at {position})")
            settled.append(replace(body, position_m=position, quaternion_xyzw=quaternion))
        return tuple(settled)
    finally:
        client.close()


def add_collision(client: BulletClient, asset: str, size_m, ycb_root: Path | None) -> int:
    """Add a falling body of this asset to `client`, at the origin; returns its id."""
    if asset == "package":
        shape = client.createCollisionShape(client.GEOM_BOX, halfExtents=[v / 2 for v in size_m])
        return client.createMultiBody(0.2, shape)
    if asset == "can":
        shape = client.createCollisionShape(client.GEOM_CYLINDER, radius=size_m[0] / 2, height=size_m[2])
        return client.createMultiBody(0.2, shape)
    source, name = asset.split("/", 1)
    if source == "pybullet":
        return load_model(client, name)
    model = ycb.read_model(ycb_root, name)
    read_collision(model.collision)
    shape = client.createCollisionShape(
        client.GEOM_MESH, fileName=str(model.collision), collisionFramePosition=model.origin_m
    )
    return client.createMultiBody(model.mass_kg, shape)


def _at_rest(client: BulletClient, indices) -> bool:
    return all(np.abs(client.getBaseVelocity(i)).max() < _REST_SPEED for i in indices)


def _add_ring(client: BulletClient, radius_m: float, segments: int = 12) -> None:
    """Walls around the drop zone, so that round things do not roll away."""
    half = [0.02, radius_m * np.tan(np.pi / segments) + 0.02, 0.5]
    wall = client.createCollisionShape(client.GEOM_BOX, halfExtents=half)
    for angle in np.arange(segments) * 2 * np.pi / segments:
        centre = (radius_m + half[0]) * np.array([np.cos(angle), np.sin(angle), 0]) + [0, 0, half[2]]
        client.createMultiBody(0, wall, -1, centre, [0, 0, np.sin(angle / 2), np.cos(angle / 2)])
