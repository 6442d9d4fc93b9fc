"""`gazebo_bridge`: what PyBullet's bridge has and ros_gz_bridge has not: goal, start, and the camera's true poses."""

from collections import deque

import numpy as np
from geometry_msgs.msg import PoseStamped
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.task import Future
from sensor_msgs.msg import CameraInfo
from std_msgs.msg import Header
from std_srvs.srv import Trigger

from depth_pc_ros.nodes.base import IMAGE_QOS, LATCHED_QOS, ServoNode, run
from depth_pc_ros.nodes.conversions import pose_to_msg, seconds_to_stamp, stamp_to_seconds
from depth_pc_ros.nodes.gazebo_rigs import ArmRig, FreeRig
from depth_pc_ros.nodes.node_configs import GazeboBridgeConfig
from depth_pc_ros.nodes.pose_track import PoseTrack

WORLD_FRAME = "world"


class GazeboBridge(ServoNode):
    """Offers `bridge/reset`, `bridge/look_from_goal`, `bridge/camera_pose` and `bridge/goal_pose`, as PyBullet's does.

    The services drive the camera there, with the commands that the servo has too, and answer when it rests. So they
    want a servo that is not enabled. `bridge/camera_pose` comes for each image, with its stamp; `bridge/goal_pose` is
    where the camera rested after `bridge/look_from_goal`.
    """

    TICK_S = 0.02
    REST_S = 0.3  # simulated time between the stop and the answer
    GIVE_UP_S = 60.0  # wall time

    def __init__(self, **node_options):
        super().__init__("gazebo_bridge", GazeboBridgeConfig, **node_options)

    def build(self) -> None:
        self._track = PoseTrack()
        self._images_s: deque[float] = deque(maxlen=50)  # of which the pose is not known yet
        self._target: np.ndarray | None = None
        self._stopped_s: float | None = None
        self._pose_pub = self.create_publisher(PoseStamped, "bridge/camera_pose", 10)
        self._goal_pub = self.create_publisher(PoseStamped, "bridge/goal_pose", LATCHED_QOS)
        self._rig = (ArmRig if self.config.rig == "arm" else FreeRig)(self, self.config, self._on_pose)
        self.create_subscription(CameraInfo, "bridge/camera_info", self._on_camera_info, IMAGE_QOS)
        own = ReentrantCallbackGroup()  # a service that waits would keep all else of its group from running
        self.create_service(Trigger, "bridge/reset", self._on_reset, callback_group=own)
        self.create_service(Trigger, "bridge/look_from_goal", self._on_look_from_goal, callback_group=own)
        self.create_timer(self.TICK_S, self._tick, clock=self.steady_clock)

    def halt(self) -> None:
        if self._target is not None:
            self._end("the node was deactivated")

    # True poses

    def _on_pose(self, stamp_s: float, T_world_cam: np.ndarray) -> None:
        self._track.add(stamp_s, T_world_cam)
        while self._images_s and self._images_s[0] <= stamp_s:
            image_s = self._images_s.popleft()
            T_world_image = self._track.at(image_s)
            if T_world_image is not None:
                self._pose_pub.publish(_pose_msg(image_s, T_world_image))

    def _on_camera_info(self, msg: CameraInfo) -> None:
        self._images_s.append(stamp_to_seconds(msg.header.stamp))

    # Driving

    async def _on_reset(self, _request, response: Trigger.Response) -> Trigger.Response:
        return await self._go("start", "the camera is at its start pose", response)

    async def _on_look_from_goal(self, _request, response: Trigger.Response) -> Trigger.Response:
        await self._go("goal", "the camera is at the goal pose", response)
        if response.success:
            self._goal_pub.publish(_pose_msg(*self._track.newest))
        return response

    async def _go(self, place: str, message: str, response: Trigger.Response) -> Trigger.Response:
        problem = self._rig.problem() if self.active else "the bridge is not active"
        if self._target is not None:
            problem = "the camera is on its way already"
        if not problem:
            self._target, self._stopped_s = getattr(self._rig, place), None
            self._give_up_s = self.steady_s() + self.GIVE_UP_S
            self._arrived = Future()
            problem = await self._arrived
        response.success, response.message = not problem, problem or message
        return response

    def _tick(self) -> None:
        if self._target is None:
            return
        stamp_s, _ = self._track.newest
        if self._stopped_s is not None:
            self._rig.stop()
            if not self._stopped_s <= stamp_s < self._stopped_s + self.REST_S:
                self._end("")
        elif self._rig.drive(self._target):
            self._rig.stop()
            self._stopped_s = stamp_s
        if self._target is not None and self.steady_s() > self._give_up_s:
            self._end(f"the camera did not arrive within {self.GIVE_UP_S:g} s; is Gazebo paused, or the servo enabled?")

    def _end(self, problem: str) -> None:
        self._rig.stop()
        self._target = None
        self._arrived.set_result(problem)


def _pose_msg(stamp_s: float, T_world_cam: np.ndarray) -> PoseStamped:
    header = Header(frame_id=WORLD_FRAME, stamp=seconds_to_stamp(stamp_s))
    return PoseStamped(header=header, pose=pose_to_msg(T_world_cam))


def main() -> int:
    """Entry point of the executable `gazebo_bridge`."""
    return run(GazeboBridge)


if __name__ == "__main__":
    raise SystemExit(main())
