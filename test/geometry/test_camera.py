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


def centre_of(picture, u, v) -> np.ndarray:
    """Centre (2,) px of the bright dot near (u, v)."""
    x0, y0 = int(u) - 12, int(v) - 12
    window = picture[y0 : y0 + 25, x0 : x0 + 25].astype(float)
    grid = np.arange(25)
    return np.array([window.sum(0) @ grid, window.sum(1) @ grid]) / window.sum() + (x0, y0)


@pytest.mark.parametrize("longest", [0, 640])
@pytest.mark.parametrize("skew", [0.0, 12.0])
def test_rectifier_undoes_a_wide_lens(skew, longest):
    """Points projected by OpenCV's fisheye model land where a pinhole sees them, up to 60 degrees from the axis."""
    K = np.array([[420.0, skew, 640], [0, 415, 480], [0, 0, 1]])
    d = np.array([0.05, -0.01, 0.002, -0.0005])
    points = np.array([[-0.6, -0.4, 1.0], [1.1, 0.2, 1.0], [0.1, 0.9, 1.0], [0.0, 0.0, 1.0], [-1.2, 0.8, 1.0]])
    seen, _ = cv2.fisheye.projectPoints(points[:, None], np.zeros(3), np.zeros(3), K, d, alpha=skew / 420.0)
    raw = np.zeros((960, 1280, 3), np.uint8)
    for u, v in seen[:, 0]:
        cv2.circle(raw, (round(u * 256), round(v * 256)), 6 * 256, (255, 255, 255), -1, cv2.LINE_AA, 8)
    own = Rectifier(K, d, (1280, 960), model="equidistant")
    rectifier = Rectifier(K, d, (1280, 960), own.target.within(longest), "equidistant")
    target = rectifier.target
    assert target.size == ((640, 480) if longest else (1280, 960))
    rectified = rectifier.image(raw)[..., 0]
    inside = [(u, v) for u, v in target.project(points) if 13 < u < target.width - 13 and 13 < v < target.height - 13]
    assert len(inside) >= 4
    for u, v in inside:
        np.testing.assert_allclose(centre_of(rectified, u, v), (u, v), atol=0.5)  # the lens draws circles as ovals
    np.testing.assert_allclose(rectifier.raw_pixels(target.project(points)), seen[:, 0], atol=1e-6)


def test_the_field_of_a_wide_lens_is_limited_and_full():
    K = np.array([[404.0, 0, 820], [0, 404, 616], [0, 0, 1]])
    rectifier = Rectifier(K, [0.01, 0, 0, 0], (1640, 1232), model="fisheye")
    target = rectifier.target
    assert target.size == (1640, 1232)
    assert 2 * np.rad2deg(np.arctan(820 / target.fx)) == pytest.approx(110)
    assert (rectifier.image(np.full((1232, 1640, 3), 200, np.uint8)) == 200).all()
    narrow = Rectifier(K * [[4], [4], [1]], [0.01, 0, 0, 0], (1640, 1232), model="fisheye")
    assert narrow.target == narrow.source


def test_a_skewed_pinhole_image_is_straightened():
    K = np.array([[500.0, 6.0, 320], [0, 500, 240], [0, 0, 1]])
    rectifier = Rectifier(K, [], (640, 480))
    assert not rectifier.is_identity
    np.testing.assert_allclose(rectifier.raw_pixels(np.array([[320.0, 340.0]])), [[321.2, 340.0]])
    raw = np.zeros((480, 640, 3), np.uint8)
    cv2.circle(raw, (round(321.2 * 256), 340 * 256), 6 * 256, (255, 255, 255), -1, cv2.LINE_AA, 8)
    np.testing.assert_allclose(centre_of(rectifier.image(raw)[..., 0], 320, 340), (320, 340), atol=0.1)
    with pytest.raises(CameraError, match="K: expected"):
        Rectifier(np.array([[500.0, 60.0, 320], [0, 500, 240], [0, 0, 1]]), [], (640, 480))


@pytest.mark.parametrize(("size", "longest"), [((1920, 1080), 960), ((1296, 972), 960), ((3840, 2160), 960)])
@pytest.mark.parametrize("distortion", [(), (-0.1, 0.02, 0, 0, 0)])
def test_a_large_image_shows_what_a_small_camera_sees(plane, T_world_goal, size, longest, distortion):
    focal = 0.85 * size[0]
    camera = Intrinsics(focal, focal, (size[0] - 1) / 2 + 7, (size[1] - 1) / 2 - 5, *size)
    small = camera.within(longest)
    assert max(small.size) == longest
    rectifier = Rectifier(camera.matrix, distortion, size, small)
    if not distortion:
        picture = rectifier.image(plane.view(T_world_goal, camera))
        assert picture.shape[1::-1] == small.size
        expected = plane.view(T_world_goal, small)
        blur = [cv2.GaussianBlur(each, (0, 0), 3)[20:-20, 20:-20].astype(float) for each in (picture, expected)]
        assert np.abs(blur[0] - blur[1]).mean() < 3.0  # grey levels
    # Depth is read at single pixels: those that the image's pixels are of.
    columns = np.tile(np.arange(size[0], dtype=np.float32), (size[1], 1))
    pixels = np.array([[20.0, 30.0], [700.0, 400.0], [951.0, 500.0]])
    expected = rectifier.raw_pixels(pixels)[:, 0]
    got = sample_depth(rectifier.depth(columns), pixels)
    np.testing.assert_allclose(got, expected, atol=0.52)


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
