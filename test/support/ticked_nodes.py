"""Nodes whose clocks stand still unless the test moves them, driven callback by callback. Import it where ROS is."""

import numpy as np
from geometry_msgs.msg import TwistStamped
from std_msgs.msg import Header

from depth_pc_ros.nodes.adapter_status import AdapterStatus
from depth_pc_ros.nodes.controller_node import ControllerNode
from depth_pc_ros.nodes.conversions import seconds_to_stamp, twist_to_msg
from depth_pc_ros.nodes.twist_adapter import TwistAdapter

PERIOD_S = 0.02
FULL = np.array([0.25, 0.0, 0.0, 0.0, 0.0, 0.9])  # a twist at full speed


class TickedController:
    """A controller node with its camera.

    time_s: of the steady clock. clock_s: what the node's own clock is ahead of it, s. adapter: what the
    adapter reports of itself; None: nothing.
    """

    def __init__(self, runner, camera, monkeypatch, **parameters):
        self.node = runner.make(ControllerNode, controller="pbvs", **parameters)
        self.time_s, self.clock_s = 1000.0, 0.0
        self.adapter = AdapterStatus()
        monkeypatch.setattr(self.node, "now_s", lambda: self.time_s + self.clock_s)
        monkeypatch.setattr(self.node, "steady_s", lambda: self.time_s)
        self.node.start()
        self.sent = []
        monkeypatch.setattr(self.node, "_publish_twist", lambda twist, stamp=None: self.sent.append(twist.copy()))
        self.camera = camera

    def tick(self, matches=True) -> np.ndarray | None:
        """One period of 20 ms with a matched image, which the camera obeys; the twist that was sent, None: none."""
        self.time_s += 0.02
        count = len(self.sent)
        self.report(self.adapter)
        if matches:
            self.node._on_matches(self.camera.matches_msg(self.node.now_s()))
        self.node._on_tick()
        twist = self.sent[-1] if len(self.sent) > count else None
        if twist is not None:
            self.camera.move(twist, 0.02)
        return twist

    def report(self, adapter):
        """What the adapter reports from now on; None: nothing."""
        self.adapter = adapter
        if adapter is not None:
            self.node._on_adapter_status(adapter.to_msg("adapter"))

    def start_moving(self):
        self.node._on_goal(self.camera.goal_msg())
        self.node.enable()
        for _ in range(15):
            twist = self.tick()
        assert np.linalg.norm(twist[:3]) > 0.05


class TickedAdapter:
    """An adapter. sent: (time in s, twist (6,)) that the driver got. time_s, clock_s: as in TickedController."""

    def __init__(self, runner, monkeypatch, **parameters):
        self.node = node = runner.make(TwistAdapter, **parameters)
        self.time_s, self.clock_s = 1000.0, 0.0
        monkeypatch.setattr(node, "now_s", lambda: self.time_s + self.clock_s)
        monkeypatch.setattr(node, "steady_s", lambda: self.time_s)
        node.start()
        self.sent = []
        monkeypatch.setattr(node._driver, "send", lambda twist, stamp: self.sent.append((self.time_s, np.array(twist))))

    def command(self, twist, age_s=0.0, after_s=PERIOD_S, tick=True):
        """Let time pass, send a camera twist, then let the adapter's timer run; the last twist of the driver."""
        self.time_s += after_s
        header = Header(stamp=seconds_to_stamp(self.node.now_s() - age_s), frame_id="optical")
        self.node._on_twist(TwistStamped(header=header, twist=twist_to_msg(np.asarray(twist))))
        if tick:
            self.node._tick()
        return self.sent[-1][1] if self.sent else None

    def idle(self, duration_s):
        """No commands for a while, only the timer's ticks."""
        for _ in range(round(duration_s / PERIOD_S)):
            self.time_s += PERIOD_S
            self.node._tick()

    def start_moving(self, twist=FULL):
        for _ in range(30):
            self.command(twist)
        np.testing.assert_allclose(self.sent[-1][1], twist, atol=1e-9)

    @property
    def status(self):
        return self.node._reported
