"""Arms in MuJoCo: where their models come from, and their kinematics.

The Panda is the one of PyBullet's data folder, the UR5e that of the robosuite package, whose files alone are read.
"""

import importlib.util
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from depth_pc_ros.errors import MissingExtraError, SceneError
from depth_pc_ros.extras import require
from depth_pc_ros.files.xml_file import read_xml
from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.arm import SerialArm
from depth_pc_ros.sim.arm_models import ARM_MODELS
from depth_pc_ros.sim.mujoco_gl import mujoco

_PREFIX = "arm/"
# The body that carries the camera, and the joints, base first, as the models name them.
_TOOLS = {"panda": "panda_hand", "ur5e": "right_hand"}
_JOINTS = {
    "panda": tuple(f"panda_joint{k}" for k in range(1, 8)),
    "ur5e": tuple(
        f"{name}_joint" for name in ("shoulder_pan", "shoulder_lift", "elbow", "wrist_1", "wrist_2", "wrist_3")
    ),
}


def attach_arm(spec, name: str) -> None:
    """Add an arm of ARM_MODELS to an `MjSpec`, at its `T_world_base`."""
    arm = {"panda": _panda, "ur5e": _ur5e}[name]()
    T = ARM_MODELS[name].T_world_base
    quaternion = np.empty(4)
    mujoco.mju_mat2Quat(quaternion, T[:3, :3].ravel())
    spec.attach(arm, prefix=_PREFIX, frame=spec.worldbody.add_frame(pos=T[:3, 3], quat=quaternion))


def _panda():
    """An `MjSpec` of the URDF with what can be seen of the arm."""
    require("sim", "pybullet")
    from depth_pc_ros.sim.panda import URDF

    root = read_xml(URDF, "arm_model", SceneError)
    for mesh in root.iter("mesh"):
        mesh.set("filename", str(URDF.parent / mesh.get("filename").removeprefix("package://")))
    for link in root.iter("link"):
        for collision in link.findall("collision"):
            link.remove(collision)
    options = {"discardvisual": "false", "strippath": "false", "fusestatic": "false"}
    ElementTree.SubElement(ElementTree.SubElement(root, "mujoco"), "compiler", options)
    return mujoco.MjSpec.from_string(ElementTree.tostring(root, encoding="unicode"))


def _ur5e():
    """An `MjSpec` of the UR5e."""
    found = importlib.util.find_spec("robosuite")
    if found is None:
        raise MissingExtraError(
            "arm_model: the UR5e's model comes with robosuite, which is not installed "
            "(pip install --no-deps 'robosuite>=1.5,<1.6'; only its files are used)"
        )
    path = Path(next(iter(found.submodule_search_locations))) / "models/assets/robots/ur5e/robot.xml"
    if not path.is_file():
        raise SceneError(f"arm_model: expected the UR5e's model of robosuite 1.5, found no {path}")
    return mujoco.MjSpec.from_file(str(path))


class MujocoChain:
    """See `arm.Chain`. Forward kinematics and `mj_jacBody` of an arm in `model`; `data` holds its posture."""

    def __init__(self, name: str, model, data):
        self.joint_names = _JOINTS[name]
        self._model, self._data = model, data
        joints = [model.joint(_PREFIX + joint) for joint in self.joint_names]
        self._positions = [int(joint.qposadr[0]) for joint in joints]
        self._columns = [int(joint.dofadr[0]) for joint in joints]
        self._tool = model.body(_PREFIX + _TOOLS[name]).id
        self._jacobian = np.empty((6, model.nv))

    def solve(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        model, data = self._model, self._data
        data.qpos[self._positions] = q
        mujoco.mj_kinematics(model, data)
        mujoco.mj_comPos(model, data)  # what the Jacobian is made of
        mujoco.mj_jacBody(model, data, self._jacobian[:3], self._jacobian[3:], self._tool)
        R = data.xmat[self._tool].reshape(3, 3).copy()
        J = self._jacobian[:, self._columns]
        return se3.from_rt(R, data.xpos[self._tool].copy()), np.concatenate([R.T @ J[:3], R.T @ J[3:]])


class MujocoArm(SerialArm):
    """An arm of ARM_MODELS that `attach_arm` has added to the model."""

    def __init__(self, name: str, model, data):
        super().__init__(ARM_MODELS[name], MujocoChain(name, model, data))
