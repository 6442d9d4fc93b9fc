"""The Franka Panda of PyBullet's data folder, with PyBullet's kinematics."""

from depth_pc_ros.sim.arm import SerialArm
from depth_pc_ros.sim.arm_models import PANDA
from depth_pc_ros.sim.bullet import DATA
from depth_pc_ros.sim.kinematics import SerialChain

URDF = DATA / "franka_panda/panda.urdf"
_HAND_LINK = 8


class PandaArm(SerialArm):
    """The arm; its tool is the link `panda_hand`."""

    def __init__(self):
        super().__init__(PANDA, SerialChain(str(URDF), range(7), _HAND_LINK, PANDA.T_world_base))
