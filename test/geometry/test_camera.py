import cv2
import numpy as np
import pytest

from depth_pc_ros.errors import CameraError, ImageError
from depth_pc_ros.geometry.camera import Intrinsics, Rectifier, check_depth, check_image, sample_depth


def test_project_inverts_unproject(intrinsics):
    rng = np.random.default_rng(0)
    pixels, depth = rng.uniform(0, 480, (50, 2)), rng.uniform(0.2, 2, 50)
    np.testing.assert_allclose(intrinsics.project(intrinsics.unproject(pixels, depth)), pixels, atol=1e-9)


def test_normalise_by_hand():
    camera = Intrinsics(500, 400, 320, 240, 640, 480)
    np.testing.assert_allclose(camera.normalise([[820, 640]]), [[1, 1]])
    np.testing.assert_allclose(camera.denormalise([[1, 1]]), [[820, 640]])
    np.testing.assert_allclose(camera.focal**2, 500 * 400)


def test_points_behind_the_camera_are_nan(intrinsics):
    assert np.isnan(intrinsics.project(np.array([[0, 0, -1.0]]))).all()


@pytest.mark.parametrize(
    ("K", "word"),
    [
        (np.diag([0.0, 0, 1]), "fx"),
        (np.diag([500, -1.0, 1]), "fy"),
        (np.diag([np.nan, 1, 1]), "K"),
        (np.eye(2), "shape"),
        (np.array([[500, 3.0, 0], [0, 500, 0], [0, 0, 1]]), "K"),
    ],
)
def test_impossible_intrinsics_are_named(K, word):
    with pytest.raises(CameraError, match=word):
        Intrinsics.from_matrix(K, 640, 480)


def test_rectifier_undoes_plumb_bob():
    """Points projected by OpenCV with distortion land, after rectification, where a pinhole sees them."""
    K = np.array([[400.0, 0, 320], [0, 410, 240], [0, 0, 1]])
    distortion = np.array([-0.25, 0.06, 0.001, -0.0005, 0.0])
    points = np.array([[-0.3, -0.2, 1.0], [0.35, 0.1, 1.0], [0.1, 0.3, 1.0], [0.0, 0.0, 1.0]])
    raw = np.zeros((480, 640, 3), np.uint8)
    seen, _ = cv2.projectPoints(points, np.zeros(3), np.zeros(3), K, distortion)
    for u, v in seen[:, 0]:
        cv2.circle(raw, (round(u * 256), round(v * 256)), 6 * 256, (255, 255, 255), -1, cv2.LINE_AA, 8)
    rectifier = Rectifier(K, distortion, (640, 480))
    rectified = rectifier.image(raw)[..., 0]
    assert not rectifier.is_identity
    for u, v in rectifier.target.project(points):
        x0, y0 = int(u) - 12, int(v) - 12
        window = rectified[y0 : y0 + 25, x0 : x0 + 25].astype(float)
        grid = np.arange(25)
        centre = np.array([(window.sum(0) @ grid), (window.sum(1) @ grid)]) / window.sum() + (x0, y0)
        np.testing.assert_allclose(centre, (u, v), atol=0.15)


def test_rectifier_without_distortion_returns_the_same_object(intrinsics):
    image = np.zeros((480, 640, 3), np.uint8)
    assert Rectifier(intrinsics.matrix, np.zeros(5), (640, 480)).image(image) is image


def test_rectifier_maps_a_smaller_goal_camera_onto_the_live_camera(plane, intrinsics, T_world_goal):
    half = Intrinsics(270, 270, 159.5, 119.5, 320, 240)
    warped = Rectifier(half.matrix, [], (320, 240), target=intrinsics).image(plane.view(T_world_goal, half))
    live = plane.view(T_world_goal, intrinsics)
    inner = (slice(20, -20), slice(20, -20))
    assert warped.shape == live.shape
    difference = cv2.GaussianBlur(warped, (0, 0), 3)[inner].astype(float) - cv2.GaussianBlur(live, (0, 0), 3)[inner]
    assert np.abs(difference).mean() < 3.0  # grey levels


def test_rectifier_refuses_bad_distortion_and_size(intrinsics):
    with pytest.raises(CameraError, match="distortion"):
        Rectifier(intrinsics.matrix, [np.nan] * 5, (640, 480))
    with pytest.raises(ImageError, match="640 x 480"):
        Rectifier(intrinsics.matrix, [], (640, 480)).image(np.zeros((240, 320, 3), np.uint8))


def test_check_image_names_what_came():
    with pytest.raises(ImageError, match=r"float32 \(48, 64, 3\)"):
        check_image(np.zeros((48, 64, 3), np.float32))
    with pytest.raises(ImageError, match="0 x 0"):
        check_image(np.zeros((0, 0, 3), np.uint8))


def test_depth_checks_and_sampling():
    depth = np.array([[1.0, 0.0], [np.inf, 2.0]], np.float32)
    clean = check_depth(depth, (2, 2))
    np.testing.assert_array_equal(np.isnan(clean), [[False, True], [True, False]])
    pixels = np.array([[0, 0], [1, 1], [1.2, 0.9], [1, 0], [5, 0], [np.nan, 0]])
    np.testing.assert_array_equal(sample_depth(clean, pixels), [1, 2, 2, np.nan, np.nan, np.nan])
    with pytest.raises(ImageError, match="depth"):
        check_depth(depth, (3, 2))
    with pytest.raises(ImageError, match="floating"):
        check_depth(np.ones((2, 2), np.uint16), (2, 2))
