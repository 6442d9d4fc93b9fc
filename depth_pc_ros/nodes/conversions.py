"""Numpy and core types to messages; and, from `message_values`, back."""

import sys
from array import array

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Pose, Twist
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from depth_pc_interfaces.msg import KeypointMatches
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.geometry.se3 import from_rt
from depth_pc_ros.nodes.message_values import depth_to_metres as depth_to_metres  # the nodes take both from here
from depth_pc_ros.nodes.message_values import goal_from_msg as goal_from_msg
from depth_pc_ros.nodes.message_values import image_to_rgb as image_to_rgb
from depth_pc_ros.nodes.message_values import mask_from_image as mask_from_image
from depth_pc_ros.nodes.message_values import matches_from_msg as matches_from_msg
from depth_pc_ros.nodes.message_values import rectified_rgb as rectified_rgb
from depth_pc_ros.nodes.message_values import rectifier_from_info as rectifier_from_info
from depth_pc_ros.nodes.message_values import relative_depth_from_image as relative_depth_from_image
from depth_pc_ros.nodes.message_values import stamp_to_seconds as stamp_to_seconds
from depth_pc_ros.nodes.message_values import twist_from_msg as twist_from_msg
from depth_pc_ros.nodes.quaternions import quaternion_of, rotation_of
from depth_pc_ros.types import Matches

# Images


def as_raw_image(msg: Image | CompressedImage, name: str = "image") -> Image:
    """The message, or what a compressed one holds, as rgb8. Raises ImageError."""
    return rgb_to_image(image_to_rgb(msg, name), msg.header) if isinstance(msg, CompressedImage) else msg


def as_raw_depth(msg: Image | CompressedImage, name: str = "depth image") -> Image:
    """The message, or what a compressed one holds, as 32FC1 in metres. Raises ImageError."""
    return depth_to_image(depth_to_metres(msg, name), msg.header) if isinstance(msg, CompressedImage) else msg


def _to_image(pixels: np.ndarray, encoding: str, header: Header) -> Image:
    height, width = pixels.shape[:2]
    msg = Image(header=header, height=height, width=width, encoding=encoding)
    msg.step = pixels.nbytes // height
    msg.is_bigendian = int(sys.byteorder == "big")
    # An array of bytes is taken over as it is; any other sequence would be checked value by value.
    msg.data = array("B", pixels.tobytes())
    return msg


def rgb_to_image(rgb: np.ndarray, header: Header) -> Image:
    """rgb8 message of (H, W, 3) uint8 RGB."""
    return _to_image(rgb, "rgb8", header)


def mask_to_image(mask: np.ndarray, header: Header) -> Image:
    """mono8 message of a mask (H, W), 255 where it is not zero."""
    return _to_image(np.where(mask, 255, 0).astype(np.uint8), "mono8", header)


def depth_to_image(depth: np.ndarray, header: Header) -> Image:
    """32FC1 message of (H, W) depth."""
    return _to_image(depth.astype(np.float32), "32FC1", header)


# Cameras


def intrinsics_to_info(intrinsics: Intrinsics, header: Header) -> CameraInfo:
    """camera_info of a rectified image: no distortion, P = [K | 0]."""
    info = CameraInfo(header=header, width=intrinsics.width, height=intrinsics.height, distortion_model="plumb_bob")
    info.d = array("d", [0.0] * 5)
    info.k = intrinsics.matrix.ravel()
    info.r = np.eye(3).ravel()
    info.p = np.hstack([intrinsics.matrix, np.zeros((3, 1))]).ravel()
    return info


# Motions and poses


def twist_to_msg(twist: np.ndarray) -> Twist:
    """Message of a twist (6,) `[v, w]`."""
    msg = Twist()
    msg.linear.x, msg.linear.y, msg.linear.z, msg.angular.x, msg.angular.y, msg.angular.z = map(float, twist)
    return msg


def pose_to_msg(T: np.ndarray) -> Pose:
    """Message of a pose (4, 4)."""
    msg = Pose()
    msg.position.x, msg.position.y, msg.position.z = map(float, T[:3, 3])
    q = msg.orientation
    q.x, q.y, q.z, q.w = map(float, quaternion_of(T[:3, :3]))
    return msg


def pose_from_msg(msg: Pose) -> np.ndarray:
    """Pose (4, 4) of a message."""
    p, q = msg.position, msg.orientation
    return from_rt(rotation_of([q.x, q.y, q.z, q.w]), np.array([p.x, p.y, p.z]))


def seconds_to_stamp(seconds: float) -> Time:
    """Time stamp of seconds >= 0."""
    whole = int(seconds)  # apart, or today's date would cost the last digits
    carry, nanosec = divmod(round((seconds - whole) * 1e9), 10**9)
    return Time(sec=whole + carry, nanosec=nanosec)


# Goal and matches


def matches_to_msg(matches: Matches, goal_id: int, header: Header) -> KeypointMatches:
    """Message of matches found in the image that `header` belongs to."""
    return KeypointMatches(
        header=header,
        goal_id=goal_id,
        current_points=array("d", matches.current_points.tobytes()),
        matched=matches.matched.tolist(),
        scores=array("f", matches.scores.astype(np.float32).tobytes()),
        agreement=matches.agreement,
        doubt=matches.doubt,
    )
