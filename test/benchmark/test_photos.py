"""Photographs: found, split, and looked at from the published poses."""

import importlib.util

import cv2
import numpy as np
import pytest

from depth_pc_ros.benchmark import photos
from depth_pc_ros.benchmark.episodes import EpisodeSource
from depth_pc_ros.benchmark.worlds import PhotoWorld, open_world
from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3


def test_poses_keep_the_published_bounds(photo_settings, photo_places):
    source = EpisodeSource(photo_settings, photo_places)
    for index in range(40):
        episode = source.episode("P", index)
        for T, lowest_deg in ((episode.T_world_goal, 70), (episode.T_world_start, 60)):
            distance = np.linalg.norm(T[:3, 3])
            assert 0.6 <= distance <= 0.9
            assert T[2, 3] >= np.sin(np.radians(lowest_deg)) * distance - 1e-9
            np.testing.assert_allclose(T[:3, :3].T @ T[:3, :3], np.eye(3), atol=1e-12)
        roll = se3.log_so3(episode.T_world_start[:3, :3].T @ episode.T_world_goal[:3, :3])[2]
        assert abs(np.degrees(roll)) < photos.MAX_ROLL_DEG + 4  # clamping one component moves the others a little


def test_splits_share_no_photograph(photo_dir):
    dev, test = photos.photos_of("dev", photo_dir), photos.photos_of("test", photo_dir)
    assert dev == ["0.png", "2.png"]
    assert test == ["1.png", "3.png"]


def test_a_point_of_the_photograph_is_seen_where_the_camera_model_says(intrinsics):
    picture = np.zeros((480, 640, 3), np.uint8)
    cv2.circle(picture, (500, 100), 6, (255, 255, 255), -1)
    world = PhotoWorld(picture, 1.28)
    point = np.array([(500 - 319.5) * 0.002, (239.5 - 100) * 0.002, 0.0])
    T = se3.look_at(np.array([0.1, -0.2, 0.7]), np.array([0.15, 0.1, 0.0]), np.array([0.3, 1.0, 0.0]))
    image, depth = world.view(T)
    weights = np.where(image[..., 0] > 135, image[..., 0], 0).astype(float)  # brighter than the table
    v, u = (np.sum(weights * axis) / weights.sum() for axis in np.mgrid[:480, :640])
    in_camera = (se3.inverse(T) @ np.append(point, 1))[:3]
    np.testing.assert_allclose([u, v], intrinsics.project(in_camera), atol=0.3)
    assert depth[round(v), round(u)] == pytest.approx(in_camera[2], abs=1e-3)


def test_depth_above_the_horizon_is_unknown():
    world = PhotoWorld(np.zeros((480, 640, 3), np.uint8), 1.0)
    T = se3.look_at(np.array([0.0, 0.0, 0.5]), np.array([1.0, 0.0, 0.5]), np.array([0.0, 0.0, 1.0]))
    depth = world.view(T)[1]
    assert (depth[:239] == 0).all()
    assert (depth[241:] > 0).all()


def test_goal_and_start_see_the_photograph(photo_settings, photo_places):
    episode = EpisodeSource(photo_settings, photo_places).episode("P", 1)
    with open_world(episode, photo_settings, photo_places) as world:
        for T in (episode.T_world_goal, episode.T_world_start):
            assert world.view(T)[0].std() > 20


@pytest.mark.parametrize(("make", "expected"), [(False, "no such folder"), (True, "found none")])
def test_folders_without_photographs_are_named(tmp_path, make, expected):
    folder = tmp_path / "photos"
    if make:
        folder.mkdir()
    with pytest.raises(SceneError, match=expected) as error:
        photos.list_photos(folder)
    assert str(folder) in str(error.value)


def test_a_file_that_is_no_photograph_is_named(tmp_path):
    (tmp_path / "broken.jpg").write_text("not a photograph")
    with pytest.raises(SceneError, match=r"cannot read .*broken\.jpg"):
        photos.read_photo(photos.Photo("broken.jpg", 1.0), tmp_path)


def test_missing_packages_are_named_with_the_command_that_installs_them(monkeypatch):
    monkeypatch.setattr(photos.importlib.util, "find_spec", lambda _: None)
    with pytest.raises(SceneError, match=r"pip install 'depth_pc_ros\[benchmark\]'"):
        photos.list_photos(None)


@pytest.mark.skipif(
    not (importlib.util.find_spec("skimage") and importlib.util.find_spec("sklearn")),
    reason="scikit-image and scikit-learn are not installed",
)
def test_the_shipped_photographs_can_be_read():
    names = photos.list_photos(None)
    assert len(names) == 12
    for name in names:
        assert photos.read_photo(photos.Photo(name, 1.0), None).shape[2] == 3
