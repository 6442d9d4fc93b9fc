"""`bridge`: a simulator in place of camera and arm. Twist of the tool in; image, depth, clock and true poses out."""

import numpy as np
from diagnostic_msgs.msg import DiagnosticStatus
from geometry_msgs.msg import PoseStamped, TwistStamped
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Bool, Header
from std_srvs.srv import Trigger

from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.nodes.base import LATCHED_QOS, TWIST_QOS, ServoNode, run
from depth_pc_ros.nodes.bridge_clock import Lockstep, RealTime
from depth_pc_ros.nodes.conversions import (
    depth_to_image,
    intrinsics_to_info,
    pose_to_msg,
    rgb_to_image,
    twist_from_msg,
)
from depth_pc_ros.nodes.node_configs import BridgeConfig
from depth_pc_ros.sim.simulators import open_world

CAMERA_FRAME = "camera_optical_frame"
WORLD_FRAME = "world"


class SimulationBridge(ServoNode):
    """Out: `~/image`, `~/camera_info`, `~/depth_image`, `~/camera_pose`, `~/goal_pose`, `~/at_limit`, `joint_states`
    (arm only), `/clock`. In: `~/command`, the twist of the tool in the tool frame. Services: `~/reset`,
    `~/look_from_goal`. All stamps are the simulated time of `/clock`.

    Simulators are not thread-safe: everything happens in the callbacks of one thread.
    """

    def __init__(self, **node_options):
        super().__init__("bridge", BridgeConfig, **node_options)

    def build(self) -> None:
        config = self.config
        self._world = open_world(
            config.simulator,
            scene=config.scene,
            seed=config.seed,
            rig=config.rig,
            arm_model=config.arm_model,
            ycb_root=config.ycb_root or None,
            intrinsics=_intrinsics(config),
            level=config.level,
            renderer=config.renderer,
        )
        self.get_logger().info(f"renderer: {self._world.renderer_name}")
        self._frames = 0
        self._time_ns = 0
        self._clock_pub = self.create_publisher(Clock, "/clock", 1)
        # Reliable publishers serve every reader; the nodes' own read images with best effort.
        self._info_pub = self.create_publisher(CameraInfo, "~/camera_info", 1)
        self._depth_pub = self.create_publisher(Image, "~/depth_image", 1)
        self._image_pub = self.create_publisher(Image, "~/image", 1)
        self._pose_pub = self.create_publisher(PoseStamped, "~/camera_pose", 10)
        self._goal_pub = self.create_publisher(PoseStamped, "~/goal_pose", LATCHED_QOS)
        self._limit_pub = self.create_publisher(Bool, "~/at_limit", LATCHED_QOS)
        self._joints_pub = self.create_publisher(JointState, "joint_states", 10) if config.rig == "arm" else None
        self.create_subscription(TwistStamped, "~/command", self._on_command, TWIST_QOS)
        self.create_service(Trigger, "~/reset", self._on_reset)
        self.create_service(Trigger, "~/look_from_goal", self._on_look_from_goal)
        tick = self._tick_lockstep if config.lockstep else self._tick_real_time
        self.create_timer(0.01, tick, clock=self.steady_clock)

    def begin(self) -> None:
        self._dt_ns = round(1e9 / self.config.rate_hz)
        self._lockstep = Lockstep(self.config.idle_s, self.config.lockstep_timeout_s)
        self._real_time = RealTime(self.config.command_timeout_s, self.steady_s())
        self._started_ns = self.steady_clock.now().nanoseconds - self._time_ns
        self._next_frame_ns = self._time_ns
        self._at_limit = None
        self._goal_pub.publish(PoseStamped(header=self._header(WORLD_FRAME), pose=pose_to_msg(self._world.goal_pose)))

    def dismantle(self) -> None:
        self._world.close()

    def diagnose(self):
        te_m, re_deg = self._world.pose_error()
        values = {
            "renderer": self._world.renderer_name,
            "rate_hz": self._frames,
            "goal_distance_mm": f"{1e3 * te_m:.2f}",
            "goal_angle_deg": f"{re_deg:.3f}",
        }
        self._frames = 0
        return DiagnosticStatus.OK, "simulating", values

    # Lockstep

    def _tick_lockstep(self) -> None:
        if not self.active:
            return
        if self._time_ns == 0:
            self._next_lockstep_frame()
        elif self._lockstep.timed_out(self.steady_s()):
            self._step(np.zeros(6), 1e-9 * self._dt_ns)
            self._next_lockstep_frame()

    def _next_lockstep_frame(self) -> None:
        self._time_ns += self._dt_ns
        self._publish_clock()
        self._publish_frame()
        self._lockstep.frame_sent(self._time_ns, self.steady_s())

    # Wall clock

    def _tick_real_time(self) -> None:
        if not self.active:
            return
        self._advance()
        self._publish_clock()
        if self._time_ns >= self._next_frame_ns:
            self._publish_frame()
            self._next_frame_ns = max(self._next_frame_ns + self._dt_ns, self._time_ns)
            self._advance()
            self._publish_clock()

    def _advance(self) -> None:
        """Bring simulated time and motion up to now."""
        now_ns = self.steady_clock.now().nanoseconds
        self._time_ns = now_ns - self._started_ns
        for twist, dt_s in self._real_time.pieces(1e-9 * now_ns):
            self._step(twist, dt_s)

    # Both

    def _on_command(self, msg: TwistStamped) -> None:
        twist = twist_from_msg(msg.twist)
        if not self.active or not np.isfinite(twist).all():
            return
        if not self.config.lockstep:
            self._advance()
            self._real_time.command(twist, self.steady_s())
        elif self._lockstep.answer(twist, msg.header.stamp.sec * 10**9 + msg.header.stamp.nanosec):
            self._step(twist, 1e-9 * self._dt_ns)
            self._next_lockstep_frame()

    def _step(self, twist: np.ndarray, dt_s: float) -> None:
        """Move for dt_s with the tool's twist (6,)."""
        self._world.step(twist, dt_s)
        at_limit = bool(self._world.rig.at_limit)
        if at_limit != self._at_limit:
            self._at_limit = at_limit
            self._limit_pub.publish(Bool(data=at_limit))

    def _on_reset(self, _request, response: Trigger.Response) -> Trigger.Response:
        return self._jump(self._world.reset_to_start, "the camera is at its start pose", response)

    def _on_look_from_goal(self, _request, response: Trigger.Response) -> Trigger.Response:
        return self._jump(self._world.look_from_goal, "the camera is at the goal pose", response)

    def _jump(self, move, message: str, response: Trigger.Response) -> Trigger.Response:
        if not self.active:
            response.message = "the bridge is not active"
            return response
        if self.config.lockstep:
            move()
            self._next_lockstep_frame()
        else:
            self._advance()
            self._real_time.stop()
            move()
            self._next_frame_ns = self._time_ns
        response.success, response.message = True, message
        return response

    def _header(self, frame_id: str) -> Header:
        header = Header(frame_id=frame_id)
        header.stamp.sec, header.stamp.nanosec = divmod(self._time_ns, 10**9)
        return header

    def _publish_clock(self) -> None:
        self._clock_pub.publish(Clock(clock=self._header("").stamp))

    def _publish_frame(self) -> None:
        """What the camera sees now, and the truth about it. The image goes last: it is what the nodes wait for."""
        header = self._header(CAMERA_FRAME)
        rgb, depth_m = self._world.render()
        pose = PoseStamped(header=self._header(WORLD_FRAME), pose=pose_to_msg(self._world.camera_pose))
        self._pose_pub.publish(pose)
        if self._joints_pub is not None:
            rig = self._world.rig
            joints = JointState(header=self._header(""), name=list(rig.joint_names))
            joints.position = [float(value) for value in rig.joint_positions]
            self._joints_pub.publish(joints)
        self._info_pub.publish(intrinsics_to_info(self._world.intrinsics, header))
        self._depth_pub.publish(depth_to_image(depth_m, header))
        self._image_pub.publish(rgb_to_image(rgb, header))
        self._frames += 1


def _intrinsics(config: BridgeConfig) -> Intrinsics:
    """Of the simulated camera: square pixels, the principal point in the centre."""
    centre = ((config.width - 1) / 2, (config.height - 1) / 2)
    return Intrinsics(config.focal_px, config.focal_px, *centre, config.width, config.height)


def main() -> int:
    """Entry point of the executables `simulation_bridge` and, as it was called, `pybullet_bridge`."""
    return run(SimulationBridge)


if __name__ == "__main__":
    raise SystemExit(main())
