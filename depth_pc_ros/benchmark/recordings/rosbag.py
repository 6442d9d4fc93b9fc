"""rosbag2 folders, `.mcap` and ROS 1 `.bag` files: images with camera_info, registered depth, poses from TF.

The colour topic is the first, by name, of 8-bit images with a `camera_info` beside it; depth is the first topic of
16UC1 (mm) or 32FC1 (m) images of the same TF frame and size. The world is the root of the TF tree.
"""

import functools
from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark.recordings.bag_images import decoded_colour, decoded_depth, is_depth
from depth_pc_ros.benchmark.recordings.frames import Camera, Frame, RecordingError, Sequence, camera_of, rigid
from depth_pc_ros.benchmark.recordings.tf_tree import TfTree
from depth_pc_ros.errors import shown
from depth_pc_ros.files.bag_file import BagFile

MARKS = ("*.mcap", "*.db3", "*.bag", "*.mcap.zstd", "*.db3.zstd")
APART_S = 0.03  # a depth image that is further from an image in time is not its own
_PINHOLES = ("", "none", "plumb_bob", "rational_polynomial")
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
def _bag(path: Path) -> BagFile:
    """The open bag. One without its end is refused: its frames would not be those of the recording."""
    bag = BagFile(path, RecordingError)
    if not bag.complete:
        raise RecordingError(f"{path}: expected a whole bag, its end is missing")
    return bag


def _messages(bag: BagFile, topic: str, *times_ns: int):
    """(time it was recorded in ns, message) of a topic. Raises RecordingError where they cannot be read."""
    for logged in bag.logged([topic], *times_ns):
        yield logged.logged_ns, logged.read()


def _stamps(bag, topic: str) -> list[tuple[float, int]]:
    """(stamp in s, time it was recorded in ns) of a topic's messages."""
    return [
        (message.header.stamp.sec + 1e-9 * message.header.stamp.nanosec, logged_ns)
        for logged_ns, message in _messages(bag, topic)
    ]


def _image_topics(bag) -> list[str]:
    return sorted(topic for topic, kind in bag.kinds.items() if kind in _IMAGES)


def _colour(bag, path: Path) -> tuple[str, Camera, str]:
    """The colour topic, its camera and its TF frame."""
    infos = {topic for topic, kind in bag.kinds.items() if kind == "sensor_msgs/msg/CameraInfo"}
    for topic in _image_topics(bag):
        _, message = next(_messages(bag, topic), (0, None))
        info = next((f"{up}/camera_info" for up in _above(topic) if f"{up}/camera_info" in infos), None)
        if message is None or info is None or is_depth(message):
            continue
        _, info = next(_messages(bag, info), (0, None))
        if info is not None:
            K, D = (np.asarray(getattr(info, key, getattr(info, key.lower(), None))) for key in ("K", "D"))
            if info.distortion_model not in _PINHOLES:
                raise RecordingError(
                    f"{path}: {topic}: expected a pinhole camera, got distortion_model {shown(info.distortion_model)}"
                )
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
        if topic == colour or message is None or not is_depth(message) or message.header.frame_id != frame_id:
            continue
        if decoded_depth(message, f"{bag.path}: {topic}").shape[1::-1] == tuple(camera.size):
            return topic
    return None


def _tf(bag) -> TfTree:
    tree = TfTree()
    for topic in ("/tf_static", "/tf"):
        for _, message in _messages(bag, topic):
            for transform in message.transforms:
                tree.add(transform, topic == "/tf_static")
    tree.close()
    return tree


def _read_pair(path: Path, colour: str, colour_ns: int, depth: str | None, depth_ns: int | None):
    image = decoded_colour(_message(path, colour, colour_ns), f"{path}: {colour}")
    if depth is None or depth_ns is None:
        return image, None
    return image, decoded_depth(_message(path, depth, depth_ns), f"{path}: {depth}")


def _message(path: Path, topic: str, logged_ns: int):
    _, message = next(_messages(_bag(path), topic, logged_ns, logged_ns + 1), (0, None))
    if message is None:
        raise RecordingError(f"{path}: {topic}: expected a message at {1e-9 * logged_ns:.3f} s, found none")
    return message
