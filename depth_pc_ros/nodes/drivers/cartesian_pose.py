"""Controllers that take a pose as their target, such as FZI's `cartesian_motion_controller`."""

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import PoseStamped
from std_msgs.msg import Header

from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.base import TWIST_QOS
from depth_pc_ros.nodes.conversions import pose_to_msg
from depth_pc_ros.nodes.drivers.contract import ArmDriver
from depth_pc_ros.nodes.drivers.tool_pose import ToolPose, check_frames


class CartesianPoseDriver(ArmDriver):
    """Integrates the twist into a target pose of the tool in the base, a PoseStamped on `target_pose`.

    The target is on a leash: it is never farther from the tool's measured pose (TF) than `leash_m` and `leash_rad`, so
    that an arm that was held does not jump when it is released. Motion begins and ends with the target where the tool
    is; at rest the target stays, so that the arm does not sink. Such a controller holds its last target: a dead adapter
    needs no zeros.
    """

    TOPIC = "target_pose"
    KIND = PoseStamped
    LONGEST_STEP_S = 0.05  # of the integration: a late command is no jump

    def __init__(self, node, config):
        check_frames(config, "profile 'cartesian_pose'")
        super().__init__(node, config)
        self._publisher = node.create_publisher(self.KIND, self.TOPIC, TWIST_QOS)
        self._tool: ToolPose | None = None
        self._target: np.ndarray | None = None  # (4, 4)
        self._moving = self._taut = False
        self._sent_s = -np.inf

    def prepare(self) -> None:
        self._tool = ToolPose(self._node, self._config)

    def problem(self) -> str:
        return self._tool.problem()

    def slowed(self) -> str:
        limit = f"{1e3 * self._config.leash_m:.0f} mm or {np.degrees(self._config.leash_rad):.0f}°"
        return f"the arm is {limit} behind its target (leash_m, leash_rad)" if self._taut else ""

    def send(self, twist: np.ndarray, stamp: Time) -> None:
        if self._tool is None or self._tool.problem():
            return  # the dead man's, or the tool's pose is not known: the controller holds its target
        now_s = self._node.steady_s()
        step_s, self._sent_s = min(now_s - self._sent_s, self.LONGEST_STEP_S), now_s
        measured = self._tool.T_base_tool
        moving = bool(twist.any())
        if moving != self._moving or self._target is None:
            self._target = measured
        self._moving = moving
        if self._moving:
            self._target, self._taut = self._leashed(self._target @ se3.exp(step_s * twist), measured)
        else:
            self._taut = False
        header = Header(stamp=stamp, frame_id=self._config.base_frame)
        self._publisher.publish(PoseStamped(header=header, pose=pose_to_msg(self._target)))

    def _leashed(self, target: np.ndarray, measured: np.ndarray) -> tuple[np.ndarray, bool]:
        """The pose (4, 4) on the way from the measured one to the target that the leash allows, and if it is taut."""
        ahead = se3.log(se3.inverse(measured) @ target)
        share = max(
            np.linalg.norm(ahead[:3]) / self._config.leash_m, np.linalg.norm(ahead[3:]) / self._config.leash_rad
        )
        if share <= 1.0:
            return target, False
        return measured @ se3.exp(ahead / share), True
