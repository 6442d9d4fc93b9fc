"""The controller's status: published after every answer and at every change, and each new state logged once."""

import numpy as np
from std_msgs.msg import Header

from depth_pc_interfaces.msg import ServoStatus
from depth_pc_ros.nodes.conversions import twist_to_msg
from depth_pc_ros.types import ServoState, StepResult

PERIOD_S = 0.5  # of the status where nothing happens


class StatusReport:
    """publisher: of the node, for ServoStatus."""

    def __init__(self, node, publisher):
        self._node, self._publisher = node, publisher
        self._state = ServoState.INACTIVE  # published last
        self._published_s = node.steady_s()

    def is_due(self, state: ServoState) -> bool:
        """The state is new, or the last status is old."""
        return state is not self._state or self._node.steady_s() - self._published_s >= PERIOD_S

    def logged(self, state: ServoState) -> None:
        """The log has this state already."""
        self._state = state

    def publish(
        self,
        state: ServoState,
        message: str,
        result: StepResult,
        image: Header,
        command: np.ndarray,
        depth_age_s: float,
        latency_ms: float,
    ) -> ServoStatus:
        """result, latency_ms: of the matches of the image with this header. command: the newest twist (6,).

        Returns the status.
        """
        node = self._node
        if state is not self._state:
            text = f"{state.name}: {message}" if message else state.name
            if state > ServoState.CONVERGED:  # two calls: a line of code keeps the severity it logged first
                node.get_logger().warning(text)
            else:
                node.get_logger().info(text)
        self._state, self._published_s = state, node.steady_s()
        status = ServoStatus(
            state=int(state),
            message=message,
            controller=node.config.controller,
            goal_id=node.goal_id,
            num_matches=result.num_matches,
            error=result.error,
            error_px=result.error_px,
            agreement=result.agreement,
            depth_source=result.depth_source,
            depth_age_s=depth_age_s,
            latency_ms=latency_ms,
            image_stamp=image.stamp,
            command=twist_to_msg(command),
        )
        status.header.stamp = node.get_clock().now().to_msg()
        status.header.frame_id = image.frame_id
        self._publisher.publish(status)
        return status
