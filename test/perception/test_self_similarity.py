import cv2
import numpy as np
import pytest

from depth_pc_ros.geometry import se3
from depth_pc_ros.perception.agreement import small_texture
from depth_pc_ros.perception.whole_picture import WholePicture
from depth_pc_ros.types import Matches

SQUARE_M = 0.03


def board_view(columns, rows, T_world_cam, intrinsics):
    """A bare chessboard (H, W) uint8 on a plain table, with noise."""
    squares = np.add.outer(np.arange(rows), np.arange(columns)) % 2 * 200 + 30
    board = np.pad(np.kron(squares, np.ones((60, 60))), 300, constant_values=150).astype(np.uint8)
    scale = SQUARE_M / 60
    height, width = board.shape
    world_from_board = np.array([[scale, 0, -scale * width / 2], [0, -scale, scale * height / 2], [0, 0, 1]])
    plane_to_pixels = intrinsics.matrix @ se3.inverse(T_world_cam)[:3][:, [0, 1, 3]]
    view = cv2.warpPerspective(
        board, plane_to_pixels @ world_from_board, intrinsics.size, borderMode=cv2.BORDER_REPLICATE
    )
    noise = np.random.default_rng(1).normal(0, 2, view.shape)
    return np.clip(cv2.GaussianBlur(view, (0, 0), 1.0) + noise, 0, 255).astype(np.uint8)


def verdict(columns, rows, intrinsics, shift_m):
    """What is said at a pose moved by `shift_m` (2,) of a camera that saw its matches elsewhere before."""
    T_world_goal = se3.look_at(np.array([0.08, -0.1, 0.45]), np.zeros(3), np.array([0.0, 1.0, 0.0]))
    T_world_cam = T_world_goal.copy()
    T_world_cam[:2, 3] += shift_m
    goal = board_view(columns, rows, T_world_goal, intrinsics)
    points = np.random.default_rng(0).uniform(200, 280, (30, 2))  # some of the board
    picture = WholePicture(goal, points)
    seen = np.ones(30, bool)
    for away_px in (20.0, 0.0):
        picture.see(board_view(columns, rows, T_world_cam, intrinsics), Matches(points + away_px, seen, seen * 1.0))
    return picture.doubt


def test_a_bare_board_is_certain_at_its_goal(intrinsics):
    assert verdict(7, 6, intrinsics, (0, 0)) == ""


@pytest.mark.parametrize("squares", [(1, 1), (2, 0), (0, -2), (-4, 0)])
def test_a_bare_board_a_period_off_is_not(squares, intrinsics):
    assert "looks the same from another pose" in verdict(7, 6, intrinsics, SQUARE_M * np.array(squares))


def test_a_board_that_fills_the_image_never_is(intrinsics):
    assert "looks the same from another pose" in verdict(31, 30, intrinsics, (0, 0))


def test_an_ordinary_goal_looks_like_itself_only_where_it_is(plane, intrinsics, T_world_goal):
    from depth_pc_ros.perception.self_similarity import alternatives

    goal = small_texture(cv2.cvtColor(plane.view(T_world_goal, intrinsics), cv2.COLOR_RGB2GRAY))
    assert alternatives(goal, np.ones(goal.image.shape, bool)) == []
