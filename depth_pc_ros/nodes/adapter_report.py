"""What a status of the twist adapter says: read from its message, of ROS or of a bag. No ROS import."""

import math
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T", bound="AdapterReport")


@dataclass(frozen=True)
class AdapterReport:
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

    @classmethod
    def from_msg(cls: type[T], msg) -> T:
        """Of a DiagnosticStatus. Values that it does not have, or that are none, are those of an adapter at rest."""
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
