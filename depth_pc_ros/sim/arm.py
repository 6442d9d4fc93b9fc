"""A Franka Panda with a wrist camera, moved by tool twists within its joint limits.

Kinematics only (joint states are set, not simulated), so the same twists give the same motion every time.
"""

from pathlib import Path

import numpy as np
import pybullet_data

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.checks import check_dt, check_pose, check_twist
from depth_pc_ros.sim.kinematics import SerialChain, damped_inverse

# Camera on a bracket at the front of the hand, looking along the fingers, which stay just below the image.
# Hand axes: z out of the gripper, y along the fingers' motion. Image right is hand y, image down is hand -x.
T_HAND_CAM = np.array([[0.0, -1.0, 0.0, 0.07], [1.0, 0.0, 0.0, 0.0], [0.0, 0.0, 1.0, 0.05], [0.0, 0.0, 0.0, 1.0]])
T_WORLD_BASE = se3.from_rt(np.eye(3), np.array([-0.52, 0.0, 0.0]))

# Joint limits and speeds: Franka Emika, "Robot and interface specifications", Panda.
LOWER_RAD = np.array([-2.8973, -1.7628, -2.8973, -3.0718, -2.8973, -0.0175, -2.8973])
UPPER_RAD = np.array([2.8973, 1.7628, 2.8973, -0.0698, 2.8973, 3.7525, 2.8973])
MAX_SPEED_RAD_S = np.array([2.175, 2.175, 2.175, 2.175, 2.61, 2.61, 2.61])
HOME_RAD = np.array([0.0, -np.pi / 4, 0.0, -3 * np.pi / 4, 0.0, np.pi / 2, np.pi / 4])

_HAND_LINK = 8
_SUBSTEP, _MAX_SUBSTEPS = 0.01, 50  # m and rad of tool motion per integration step; joint speeds bound the rest
_DIRECTION_TOLERANCE = 0.02  # largest part of the commanded motion that may be lost before the arm halts
_CENTRING_1_S = 0.5
_IK_POSITION_M, _IK_ROTATION_RAD = 1e-7, 1e-7
_IK_SEEDS, _IK_STEPS = 12, 60
_GOOD_MARGIN_RAD = 0.6


class PandaArm:
    """The arm, its tool frame `panda_hand` and the camera at `T_HAND_CAM` on it.

    at_limit: whether a joint's speed or position limit slowed or stopped the last step.
    """

    tool_frame = "panda_hand"

    def __init__(self):
        urdf = str(Path(pybullet_data.getDataPath()) / "franka_panda/panda.urdf")
        self._chain = SerialChain(urdf, range(7), _HAND_LINK, T_WORLD_BASE)
        self.joint_names = self._chain.joint_names
        self.at_limit = False
        self._set(HOME_RAD)

    # State

    @property
    def joint_positions(self) -> np.ndarray:
        """Joint angles (7,) in radians."""
        return self._q.copy()

    @property
    def tool_pose(self) -> np.ndarray:
        """`T_world_hand` (4, 4)."""
        return self._T_world_hand.copy()

    @property
    def camera_pose(self) -> np.ndarray:
        """`T_world_cam` (4, 4), optical frame."""
        return self._T_world_hand @ T_HAND_CAM

    def limit_margin(self) -> float:
        """Distance in radians of the nearest joint to its position limit."""
        return float(np.minimum(self._q - LOWER_RAD, UPPER_RAD - self._q).min())

    def _set(self, q: np.ndarray) -> None:
        self._q = np.clip(q, LOWER_RAD, UPPER_RAD)
        self._T_world_hand, self._jacobian = self._chain.solve(self._q)

    # Motion

    def step(self, twist_tool: np.ndarray, dt_s: float) -> np.ndarray:
        """Move for `dt_s` seconds with twist (6,) `[v, w]` in tool axes about the tool origin.

        Joint speed limits slow the whole twist, so the tool keeps its direction. Where position limits or a
        singularity do not allow that direction, the arm halts. Returns the twist carried out (6,).
        """
        twist = check_twist(twist_tool, "twist_tool")
        check_dt(dt_s)
        self.at_limit = False
        if not twist.any():
            return twist
        T_before = self._T_world_hand
        count = np.ceil(max(np.linalg.norm(twist[:3]), np.linalg.norm(twist[3:])) * dt_s / _SUBSTEP)
        count = int(np.clip(count, 1, _MAX_SUBSTEPS))
        for _ in range(count):
            if not self._substep(twist, dt_s / count):
                break
        return se3.log(se3.inverse(T_before) @ self._T_world_hand) / dt_s

    def _substep(self, twist: np.ndarray, dt_s: float) -> bool:
        """One integration step; False when the arm halted."""
        speed = self._joint_speeds(twist, dt_s)
        if speed is None:
            self.at_limit = True
            return False
        scale = min(1.0, (MAX_SPEED_RAD_S / np.maximum(np.abs(speed), 1e-12)).min())
        self.at_limit |= scale < 1.0
        T_target = self._T_world_hand @ se3.exp(twist * scale * dt_s)
        q_before = self._q
        self._set(q_before + speed * scale * dt_s)
        # Correct the difference between the linear joint step and the curved tool path.
        rest = damped_inverse(self._jacobian) @ se3.log(se3.inverse(self._T_world_hand) @ T_target)
        reach = MAX_SPEED_RAD_S * dt_s
        self._set(np.clip(self._q + rest, q_before - reach, q_before + reach))
        return True

    def _joint_speeds(self, twist: np.ndarray, dt_s: float) -> np.ndarray | None:
        """Joint speeds (7,) for this twist that stay inside the position limits, or None where there are none."""
        J = self._jacobian
        free = np.ones(7, dtype=bool)
        centring = _CENTRING_1_S * ((LOWER_RAD + UPPER_RAD) / 2 - self._q)
        size = np.linalg.norm(twist)
        for _ in range(3):  # one arm joint may rest at its limit, the other six then give every direction
            J_free = J * free
            J_inv = damped_inverse(J_free)
            centring_free = free * centring * min(1.0, size)
            speed = J_inv @ twist + centring_free - J_inv @ (J_free @ centring_free)
            reached = self._q + speed * dt_s
            outside = free & ((reached < LOWER_RAD) | (reached > UPPER_RAD))
            if not outside.any():
                lost = np.linalg.norm(J_free @ speed - twist)
                return speed if lost <= _DIRECTION_TOLERANCE * size else None
            self.at_limit = True
            free &= ~outside
        return None

    # Inverse kinematics

    def reset(self, T_world_cam: np.ndarray) -> None:
        """Put the camera at a pose (4, 4), in a posture far from the joint limits, the same one every time.

        Raises SceneError where the arm cannot reach; the arm then stays as it was.
        """
        T_target = check_pose(T_world_cam) @ se3.inverse(T_HAND_CAM)
        q_before = self._q
        rng = np.random.default_rng(0)
        best, best_margin = None, 0.0
        for k in range(_IK_SEEDS):
            spread = 0.0 if k == 0 else 0.6
            self._set(HOME_RAD + spread * rng.uniform(-1, 1, 7))
            if self._solve(T_target) and self.limit_margin() > best_margin:
                best, best_margin = self._q, self.limit_margin()
                if best_margin > _GOOD_MARGIN_RAD:
                    break
        self._set(q_before if best is None else best)
        self.at_limit = False
        if best is None:
            p = np.asarray(T_world_cam)[:3, 3].round(3).tolist()
            raise SceneError(f"T_world_cam: the arm cannot reach this pose inside its joint limits (camera at {p} m)")

    def _solve(self, T_target: np.ndarray) -> bool:
        """Damped Newton steps from the present posture; True when the tool is at `T_target`."""
        for k in range(_IK_STEPS):
            error = se3.log(se3.inverse(self._T_world_hand) @ T_target)
            if np.linalg.norm(error[:3]) < _IK_POSITION_M and np.linalg.norm(error[3:]) < _IK_ROTATION_RAD:
                return True
            J = self._jacobian
            J_inv = damped_inverse(J)
            centring = 0.1 * (HOME_RAD - self._q) * (k < _IK_STEPS // 2)
            change = J_inv @ error + centring - J_inv @ (J @ centring)
            self._set(self._q + change / max(1.0, np.abs(change).max() / 0.3))
        return False
