"""Which topics of a bag are the camera's, and which a servo's: by their types and names."""

from dataclasses import dataclass

from depth_pc_ros.errors import shown
from depth_pc_ros.files.bag_file import BagFile
from depth_pc_ros.replay.errors import ReplayError

IMAGES = ("sensor_msgs/msg/Image", "sensor_msgs/msg/CompressedImage")
INFO = "sensor_msgs/msg/CameraInfo"
_MATCHES = "depth_pc_interfaces/msg/KeypointMatches"
_SUFFIXES = ("/compressed", "/compressedDepth", "/theora", "/ffmpeg", "/zstd")  # of image_transport
_MOST_NAMED = 12


@dataclass(frozen=True)
class CameraTopics:
    """image: topic of 8-bit images. camera_info: its calibration's; empty: it is given as a file."""

    image: str
    camera_info: str


def find_camera(bag: BagFile, image: str = "", camera_info: str = "", info_file: bool = False) -> CameraTopics:
    """The camera's topics: as given, else the only ones that can be. ReplayError names the candidates.

    info_file: the calibration comes from a file.
    """
    if image:
        _check(bag, image, IMAGES, "image")
    candidates = [image] if image else _image_candidates(bag)
    if info_file:
        return CameraTopics(_only(bag, candidates, "image"), "")
    if camera_info:
        _check(bag, camera_info, (INFO,), "camera_info")
        return CameraTopics(_only(bag, candidates, "image"), camera_info)
    with_info = [(topic, info) for topic in candidates if (info := _info_beside(bag, topic))]
    if not with_info:
        infos = [topic for topic, kind in bag.kinds.items() if kind == INFO and bag.counts[topic]]
        what = f"the bag has {_named(infos)}" if infos else "the bag has none"
        raise ReplayError(
            f"{bag.path}: camera_info: expected one beside {_named(candidates)}, {what}; give --camera-info, a topic "
            "or a YAML file"
        )
    return CameraTopics(
        *with_info[[topic for topic, _ in with_info].index(_only(bag, [t for t, _ in with_info], "image"))]
    )


def find_namespace(bag: BagFile, namespace: str = "") -> str:
    """The namespace of the servo in the bag; empty: there is none. ReplayError where there are several."""
    found = sorted(
        topic.removesuffix("/keypoints/matches")
        for topic, kind in bag.kinds.items()
        if kind == _MATCHES and topic.endswith("/keypoints/matches") and bag.counts[topic]
    )
    if namespace:
        if namespace not in found:
            raise ReplayError(f"{bag.path}: namespace: expected one of {_named(found)}, got {shown(namespace)}")
        return namespace
    if len(found) > 1:
        raise ReplayError(f"{bag.path}: namespace: the bag has several servos, give one: {_named(found)}")
    return found[0] if found else ""


def is_depth(message) -> bool:
    """Whether an Image or a CompressedImage holds depth, or labels of more than 8 bits."""
    if hasattr(message, "encoding"):
        return message.encoding in ("16UC1", "mono16", "32FC1", "64FC1", "16SC1", "32SC1")
    return "16UC1" in message.format or "32FC1" in message.format or "compressedDepth" in message.format


def _image_candidates(bag: BagFile) -> list[str]:
    """Topics of 8-bit images; of the same images raw and compressed, the raw ones."""
    topics = sorted(topic for topic, kind in bag.kinds.items() if kind in IMAGES and bag.counts[topic])
    if not topics:
        raise ReplayError(
            f"{bag.path}: expected a topic of type {' or '.join(IMAGES)}, the bag has {_named(sorted(bag.kinds))}"
        )
    raw = [topic for topic in topics if _base(topic) == topic or _base(topic) not in topics]
    found = [topic for topic in raw if not is_depth(next(bag.logged([topic])).read())]
    if not found:
        raise ReplayError(f"{bag.path}: image: expected 8-bit images, got depth only: {_named(raw)}")
    return found


def _base(topic: str) -> str:
    """The name without what image_transport adds to it."""
    return next((topic.removesuffix(suffix) for suffix in _SUFFIXES if topic.endswith(suffix)), topic)


def _info_beside(bag: BagFile, topic: str) -> str:
    """The camera_info in the namespace of an image, as image_transport has it; empty: there is none."""
    info = f"{_base(topic).rpartition('/')[0]}/camera_info"
    return info if bag.kinds.get(info) == INFO and bag.counts[info] else ""


def _only(bag: BagFile, candidates: list[str], what: str) -> str:
    if len(candidates) > 1:
        raise ReplayError(f"{bag.path}: {what}: several topics can be meant, give one: {_named(candidates)}")
    return candidates[0]


def _check(bag: BagFile, topic: str, kinds: tuple[str, ...], what: str) -> None:
    if topic not in bag.kinds:
        candidates = sorted(each for each, kind in bag.kinds.items() if kind in kinds)
        raise ReplayError(f"{bag.path}: {what}: no topic {shown(topic)} in the bag; it has {_named(candidates)}")
    if bag.kinds[topic] not in kinds:
        raise ReplayError(
            f"{bag.path}: {what}: expected {' or '.join(kinds)}, {topic} has type {shown(bag.kinds[topic])}"
        )
    if not bag.counts[topic]:
        raise ReplayError(f"{bag.path}: {what}: {topic} has no message")


def _named(topics: list[str]) -> str:
    more = f" and {len(topics) - _MOST_NAMED} more" if len(topics) > _MOST_NAMED else ""
    return (", ".join(topics[:_MOST_NAMED]) or "none") + more
