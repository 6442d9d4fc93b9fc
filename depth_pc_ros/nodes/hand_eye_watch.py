"""Views of a camera that is moved by hand: how the tool was turned (TF), and how the camera saw itself turn."""

import dataclasses

import numpy as np
from sensor_msgs.msg import CameraInfo, Image

from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.pbvs import Pbvs
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.hand_eye import HandEyeVerdict, judge_hand_eye
from depth_pc_ros.nodes.base import IMAGE_QOS
from depth_pc_ros.nodes.conversions import image_to_rgb, stamp_to_seconds
from depth_pc_ros.nodes.live_camera import LiveCamera
from depth_pc_ros.pipeline import ServoPipeline


class _SeenPose(ControlLaw):
    """A law that only keeps the pose (4, 4) of the newest image; None: it has none."""

    def __init__(self):
        self._law = Pbvs()
        self.T_cam_goal: np.ndarray | None = None

    def reset(self) -> None:
        self._law.reset()

    def __call__(self, observation):
        self.T_cam_goal = None
        output = self._law(observation)
        self.T_cam_goal = output.T_cam_goal
        return dataclasses.replace(output, twist=np.zeros(6))


class HandEyeWatch:
    """Listens to a camera; the first image is what all others are compared with. One view per pose at rest.

    tool_pose: gives the tool's pose (4, 4) in the base, now; may raise DepthPcError. image, camera_info: topics.
    """

    REST_DEG, REST_M = 0.2, 0.002  # from one image to the next, of a tool at rest
    APART_DEG = 3.0  # from all other views

    def __init__(self, node, image: str, camera_info: str, tool_pose):
        self._tool_pose = tool_pose
        self._camera = LiveCamera(False)
        self._law = _SeenPose()
        config = PipelineConfig(controller="pbvs", check_motion=False)
        self._pipeline = ServoPipeline(config, law=self._law)
        self._last: np.ndarray | None = None  # pose of the tool at the last image
        self._tool: list[np.ndarray] = []
        self._seen: list[np.ndarray] = []
        self.frame = ""  # of the images
        self.problem = "no image has come"
        node.create_subscription(CameraInfo, camera_info, self._camera.update, IMAGE_QOS)
        node.create_subscription(Image, image, self._on_image, IMAGE_QOS)

    def _on_image(self, msg: Image) -> None:
        try:
            self.problem = ""
            self._look(msg)
        except DepthPcError as error:
            self.problem = str(error)

    def _look(self, msg: Image) -> None:
        rectifier, tool = self._camera.rectifier, self._tool_pose()
        image = rectifier.image(image_to_rgb(msg))
        self.frame = msg.header.frame_id
        last, self._last = self._last, tool
        if self._pipeline.servo.goal is None:
            self._pipeline.set_goal(image, rectifier.target.matrix, distance=1.0)
        self._law.T_cam_goal = None  # it is not asked where there are too few matches
        self._pipeline.step(image, stamp_to_seconds(msg.header.stamp))
        seen = self._law.T_cam_goal
        if seen is None or last is None:
            return
        metres, degrees = se3.pose_error(last, tool)
        R = tool[:3, :3]
        apart = [np.degrees(se3.rotation_angle(other.T @ R)) for other in self._tool]
        if metres < self.REST_M and degrees < self.REST_DEG and min(apart, default=180.0) > self.APART_DEG:
            self._tool.append(R)
            self._seen.append(seen[:3, :3].T)  # of the camera in the first one

    def verdict(self, R_tool_cam: np.ndarray) -> HandEyeVerdict:
        """About this orientation (3, 3) of the camera in the tool."""
        return judge_hand_eye(np.array(self._tool), np.array(self._seen), R_tool_cam)
