"""Recordings of other cameras: bags by the conventions of `ros2 bag`, and videos."""

import numpy as np
import pytest
from bags import BagMaker, approach, camera_bag, write_calibration, write_video
from PIL import Image

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'depth_pc_ros[rosbag]'")

from depth_pc_ros.cli.replay_setup import ReplayConfig, prepare
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.replay.verdict import findings, verdict
from depth_pc_ros.types import ServoState

PBVS = {"controller": "pbvs"}


@pytest.fixture(scope="module")
def images():
    return approach(8, rest=13)


@pytest.fixture(scope="module")
def bag(tmp_path_factory, images):
    return camera_bag(tmp_path_factory.mktemp("bags") / "camera", images, jpeg=True)


def replayed(path, given=PBVS, **options):
    prepared = prepare(path, ReplayConfig(**options), given, lambda *view: None)
    return prepared.run(lambda count: None), prepared


def test_a_camera_that_reaches_its_last_image(bag, images):
    replay, prepared = replayed(bag)
    assert len(replay.frames) == len(images) == prepared.count
    assert "goal: image 20 of the recording" in prepared.about
    assert replay.commands == []
    assert replay.frames[-1].state is ServoState.CONVERGED
    way_m = [np.linalg.norm(frame.T_goal_cam[:3, 3]) for frame in replay.frames]
    assert way_m[0] == pytest.approx(0.065, rel=0.05)
    assert way_m[7] < 1e-3
    assert verdict(findings(replay)) == "verdict: the servo can work with these images"
    assert "--default-distance" in replay.notes[0]


def test_the_same_from_sqlite_raw_and_from_a_video(tmp_path, images, bag):
    few = [*images[:8:3], images[-1]]
    video = write_video(tmp_path / "video.avi", few)
    calibration = str(write_calibration(tmp_path / "camera.yaml"))
    replays = [
        replayed(camera_bag(tmp_path / "raw", few, "sqlite3"), goal="-1")[0],
        replayed(video, camera_info=calibration)[0],
        replayed(camera_bag(tmp_path / "no_info", few), camera_info=calibration)[0],
    ]
    for replay in replays:
        errors_px = [frame.error_px for frame in replay.frames]
        assert errors_px[0] == pytest.approx(22.5, abs=1)
        assert errors_px[-1] < 0.1
        np.testing.assert_allclose(errors_px, [frame.error_px for frame in replays[0].frames], atol=0.5)


def test_the_goal_may_be_the_first_image_a_number_or_a_file(tmp_path, images):
    few = images[:6:2]
    bag = camera_bag(tmp_path / "few", few)
    Image.fromarray(few[1]).save(tmp_path / "goal.png")
    for goal, nearest in (("first", 0), ("1", 1), ("-1", 2), (str(tmp_path / "goal.png"), 1)):
        replay, _ = replayed(bag, goal=goal)
        errors_px = [frame.error_px for frame in replay.frames]
        assert int(np.nanargmin(errors_px)) == nearest


@pytest.mark.parametrize(
    ("goal", "complaint"),
    [("21", "goal: expected first, last, a number below 21"), ("-22", "got '-22'"), ("absent.png", "no such file")],
)
def test_a_goal_that_is_none_is_named(goal, complaint, bag):
    with pytest.raises(DepthPcError, match=complaint) as caught:
        replayed(bag, goal=goal)
    assert "\n" not in str(caught.value)


def test_a_goal_of_another_size_is_named(tmp_path, bag):
    Image.new("RGB", (100, 80)).save(tmp_path / "goal.png")
    with pytest.raises(DepthPcError, match=r"goal.png: image: expected 320 x 240 as in its camera_info, got 100 x 80"):
        replayed(bag, goal=str(tmp_path / "goal.png"))


def test_damaged_and_unstamped_images_are_counted(tmp_path, images):
    with BagMaker(tmp_path / "bag") as maker:
        maker.info("/cam/camera_info", 1.0)
        for k in range(3):
            message = maker.image_message(0.0, images[-1])
            if k == 1:
                message.height = 50
            maker.put("/cam/image", "sensor_msgs/msg/Image", 1.0 + k, message)
    replay, _ = replayed(tmp_path / "bag")
    assert [frame.stamp_ns for frame in replay.frames] == [10**9, 3 * 10**9]
    assert any("1 images were not used: /cam/image: expected 320 x 240" in note for note in replay.notes)
    assert any("3 images have no time stamp" in note for note in replay.notes)


def test_a_verdict_names_what_to_look_at(tmp_path, images):
    other = approach(3, seed=7)
    replay, _ = replayed(camera_bag(tmp_path / "bag", [*other, images[-1]]))
    found = {finding.what: finding for finding in findings(replay)}
    assert not found["matches"].ok
    assert "LOST" in found["matches"].detail
    assert verdict(findings(replay)).startswith("verdict: look at this first: matches")
