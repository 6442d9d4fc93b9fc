"""rosbag2 folders, `.mcap` and ROS 1 `.bag` files: images with camera_info, registered depth, poses from TF.

The colour topic is the first, by name, of 8-bit images with a `camera_info` beside it; depth is the first topic of
16UC1 (mm) or 32FC1 (m) images of the same TF frame and size. The world is the root of the TF tree.
"""

import functools
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.benchmark.recordings.frames import Camera, Frame, RecordingError, Sequence, camera_of, rigid
from depth_pc_ros.benchmark.recordings.tf_tree import TfTree
from depth_pc_ros.extras import require

MARKS = ("*.mcap", "*.db3", "*.bag", "*.mcap.zstd", "*.db3.zstd")
APART_S = 0.03  # a depth image that is further from an image in time is not its own
_IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")


def read(folder: Path, name: str) -> Sequence:
    """The frames of the bag that `folder` is, or of every file there. Raises RecordingError."""
    if (folder / "metadata.yaml").is_file():
        return _read_bag(folder, name)
    files = sorted(path for mark in MARKS for path in folder.glob(mark))
    sequence = Sequence(name)
    for path in files:
        one = _read_bag(path, name if len(files) == 1 else f"{name}/{path.stem}")
        sequence.frames += one.frames
        sequence.problems += one.problems
    return sequence


def _read_bag(path: Path, name: str) -> Sequence:
    bag = _bag(path)
    colour, camera, frame_id = _colour(bag, path)
    depth = _depth_topic(bag, colour, frame_id, camera)
    tree = _tf(bag)
    depth_stamps = _stamps(bag, depth) if depth else []
    depth_times = np.array([stamp_s for stamp_s, _ in depth_stamps])
    sequence = Sequence(name)
    for stamp_s, logged_ns in _stamps(bag, colour):
        try:
            T = rigid(tree.pose(frame_id, stamp_s), f"{path}: {stamp_s:.3f} s")
            at = None
            if depth_stamps and np.abs(depth_times - stamp_s).min() <= APART_S:
                at = depth_stamps[int(np.argmin(np.abs(depth_times - stamp_s)))][1]
            read_it = functools.partial(_read_pair, path, colour, logged_ns, depth, at)
            sequence.frames.append(Frame(name, f"{stamp_s:.6f}", T, camera, read_it, at is not None))
        except RecordingError as error:
            sequence.problems.append(str(error))
    return sequence


@functools.lru_cache(maxsize=4)
def _bag(path: Path):
    """The open bag."""
    require("rosbag", "rosbags")
    from rosbags.highlevel import AnyReader, AnyReaderError
    from rosbags.typesys import Stores, get_typestore

    try:
        bag = AnyReader([path], default_typestore=get_typestore(Stores.ROS2_HUMBLE))
        bag.open()
    except (AnyReaderError, OSError, ValueError) as error:
        raise RecordingError(f"{path}: expected a bag: {error}") from None
    return bag


def _messages(bag, topic: str, **times):
    """(time it was recorded in ns, message) of a topic."""
    connections = [each for each in bag.connections if each.topic == topic]
    for connection, logged_ns, raw in bag.messages(connections=connections, **times):
        yield logged_ns, bag.deserialize(raw, connection.msgtype)


def _stamps(bag, topic: str) -> list[tuple[float, int]]:
    """(stamp in s, time it was recorded in ns) of a topic's messages."""
    return [
        (message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec, logged_ns)
        for logged_ns, message in _messages(bag, topic)
    ]


def _image_topics(bag) -> list[str]:
    return sorted({each.topic for each in bag.connections if each.msgtype in _IMAGES})


def _colour(bag, path: Path) -> tuple[str, Camera, str]:
    """The colour topic, its camera and its TF frame."""
    infos = {each.topic for each in bag.connections if each.msgtype == "sensor_msgs/msg/CameraInfo"}
    for topic in _image_topics(bag):
        _, message = next(_messages(bag, topic), (0, None))
        info = next((f"{up}/camera_info" for up in _above(topic) if f"{up}/camera_info" in infos), None)
        if message is None or info is None or _is_depth(message):
            continue
        _, info = next(_messages(bag, info), (0, None))
        if info is not None:
            K, D = (np.asarray(getattr(info, key, getattr(info, key.lower(), None))) for key in ("K", "D"))
            camera = camera_of(K.reshape(3, 3), D[:8], (info.width, info.height), f"{path}: {topic}")
            return topic, camera, message.header.frame_id
    raise RecordingError(f"{path}: expected a topic of 8-bit images with a camera_info beside it, found none")


def _above(topic: str) -> list[str]:
    """The namespaces that may hold the camera_info of an image topic."""
    parts = topic.split("/")
    return ["/".join(parts[:-k]) for k in (1, 2) if len(parts) > k]


def _depth_topic(bag, colour: str, frame_id: str, camera: Camera) -> str | None:
    for topic in _image_topics(bag):
        _, message = next(_messages(bag, topic), (0, None))
        if topic == colour or message is None or not _is_depth(message) or message.header.frame_id != frame_id:
            continue
        if _decoded_depth(message).shape[1::-1] == tuple(camera.size):
            return topic
    return None


def _tf(bag) -> TfTree:
    tree = TfTree()
    for topic in ("/tf_static", "/tf"):
        for _, message in _messages(bag, topic) if any(each.topic == topic for each in bag.connections) else ():
            for transform in message.transforms:
                tree.add(transform, topic == "/tf_static")
    tree.close()
    return tree


def _is_depth(message) -> bool:
    if hasattr(message, "encoding"):
        return message.encoding in ("16UC1", "mono16", "32FC1")
    return "16UC1" in message.format or "32FC1" in message.format or "compressedDepth" in message.format


def _read_pair(path: Path, colour: str, colour_ns: int, depth: str | None, depth_ns: int | None):
    bag = _bag(path)
    image = _decoded_colour(next(_messages(bag, colour, start=colour_ns, stop=colour_ns + 1))[1], path)
    if depth_ns is None:
        return image, None
    return image, _decoded_depth(next(_messages(bag, depth, start=depth_ns, stop=depth_ns + 1))[1])


def _decoded_colour(message, path: Path) -> np.ndarray:
    if not hasattr(message, "encoding"):
        image = cv2.imdecode(np.frombuffer(message.data, np.uint8), cv2.IMREAD_COLOR)
        if image is None:
            raise RecordingError(f"{path}: expected a compressed image, got {message.format}")
        return cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
    channels = {"rgb8": 3, "bgr8": 3, "rgba8": 4, "bgra8": 4, "8UC3": 3, "mono8": 1, "8UC1": 1}.get(message.encoding)
    if channels is None:
        raise RecordingError(f"{path}: encoding: expected 8-bit colour or grey, got {message.encoding}")
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    image = rows[:, : message.width * channels].reshape(message.height, message.width, channels)
    if channels == 1:
        return np.repeat(image, 3, axis=2)
    return np.ascontiguousarray(image[..., 2::-1] if message.encoding.startswith(("bgr", "8UC3")) else image[..., :3])


def _decoded_depth(message) -> np.ndarray:
    """Metres (H, W) float32."""
    if not hasattr(message, "encoding"):
        header = 12 if "compressedDepth" in message.format else 0  # compressed_depth_image_transport puts it in front
        raw = cv2.imdecode(np.frombuffer(message.data, np.uint8)[header:], cv2.IMREAD_UNCHANGED)
        if raw is None or raw.dtype != np.uint16:
            raise RecordingError(f"depth: expected a compressed image of 16 bits, got {message.format}")
        return raw.astype(np.float32) * np.float32(1e-3)
    kind = np.dtype(np.float32 if message.encoding == "32FC1" else np.uint16)
    kind = kind.newbyteorder(">" if message.is_bigendian else "<")
    rows = np.frombuffer(message.data, np.uint8).reshape(message.height, message.step)
    raw = np.ascontiguousarray(rows[:, : message.width * kind.itemsize]).view(kind)
    return raw.astype(np.float32) * np.float32(1 if message.encoding == "32FC1" else 1e-3)
