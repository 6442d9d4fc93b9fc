import dataclasses
import re

import numpy as np
import pytest

from depth_pc_ros.errors import CameraError
from depth_pc_ros.files.camera_info_file import write_camera_info
from depth_pc_ros.files.route_file import CameraModel
from depth_pc_ros.webcam.known_camera import camera_from_file, camera_of_field

CAMERA = CameraModel(
    1280, 720, "plumb_bob", (-0.2, 0.05, 0.0, 0.0, 0.0), (1000.0, 0.0, 639.5, 0.0, 990.0, 359.5, 0.0, 0.0, 1.0),
    tuple(np.eye(3).ravel()), (1000.0, 0.0, 639.5, 0.0, 0.0, 990.0, 359.5, 0.0, 0.0, 0.0, 1.0, 0.0),
)  # fmt: skip


def test_a_field_of_view_reaches_from_border_to_border():
    camera = camera_of_field(60, (640, 480)).target
    assert camera.fx == camera.fy
    borders = camera.normalise(np.array([[-0.5, 239.5], [639.5, 239.5]]))
    assert np.degrees(np.arctan(borders[:, 0])) == pytest.approx([-30, 30])
    assert borders[:, 1] == pytest.approx([0, 0])


def test_large_pictures_are_worked_on_at_640_px_with_the_same_field():
    camera = camera_of_field(70, (1920, 1080))
    assert (camera.source.size, camera.target.size) == ((1920, 1080), (640, 360))
    assert camera.target.fx / 640 == pytest.approx(camera.source.fx / 1920)
    assert camera.image(np.full((1080, 1920, 3), 70, np.uint8)).shape == (360, 640, 3)


def test_a_calibrated_camera_is_rectified(tmp_path):
    write_camera_info(tmp_path / "camera.yaml", CAMERA)
    camera = camera_from_file(tmp_path / "camera.yaml", (1280, 720))
    assert camera.target.size == (640, 360)
    assert camera.target.fx == pytest.approx(500)
    assert camera.raw_pixels(np.array([[600.0, 180.0]]))[0, 0] < 1200  # pulled to the middle: a barrel
    assert not camera.is_identity


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        ({"width": 640}, "is of 640 x 720 pixels, the camera's pictures are 1280 x 720"),
        ({"k": (0.0,) * 9}, "expected"),
        ({"k": (float("nan"),) * 9}, "expected"),
        ({"distortion_model": "odd"}, "distortion model 'odd' is not supported"),
        ({"d": (0.1,) * 3}, "expected 0, 4, 5, 8, 12 or 14 coefficients, got 3"),
    ],
)
def test_a_camera_that_does_not_fit_is_one_line(tmp_path, change, problem):
    path = tmp_path / "camera.yaml"
    write_camera_info(path, dataclasses.replace(CAMERA, **change))
    with pytest.raises(CameraError, match=f"^camera_info {re.escape(str(path))}: .*{re.escape(problem)}") as caught:
        camera_from_file(path, (1280, 720))
    assert "\n" not in str(caught.value)
