"""What is known of an arm apart from its kinematics: limits, a posture to begin with, where it stands, its camera."""

from dataclasses import dataclass

import numpy as np

from depth_pc_ros.geometry import se3


@dataclass(frozen=True, eq=False)
class ArmModel:
    """An arm of n joints that carries a camera.

    title: for people. T_tool_cam, T_world_base: (4, 4) poses of the camera's optical frame in the tool, and of the base
    in the world. lower_rad, upper_rad, max_speed_rad_s, home_rad: (n,).
    """

    title: str
    T_tool_cam: np.ndarray
    T_world_base: np.ndarray
    lower_rad: np.ndarray
    upper_rad: np.ndarray
    max_speed_rad_s: np.ndarray
    home_rad: np.ndarray


# Camera on a bracket at the front of the tool, looking along it; a gripper's fingers stay just below the image.
# Tool axes: z out of the flange, y along the motion of a Panda's fingers. Image right is tool y, image down is tool -x.
_T_TOOL_CAM = np.array([[0.0, -1.0, 0.0, 0.07], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.05], [0.0, 0.0, 0.0, 1.0]])
_T_WORLD_BASE = se3.from_rt(np.eye(3), np.array([-0.52, 0.0, 0.0]))

# Limits: Franka Emika, "Robot and interface specifications", Panda.
PANDA = ArmModel(
    title="Panda arm",
    T_tool_cam=_T_TOOL_CAM,
    T_world_base=_T_WORLD_BASE,
    lower_rad=np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973]),
    upper_rad=np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973]),
    max_speed_rad_s=np.array([2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61]),
    home_rad=np.array([0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4]),
)
# Limits: Universal Robots, "UR5e technical specifications"; the elbow turns by pi only.
UR5E = ArmModel(
    title="UR5e arm",
    T_tool_cam=_T_TOOL_CAM,
    T_world_base=_T_WORLD_BASE,
    lower_rad=np.array([-2.0, -2.0, -1.0, -2.0, -2.0, -2.0]) * np.pi,
    upper_rad=np.array([2.0, 2.0, 1.0, 2.0, 2.0, 2.0]) * np.pi,
    max_speed_rad_s=np.full(6, np.pi),
    home_rad=np.array([0.0, -2.0, 2.0, -np.pi / 2, -np.pi / 2, -np.pi / 2]),
)
ARM_MODELS = {"panda": PANDA, "ur5e": UR5E}
