import sys

import numpy as np
import pytest

from depth_pc_ros.webcam import camera_device
from depth_pc_ros.webcam.camera_device import FROZEN_S, CameraDevice, DeviceError

PICTURES = [np.full((48, 64, 3), (level, 10, 200), np.uint8) for level in (5, 6, 7)]


@pytest.fixture
def camera(monkeypatch, tmp_path):
    """Makes a `CameraDevice` of a stand-in that gives these BGR pictures, and nothing after them."""

    def make(pictures):
        class StandIn:
            def __init__(self, device, backend):
                self.left = list(pictures)

            def isOpened(self):
                return True

            def set(self, *property):
                pass

            def read(self):
                return (True, self.left.pop(0)) if self.left else (False, None)

            def release(self):
                pass

        monkeypatch.setattr(camera_device.cv2, "VideoCapture", StandIn)
        device = tmp_path / "video0"
        device.write_bytes(b"")
        return CameraDevice(str(device))

    return make


def seen(device, look) -> tuple[list, str]:
    """What `look` gives of each picture and its time until the camera ends, and its last words."""
    found = []
    try:
        for stamp_s, picture in device.frames():
            found.append(look(picture, stamp_s))
    except DeviceError as error:
        return found, str(error)
    return found, ""


def test_pictures_are_rgb_and_a_camera_that_is_unplugged_is_one_line(camera):
    device = camera([PICTURES[0], *PICTURES])
    assert device.size == (64, 48)
    found, problem = seen(device, lambda picture, stamp_s: (picture[0, 0].tolist(), stamp_s))
    levels, stamps_s = zip(*found, strict=True)
    assert levels == ([200, 10, 5], [200, 10, 6], [200, 10, 7])
    assert list(stamps_s) == sorted(stamps_s)
    assert problem.endswith("video0: it gives no pictures any more (was it unplugged?)")


def test_a_camera_that_repeats_one_picture_is_frozen(camera, monkeypatch):
    times = iter(np.arange(0.0, 100.0, 0.9 * FROZEN_S))
    monkeypatch.setattr(camera_device.time, "monotonic", lambda: float(next(times)))
    device = camera([PICTURES[0]] * 5 + [PICTURES[1]] * 2)
    frozen, _ = seen(device, lambda picture, stamp_s: "frozen" in device.problem)
    assert frozen == [False, False, True, True, False, False]


def test_another_size_and_no_picture_at_all_are_one_line(camera):
    device = camera([PICTURES[0], PICTURES[0], np.zeros((24, 32, 3), np.uint8)])
    with pytest.raises(DeviceError, match=r"it changed from \(64, 48\) to \(32, 24\) px; start again$"):
        list(device.frames())
    with pytest.raises(DeviceError, match=r"no picture can be had \(does another program use it\?\)$"):
        camera([])


@pytest.mark.skipif(sys.platform != "linux", reason="other systems name no files of cameras")
@pytest.mark.parametrize(("device", "file"), [("97", "/dev/video97"), ("/dev/none", "/dev/none")])
def test_no_camera_is_one_line_that_names_those_that_are_there(device, file):
    with pytest.raises(DeviceError, match=rf"^camera {device}: there is no {file} \(cameras of this computer: .+\)$"):
        CameraDevice(device)


@pytest.mark.skipif(sys.platform != "linux", reason="other systems name no files of cameras")
def test_a_camera_that_may_not_be_used_is_one_line(monkeypatch, tmp_path):
    (tmp_path / "video0").write_bytes(b"")
    monkeypatch.setattr(camera_device.os, "access", lambda *arguments: False)
    with pytest.raises(DeviceError, match=r"no permission to use .*video0"):
        CameraDevice(str(tmp_path / "video0"))


def test_a_file_that_is_no_camera_is_one_line(tmp_path, capfd):
    (tmp_path / "video0").write_bytes(b"no camera")
    with pytest.raises(DeviceError, match="no picture can be had"):
        CameraDevice(str(tmp_path / "video0"))
    assert capfd.readouterr().err == ""
