"""What the controller knows of its twist adapter: the newest status, and whether it lives."""

import dataclasses

from diagnostic_msgs.msg import DiagnosticStatus

from depth_pc_ros.control.limits import VelocityLaw
from depth_pc_ros.nodes.adapter_status import AdapterStatus, adapter_life


class AdapterLink:
    """timeout_s: longest silence of an adapter that lives. rate_hz: of the controller. status: the newest one."""

    def __init__(self, timeout_s: float, rate_hz: float):
        self.status = AdapterStatus()
        self._life = adapter_life(timeout_s, rate_hz)

    def receive(self, msg: DiagnosticStatus) -> AdapterStatus:
        """Take a status; returns the one before."""
        before, self.status = self.status, AdapterStatus.from_msg(msg)
        self._life.beat()
        return before

    def look(self, gap_s: float) -> None:
        """Call it regularly, with the time since the last call, s."""
        self._life.look(gap_s)

    def silence(self) -> str:
        """Why the adapter counts as lost; "": it lives."""
        return self._life.silence()

    @property
    def stands_still(self) -> bool:
        """Whether it is known to move nothing, whatever is commanded."""
        return self.status.state == "TF_ERROR" or bool(self.silence())

    def within_limits(self, law: VelocityLaw) -> VelocityLaw:
        """The law, its speeds limited to those of adapter and driver: they are the tool's, and nearly the camera's."""
        limits = {name: min(getattr(law, name), getattr(self.status, name)) for name in ("max_linear", "max_angular")}
        return dataclasses.replace(law, **limits)
