"""From the options of `replay` to a replay that is ready to run."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.config import CLASSICAL_LAWS, Config, PipelineConfig, option, same_as
from depth_pc_ros.files.bag_file import BagFile
from depth_pc_ros.files.video_file import SUFFIXES
from depth_pc_ros.nodes.node_configs import CameraConfig, DepthNodeConfig
from depth_pc_ros.options import from_text
from depth_pc_ros.replay.errors import ReplayError
from depth_pc_ros.replay.images import BagImages, Images, VideoImages
from depth_pc_ros.replay.of_images import LAST, ImagesReplay, goal_image
from depth_pc_ros.replay.of_servo import ServoReplay, depth_images
from depth_pc_ros.replay.player import Player
from depth_pc_ros.replay.recorded import Recorded, read_recorded
from depth_pc_ros.replay.result import Replay
from depth_pc_ros.replay.topics import find_camera, find_namespace

View = Callable[[int, np.ndarray, np.ndarray], None]  # see `Player`


@dataclass(frozen=True)
class ReplayConfig(Config):
    """Options of a replay."""

    goal: str = option(
        "",
        "The goal: `last`, `first`, a number (0 is the first image, -1 the last), or an image file of the same camera. "
        "Empty: as recorded, or else `last`.",
    )
    image: str = same_as(BringupConfig, "image", help="Topic of the images. Empty: found by its type.")
    camera_info: str = same_as(
        BringupConfig,
        "camera_info",
        help="Topic of the camera_info, or a YAML file of camera_calibration, which a video needs. Empty: beside the "
        "images.",
    )
    namespace: str = same_as(
        BringupConfig, "namespace", "", help="Namespace of the servo in the bag. Empty: the only one."
    )
    use_matches: bool = option(
        False, "Take the recorded matches in place of matching the images, as where they were recorded as JPEG."
    )
    relative_depth: bool = option(True, "Estimate relative depth where the control law uses it.")
    latency_s: float = option(
        0.1, "Of a recording without a servo: assumed time from an image to the motion that answers it, s.", 0.0, 5.0
    )


@dataclass(frozen=True)
class Prepared:
    """run: replays all, and calls what it is given with the number of images so far. count: of images; 0: unknown.

    recorded: what a servo recorded; None: there was none, or another goal was asked for. name: of the recording.
    about: a line for a person.
    """

    run: Callable[[Callable[[int], None]], Replay]
    count: int
    recorded: Recorded | None
    name: str
    about: str


def prepare(path: Path, config: ReplayConfig, given: dict[str, str], on_view: View) -> Prepared:
    """Open a recording. given: options of `PipelineConfig` and `CameraConfig` as texts. Raises DepthPcError."""
    if path.suffix.lower() in SUFFIXES:
        if not config.camera_info:
            raise ReplayError(f"camera_info: {path.name} is a video: give the YAML file of its calibration")
        images = VideoImages(path, config.camera_info, _configured(CameraConfig, {}, given))
        return _of_images(images, config, given, on_view, path.name)
    bag = BagFile(path, ReplayError)
    namespace = find_namespace(bag, config.namespace)
    recorded = read_recorded(bag, namespace) if namespace and not config.goal else None
    if recorded is None or not any(event.value.goal_id for event in recorded.of_kind("goal")):
        return _of_images(_bag_images(bag, config, {}, given), config, given, on_view, path.name)
    return _of_servo(bag, recorded, config, given, on_view)


def _of_images(images: Images, config: ReplayConfig, given: dict[str, str], on_view: View, name: str) -> Prepared:
    """Nothing that the servo commands is obeyed."""
    free = {"check_motion": False, "find_scale": False}
    pipeline = _configured(PipelineConfig, free, given)
    player = Player(
        pipeline, images.rectifier.source.size, _estimator(config, pipeline, DepthNodeConfig()), False, on_view
    )
    goal, what = goal_image(images, config.goal or LAST)
    player.set_goal(goal, images.rectifier.target)
    player.replay.notes.append(
        f"lengths are as right as the distance to the scene at the goal, {pipeline.default_distance:g} m "
        "(--default-distance)"
    )
    about = f"nothing obeyed the servo; goal: {what}"
    return Prepared(ImagesReplay(player, images, config.latency_s).run, images.count, None, name, about)


def _of_servo(
    bag: BagFile, recorded: Recorded, config: ReplayConfig, given: dict[str, str], on_view: View
) -> Prepared:  # fmt: skip
    """The recorded parameters, but for those that are given."""
    nodes = {name: recorded.config(name) for name in ("keypoints", "controller", "depth")}
    values = {**vars(nodes["controller"]), **vars(nodes["keypoints"])}
    values = {name: value for name, value in values.items() if name in PipelineConfig.__dataclass_fields__}
    pipeline = _configured(PipelineConfig, values, given)
    camera = {name: getattr(nodes["keypoints"], name) for name in CameraConfig.__dataclass_fields__}
    images = _bag_images(bag, config, camera, given)
    estimated = nodes["depth"].source == "estimated"
    estimator = _estimator(config, pipeline, nodes["depth"]) if estimated else None
    player = Player(pipeline, images.rectifier.source.size, estimator, recorded.lockstep, on_view)
    lag_s = 0.0 if recorded.lockstep else nodes["controller"].actuation_delay_s
    depths = depth_images(bag, recorded.namespace)
    replay = ServoReplay(player, recorded, images, depths, lag_s, nodes["controller"].rate_hz, config.use_matches)
    count = sum(1 for _ in recorded.of_kind("matches"))
    how = "in lockstep" if recorded.lockstep else "in real time"
    player.replay.notes += [*recorded.notes, *images.notes]
    about = f"a servo that ran {how}, control law {pipeline.controller}"
    return Prepared(replay.run, count, recorded, bag.path.name, about)


def _bag_images(bag: BagFile, config: ReplayConfig, camera: dict, given: dict[str, str]) -> BagImages:
    info_file = config.camera_info if Path(config.camera_info).is_file() else ""
    topics = find_camera(bag, config.image, "" if info_file else config.camera_info, bool(info_file))
    return BagImages(bag, topics, _configured(CameraConfig, camera, given), info_file)


def _configured(kind: type[Config], values: dict, given: dict[str, str]) -> Config:
    fields = kind.__dataclass_fields__
    texts = {name: from_text(fields[name], text) for name, text in given.items() if name in fields}
    return kind.from_mapping({**values, **texts}, "command line")


def _estimator(config: ReplayConfig, pipeline: PipelineConfig, depth: DepthNodeConfig):
    """What estimates relative depth, with the model of the depth node; None: nothing uses it."""
    if not config.relative_depth or pipeline.controller in CLASSICAL_LAWS:
        return None
    from depth_pc_ros.perception.relative_depth import RelativeDepth  # only now: importing torch takes a while

    return RelativeDepth(depth.model, depth.short_side, depth.device)
