"""Videos, and the calibrations that belong to them."""

import numpy as np
import pytest
from bags import CAMERA, approach, write_calibration, write_video

from depth_pc_ros.errors import CameraError, FileError
from depth_pc_ros.files.camera_info_file import read_camera_info
from depth_pc_ros.files.video_file import VideoFile
from depth_pc_ros.nodes.message_values import rectifier_from_info


def test_a_video_gives_its_frames(tmp_path):
    images = approach(5)
    video = VideoFile(write_video(tmp_path / "video.avi", images))
    assert (video.rate_hz, video.size, video.count) == (25.0, (320, 240), 5)
    times, frames = zip(*video.frames())
    assert times == pytest.approx([0.0, 0.04, 0.08, 0.12, 0.16])
    for frame, image in zip(frames, images, strict=True):
        assert np.abs(frame.astype(int) - image).mean() < 16


def test_a_video_that_does_not_open_is_named_in_one_line(tmp_path, capfd):
    (tmp_path / "bad.mp4").write_bytes(b"no video" * 100)
    for name, complaint in (("bad.mp4", "expected a video that OpenCV can open"), ("absent.mp4", "no such video")):
        with pytest.raises(FileError, match=complaint):
            VideoFile(tmp_path / name)
    assert capfd.readouterr() == ("", "")


def test_a_video_that_is_cut_off_ends_early(tmp_path):
    path = write_video(tmp_path / "video.avi", approach(20))
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    video = VideoFile(path)
    assert 3 <= len(list(video.frames())) < video.count == 20


def test_a_calibration_is_a_camera_info(tmp_path):
    info = read_camera_info(write_calibration(tmp_path / "camera.yaml"))
    assert rectifier_from_info(info).target == CAMERA
    assert (info.d, info.distortion_model) == ([0.0] * 5, "plumb_bob")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        ("image_width: 320", "image_width: wide", "image_width: expected integer, got"),
        ("cols: 3\n", "cols: 3\n  more: 1\n", "unknown key 'more'"),
        ("camera_matrix", "matrix", "missing key 'camera_matrix'|unknown key 'matrix'"),
        ("data: [300, 0", "data: [0", "camera_matrix.data: expected minItems 9"),
        ("image_width", "%YAML:1.0\nimage_width", "camera_info .*camera.yaml"),
    ],
)  # fmt: skip
def test_a_calibration_that_is_none_is_named(old, new, complaint, tmp_path):
    path = write_calibration(tmp_path / "camera.yaml")
    path.write_text(path.read_text().replace(old, new, 1))
    with pytest.raises(CameraError, match=complaint) as caught:
        read_camera_info(path)
    assert "\n" not in str(caught.value)
