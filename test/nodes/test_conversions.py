from array import array

import cv2
import numpy as np
import pytest
from geometry_msgs.msg import PoseStamped
from sensor_msgs.msg import CameraInfo, CompressedImage, Image
from std_msgs.msg import Header

from depth_pc_interfaces.msg import ServoGoal
from depth_pc_ros.errors import CameraError, GoalError, ImageError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics, Rectifier
from depth_pc_ros.nodes import conversions as conv
from depth_pc_ros.types import Matches

pytestmark = pytest.mark.ros

RGB = np.random.default_rng(0).integers(0, 256, (5, 7, 3), dtype=np.uint8)


def image(pixels, encoding, padding=0, big_endian=False) -> Image:
    """A message of pixels (H, W[, C]) with `padding` bytes after every row."""
    rows = np.ascontiguousarray(pixels).view(np.uint8).reshape(pixels.shape[0], -1)
    rows = np.pad(rows, ((0, 0), (0, padding)), constant_values=77)
    msg = Image(height=pixels.shape[0], width=pixels.shape[1], encoding=encoding, step=rows.shape[1])
    msg.is_bigendian = int(big_endian)
    msg.data = array("B", rows.tobytes())
    return msg


@pytest.mark.parametrize("padding", [0, 5])
@pytest.mark.parametrize(
    ("encoding", "pixels"),
    [
        ("rgb8", RGB),
        ("8UC3", RGB),
        ("bgr8", RGB[..., ::-1]),
        ("rgba8", np.dstack([RGB, RGB[..., 0]])),
        ("bgra8", np.dstack([RGB[..., ::-1], RGB[..., 0]])),
    ],
)
def test_colour_encodings(encoding, pixels, padding):
    assert np.array_equal(conv.image_to_rgb(image(pixels, encoding, padding)), RGB)


@pytest.mark.parametrize("encoding", ["mono8", "8UC1"])
def test_grey_becomes_three_equal_channels(encoding):
    out = conv.image_to_rgb(image(RGB[..., 0], encoding, padding=3))
    assert out.shape == (5, 7, 3)
    assert all(np.array_equal(out[..., channel], RGB[..., 0]) for channel in range(3))


def test_a_mosaic_of_16_bits_and_planes_of_yuv_come_through_a_message():
    grey = np.full((6, 8), 0x50FF, ">u2")
    assert (conv.image_to_rgb(image(grey, "bayer_grbg16", padding=4, big_endian=True)) == 0x50).all()
    planes = Image(height=4, width=6, encoding="nv12", step=8, data=array("B", [128] * 48))
    assert np.ptp(conv.image_to_rgb(planes)) == 0


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"encoding": "uyvy", "data": array("B", [0] * 105)}, "encoding uyvy needs an even size, got 7 x 5"),
        ({"encoding": "nv21", "width": 6, "height": 4}, "expected step * height * 1.5 = 126 bytes, got 105"),
        ({"encoding": "yuv17"}, "encoding 'yuv17' is not supported; supported: rgb8"),
        ({"encoding": ""}, "encoding '' is not supported"),
        ({"encoding": "32FC1"}, "encoding '32FC1' is not supported"),
        ({"width": 0}, "zero size (0 x 5)"),
        ({"height": 0}, "zero size (7 x 0)"),
        ({"step": 20}, "step is 20 bytes, 7 pixels of rgb8 need 21"),
        ({"step": 22}, "expected step * height = 110 bytes, got 105"),
        ({"data": array("B")}, "expected step * height = 105 bytes, got 0"),
    ],
)
def test_wrong_images_are_refused(changes, words):
    msg = image(RGB, "rgb8")
    for name, value in changes.items():
        setattr(msg, name, value)
    with pytest.raises(ImageError) as error:
        conv.image_to_rgb(msg, "goal image")
    assert words in str(error.value)
    assert str(error.value).startswith("goal image: ")


@pytest.mark.parametrize("padding", [0, 3])
@pytest.mark.parametrize("big_endian", [False, True])
def test_depth_encodings_give_metres_and_nan(big_endian, padding):
    order = ">" if big_endian else "<"
    millimetres = np.array([[0, 1, 1234], [65535, 600, 0]], dtype=order + "u2")
    out = conv.depth_to_metres(image(millimetres, "16UC1", padding, big_endian))
    np.testing.assert_allclose(out, [[np.nan, 0.001, 1.234], [65.535, 0.6, np.nan]], rtol=1e-6)
    metres = np.array([[0.5, np.nan, np.inf], [-1.0, 0.0, 2.25]], dtype=order + "f4")
    out = conv.depth_to_metres(image(metres, "32FC1", padding, big_endian))
    np.testing.assert_array_equal(out, np.float32([[0.5, np.nan, np.nan], [np.nan, np.nan, 2.25]]))
    assert out.dtype == np.float32


@pytest.mark.parametrize("size", [(1280, 960), (1276, 956)])
def test_a_large_jpeg_becomes_the_small_picture_that_a_raw_image_does(size):
    """Of a size that 8 divides, it is decoded at a half: shapes stay where they are."""
    raw = np.full((size[1], size[0], 3), 90, np.uint8)
    for u, v in ((200.0, 300.0), (1100.0, 820.0)):
        cv2.circle(raw, (round(u * 16), round(v * 16)), 24 * 16, (250, 250, 250), -1, cv2.LINE_AA, 4)
    camera = Intrinsics(900.0, 900.0, size[0] / 2, size[1] / 2, *size)
    rectifier = Rectifier(camera.matrix, [-0.1, 0.02, 0, 0, 0], size, camera.within(600))
    jpeg = CompressedImage(format="jpeg", data=array("B", cv2.imencode(".jpg", raw)[1].tobytes()))
    small = conv.rectified_rgb(jpeg, rectifier).astype(float)
    expected = conv.rectified_rgb(conv.rgb_to_image(raw, Header()), rectifier).astype(float)
    assert small.shape == expected.shape
    assert np.abs(small - expected).mean() < 1.0
    centres = []
    for picture in (small, expected):
        v, u = np.nonzero(picture[:, :300, 0] > 170)
        centres.append((u.mean(), v.mean()))
    np.testing.assert_allclose(*centres, atol=0.1)


def test_depth_refuses_pictures():
    with pytest.raises(ImageError, match="encoding 'rgb8' is not metric depth"):
        conv.depth_to_metres(image(RGB, "rgb8"))


def test_images_there_and_back():
    header = Header(frame_id="camera")
    msg = conv.rgb_to_image(RGB, header)
    assert (msg.width, msg.height, msg.step, msg.encoding, msg.header.frame_id) == (7, 5, 21, "rgb8", "camera")
    assert np.array_equal(conv.image_to_rgb(msg), RGB)
    depth = np.float32([[0.5, np.nan], [1.5, 2.5]])
    np.testing.assert_array_equal(conv.depth_to_metres(conv.depth_to_image(depth, header)), depth)


def info(k=(500.0, 0.0, 320.0, 0.0, 510.0, 240.0, 0.0, 0.0, 1.0), d=(), model="plumb_bob", **changes) -> CameraInfo:
    msg = CameraInfo(width=640, height=480, distortion_model=model, d=list(d))
    msg.k = np.array(k)
    for name, value in changes.items():
        setattr(msg, name, value)
    return msg


def test_camera_info_gives_a_rectifier_that_undoes_distortion():
    d = [-0.25, 0.08, 0.001, -0.002, 0.0]
    rectifier = conv.rectifier_from_info(info(d=d))
    assert rectifier.target == Intrinsics(500.0, 510.0, 320.0, 240.0, 640, 480)
    # A dot drawn at the distorted projection of a ray must end up at its pinhole projection.
    ray = np.array([[[-0.3, 0.25, 1.0]]])
    distorted = cv2.projectPoints(ray, np.zeros(3), np.zeros(3), rectifier.source.matrix, np.array(d))[0].ravel()
    raw = np.zeros((480, 640, 3), np.uint8)
    cv2.circle(raw, np.rint(distorted * 16).astype(int).tolist(), 6 * 16, (255, 255, 255), -1, cv2.LINE_AA, 4)
    moments = cv2.moments(rectifier.image(raw)[..., 0])
    centre = np.array([moments["m10"], moments["m01"]]) / moments["m00"]
    pinhole = np.array([500 * -0.3 + 320, 510 * 0.25 + 240])
    assert np.linalg.norm(distorted - pinhole) > 5
    assert np.linalg.norm(centre - pinhole) < 0.5


def test_a_rectified_topic_uses_p_and_no_distortion():
    p = np.array([[450.0, 0, 330.0, 0], [0, 460.0, 250.0, 0], [0, 0, 1, 0]]).ravel()
    rectifier = conv.rectifier_from_info(info(d=[-0.25, 0.08, 0, 0, 0], p=p), rectified=True)
    assert rectifier.is_identity
    assert rectifier.target == Intrinsics(450.0, 460.0, 330.0, 250.0, 640, 480)


@pytest.mark.parametrize(
    ("msg", "words"),
    [
        (info(k=[0.0] * 9), "K[0] is 0"),
        (info(d=[0.1, 0, 0, 0], model="mei"), "distortion model 'mei' is not supported"),
        (info(d=[0.1, 0.2]), "expected 0, 4, 5, 8, 12 or 14 coefficients, got 2"),
        (info(d=[0.1, 0.2], model="equidistant"), "expected 4 coefficients of model equidistant"),
        (info(binning_x=640), "binning"),
        (info(width=0), "width"),
        (info(k=[np.nan, 0, 0, 0, 1, 0, 0, 0, 1]), "K"),
    ],
)
def test_wrong_camera_info_is_refused(msg, words):
    with pytest.raises(CameraError) as error:
        conv.rectifier_from_info(msg)
    assert words in str(error.value)


def test_camera_info_there_and_back(intrinsics):
    assert conv.rectifier_from_info(conv.intrinsics_to_info(intrinsics, Header())).target == intrinsics


def test_twists_poses_and_stamps_there_and_back():
    twist = np.array([0.1, -0.2, 0.3, -0.4, 0.5, -0.6])
    assert np.array_equal(conv.twist_from_msg(conv.twist_to_msg(twist)), twist)
    T = se3.exp(np.array([0.3, -0.1, 0.7, 0.4, -2.0, 0.9]))
    msg = PoseStamped(pose=conv.pose_to_msg(T))
    np.testing.assert_allclose(conv.pose_from_msg(msg.pose), T, atol=1e-12)
    for seconds, sec, nanosec in ((12.999999999, 12, 999999999), (12.9999999999, 13, 0), (0.0, 0, 0)):
        stamp = conv.seconds_to_stamp(seconds)
        assert (stamp.sec, stamp.nanosec) == (sec, nanosec)
    assert conv.stamp_to_seconds(conv.seconds_to_stamp(1.7e9 + 0.25)) == 1.7e9 + 0.25


def some_matches() -> Matches:
    current = np.array([[1.5, 2.5], [np.nan, np.nan], [30.25, 4.0]])
    matched = np.array([True, False, True])
    return Matches(current, matched, np.float32([0.5, 0.0, 1.0]))


def test_matches_there_and_back():
    msg = conv.matches_to_msg(some_matches(), 4, Header(frame_id="camera"))
    assert (msg.goal_id, msg.header.frame_id) == (4, "camera")
    matches = conv.matches_from_msg(msg)
    for name in ("current_points", "matched", "scores"):
        np.testing.assert_array_equal(getattr(matches, name), getattr(some_matches(), name))


@pytest.mark.parametrize(
    ("name", "value"),
    [("current_points", [1.0, 2.0]), ("matched", [True]), ("scores", []), ("current_points", [np.nan] * 6)],
)
def test_wrong_matches_are_refused(name, value):
    msg = conv.matches_to_msg(some_matches(), 1, Header())
    setattr(msg, name, value)
    with pytest.raises(ImageError, match=r"^matches: "):
        conv.matches_from_msg(msg)


def some_goal(intrinsics, **fields) -> ServoGoal:
    goal = ServoGoal(goal_id=4, keypoints=[10.0, 20.0, 30.5, 40.0], distance=0.6, **fields)
    goal.camera_info = conv.intrinsics_to_info(intrinsics, Header())
    return goal


def test_a_goal_of_a_message(intrinsics):
    depth = np.full((480, 640), 0.8, np.float32)
    depth[20, 10] = np.nan
    goal = conv.goal_from_msg(some_goal(intrinsics, depth=conv.depth_to_image(depth, Header())))
    np.testing.assert_array_equal(goal.keypoints, [[10, 20], [30.5, 40]])
    np.testing.assert_allclose(goal.metric_depth_m, [np.nan, 0.8])
    assert (goal.intrinsics, goal.distance_m, goal.relative_depth) == (intrinsics, 0.6, None)
    unknown = some_goal(intrinsics)
    unknown.distance = 0.0
    assert conv.goal_from_msg(unknown).distance_m is None
    assert not conv.goal_from_msg(unknown).has_metric_depth


def test_a_wrong_goal_is_refused(intrinsics):
    wrong = some_goal(intrinsics)
    wrong.keypoints = [1.0, 2.0, 3.0]
    with pytest.raises(GoalError, match="u and v"):
        conv.goal_from_msg(wrong)
    wrong.keypoints = [1.0, float("nan")]
    with pytest.raises(GoalError, match="finite"):
        conv.goal_from_msg(wrong)
    uncalibrated = some_goal(intrinsics)
    uncalibrated.camera_info.k = np.zeros(9)
    with pytest.raises(CameraError):
        conv.goal_from_msg(uncalibrated)
