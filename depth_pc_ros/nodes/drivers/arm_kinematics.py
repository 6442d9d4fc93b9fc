"""Joint speeds that give the tool a twist: the arm's Jacobian, from its URDF, by pinocchio. No ROS import."""

from collections.abc import Mapping, Sequence

import numpy as np

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.extras import require


class ArmKinematics:
    """urdf: text of the robot's URDF. joints: names of the n joints that move the arm, one degree of freedom each.

    tool_frame: link that the twists are of. Raises ConfigError where the URDF does not have them.
    """

    DAMPED_BELOW = 0.03  # smallest singular value (m/rad and 1 mixed) that is still inverted exactly
    DIRECTION = 0.05  # largest part of the twist that may be lost before the arm halts
    BOUND_S = 0.2  # a joint stops this long before it would reach its limit

    def __init__(self, urdf: str, joints: Sequence[str], tool_frame: str):
        require("arm", "pinocchio")
        import pinocchio

        self._pinocchio = pinocchio
        try:
            self._model = model = pinocchio.buildModelFromXML(urdf)
        except (ValueError, RuntimeError) as error:
            raise ConfigError(f"robot_description: expected a URDF, got one that pinocchio refuses: {error}") from None
        for name in joints:
            if not model.existJointName(name) or model.joints[model.getJointId(name)].nv != 1:
                known = ", ".join(each for each in model.names[1:])
                raise ConfigError(f"joints: {name!r} is no joint of one axis in robot_description; it has {known}")
        if not model.existFrame(tool_frame):
            raise ConfigError(f"tool_frame: robot_description has no link {tool_frame!r}")
        self._data = model.createData()
        self._frame = model.getFrameId(tool_frame)
        self._ids = [model.getJointId(name) for name in joints]
        columns = [model.idx_vs[index] for index in self._ids]
        self._columns, self.joints = columns, tuple(joints)
        speeds = model.velocityLimit[columns]
        self._max_speeds = np.where(speeds > 0, speeds, np.inf)
        places = [model.idx_qs[index] for index in self._ids]
        turning = np.array([model.nqs[index] == 2 for index in self._ids])  # without limits
        self._lower = np.where(turning, -np.inf, model.lowerPositionLimit[places])
        self._upper = np.where(turning, np.inf, model.upperPositionLimit[places])

    def tool_pose(self, angles: Mapping[str, float]) -> np.ndarray:
        """Pose (4, 4) of the tool in the URDF's root. angles: of all known joints, rad."""
        self._pinocchio.framesForwardKinematics(self._model, self._data, self._configuration(angles))
        return self._data.oMf[self._frame].homogeneous.copy()

    def jacobian(self, angles: Mapping[str, float]) -> np.ndarray:
        """Jacobian (6, n): joint speeds to the tool's twist `[v, w]` in tool axes. angles: of all known joints, rad."""
        frame = self._pinocchio.ReferenceFrame.LOCAL
        q = self._configuration(angles)
        J = self._pinocchio.computeFrameJacobian(self._model, self._data, q, self._frame, frame)
        return J[:, self._columns]

    def _configuration(self, angles: Mapping[str, float]) -> np.ndarray:
        """The angles as pinocchio has them; joints that are not named are at zero."""
        model = self._model
        q = self._pinocchio.neutral(model)
        for name, angle in angles.items():
            if model.existJointName(name):
                index = model.getJointId(name)
                place = model.idx_qs[index]
                if model.nqs[index] == 2:  # a joint without limits is kept as cosine and sine
                    q[place : place + 2] = np.cos(angle), np.sin(angle)
                elif model.nqs[index] == 1:
                    q[place] = angle
        return q

    def speeds(self, twist: np.ndarray, angles: Mapping[str, float]) -> tuple[np.ndarray, str]:
        """Joint speeds (n,) for the tool's twist (6,), and what holds them back; "": nothing.

        Speed limits slow all joints alike, so that the tool keeps its direction. Where that is not possible, near a
        singularity or at a joint's limit, the arm halts. Source of the damping: Y. Nakamura, H. Hanafusa, "Inverse
        kinematic solutions with singularity robustness", 1986.
        """
        J = self.jacobian(angles)
        u, s, vt = np.linalg.svd(J, full_matrices=False)
        damping = np.where(s < self.DAMPED_BELOW, self.DAMPED_BELOW**2 - s**2, 0.0)
        speeds = (vt.T * (s / (s**2 + damping))) @ (u.T @ twist)
        if np.linalg.norm(J @ speeds - twist) > self.DIRECTION * np.linalg.norm(twist):
            return np.zeros(len(self.joints)), "SINGULARITY: the arm has halted, it cannot move in this direction"
        now = np.array([angles[name] for name in self.joints])
        soon = now + self.BOUND_S * speeds
        bound = ((soon > self._upper) & (speeds > 0)) | ((soon < self._lower) & (speeds < 0))
        if bound.any():
            return np.zeros(len(self.joints)), f"JOINT_BOUND: {self.joints[int(bound.argmax())]} is at its limit"
        scale = min(1.0, float((self._max_speeds / np.maximum(np.abs(speeds), 1e-12)).min()))
        slowest = self.joints[int((np.abs(speeds) / self._max_speeds).argmax())]
        return scale * speeds, f"JOINT_SPEED: {slowest} is at its speed limit" if scale < 1 else ""
