import numpy as np
import pytest
from boards import BOARD, SIZE, D, K, board_picture, board_pictures

from depth_pc_ros.errors import CameraError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Rectifier
from depth_pc_ros.webcam.calibration import ChessboardViews


def shown(pictures) -> ChessboardViews:
    """Each picture twice: the board rests."""
    views = ChessboardViews(BOARD, SIZE)
    for picture in pictures:
        for _ in range(2):
            views.see(picture)
    return views


def test_the_camera_is_found():
    views = shown(board_pictures(15))
    assert len(views.kept) >= 8
    found = views.calibrate()
    assert (found.camera.width, found.camera.height, found.camera.distortion_model) == (*SIZE, "plumb_bob")
    k = np.reshape(found.camera.k, (3, 3))
    assert np.diag(k)[:2] == pytest.approx(np.diag(K)[:2], rel=0.003)
    assert k[:2, 2] == pytest.approx(K[:2, 2], abs=2)
    corners = np.array([[60.0, 50], [580, 50], [60, 430], [580, 430], [320, 60]])
    true, ours = (Rectifier(*each, SIZE, Rectifier(K, D, SIZE).target) for each in ((K, D), (k, found.camera.d)))
    assert ours.raw_pixels(corners) == pytest.approx(true.raw_pixels(corners), abs=2)
    assert found.rms_px < 0.3
    assert found.sigma < 0.005


def test_the_same_view_is_kept_once_and_a_moving_board_never():
    at = [se3.from_rt(np.eye(3), np.array([0.02 * k - 0.04, 0.0, 0.5])) for k in range(5)]
    assert len(shown([board_picture(at[0])] * 3).kept) == 1
    views = ChessboardViews(BOARD, SIZE)
    for T_cam_board in at * 2:
        assert views.see(board_picture(T_cam_board)) is not None
    assert views.kept == []


def test_corners_are_those_of_the_board():
    T_cam_board = se3.from_rt(se3.exp_so3(np.array([0.1, 0.2, 0.05])), np.array([0.02, 0.01, 0.5]))
    corners = ChessboardViews(BOARD, SIZE).see(board_picture(T_cam_board))
    x, y = np.meshgrid(0.025 * np.arange(-4, 5), 0.025 * np.arange(-2.5, 3))
    camera = Rectifier(K, D, SIZE)
    points = se3.transform(T_cam_board, np.column_stack([x.ravel(), y.ravel(), 0 * x.ravel()]))
    assert corners == pytest.approx(camera.raw_pixels(camera.target.project(points)), abs=0.3)


def test_a_picture_without_the_whole_board_has_no_corners():
    views = ChessboardViews(BOARD, SIZE)
    half = board_picture(se3.from_rt(np.eye(3), np.array([0.2, 0.0, 0.5])))
    assert views.see(half) is None
    assert views.see(np.full((480, 640, 3), 90, np.uint8)) is None


def test_too_few_views_and_parallel_ones_are_refused():
    with pytest.raises(CameraError, match=r"expected at least 5 different views .* 9 x 6 inner corners, got 3$"):
        shown(board_pictures(3)).calibrate()
    parallel = shown(board_pictures(12, tilt=0.01))
    assert len(parallel.kept) >= 5
    with pytest.raises(CameraError, match=r"do not tell the camera: .*tilts that differ by [0-4] deg \(at least 20\)"):
        parallel.calibrate()
