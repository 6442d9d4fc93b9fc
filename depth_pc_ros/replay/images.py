"""The images of a recording, rectified, in their order in time: of a bag, or of a video."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import lru_cache, partial
from pathlib import Path
from typing import Protocol

import numpy as np

from depth_pc_ros.errors import CameraError
from depth_pc_ros.files.bag_file import BagFile
from depth_pc_ros.files.camera_info_file import read_camera_info
from depth_pc_ros.files.video_file import VideoFile
from depth_pc_ros.geometry.camera import Rectifier
from depth_pc_ros.nodes.bounds import opencv_errors
from depth_pc_ros.nodes.message_values import rectified_rgb, rectifier_from_info
from depth_pc_ros.nodes.node_configs import CameraConfig
from depth_pc_ros.replay.errors import ReplayError
from depth_pc_ros.replay.topics import CameraTopics


@dataclass(frozen=True, eq=False)
class Picture:
    """One image. stamp_ns: its own time; logged_ns: when it was recorded. decode: gives the image of `rgb`."""

    stamp_ns: int
    logged_ns: int
    decode: Callable[[], np.ndarray]

    def rgb(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB, rectified; do not change it: the newest few are kept. Raises DepthPcError."""
        return _decoded(self)


@lru_cache(maxsize=2)
def _decoded(picture: Picture) -> np.ndarray:
    return picture.decode()


class Images(Protocol):
    """What can be replayed: pictures in order, of one camera. count: about how many; 0: unknown."""

    rectifier: Rectifier
    count: int
    notes: list[str]  # what a person should know of them, a line each; complete after `pictures` has ended

    def pictures(self) -> Iterator[Picture]: ...


class BagImages:
    """Of a bag. info: its camera_info, or what has the fields of one. Raises ReplayError."""

    def __init__(self, bag: BagFile, topics: CameraTopics, config: CameraConfig, info_file: str = ""):
        self._bag, self._topic = bag, topics.image
        self.count = bag.counts[topics.image]
        self.notes: list[str] = []
        if not bag.complete:
            self.notes.append("the bag has no end: its recorder was killed, or the disk was full; the rest is read")
        info = read_camera_info(info_file) if info_file else self._info(topics.camera_info)
        self.rectifier = _rectifier(info, config, f"{bag.path}: {info_file or topics.camera_info}")

    def _info(self, topic: str):
        infos = [logged.read() for logged in self._bag.logged([topic])]
        used = _lower(infos[0])
        changed = sum(_calibration(_lower(info)) != _calibration(used) for info in infos)
        if changed:
            self.notes.append(f"{changed} of {len(infos)} {topic} differ from the first one, which is used")
        return used

    def pictures(self) -> Iterator[Picture]:
        for logged in self._bag.logged([self._topic]):
            message = logged.read()
            stamp_ns = message.header.stamp.sec * 10**9 + message.header.stamp.nanosec
            yield Picture(stamp_ns, logged.logged_ns, partial(_read, message, self.rectifier, self._topic))


def _read(message, rectifier: Rectifier, topic: str) -> np.ndarray:
    with opencv_errors(topic):
        return rectified_rgb(message, rectifier, topic)


def _lower(info):
    """A CameraInfo with the names of ROS 2, also where it is of ROS 1."""
    if not hasattr(info, "k"):
        for name in "DKRP":
            object.__setattr__(info, name.lower(), getattr(info, name))
    return info


def _calibration(info) -> tuple:
    window = info.roi.x_offset, info.roi.y_offset, info.roi.width, info.roi.height, info.binning_x, info.binning_y
    return (info.width, info.height, info.distortion_model, *map(tuple, (info.k, info.d, info.p)), *window)


class VideoImages:
    """Of a video of a camera whose calibration is a YAML file. Raises ReplayError."""

    def __init__(self, path: Path, info_file: str, config: CameraConfig):
        self._video = VideoFile(path, ReplayError)
        self.count, self.notes = self._video.count, []
        self.rectifier = _rectifier(read_camera_info(info_file), config, info_file)
        if self._video.size != self.rectifier.source.size:
            (width, height), (expected, rows) = self._video.size, self.rectifier.source.size
            raise ReplayError(
                f"{path}: expected frames of {expected} x {rows} as {info_file} says, got {width} x {height}"
            )

    def pictures(self) -> Iterator[Picture]:
        k = 0
        for time_s, rgb in self._video.frames():
            stamp_ns = 10**9 + round(1e9 * time_s)  # a stamp of zero is none
            yield Picture(stamp_ns, stamp_ns, partial(self.rectifier.image, rgb))
            k += 1
        if k < self.count:
            self.notes = [f"only {k} of {self.count} frames of the video can be decoded"]


def _rectifier(info, config: CameraConfig, where: str) -> Rectifier:
    try:
        return rectifier_from_info(info, rectified=config.rectified, longest=config.max_width)
    except CameraError as error:
        raise ReplayError(f"{where}: {error}") from None
