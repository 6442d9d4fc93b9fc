import numpy as np
import pytest

from depth_pc_ros.training.layout import TABLE, keypoint_scores, objects_cloud, planar_cloud, uniform_cloud
from depth_pc_ros.training.scene_config import SceneConfig


def test_objects_stand_in_the_cylinder_and_on_the_table(clouds):
    config = SceneConfig(table_share=1.0)
    for seed in range(20):
        points, body = objects_cloud(np.random.default_rng(seed), clouds, config)
        assert points.shape == (len(body), 3)
        assert len(points) <= config.dense_points
        assert (points[body == TABLE, 2] == 0).all()
        assert (points[body != TABLE, 2] > 0).all()
        assert (body == TABLE).sum() == 600
        assert np.linalg.norm(points[:, :2], axis=1).max() < 0.5


def test_without_a_table_the_centroids_are_in_the_cylinder(clouds):
    config = SceneConfig(table_share=0.0, dense_points=20000)
    counts = set()
    for seed in range(30):
        points, body = objects_cloud(np.random.default_rng(seed), clouds, config)
        counts.add(body.max() + 1)
        centroids = np.array([points[body == k].mean(axis=0) for k in range(body.max() + 1)])
        assert np.linalg.norm(centroids[:, :2], axis=1).max() < 0.2 + 0.005
        assert centroids[:, 2].min() > -0.005
        assert centroids[:, 2].max() < 0.105
    assert min(counts) <= 2
    assert max(counts) >= 11


def test_uniform_fills_the_cylinder_and_planes_tilt():
    config = SceneConfig(max_points=1000)
    points, _ = uniform_cloud(np.random.default_rng(0), config)
    radius = np.linalg.norm(points[:, :2], axis=1)
    assert np.mean(radius < 0.2 / np.sqrt(2)) == pytest.approx(0.5, abs=0.03)
    assert points[:, 2].mean() == pytest.approx(0.05, abs=0.003)
    tilts = []
    for seed in range(100):
        points, _ = planar_cloud(np.random.default_rng(seed), config)
        normal = np.linalg.svd(points - points.mean(axis=0), full_matrices=False)[2][2]
        tilts.append(np.degrees(np.arccos(abs(normal[2]))))
    assert max(tilts) == pytest.approx(19, abs=1)
    assert np.mean(tilts) == pytest.approx(10, abs=2)


def chosen(points, body, clumped, count=40, draws=200):
    return [
        np.argsort(-keypoint_scores(np.random.default_rng(seed), points, body, clumped))[:count]
        for seed in range(draws)
    ]


def test_a_bodys_share_of_keypoints_does_not_depend_on_its_size():
    points, body = np.random.default_rng(0).random((1000, 3)), np.repeat([0, 1], [900, 100])
    small = [np.mean(body[some] == 1) for some in chosen(points, body, False)]
    assert np.mean(small) == pytest.approx(0.5, abs=0.08)
    assert np.std(small) > 0.2


def test_clumped_keypoints_gather():
    flat = np.random.default_rng(0).uniform(-0.1, 0.1, (1000, 2))
    points, body = np.column_stack([flat, np.zeros(1000)]), np.zeros(1000, dtype=int)

    def to_fourth_neighbour(some) -> float:
        distance = np.linalg.norm(points[some, None] - points[some], axis=-1)
        return np.mean(np.sort(distance, axis=1)[:, 4])

    even, clumped = (
        np.mean([to_fourth_neighbour(s) for s in chosen(points, body, flag, draws=30)]) for flag in (False, True)
    )
    assert clumped < 0.85 * even


def test_the_table_takes_5_to_70_percent():
    points, body = np.random.default_rng(0).random((2000, 3)), np.repeat([0, 1, 2, TABLE], 500)
    share = [np.mean(body[some] == TABLE) for some in chosen(points, body, False)]
    assert np.mean(share) == pytest.approx(0.375, abs=0.05)
    assert max(share) < 0.95
