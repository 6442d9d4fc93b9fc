"""Stops the arm when the twist adapter dies while it moves it: a driver may obey its last twist for ever.

A process of its own, beside the adapter: it sends through the same driver class, and only while the adapter is silent.
"""

import time

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus

from depth_pc_ros.control.command_loop import ZeroBurst
from depth_pc_ros.control.watchdog import ClockWatch
from depth_pc_ros.nodes.adapter_status import HEARTBEAT_S, AdapterStatus, adapter_life
from depth_pc_ros.nodes.arm_drivers import DRIVERS
from depth_pc_ros.nodes.base import LATCHED_QOS, ServoNode, run
from depth_pc_ros.nodes.node_configs import DeadManConfig


class DeadMan(ServoNode):
    """In: `adapter_status`. Out: five zero twists to the driver where an adapter that moved the arm falls silent."""

    def __init__(self, **node_options):
        super().__init__("dead_man", DeadManConfig, **node_options)

    def build(self) -> None:
        config = self.config
        self._driver = DRIVERS[config.profile](self, config)
        self._statuses = self.create_subscription(DiagnosticStatus, "adapter_status", self._on_status, LATCHED_QOS)
        self.create_timer(1.0 / config.rate_hz, self._tick, clock=self.steady_clock)

    def begin(self) -> None:
        config = self.config
        self._life = adapter_life(config.adapter_timeout_s, config.rate_hz)
        self._clock_watch = ClockWatch()
        self._burst = ZeroBurst()
        self._heard_s = self.steady_s()
        self._moving = False  # the arm, as far as the adapter has told
        self._problem = ""

    def halt(self) -> None:
        """What killed the adapter may end this node, too: give the adapter its time to show that it lives."""
        while self._burst.tick():
            self._send_zero()
        left_s = self.config.adapter_timeout_s - (self.steady_s() - self._heard_s)
        if self._moving and not self._adapter_reports(max(left_s, 2 * HEARTBEAT_S)):
            for _ in range(self._burst.count):
                self._send_zero()

    def _adapter_reports(self, within_s: float) -> bool:
        """Whether a new status comes within this time.

        Reads the subscription itself, because nothing spins here, and a new one would need time to be discovered. A
        status that waits to be read already may be older than the adapter's death.
        """
        self._take_status()
        end_s = time.monotonic() + within_s
        while time.monotonic() < end_s:
            time.sleep(0.005)
            if self._take_status():
                return True
        return False

    def _take_status(self) -> bool:
        """Whether a status was there to read; it is not used."""
        with self._statuses.handle:
            return self._statuses.handle.take_message(DiagnosticStatus, False) is not None

    def diagnose(self):
        level = DiagnosticStatus.ERROR if self._problem else DiagnosticStatus.OK
        return level, self._problem or "watching", {"moving": self._moving, "profile": self.config.profile}

    def _on_status(self, msg: DiagnosticStatus) -> None:
        if not self.active:
            return
        self._heard_s = self.steady_s()
        self._life.beat()
        self._moving = AdapterStatus.from_msg(msg).moving
        self._burst.cancel()  # the adapter lives: the arm is its own again
        self._problem = ""

    def _tick(self) -> None:
        if not self.active:
            return
        self._clock_watch.jump(self.now_s(), self.steady_s())
        self._life.look(self._clock_watch.gap_s)
        silence = self._life.silence()
        if self._moving and silence:
            self._problem = f"{silence}, and it moved the arm: zeros were sent to the driver"
            self.get_logger().error(self._problem)
            self._burst.start()
        if self._burst.tick():
            self._send_zero()

    def _send_zero(self) -> None:
        self._moving = False
        self._driver.send(np.zeros(6), self.get_clock().now().to_msg())


def main() -> int:
    """Entry point of the executable `dead_man`."""
    return run(DeadMan)


if __name__ == "__main__":
    raise SystemExit(main())
