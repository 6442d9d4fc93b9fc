"""`ViewTaker`: what the camera sees now, as a view of a route."""

import math
import threading
import time
from collections import deque

import numpy as np
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, JointState

from depth_pc_ros.bringup.client import ServoClient, ServoClientError
from depth_pc_ros.errors import CameraError
from depth_pc_ros.files.route_file import CameraModel, View
from depth_pc_ros.nodes.base import IMAGE_QOS
from depth_pc_ros.nodes.bounds import check_camera_info
from depth_pc_ros.nodes.conversions import depth_to_metres, image_to_rgb, stamp_to_seconds
from depth_pc_ros.nodes.image_source import image_kind

_SAME_S = 0.05  # depth this far from the image in time still belongs to it
_DEPTH_WITHIN_S = 1.0  # of the image's arrival
_KEPT = 10  # depth images


class ViewTaker:
    """Listens to a camera with the node of a `ServoClient`.

    image, camera_info, depth_image, joint_states: topics; the last two may be silent, or "" for none. Images are
    compressed where the topic's name says so, see `image_kind`.
    """

    def __init__(self, client: ServoClient, image: str, camera_info: str, depth_image: str, joint_states: str):
        self._timeout_s = client.timeout_s
        self._topics = {"image": image, "camera_info": camera_info}
        self._changed = threading.Condition()
        self._newest: dict[str, object] = {}
        self._depths: deque[Image | CompressedImage] = deque(maxlen=_KEPT)
        kinds = {"image": (image, image_kind(image)), "camera_info": (camera_info, CameraInfo),
                 "depth": (depth_image, image_kind(depth_image)), "joints": (joint_states, JointState)}  # fmt: skip
        for key, (topic, kind) in kinds.items():
            if topic:
                client.node.create_subscription(kind, topic, self._listener(key), IMAGE_QOS)

    def _listener(self, key: str):
        def hear(msg) -> None:
            with self._changed:
                self._newest[key] = msg
                if key == "depth":
                    self._depths.append(msg)
                self._changed.notify_all()

        return hear

    def take(self, distance_m: float = 0.0, pause_s: float = 0.0) -> View:
        """The next image, with its depth and the joints where there are any.

        Raises ServoClientError where none comes in time, CameraError, ImageError.
        """
        with self._changed:
            self._newest.pop("image", None)
            for key in ("camera_info", "image"):
                if not self._changed.wait_for(lambda key=key: key in self._newest, self._timeout_s):
                    raise ServoClientError(f"{self._topics[key]}: nothing came within {self._timeout_s:g} s")
            image, info = self._newest["image"], self._newest["camera_info"]
            stamp_s, end_s = stamp_to_seconds(image.header.stamp), time.monotonic() + _DEPTH_WITHIN_S
            while (depth := self._depth_at(stamp_s)) is None and self._depths and time.monotonic() < end_s:
                self._changed.wait(0.1)
            joints = self._newest.get("joints")
        check_camera_info(info, rectified=False)
        pixels = image_to_rgb(image)
        height, width = pixels.shape[:2]
        if (info.width, info.height) != (width, height):
            raise CameraError(
                f"camera_info: expected {width} x {height} as the image, got {info.width} x {info.height}"
            )
        metres = None if depth is None else depth_to_metres(depth, size=(width, height))
        return View(pixels, camera_model(info), metres, distance_m, pause_s, _positions(joints))

    def _depth_at(self, stamp_s: float) -> Image | CompressedImage | None:
        nearest = min(self._depths, key=lambda msg: abs(stamp_to_seconds(msg.header.stamp) - stamp_s), default=None)
        if nearest is None or abs(stamp_to_seconds(nearest.header.stamp) - stamp_s) > _SAME_S:
            return None
        return nearest


def camera_model(info: CameraInfo) -> CameraModel:
    """What a message says of its camera."""
    numbers = {name: tuple(np.asarray(getattr(info, name), float).tolist()) for name in "dkrp"}
    return CameraModel(int(info.width), int(info.height), info.distortion_model, **numbers)


def camera_info(camera: CameraModel) -> CameraInfo:
    """The message of a camera."""
    info = CameraInfo(width=camera.width, height=camera.height, distortion_model=camera.distortion_model)
    info.d = list(camera.d)
    info.k, info.r, info.p = (np.array(values) for values in (camera.k, camera.r, camera.p))
    return info


def _positions(joints: JointState | None) -> dict[str, float]:
    if joints is None:
        return {}
    pairs = zip(joints.name, joints.position, strict=False)
    return {name: float(value) for name, value in pairs if math.isfinite(value)}
