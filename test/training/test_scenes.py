import numpy as np
import pytest

from depth_pc_ros.errors import ConfigError, SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.training.scene_config import SceneConfig
from depth_pc_ros.training.scenes import NEAREST_M, sample_scene
from depth_pc_ros.training.visibility import in_view

COUNT = 150


def draw(clouds, count=COUNT, seed=0, **changes):
    config = SceneConfig(dense_points=800, **changes)
    return [sample_scene(np.random.default_rng([seed, i]), clouds, config) for i in range(count)]


@pytest.fixture(scope="module")
def scenes(clouds):
    return draw(clouds)


def at_start(scene) -> np.ndarray:
    """The scene's points in the start camera's frame."""
    return se3.transform(scene.T_start_goal, scene.points_goal)


def test_all_points_are_in_front_and_in_the_goal_image(scenes):
    for scene in scenes:
        assert scene.points_goal.dtype == np.float32
        assert in_view(scene.points_goal, scene.intrinsics).all()
        assert np.linalg.norm(scene.points_goal, axis=1).min() >= NEAREST_M - 1e-6
        assert len(np.unique(scene.points_goal, axis=0)) == len(scene.points_goal)
        assert 400 <= scene.focal_px <= 700
        assert 0.4 <= scene.distance_m <= 1.1


def test_both_cameras_see_the_fewest_points_at_least(scenes):
    for scene in scenes:
        assert (in_view(at_start(scene), scene.intrinsics) & ~scene.hidden_at_start).sum() >= 6


def test_a_point_outside_the_start_image_is_not_marked(scenes):
    for scene in scenes:
        assert in_view(at_start(scene), scene.intrinsics)[scene.hidden_at_start].all()
    assert 0.01 < np.mean([s.hidden_at_start.mean() for s in scenes if s.kind == "objects"]) < 0.3


def test_the_number_of_points_is_log_uniform(clouds):
    counts = np.array([len(s.points_goal) for s in draw(clouds, 300, uniform_share=1.0, planar_share=0.0)])
    assert counts.min() >= 6
    assert counts.max() <= 256
    shares = np.histogram(np.log2(counts / 6), [-0.1, 1.4, 2.8, 4.2, 5.5])[0] / len(counts)
    assert shares == pytest.approx(0.25, abs=0.08)


def test_kinds_come_with_their_shares(scenes):
    kinds = [scene.kind for scene in scenes]
    assert kinds.count("uniform") / COUNT == pytest.approx(0.1, abs=0.07)
    assert kinds.count("planar") / COUNT == pytest.approx(0.15, abs=0.08)


def test_planar_is_planar_and_uniform_is_not(clouds):
    def thickness(scene) -> float:
        points = scene.points_goal - scene.points_goal.mean(axis=0)
        return np.linalg.svd(points)[1][2] / np.sqrt(len(points))

    assert max(thickness(s) for s in draw(clouds, 20, planar_share=1.0, uniform_share=0.0)) < 1e-6
    assert min(thickness(s) for s in draw(clouds, 20, uniform_share=1.0, planar_share=0.0, clump_share=0.0)) > 0.01


def test_rotations_are_uniform_up_to_180_degrees_and_translations_cover_the_benchmarks(clouds):
    far = draw(clouds, 600, near_share=0.0, uniform_share=1.0, planar_share=0.0)
    translation_m, angle_deg = np.array([se3.pose_error(s.T_start_goal, np.eye(4)) for s in far]).T
    shares = np.histogram(angle_deg, [0, 60, 120, 180])[0] / len(far)
    assert shares == pytest.approx(1 / 3, abs=0.06)
    assert angle_deg.max() > 175
    assert translation_m.max() <= 0.6
    assert np.percentile(translation_m, [2, 75]) == pytest.approx([0.08, 0.45], abs=0.05)


def test_near_starts(clouds):
    near = draw(clouds, 200, near_share=1.0, uniform_share=1.0, planar_share=0.0)
    translation_m, angle_deg = np.array([se3.pose_error(s.T_start_goal, np.eye(4)) for s in near]).T
    assert angle_deg.max() <= 10
    assert translation_m.max() <= 0.05
    assert angle_deg.min() < 0.3
    assert translation_m.min() < 0.0015
    assert np.median(angle_deg) == pytest.approx(np.sqrt(0.2 * 10), rel=0.4)
    mixed = [se3.pose_error(s.T_start_goal, np.eye(4)) for s in draw(clouds, 300, uniform_share=1.0, planar_share=0.0)]
    assert np.mean([angle < 10 and length <= 0.05 for length, angle in mixed]) == pytest.approx(0.25, abs=0.07)


def test_without_hidden_point_removal_nothing_is_hidden_and_more_is_seen(clouds):
    shares = {"uniform_share": 0.0, "planar_share": 0.0, "table_share": 0.0, "min_points": 256}
    with_hpr, without = draw(clouds, 15, **shares, max_points=2000), draw(clouds, 15, use_hpr=False, **shares)
    assert not any(scene.hidden_at_start.any() for scene in without)
    assert any(scene.hidden_at_start.any() for scene in with_hpr)

    def back_faces(scene) -> float:
        """Share of points with another one well in front of them, close to their line of sight."""
        p = scene.points_goal
        xy, z = p[:, :2] / p[:, 2:], p[:, 2]
        near = np.linalg.norm(xy[:, None] - xy, axis=-1) < 0.01
        return (near & (z[:, None] > z + 0.03)).any(axis=1).mean()

    assert np.mean([back_faces(s) for s in with_hpr]) < 0.6 * np.mean([back_faces(s) for s in without])


def test_a_seed_names_one_scene(clouds, scenes):
    again = draw(clouds, 10)
    for scene, same in zip(scenes, again):
        assert np.array_equal(scene.points_goal, same.points_goal)
        assert np.array_equal(scene.T_start_goal, same.T_start_goal)
    assert not np.array_equal(draw(clouds, 1, seed=1)[0].T_start_goal, again[0].T_start_goal)


def test_bad_arguments_are_named(clouds):
    with pytest.raises(SceneError, match="clouds"):
        sample_scene(np.random.default_rng(0), [], SceneConfig())
    with pytest.raises(ConfigError, match=r"max_points.*min_points = 50, got 20"):
        SceneConfig(min_points=50, max_points=20)
    with pytest.raises(ConfigError, match=r"planar_share.*0\.3, got 0\.5"):
        SceneConfig(uniform_share=0.7, planar_share=0.5)
    assert SceneConfig(uniform_share=0.9, planar_share=0.1).planar_share == 0.1
    with pytest.raises(SceneError, match=r"at least 900 points.*objects"):
        draw(clouds, 1, min_points=900, max_points=900, uniform_share=0.0, planar_share=0.0)
