"""Which topics are the camera's: guessed by type, and named where the guess is not safe."""

import numpy as np
import pytest
from bags import BagMaker, approach, camera_bag

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'depth_pc_ros[rosbag]'")

from depth_pc_ros.files.bag_file import BagFile
from depth_pc_ros.replay.errors import ReplayError
from depth_pc_ros.replay.topics import CameraTopics, find_camera, find_namespace

STRING = "std_msgs/msg/String"


@pytest.fixture(scope="module")
def picture():
    return approach(2)[0]


def test_the_only_camera_is_found_raw_or_compressed(tmp_path, picture):
    for jpeg, topic in ((False, "/cam/image_raw"), (True, "/cam/image_raw/compressed")):
        with BagFile(camera_bag(tmp_path / str(jpeg), [picture], jpeg=jpeg)) as bag:
            assert find_camera(bag) == CameraTopics(topic, "/cam/camera_info")
            assert find_namespace(bag) == ""


def made(folder, fill):
    with BagMaker(folder) as bag:
        fill(bag)
    return BagFile(folder)


def both(bag, picture):
    """Two cameras; one has its images raw, compressed, and as depth."""
    for name in ("left", "right"):
        bag.info(f"/{name}/camera_info", 1.0)
        bag.image(f"/{name}/image", 1.0, picture)
    bag.jpeg("/left/image/compressed", 1.0, picture)
    bag.image("/left/depth", 1.0, np.ones((240, 320), np.uint16), "16UC1")


def test_of_several_cameras_the_candidates_are_named(tmp_path, picture):
    with made(tmp_path / "bag", lambda bag: both(bag, picture)) as bag:
        with pytest.raises(
            ReplayError, match=r"image: several topics can be meant, give one: /left/image, /right/image$"
        ):
            find_camera(bag)
        assert find_camera(bag, "/right/image") == CameraTopics("/right/image", "/right/camera_info")
        assert find_camera(bag, "/left/image", "/right/camera_info") == CameraTopics(
            "/left/image", "/right/camera_info"
        )
        assert find_camera(bag, "/left/image", info_file=True) == CameraTopics("/left/image", "")
        for given, complaint in (
            (("/none",), "image: no topic '/none' in the bag; it has /left/depth, /left/image, "),
            (("/left/camera_info",), "image: expected sensor_msgs/msg/Image or .*, /left/camera_info has type"),
            (("/left/image", "/left/depth"), "camera_info: expected sensor_msgs/msg/CameraInfo, /left/depth has type"),
        ):
            with pytest.raises(ReplayError, match=complaint) as caught:
                find_camera(bag, *given)
            assert "\n" not in str(caught.value)


def test_a_bag_without_images_or_camera_info_says_so(tmp_path, picture):
    def words(bag):
        bag.put("/words", STRING, 1.0, bag.kinds[STRING](data="word"))

    def alone(bag):
        bag.image("/cam/image", 1.0, picture)
        bag.info("/other/camera_info", 1.0)

    def depth(bag):
        bag.info("/cam/camera_info", 1.0)
        bag.image("/cam/depth", 1.0, np.ones((240, 320), np.uint16), "16UC1")

    for name, fill, complaint in (
        ("words", words, "expected a topic of type sensor_msgs/msg/Image or .*, the bag has /words"),
        ("alone", alone, "camera_info: expected one beside /cam/image, the bag has /other/camera_info; give"),
        ("depth", depth, "image: expected 8-bit images, got depth only: /cam/depth"),
    ):
        with made(tmp_path / name, fill) as bag, pytest.raises(ReplayError, match=complaint) as caught:
            find_camera(bag)
        assert "\n" not in str(caught.value)
