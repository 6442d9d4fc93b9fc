"""What messages may hold: each wrong one is refused by name, before anything is built of it."""

import re
import tracemalloc
from array import array

import cv2
import numpy as np
import pytest
from builtin_interfaces.msg import Time
from sensor_msgs.msg import CameraInfo, Image, RegionOfInterest
from std_msgs.msg import Header

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal
from depth_pc_ros.errors import CameraError, DepthPcError, GoalError, ImageError
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.nodes import bounds
from depth_pc_ros.nodes import conversions as conv
from depth_pc_ros.nodes.live_camera import LiveCamera

pytestmark = pytest.mark.ros

NAN = float("nan")
VGA = Intrinsics(540.0, 540.0, 319.5, 239.5, 640, 480)
SLIGHT = [-0.2, 0.05, 0.0, 0.0, 0.0]


def info(camera=VGA, **changes) -> CameraInfo:
    msg = conv.intrinsics_to_info(camera, Header())
    for name, value in changes.items():
        setattr(msg, name, value)
    return msg


def k(fx=540.0, fy=540.0, cx=319.5, cy=239.5, corner=1.0):
    return np.array([fx, 0, cx, 0, fy, cy, 0, 0, corner])


def p(fx):
    return np.array([fx, 0, 319.5, 0, 0, fx, 239.5, 0, 0, 0, 1, 0])


WRONG_CAMERAS = {
    "width and height: expected at most 8192 px a side": info(width=12000, height=12000, d=SLIGHT),
    "got 4294967295 x 4294967295": info(width=2**32 - 1, height=2**32 - 1, d=SLIGHT),
    "and 33554432 px, got 8192 x 8192": info(width=8192, height=8192, d=SLIGHT),
    "expected sides of at most 8 to 1, got 8000 x 32": info(width=8000, height=32),
    "zero size (640 x 0)": info(height=0),
    "K: expected finite numbers": info(k=k(fx=NAN)),
    "D: expected finite numbers": info(d=[NAN] * 5),
    "P: expected finite numbers": info(p=p(np.inf)),
    "R: expected finite numbers": info(r=np.full(9, NAN)),
    "region of interest within 640 x 480, got 640 x 480 at (0, 1)": info(
        roi=RegionOfInterest(y_offset=1, height=480, width=640)
    ),
    "region of interest within 640 x 480, got 0 x 0 at (8, 0)": info(roi=RegionOfInterest(x_offset=8)),
    "the region of interest after binning: the image has zero size": info(binning_x=2**32 - 1),
    "distortion model 'omnidirectional' is not supported; supported: plumb_bob": info(
        d=[0.1] * 4, distortion_model="omnidirectional"
    ),
    "expected 4 coefficients of model equidistant, got [0.1, 0.0, 0.0, 0.0, 0.2]": info(
        d=[0.1, 0, 0, 0, 0.2], distortion_model="equidistant"
    ),
    "that leave a picture, got [-5.0": info(d=[-5.0, 0, 0, 0], distortion_model="equidistant"),
    "R: expected a rotation": info(r=2 * np.eye(3).ravel()),
    "K: expected focal lengths from 3.2 to 64000 px": info(k=k(fy=-540.0)),
    "got [1e-300, 540.0]": info(k=k(fx=1e-300)),
    "got [540.0, 1e+300]": info(k=k(fy=1e300)),
    "P: expected focal lengths": info(p=p(-1.0)),
    "K: expected a principal point within 6400 px": info(k=k(cx=1e30)),
    "K: expected [[fx, 0, cx]": info(k=k(corner=0.0)),
    "expected at most 14 coefficients, got 1000000": info(d=array("d", bytes(8_000_000))),
    "expected 0, 4, 5, 8, 12 or 14 coefficients, got 3": info(d=[0.1] * 3),
    "coefficients that leave a picture": info(d=[1e12, 0, 0, 0, 0]),
    "got [1e+300": info(d=[1e300, 1e300, 0, 0, 0]),
    "got [-30.0": info(d=[-30.0, 0, 0, 0, 0]),
    "got [0.0, 0.0, 50.0": info(d=[0, 0, 50.0, 50.0, 0]),
    "distortion_model: expected at most 1024 characters, got 5000000": info(distortion_model="x" * 5_000_000),
    "frame_id: expected at most 1024 characters": info(header=Header(frame_id="f" * 100_000)),
    "nanosec below 1000000000, got 4000000000": info(header=Header(stamp=Time(sec=1, nanosec=4 * 10**9))),
}


@pytest.mark.parametrize("words", WRONG_CAMERAS)
def test_a_wrong_camera_is_named_at_once_and_needs_no_memory(words):
    camera = LiveCamera(rectified=False)
    tracemalloc.start()
    assert camera.update(WRONG_CAMERAS[words])
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000  # bytes; OpenCV's own are not counted, but it is not called for maps either
    assert words in camera.problem
    assert len(camera.problem) < 500
    assert "\n" not in camera.problem
    with pytest.raises(CameraError, match=re.escape(words)):
        _ = camera.rectifier


@pytest.mark.parametrize("wrong", [Header(frame_id="f" * 2000), Header(stamp=Time(nanosec=10**9))])
@pytest.mark.parametrize("first", [Header(), None])
def test_a_camera_with_a_wrong_header_recovers_with_the_next_right_one(wrong, first):
    camera = LiveCamera(rectified=False)
    if first is not None:
        camera.update(info(header=first))
    camera.update(info(header=wrong))
    assert "expected" in camera.problem
    assert camera.update(info())
    assert camera.problem == ""
    assert camera.rectifier.target.size == (640, 480)


@pytest.mark.parametrize(
    "d",
    [
        [],
        [-0.38, 0.16, 0.001, -0.001, -0.03],  # a webcam
        [0.1, -0.25, 0.0005, 0.0002, 0.09],
        [0.6, -2.7, 0.0006, -0.0003, 1.55, 0.48, -2.5, 1.47],  # a depth camera's rational model
        [-0.25, 0.08, 0.001, -0.002],
    ],
)
def test_real_distortions_pass(d):
    camera = LiveCamera(rectified=False)
    camera.update(info(d=d))
    assert camera.problem == ""
    assert camera.rectifier.image(np.zeros((480, 640, 3), np.uint8)).shape == (480, 640, 3)


# As real drivers publish it: the size of the image that comes, its rectifier's intrinsics where they are known.
REAL_CAMERAS = {
    "fisheye, as the calibration tool called it, with a little skew": (
        {"width": 1640, "height": 1232, "distortion_model": "fisheye", "d": [0.175653, -0.031772, 0.000362, -0.000719],
         "k": np.array([403.976, -0.966, 871.219, 0, 404.707, 597.373, 0, 0, 1])},
        (1640, 1232), None,
    ),
    "rectified, P carries the skew": (
        {"width": 1920, "height": 1200, "distortion_model": "equidistant",
         "d": [-1.152516, 2.913204, -2.482336, 0.178503],
         "k": np.array([1133.112, 4.265, 960.733, 0, 1128.018, 600.816, 0, 0, 1]),
         "p": np.array([1133.112, 4.265, 960.733, 0, 0, 1128.018, 600.816, 0, 0, 0, 1, 0])},
        (1920, 1200), (1133.112, 1128.018, 960.733, 600.816),
    ),
    "the whole sensor's camera_info, the image binned": (
        {"width": 2592, "height": 1944, "distortion_model": "rational_polynomial", "binning_x": 2, "binning_y": 2,
         "d": [-13.238113, -98.012135, 0.001444, 0.002849, 1357.782415, -13.050801, -102.363353, 1383.055291],
         "k": np.array([3749.26, 0, 1295.5, 0, 3759.1, 971.5, 0, 0, 1])},
        (1296, 972), (1874.63, 1879.55, 647.5, 485.5),
    ),
    "a strip of the sensor": (
        {"width": 2448, "height": 2050, "d": [-0.12297, 0.13763, -0.00083, -0.00303, -0.08479],
         "k": np.array([2348.026, 0, 1173.593, 0, 2346.766, 994.743, 0, 0, 1]),
         "roi": RegionOfInterest(y_offset=600, width=2448, height=800)},
        (2448, 800), (2348.026, 2346.766, 1173.593, 394.743),
    ),
    "14 coefficients": (
        {"width": 1280, "height": 720, "distortion_model": "rational_polynomial",
         "d": [4.655225, 1.347658, 2.0e-5, 1.0e-4, 0.0133, 4.98, 2.4, 0.17, 0, 0, 0, 0, -0.0023, 0.0011],
         "k": np.array([569.0, 0, 641.2, 0, 568.8, 362.5, 0, 0, 1])},
        (1280, 720), (569.0, 568.8, 641.2, 362.5),
    ),
    "rectified, only P is there": (
        {"width": 580, "height": 364, "distortion_model": "", "d": [], "k": np.zeros(9), "r": np.zeros(9),
         "p": np.array([640.0, 0, 290.0, 0, 0, 640.0, 182.0, 0, 0, 0, 1, 0])},
        (580, 364), (640.0, 640.0, 290.0, 182.0),
    ),
    "no distortion model": ({"distortion_model": "none", "d": [0.0] * 5}, (640, 480), (540.0, 540.0, 319.5, 239.5)),
    "a region of the whole": (
        {"roi": RegionOfInterest(width=640, height=480)}, (640, 480), (540.0, 540.0, 319.5, 239.5),
    ),
    "a region, binned": (
        {"roi": RegionOfInterest(x_offset=100, y_offset=40, width=400, height=300), "binning_x": 2, "binning_y": 3},
        (200, 100), (270.0, 180.0, 109.5, 66.166667),
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", REAL_CAMERAS)
def test_a_real_driver_is_understood(name):
    changes, size, expected = REAL_CAMERAS[name]
    camera = LiveCamera(rectified="rectified" in name)
    camera.update(info(**{"p": np.zeros(12), **changes}))
    assert camera.problem == ""
    rectifier = camera.rectifier
    assert rectifier.source.size == rectifier.target.size == size
    if expected:
        target = rectifier.target
        np.testing.assert_allclose((target.fx, target.fy, target.cx, target.cy), expected, rtol=1e-5)
    assert rectifier.image(np.full((*size[::-1], 3), 200, np.uint8)).mean() > 150  # no more than borders are black


def test_a_region_that_moves_is_another_camera():
    camera = LiveCamera(rectified=False)
    for y in (0, 100):
        assert camera.update(info(roi=RegionOfInterest(y_offset=y, width=640, height=300)))
        assert camera.rectifier.target.cy == 239.5 - y


def test_the_working_resolution_bounds_the_longer_side():
    for size, longest, expected in (
        ((640, 480), 960, (640, 480)),
        ((1920, 1080), 960, (960, 540)),
        ((1080, 1920), 960, (540, 960)),
        ((1920, 1080), 0, (1920, 1080)),
    ):
        camera = LiveCamera(rectified=False, longest=longest)
        camera.update(info(Intrinsics(1000.0, 1000.0, (size[0] - 1) / 2, (size[1] - 1) / 2, *size), d=SLIGHT))
        target = camera.rectifier.target
        assert target.size == expected
        share = expected[0] / size[0]
        np.testing.assert_allclose((target.fx, target.cx), (1000 * share, (expected[0] - 1) / 2))
        assert camera.rectifier.source.size == size


def test_no_map_is_built_before_an_image_comes(monkeypatch):
    def build(*_):
        raise AssertionError("a map was built")

    monkeypatch.setattr(cv2, "initUndistortRectifyMap", build)
    camera = LiveCamera(rectified=False)
    camera.update(info(Intrinsics(5000.0, 5000.0, 3800.0, 2000.0, 7680, 4320), d=SLIGHT))
    assert camera.problem == ""
    with pytest.raises(ImageError, match="expected 7680 x 4320"):
        camera.rectifier.image(np.zeros((480, 640, 3), np.uint8))


def test_a_usable_camera_that_comes_again_is_the_same():
    camera = LiveCamera(rectified=False)
    camera.update(info(d=SLIGHT))
    rectifier = camera.rectifier
    assert camera.update(info(k=k(fx=NAN)))
    assert "K: expected finite" in camera.problem
    assert camera.update(info(d=SLIGHT))
    assert camera.rectifier is rectifier
    assert not camera.update(info(d=SLIGHT))


def image(width, height, step=None, data=b"", encoding="32FC1", **header) -> Image:
    step = 4 * width if step is None else step
    return Image(
        header=Header(**header), width=width, height=height, encoding=encoding, step=step, data=array("B", data)
    )


WRONG_IMAGES = {
    "expected at most 8192 px a side and 33554432 px, got 12000 x 12000": (12000, 12000),
    "expected at most 8192 px a side and 33554432 px, got 1 x 4294967295": (1, 2**32 - 1),
    "expected sides of at most 8 to 1, got 8192 x 40": (8192, 40),
    "expected step * height = 2061584301600 bytes, got 0": (640, 480, 2**32 - 1),
    "expected step * height = 1228800 bytes, got 6": (640, 480, None, b"abcdef"),
    "expected 640 x 480 as in its camera_info, got 4000 x 3000": (4000, 3000, None, bytes(48_000_000)),
}
WRONG_HEADERS = {
    "frame_id: expected at most 1024 characters, got 2000000": {"frame_id": "é" * 2_000_000},
    "stamp: expected nanosec below 1000000000, got 4294967295": {"stamp": Time(nanosec=2**32 - 1)},
}
CONVERTERS = [(conv.image_to_rgb, "rgb8"), (conv.depth_to_metres, "16UC1"), (conv.relative_depth_from_image, "32FC1")]


@pytest.mark.parametrize("words", [*WRONG_IMAGES, *WRONG_HEADERS, f"encoding '{'x' * 60}...'"])
@pytest.mark.parametrize(("convert", "encoding"), CONVERTERS)
def test_a_wrong_image_is_named_and_not_copied(convert, encoding, words):
    if words.startswith("encoding"):
        words, encoding = f"'{'x' * 60}...'", "x" * 1_000_000
    arguments = WRONG_IMAGES.get(words, (640, 480, None, bytes(4 * 640 * 480)))
    msg = image(*arguments, encoding=encoding, **WRONG_HEADERS.get(words, {}))
    tracemalloc.start()
    with pytest.raises(ImageError) as error:
        convert(msg, "goal image", size=(640, 480))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert words in str(error.value)
    assert str(error.value).startswith("goal image: ")
    assert len(str(error.value)) < 300
    assert peak < 100_000


def matches(points, **changes) -> KeypointMatches:
    msg = KeypointMatches(
        header=Header(stamp=Time(sec=1)), goal_id=1, matched=[True] * points,
        current_points=array("d", np.full(2 * points, 100.0).tobytes()),
        scores=array("f", np.ones(points, np.float32).tobytes()),
    )  # fmt: skip
    for name, value in changes.items():
        setattr(msg, name, value)
    return msg


@pytest.mark.parametrize(
    ("msg", "words"),
    [
        (matches(100_000), "expected at most 5000 points, got 100000"),
        (matches(2, matched=[True] * 100_000), "expected at most 5000 points, got 100000"),
        (matches(2, current_points=array("d", bytes(16 * 100_000))), "at most 5000 points, got 100000"),
        (matches(2, scores=array("f", bytes(4 * 100_000))), "at most 5000 points, got 100000"),
        (matches(2, current_points=[1.0, 2.0, 3.0]), "matches: "),
        (matches(0, matched=[True]), "matches: "),
        (matches(2, current_points=[1.0, 2.0, 1e300, 4.0]), "current_points: expected finite pixels within 16384"),
        (matches(2, current_points=[1.0, 2.0, NAN, 4.0]), "current_points: expected finite pixels"),
        (matches(2, scores=[NAN, 1.0]), "scores: expected 0 to 1"),
        (matches(2, scores=[-3e38, 1.0]), "scores: expected 0 to 1"),
        (matches(2, doubt="?" * 10_000), "doubt: expected at most 1024 characters"),
        (matches(2, header=Header(frame_id="f" * 10_000)), "frame_id: expected at most 1024"),
        (matches(2, header=Header(stamp=Time(nanosec=10**9))), "stamp: expected nanosec below"),
    ],
)
def test_wrong_matches_are_refused(msg, words):
    with pytest.raises(ImageError, match=r"^matches") as error:
        conv.matches_from_msg(msg)
    assert words in str(error.value)


def test_as_many_matches_as_the_matcher_may_make_pass():
    assert conv.matches_from_msg(matches(5000)).num_matched == 5000
    assert conv.matches_from_msg(matches(0)).num_matched == 0


def goal(**changes) -> ServoGoal:
    msg = ServoGoal(goal_id=1, distance=0.6, keypoints=[1.0, 2.0, 3.0, 4.0], camera_info=info())
    for name, value in changes.items():
        setattr(msg, name, value)
    return msg


@pytest.mark.parametrize(
    ("msg", "words"),
    [
        (
            goal(keypoints=array("d", bytes(16 * 1_000_000))),
            "goal keypoints: expected at most 5000 points, got 1000000",
        ),
        (goal(keypoints=[1.0, 1e200]), "goal keypoints: expected finite pixels within 16384"),
        (goal(keypoints=[1.0]), "goal keypoints: expected u and v"),
        (goal(distance=1e300), "distance: expected metres > 0, from 0.001 to 1000"),
        (goal(distance=1e-300), "distance: expected metres > 0"),
        (goal(distance=-np.inf), "distance: expected metres > 0"),
        (goal(camera_info=info(width=10**6, height=10**6)), "camera_info: width and height: expected at most"),
        (goal(camera_info=CameraInfo()), "camera_info: width and height"),
        (goal(depth=image(12000, 12000)), "goal depth: expected at most"),
        (goal(header=Header(frame_id="f" * 10_000)), "goal: frame_id"),
    ],
)
def test_wrong_goals_are_refused(msg, words):
    with pytest.raises(DepthPcError) as error:
        conv.goal_from_msg(msg)
    assert words in str(error.value)


def test_a_distance_of_0_is_none_and_others_pass():
    assert bounds.goal_distance(0.0) is None
    assert [bounds.goal_distance(value) for value in (0.001, 0.6, 1000.0)] == [0.001, 0.6, 1000.0]
    with pytest.raises(GoalError, match="got nan"):
        bounds.goal_distance(NAN)


def test_what_opencv_refuses_becomes_one_line_of_the_packages_own():
    with pytest.raises(ImageError, match=r"^image: error: .*cvtColor") as error, bounds.opencv_errors("image"):
        cv2.cvtColor(np.zeros((0, 0), np.uint8), cv2.COLOR_RGB2GRAY)
    assert "\n" not in str(error.value)
    with pytest.raises(ImageError, match="MemoryError"), bounds.opencv_errors("image"):
        np.zeros((2**20, 2**30))
