import re

import pytest
import yaml

from depth_pc_ros.errors import CameraError, FileError
from depth_pc_ros.files.camera_info_file import read_camera_info, write_camera_info
from depth_pc_ros.files.route_file import CameraModel

# As camera_calibration of ROS writes it.
TEXT = """image_width: 640
image_height: 480
camera_name: narrow_stereo
camera_matrix:
  rows: 3
  cols: 3
  data: [ 610.25,   0.   , 330.5,
           0.   , 605.  , 228.,
           0.   ,   0.   ,   1.   ]
distortion_model: plumb_bob
distortion_coefficients:
  rows: 1
  cols: 5
  data: [-0.21, 0.07, 0.001, -0.0015, 0.000000]
rectification_matrix:
  rows: 3
  cols: 3
  data: [1., 0., 0., 0., 1., 0., 0., 0., 1.]
projection_matrix:
  rows: 3
  cols: 4
  data: [580., 0., 331., 0., 0., 590., 229., 0., 0., 0., 1., 0.]
"""
CAMERA = CameraModel(
    640, 480, "plumb_bob", (-0.21, 0.07, 0.001, -0.0015, 0.0), (610.25, 0.0, 330.5, 0.0, 605.0, 228.0, 0.0, 0.0, 1.0),
    (1.0, 0.0, 0.0, 0.0, 1.0, 0.0, 0.0, 0.0, 1.0), (580.0, 0.0, 331.0, 0.0, 0.0, 590.0, 229.0, 0.0, 0.0, 0.0, 1.0, 0.0),
)  # fmt: skip


@pytest.fixture
def path(tmp_path):
    return tmp_path / "camera.yaml"


def camera_of(info) -> CameraModel:
    numbers = (tuple(getattr(info, name)) for name in "dkrp")
    return CameraModel(info.width, info.height, info.distortion_model, *numbers)


def test_a_file_of_ros_is_read(path):
    path.write_text(TEXT)
    assert camera_of(read_camera_info(path)) == CAMERA


def test_what_is_written_is_read_back_and_has_the_keys_of_ros(path):
    write_camera_info(path, CAMERA, "left")
    assert camera_of(read_camera_info(path)) == CAMERA
    values, expected = yaml.safe_load(path.read_text()), yaml.safe_load(TEXT)
    assert values == {**expected, "camera_name": "left"}
    assert list(values) == list(expected)


@pytest.mark.parametrize(
    ("old", "new", "problem"),
    [
        ("image_width: 640", "image_width: 64.5", "image_width: expected integer, got 64.5"),
        ("image_height: 480\n", "", "missing key 'image_height'"),
        ("330.5,", "", "camera_matrix.data: expected minItems 9"),
        ("605.  ", "wide", "expected number, got"),
        ("camera_name", "camera_nom", "unknown key 'camera_nom'"),
    ],
)
def test_a_damaged_file_is_one_line(path, old, new, problem):
    assert old in TEXT
    path.write_text(TEXT.replace(old, new, 1))
    with pytest.raises(CameraError, match=f"^camera_info {re.escape(str(path))}: .*{re.escape(problem)}") as caught:
        read_camera_info(path)
    assert "\n" not in str(caught.value)


def test_no_file_and_no_folder_are_one_line(tmp_path):
    with pytest.raises(CameraError, match="no such file"):
        read_camera_info(tmp_path / "none.yaml")
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match=r"^camera_info: cannot write "):
        write_camera_info(tmp_path / "file" / "camera.yaml", CAMERA)
