"""What a controller needs of a twist adapter where none runs: its sign of life. Import it where ROS is."""

from diagnostic_msgs.msg import DiagnosticStatus

from depth_pc_ros.nodes.adapter_status import HEARTBEAT_S, AdapterStatus
from depth_pc_ros.nodes.base import LATCHED_QOS


class StandInAdapter:
    """Reports on a topic of this node's, regularly, while that spins. status: what it reports; None: nothing."""

    def __init__(self, node, topic: str):
        self.status: AdapterStatus | None = AdapterStatus()
        self._publisher = node.create_publisher(DiagnosticStatus, topic, LATCHED_QOS)
        node.create_timer(HEARTBEAT_S, self._beat)

    def report(self, status: AdapterStatus | None) -> None:
        """Report this from now on."""
        self.status = status
        self._beat()

    def _beat(self) -> None:
        if self.status is not None:
            self._publisher.publish(self.status.to_msg("adapter"))
