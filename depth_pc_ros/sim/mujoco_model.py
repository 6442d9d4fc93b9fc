"""How meshes and light become a MuJoCo model."""

import numpy as np

from depth_pc_ros.sim.light import Light
from depth_pc_ros.sim.mesh import Mesh
from depth_pc_ros.sim.mujoco_gl import mujoco

VISIBLE_GROUP = 1  # of geoms; in the models of arms, other groups hold collision shapes


def scene_spec(meshes, light: Light):
    """An `MjSpec` of static meshes (sequence of `Mesh`, world frame) that nothing collides with, under one light."""
    spec = mujoco.MjSpec()
    spec.visual.headlight.active = 0  # it would move with the camera
    spec.visual.quality.offsamples = 0  # with more, depth would be that of a place beside the pixel's centre
    diffuse, ambient = light.diffuse * np.array(light.colour), np.full(3, light.ambient)
    spec.worldbody.add_light(
        type=mujoco.mjtLightType.mjLIGHT_DIRECTIONAL, dir=-light.unit_direction, pos=3 * light.unit_direction,
        diffuse=diffuse, ambient=ambient, specular=[0, 0, 0], castshadow=False,
    )  # fmt: skip
    for k, mesh in enumerate(meshes):
        _add(spec, f"mesh_{k}", mesh)
    return spec


def _add(spec, name: str, mesh: Mesh) -> None:
    height, width = mesh.picture.shape[:2]
    kind = mujoco.mjtTexture.mjTEXTURE_2D
    texture = spec.add_texture(name=name, type=kind, width=width, height=height, nchannel=3)
    texture.data = np.ascontiguousarray(mesh.picture[::-1]).tobytes()  # lowest row first
    material = spec.add_material(name=name, specular=0, shininess=0, reflectance=0)
    material.textures[mujoco.mjtTextureRole.mjTEXROLE_RGB] = name
    faces = mesh.faces.astype(np.int32).ravel()
    spec.add_mesh(
        name=name, inertia=mujoco.mjtMeshInertia.mjMESH_INERTIA_SHELL, userface=faces,
        uservert=mesh.vertices.astype(np.float32).ravel(), usernormal=mesh.normals.astype(np.float32).ravel(),
        userfacenormal=faces, usertexcoord=mesh.uvs.astype(np.float32).ravel(), userfacetexcoord=faces,
    )  # fmt: skip
    spec.worldbody.add_geom(
        type=mujoco.mjtGeom.mjGEOM_MESH, meshname=name, material=name, contype=0, conaffinity=0, group=VISIBLE_GROUP
    )
