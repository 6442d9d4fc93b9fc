"""What the twist adapter reports of itself on its `~/status`: at every change, and regularly, as a sign of life."""

from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from depth_pc_ros.control.watchdog import LifeWatch
from depth_pc_ros.nodes.adapter_report import AdapterReport

HEARTBEAT_S = 0.05  # an active adapter reports again at its first tick after so long


def adapter_life(timeout_s: float, rate_hz: float) -> LifeWatch:
    """Watches the statuses of an adapter. timeout_s: longest silence. rate_hz: of the watching node."""
    return LifeWatch("status of the twist adapter", timeout_s, max(HEARTBEAT_S, 2.0 / rate_hz))


@dataclass(frozen=True)
class AdapterStatus(AdapterReport):
    """A report that can be sent."""

    def to_msg(self, node_name: str) -> DiagnosticStatus:
        """As a message of the node of this full name."""
        level = DiagnosticStatus.WARN if self.message else DiagnosticStatus.OK
        pairs = {"state": self.state, "stops": self.stops, "moving": self.moving}
        pairs |= {"max_linear": self.max_linear, "max_angular": self.max_angular}
        values = [KeyValue(key=key, value=str(value)) for key, value in pairs.items()]
        return DiagnosticStatus(level=level, name=node_name, message=self.message, values=values)
