"""Messages to numpy and core types, and back. Every wrong message raises a typed error that says what is wrong."""

import sys
from array import array

import numpy as np
from builtin_interfaces.msg import Time
from geometry_msgs.msg import Pose, Twist
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal
from depth_pc_ros.errors import CameraError, GoalError, ImageError
from depth_pc_ros.files.compressed_image import decode_colour, decode_depth
from depth_pc_ros.files.pixel_formats import COLOUR, COLOUR_NAMES, DEPTH, depth_metres, rgb_pixels, rows_of
from depth_pc_ros.geometry.camera import (
    Intrinsics,
    Rectifier,
    check_depth,
    check_image,
    check_relative_depth,
    scaled_matrix,
)
from depth_pc_ros.geometry.se3 import from_rt
from depth_pc_ros.nodes.bounds import (
    check_camera_info,
    check_count,
    check_distortion,
    check_header,
    check_image_msg,
    check_pixels,
    check_text,
    goal_distance,
    image_window,
    quoted,
)
from depth_pc_ros.nodes.quaternions import quaternion_of, rotation_of
from depth_pc_ros.types import Goal, Matches

# Images


def image_to_rgb(msg: Image | CompressedImage, name: str = "image", size: tuple[int, int] | None = None) -> np.ndarray:
    """(H, W, 3) uint8 RGB of an image message, of this size (width, height) where one is given. Raises ImageError."""
    if isinstance(msg, CompressedImage):
        return decode_colour(*_compressed(msg, name), size=size)
    kind = COLOUR.get(msg.encoding)
    if kind is None:
        raise ImageError(f"{name}: encoding {quoted(msg.encoding)} is not supported; supported: {COLOUR_NAMES}")
    check_image_msg(msg, name, kind.pixel_bytes, size, data_rows=kind.data_rows)
    if msg.width % kind.even[0] or msg.height % kind.even[1]:
        raise ImageError(f"{name}: encoding {msg.encoding} needs an even size, got {msg.width} x {msg.height}")
    return rgb_pixels(msg.data, (msg.width, msg.height), msg.step, msg.encoding, bool(msg.is_bigendian))


def rectified_rgb(msg: Image | CompressedImage, rectifier: Rectifier, name: str = "image") -> np.ndarray:
    """(H, W, 3) uint8 RGB of an image message of the rectifier's camera, rectified. Raises ImageError."""
    size = rectifier.source.size
    if isinstance(msg, CompressedImage):
        rgb = decode_colour(*_compressed(msg, name), size=size, least=rectifier.least_size)
        return check_image(rectifier.image(rgb, reduced=True), name)
    return check_image(rectifier.image(image_to_rgb(msg, name, size)), name)


def _compressed(msg: CompressedImage, name: str) -> tuple[bytes, str, str]:
    """Data, format, and how an error about them begins."""
    check_header(msg.header, name)
    check_text(msg.format, f"{name}: format")
    return bytes(msg.data), msg.format, f"{name}: compressed as {quoted(msg.format)}"


def as_raw_image(msg: Image | CompressedImage, name: str = "image") -> Image:
    """The message, or what a compressed one holds, as rgb8. Raises ImageError."""
    return rgb_to_image(image_to_rgb(msg, name), msg.header) if isinstance(msg, CompressedImage) else msg


def as_raw_depth(msg: Image | CompressedImage, name: str = "depth image") -> Image:
    """The message, or what a compressed one holds, as 32FC1 in metres. Raises ImageError."""
    return depth_to_image(depth_to_metres(msg, name), msg.header) if isinstance(msg, CompressedImage) else msg


def depth_to_metres(
    msg: Image | CompressedImage, name: str = "depth image", size: tuple[int, int] | None = None
) -> np.ndarray:
    """(H, W) float32 metres of a 32FC1 (metres) or 16UC1 (millimetres) image; NaN where invalid.

    size: (width, height) that it must have; None: any. Raises ImageError.
    """
    if isinstance(msg, CompressedImage):
        values = decode_depth(*_compressed(msg, name), size=size)
        return check_depth(values, values.shape[::-1], name)
    return check_depth(_depth_values(msg, name, size), (msg.width, msg.height), name)


def _depth_values(msg: Image, name: str, size: tuple[int, int] | None) -> np.ndarray:
    if msg.encoding not in DEPTH:
        raise ImageError(
            f"{name}: encoding {quoted(msg.encoding)} is not metric depth; "
            "supported: 32FC1 (metres), 16UC1 (millimetres)"
        )
    check_image_msg(msg, name, DEPTH[msg.encoding].itemsize, size)
    return depth_metres(msg.data, (msg.width, msg.height), msg.step, msg.encoding, bool(msg.is_bigendian))


def mask_from_image(msg: Image, name: str = "mask") -> np.ndarray:
    """(H, W) uint8 of a mono8 image. Raises ImageError."""
    if msg.encoding != "mono8":
        raise ImageError(f"{name}: expected encoding mono8, got {quoted(msg.encoding)}")
    check_image_msg(msg, name, 1)
    return rows_of(msg.data, msg.width, msg.height, msg.step)


def relative_depth_from_image(
    msg: Image, name: str = "relative depth", size: tuple[int, int] | None = None
) -> np.ndarray:
    """(H, W) float32 of a 32FC1 image, of any sign and scale; NaN where invalid.

    size: (width, height) that it must have; None: any. Raises ImageError.
    """
    if msg.encoding != "32FC1":
        raise ImageError(f"{name}: expected encoding 32FC1, got {quoted(msg.encoding)}")
    return check_relative_depth(_depth_values(msg, name, size), (msg.width, msg.height), name)


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


def rectifier_from_info(
    info: CameraInfo, target: Intrinsics | None = None, rectified: bool = False, longest: int = 0
) -> Rectifier:
    """Rectifier of a camera's images, into the pixels of `target` (default: its own). Raises CameraError.

    The images are the region of interest of the calibrated ones, after binning. rectified: they are rectified already;
    their intrinsics are then those of P, without distortion. longest: without a target, the result's longer side has at
    most this many px; 0: any.
    """
    check_camera_info(info, rectified)
    K = np.asarray(info.k).reshape(3, 3)
    if rectified and info.p[0] != 0:
        K = np.asarray(info.p).reshape(3, 4)[:, :3]
    (x, y), (binning_x, binning_y), size = image_window(info)
    K = scaled_matrix(np.array([[1, 0, -x], [0, 1, -y], [0, 0, 1]]) @ K, 1 / binning_x, 1 / binning_y)
    distortion, model = ((), "") if rectified else (info.d, info.distortion_model)
    try:
        own = Rectifier(K, distortion, size, model=model)
        check_distortion(own)
        target = target or own.target.within(longest)
        return own if target == own.target else Rectifier(K, distortion, size, target, model)
    except CameraError as error:
        prefix = "" if str(error).startswith("camera_info: ") else "camera_info: "
        raise CameraError(f"{prefix}{error}") from None


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


def twist_from_msg(msg: Twist) -> np.ndarray:
    """Twist (6,) `[v, w]` of a message."""
    v, w = msg.linear, msg.angular
    return np.array([v.x, v.y, v.z, w.x, w.y, w.z])


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


def stamp_to_seconds(stamp: Time) -> float:
    """Seconds of a time stamp."""
    return stamp.sec + 1e-9 * stamp.nanosec


def seconds_to_stamp(seconds: float) -> Time:
    """Time stamp of seconds >= 0."""
    whole = int(seconds)  # apart, or today's date would cost the last digits
    carry, nanosec = divmod(round((seconds - whole) * 1e9), 10**9)
    return Time(sec=whole + carry, nanosec=nanosec)


# Goal and matches


def goal_from_msg(msg: ServoGoal) -> Goal:
    """Goal of a message. Raises GoalError, ImageError or CameraError."""
    check_header(msg.header, "goal", GoalError)
    check_camera_info(msg.camera_info, rectified=True)
    camera = Intrinsics.from_matrix(
        np.asarray(msg.camera_info.k).reshape(3, 3), msg.camera_info.width, msg.camera_info.height
    )
    if len(msg.keypoints) == 0 or len(msg.keypoints) % 2:
        raise GoalError(f"goal keypoints: expected u and v of every point, got {len(msg.keypoints)} values")
    check_count(len(msg.keypoints) // 2, "goal keypoints", GoalError)
    keypoints = np.asarray(msg.keypoints, dtype=np.float64).reshape(-1, 2)
    check_pixels(keypoints, "goal keypoints", GoalError)
    depth = depth_to_metres(msg.depth, "goal depth") if msg.depth.width else None
    return Goal.from_images(keypoints, camera, goal_distance(msg.distance), depth)


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


def matches_from_msg(msg: KeypointMatches) -> Matches:
    """Matches of a message. Raises ImageError."""
    check_header(msg.header, "matches")
    check_text(msg.doubt, "matches: doubt")
    check_count(max(len(msg.matched), len(msg.scores), len(msg.current_points) // 2), "matches", ImageError)
    try:
        matches = Matches(
            current_points=np.asarray(msg.current_points, dtype=np.float64).reshape(-1, 2),
            matched=np.asarray(msg.matched, dtype=bool),
            scores=np.asarray(msg.scores, dtype=np.float32),
            agreement=msg.agreement,
            doubt=msg.doubt,
        )
    except ValueError as error:
        raise ImageError(f"matches: {error}") from None
    check_pixels(matches.current_points[matches.matched], "matches: current_points", ImageError)
    if not ((matches.scores >= 0) & (matches.scores < 1.001)).all():  # LightGlue rounds
        raise ImageError("matches: scores: expected 0 to 1, got NaN or others")
    return matches
