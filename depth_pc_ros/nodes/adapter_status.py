"""What the twist adapter reports of itself on its `~/status`: at every change, and regularly, as a sign of life."""

import math
from dataclasses import dataclass

from diagnostic_msgs.msg import DiagnosticStatus, KeyValue

from depth_pc_ros.control.watchdog import LifeWatch

HEARTBEAT_S = 0.05  # an active adapter reports again at its first tick after so long


def adapter_life(timeout_s: float, rate_hz: float) -> LifeWatch:
    """Watches the statuses of an adapter. timeout_s: longest silence. rate_hz: of the watching node."""
    return LifeWatch("status of the twist adapter", timeout_s, max(HEARTBEAT_S, 2.0 / rate_hz))


@dataclass(frozen=True)
class AdapterStatus:
    """state: OK, LIMITED, HELD, TF_ERROR or FAULT. message: what is wrong; empty: nothing.

    LIMITED: the arm moves, but slower than commanded. HELD: its driver, or the arm itself, does not move at all.

    stops: how often the adapter has stopped the arm, or refused to move it, against its commands. moving: the twist
    that the driver got last is not zero. max_linear, max_angular: speeds of the tool, m/s and rad/s, that adapter and
    driver do not exceed.
    """

    state: str = "OK"
    message: str = ""
    stops: int = 0
    moving: bool = False
    max_linear: float = math.inf
    max_angular: float = math.inf

    def to_msg(self, node_name: str) -> DiagnosticStatus:
        """As a message of the node of this full name."""
        level = DiagnosticStatus.WARN if self.message else DiagnosticStatus.OK
        pairs = {"state": self.state, "stops": self.stops, "moving": self.moving}
        pairs |= {"max_linear": self.max_linear, "max_angular": self.max_angular}
        values = [KeyValue(key=key, value=str(value)) for key, value in pairs.items()]
        return DiagnosticStatus(level=level, name=node_name, message=self.message, values=values)

    @classmethod
    def from_msg(cls, msg: DiagnosticStatus) -> "AdapterStatus":
        """Of a message. Values that it does not have, or that are none, are those of an adapter at rest."""
        values = {pair.key: pair.value for pair in msg.values}
        stops = values.get("stops", "")
        return cls(
            values.get("state", "OK"),
            msg.message,
            int(stops) if stops.isascii() and stops.isdigit() and len(stops) < 19 else 0,
            values.get("moving") == str(True),
            _limit(values.get("max_linear", "")),
            _limit(values.get("max_angular", "")),
        )


def _limit(text: str) -> float:
    """A speed limit; infinite where the text is none."""
    try:
        value = float(text)
    except ValueError:
        return math.inf
    return value if value >= 0 else math.inf
