"""PyBullet's own models: which are used, how they stand upright, and what they look like."""

import re
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.errors import SceneError
from depth_pc_ros.files.raw import read_text
from depth_pc_ros.files.xml_file import read_xml
from depth_pc_ros.sim.mesh import Mesh, indexed, plain, read_obj, read_picture

# Per model of pybullet_data: rotation that stands it upright (rpy, radians), scale, colour (None: its own).
_MODELS = {
    "duck_vhacd.urdf": ((np.pi / 2, 0.0, 0.0), 1.1, None),
    "teddy_vhacd.urdf": ((np.pi / 2, 0.0, 0.0), 1.0, (0.62, 0.42, 0.26)),
    "lego/lego.urdf": ((0.0, 0.0, 0.0), 2.0, (0.85, 0.15, 0.12)),
    "domino/domino.urdf": ((0.0, -np.pi / 2, 0.0), 1.6, None),
    "jenga/jenga.urdf": ((0.0, 0.0, 0.0), 0.8, None),
    "objects/mug.urdf": ((0.0, 0.0, 0.0), 0.9, (0.25, 0.45, 0.8)),
}
MODEL_NAMES = tuple(_MODELS)


def upright_quaternion(name: str, yaw: float) -> tuple[float, ...]:
    """Quaternion (x, y, z, w) of a model that stands upright, rotated by `yaw` (radians) about the vertical.

    An unknown name stands upright without a rotation.
    """
    rpy = _MODELS[name][0] if name in _MODELS else (0.0, 0.0, 0.0)
    return tuple((Rotation.from_euler("z", yaw) * Rotation.from_euler("xyz", rpy)).as_quat().tolist())


def load_model(client, name: str) -> int:
    """Add a falling model to a `BulletClient`; returns its body's id."""
    flags = client.URDF_IGNORE_VISUAL_SHAPES
    return client.loadURDF(str(_urdf(name)), globalScaling=_MODELS[name][1], flags=flags)


def model_mesh(name: str) -> Mesh:
    """What a model looks like, in the frame of its body: PyBullet's is the centre of mass, not the URDF's link."""
    urdf = _urdf(name)
    _, scale, colour = _MODELS[name]
    link = read_xml(urdf, "model", SceneError).find("link")
    visual = link.find("visual")
    shape = visual.find("geometry/mesh")
    vertices, uvs, normals, corners = read_obj(urdf.parent / shape.get("filename"))
    vertices = vertices * scale * _numbers(shape, "scale", (1, 1, 1))
    if colour is None:
        tint = _numbers(visual.find("material/color"), "rgba", None)[:3]
        picture = np.round(_own_picture(urdf.parent / shape.get("filename")) * tint).astype(np.uint8)
    else:
        picture = plain(colour)
    origin, mass_centre = visual.find("origin"), link.find("inertial/origin")
    translation = scale * (_numbers(origin, "xyz", (0, 0, 0)) - _numbers(mass_centre, "xyz", (0, 0, 0)))
    rotation = Rotation.from_euler("xyz", _numbers(origin, "rpy", (0, 0, 0))).as_quat()
    return indexed(vertices, uvs, normals, corners, picture).moved(translation, rotation)


def _urdf(name: str) -> Path:
    from depth_pc_ros.sim.bullet import DATA  # only now: names and colours need no PyBullet

    return DATA / name


def _numbers(element, attribute: str, default) -> np.ndarray:
    text = element.get(attribute)
    return np.array(default if text is None else text.split(), dtype=np.float64)


def _own_picture(obj: Path) -> np.ndarray:
    """The picture that the OBJ's material names."""
    material = re.search(r"^mtllib\s+(\S+)", _text(obj), re.MULTILINE)[1]
    return read_picture(obj.parent / re.search(r"map_Kd\s+(\S+)", _text(obj.parent / material))[1])


def _text(path: Path) -> str:
    return read_text(path, f"model: cannot read {path}", 16_000_000, SceneError)
