"""An arm with a wrist camera, moved by tool twists within its joint limits.

Kinematics only (joint states are set, not simulated), so the same twists give the same motion every time.
"""

from typing import Protocol

import numpy as np

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.arm_models import ArmModel
from depth_pc_ros.sim.checks import check_dt, check_pose, check_twist

_SUBSTEP, _MAX_SUBSTEPS = 0.01, 50  # m and rad of tool motion per integration step; joint speeds bound the rest
_DIRECTION_TOLERANCE = 0.02  # largest part of the commanded motion that may be lost before the arm halts
_CENTRING_1_S = 0.5
_IK_POSITION_M, _IK_ROTATION_RAD = 1e-7, 1e-7
_IK_SEEDS, _IK_STEPS = 12, 60
_GOOD_MARGIN_RAD = 0.6


class Chain(Protocol):
    """The kinematics of n joints from the world to a tool."""

    joint_names: tuple[str, ...]

    def solve(self, q: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """`T_world_tool` (4, 4) and the Jacobian (6, n) at joint angles q (n,) in radians.

        The Jacobian maps joint speeds to the tool's twist `[v, w]`, in tool axes about the tool origin.
        """


def damped_inverse(J: np.ndarray, damping: float = 0.01) -> np.ndarray:
    """Pseudo-inverse (n, 6) of a Jacobian (6, n): exact in regular postures, bounded in singular ones.

    damping: smallest singular value that is still inverted exactly.
    Source: Y. Nakamura, H. Hanafusa, "Inverse kinematic solutions with singularity robustness", 1986.
    """
    u, s, vt = np.linalg.svd(J, full_matrices=False)
    squared = np.where(s < damping, damping**2 - s**2, 0.0)
    return (vt.T * (s / (s**2 + squared))) @ u.T


class SerialArm:
    """An arm of six joints or more, with a camera at `model.T_tool_cam` in its tool.

    at_limit: whether a joint's speed or position limit slowed or stopped the last step.
    """

    def __init__(self, model: ArmModel, chain: Chain):
        self.model = model
        self._chain = chain
        self.joint_names = chain.joint_names
        self.at_limit = False
        self.set_joints(model.home_rad)

    # State

    @property
    def joint_positions(self) -> np.ndarray:
        """Joint angles (n,) in radians."""
        return self._q.copy()

    @property
    def tool_pose(self) -> np.ndarray:
        """`T_world_tool` (4, 4)."""
        return self._T_world_tool.copy()

    @property
    def camera_pose(self) -> np.ndarray:
        """`T_world_cam` (4, 4), optical frame."""
        return self._T_world_tool @ self.model.T_tool_cam

    def limit_margin(self) -> float:
        """Distance in radians of the nearest joint to its position limit."""
        return float(np.minimum(self._q - self.model.lower_rad, self.model.upper_rad - self._q).min())

    def set_joints(self, q: np.ndarray) -> None:
        """Jump to joint angles (n,) in radians, as far as the limits allow."""
        self._q = np.clip(q, self.model.lower_rad, self.model.upper_rad)
        self._T_world_tool, self._jacobian = self._chain.solve(self._q)

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
        T_before = self._T_world_tool
        count = np.ceil(max(np.linalg.norm(twist[:3]), np.linalg.norm(twist[3:])) * dt_s / _SUBSTEP)
        count = int(np.clip(count, 1, _MAX_SUBSTEPS))
        for _ in range(count):
            if not self._substep(twist, dt_s / count):
                break
        return se3.log(se3.inverse(T_before) @ self._T_world_tool) / dt_s

    def _substep(self, twist: np.ndarray, dt_s: float) -> bool:
        """One integration step; False when the arm halted."""
        speed = self._joint_speeds(twist, dt_s)
        if speed is None:
            self.at_limit = True
            return False
        scale = min(1.0, (self.model.max_speed_rad_s / np.maximum(np.abs(speed), 1e-12)).min())
        self.at_limit |= scale < 1.0
        T_target = self._T_world_tool @ se3.exp(twist * scale * dt_s)
        q_before = self._q
        self.set_joints(q_before + speed * scale * dt_s)
        # Correct the difference between the linear joint step and the curved tool path.
        rest = damped_inverse(self._jacobian) @ se3.log(se3.inverse(self._T_world_tool) @ T_target)
        reach = self.model.max_speed_rad_s * dt_s
        self.set_joints(np.clip(self._q + rest, q_before - reach, q_before + reach))
        return True

    def _joint_speeds(self, twist: np.ndarray, dt_s: float) -> np.ndarray | None:
        """Joint speeds (n,) for this twist that stay inside the position limits, or None where there are none."""
        J, lower, upper = self._jacobian, self.model.lower_rad, self.model.upper_rad
        free = np.ones(len(self._q), dtype=bool)
        centring = _CENTRING_1_S * ((lower + upper) / 2 - self._q)
        size = np.linalg.norm(twist)
        for _ in range(3):  # one of seven joints may rest at its limit, the other six then give every direction
            J_free = J * free
            J_inv = damped_inverse(J_free)
            centring_free = free * centring * min(1.0, size)
            speed = J_inv @ twist + centring_free - J_inv @ (J_free @ centring_free)
            reached = self._q + speed * dt_s
            outside = free & ((reached < lower) | (reached > upper))
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
        T_target = check_pose(T_world_cam) @ se3.inverse(self.model.T_tool_cam)
        q_before = self._q
        rng = np.random.default_rng(0)
        best, best_margin = None, 0.0
        for k in range(_IK_SEEDS):
            spread = 0.0 if k == 0 else 0.6
            self.set_joints(self.model.home_rad + spread * rng.uniform(-1, 1, len(q_before)))
            if self._solve(T_target) and self.limit_margin() > best_margin:
                best, best_margin = self._q, self.limit_margin()
                if best_margin > _GOOD_MARGIN_RAD:
                    break
        self.set_joints(q_before if best is None else best)
        self.at_limit = False
        if best is None:
            p = np.asarray(T_world_cam)[:3, 3].round(3).tolist()
            raise SceneError(f"T_world_cam: the arm cannot reach this pose inside its joint limits (camera at {p} m)")

    def _solve(self, T_target: np.ndarray) -> bool:
        """Damped Newton steps from the present posture; True when the tool is at `T_target`."""
        for k in range(_IK_STEPS):
            error = se3.log(se3.inverse(self._T_world_tool) @ T_target)
            if np.linalg.norm(error[:3]) < _IK_POSITION_M and np.linalg.norm(error[3:]) < _IK_ROTATION_RAD:
                return True
            J = self._jacobian
            J_inv = damped_inverse(J)
            centring = 0.1 * (self.model.home_rad - self._q) * (k < _IK_STEPS // 2)
            change = J_inv @ error + centring - J_inv @ (J @ centring)
            self.set_joints(self._q + change / max(1.0, np.abs(change).max() / 0.3))
        return False
