import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from depth_pc_ros.training import primitives
from depth_pc_ros.training.clouds import sample_surface, voxel_downsample
from depth_pc_ros.training.visibility import flip, hidden_point_removal, in_view


def placed(triangles, euler, position) -> np.ndarray:
    return triangles @ Rotation.from_euler("xyz", euler).as_matrix().T + position


def ray_cast(points, triangles) -> np.ndarray:
    """Which points (N, 3) the origin sees past the triangles (F, 3, 3) they lie on (Moeller and Trumbore 1997)."""
    a = triangles[:, 0]
    e1, e2 = triangles[:, 1] - a, triangles[:, 2] - a
    p = np.cross(points[:, None], e2)
    determinant = (p * e1).sum(axis=-1)
    determinant[np.abs(determinant) < 1e-18] = np.nan
    q = np.cross(-a, e1)
    u = (p * -a).sum(axis=-1) / determinant
    v = (points[:, None] * q).sum(axis=-1) / determinant
    t = (q * e2).sum(axis=-1) / determinant  # 1 at the point
    return ~((u >= 0) & (v >= 0) & (u + v <= 1) & (t > 0) & (t < 1 - 2e-3)).any(axis=1)


def test_flip_by_hand():
    """Eq. 3 moves a point at distance d along its ray to 2 R - d."""
    flipped = flip(np.array([[0, 0, 1.0], [3.0, 0, 4.0], [0, 6.0, 8.0]]), 10.0)
    assert np.allclose(flipped, [[0, 0, 19.0], [9.0, 0, 12.0], [0, 6.0, 8.0]])


def test_a_point_behind_a_dense_patch_is_hidden():
    grid = np.stack(np.meshgrid(np.linspace(-0.1, 0.1, 21), np.linspace(-0.1, 0.1, 21)), axis=-1).reshape(-1, 2)
    front = np.column_stack([grid, np.full(len(grid), 0.5)])
    behind = [[0.003, 0.002, 0.8], [0.4, 0.002, 0.8]]  # in the shadow and beside it
    visible = hidden_point_removal(np.vstack([front, behind]))
    assert visible[:-2].all()
    assert visible[-2:].tolist() == [False, True]


SCENES = {
    "box": [placed(primitives.box((0.15, 0.1, 0.06)), (0.5, 0.4, 0.3), (0.02, 0, 0.7))],
    "sphere": [placed(primitives.sphere(0.08), (0, 0, 0), (0.05, 0, 0.7))],
    "two": [
        placed(primitives.box((0.12, 0.1, 0.08)), (0.2, 0.1, 0.3), (0, 0, 0.6)),
        placed(primitives.cylinder(0.06, 0.2), (0.3, 1.2, 0), (0.05, 0.03, 0.75)),
    ],
}


@pytest.mark.parametrize("scene", SCENES)
@pytest.mark.parametrize("voxel_m", [0.006, 0.010])
def test_agrees_with_ray_casting(scene, voxel_m):
    """A body partly behind another: points close to the edge of the front one count as hidden."""
    rng = np.random.default_rng(0)
    points = np.concatenate([voxel_downsample(sample_surface(rng, body, 20000), voxel_m) for body in SCENES[scene]])
    truth = ray_cast(points, np.concatenate(SCENES[scene]))
    assert 0.25 < truth.mean() < 0.6
    assert (hidden_point_removal(points) == truth).mean() >= (0.91 if scene == "two" else 0.97)


def test_visibility_does_not_change_when_camera_and_cloud_are_rotated_or_scaled_together():
    rng = np.random.default_rng(1)
    points = np.concatenate([voxel_downsample(sample_surface(rng, body, 5000), 0.01) for body in SCENES["two"]])
    visible = hidden_point_removal(points)
    R = Rotation.random(rng=rng).as_matrix()
    assert (hidden_point_removal(points @ R.T) == visible).mean() > 0.999
    assert (hidden_point_removal(3 * points) == visible).mean() > 0.999


def test_a_larger_radius_sees_more():
    rng = np.random.default_rng(2)
    points = np.concatenate([voxel_downsample(sample_surface(rng, body, 5000), 0.01) for body in SCENES["two"]])
    seen = [hidden_point_removal(points, factor).sum() for factor in (3, 30, 300, 3000)]
    assert seen == sorted(seen)
    assert seen[0] < 0.8 * seen[-1]


def test_points_that_say_nothing():
    assert hidden_point_removal(np.zeros((0, 3))).shape == (0,)
    assert hidden_point_removal(np.array([[0, 0, 1.0], [0, 0.1, 1.0]])).all()
    assert hidden_point_removal(np.full((9, 3), 0.5)).all(), "all in one place"
    line = np.column_stack([np.zeros(9), np.linspace(-0.1, 0.1, 9), np.ones(9)])
    assert hidden_point_removal(line).all(), "in one plane with the camera"
    triangle = np.array([[0.1, 0, 1.0], [0, 0.1, 1.0], [-0.1, -0.1, 1.0]])
    odd = np.vstack([triangle, [[np.nan, 0, 1], [0, np.inf, 1], [0, 0, 0]]])
    assert hidden_point_removal(odd).tolist() == [True] * 3 + [False] * 3


def test_in_view(intrinsics):
    pixels = np.array([[0, 0], [639, 479], [-0.5, 5], [639.5, 5], [320, 479.5], [4.9, 100], [5.0, 100]])
    points = intrinsics.unproject(pixels, np.full(len(pixels), 0.7))
    assert in_view(points, intrinsics).tolist() == [True, True, False, False, False, True, True]
    assert in_view(points, intrinsics, margin_px=4.95).tolist() == [False] * 6 + [True]
    behind = np.array([[0, 0, -1.0], [0, 0, 0], [np.nan, 0, 1], [0, 0, 1]])
    assert in_view(behind, intrinsics).tolist() == [False, False, False, True]
