"""Episodes come from the seed alone, keep the splits apart, and survive export."""

import dataclasses
import json

import numpy as np
import pytest

from depth_pc_ros.benchmark.episodes import (
    HELD_OUT,
    EpisodeSource,
    Places,
    file_digest,
    load_episodes,
    save_episodes,
    spread,
)  # fmt: skip
from depth_pc_ros.benchmark.settings import E_GENERIC, LEVELS, Settings
from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.sim import poses

GENERIC = Settings(environment=E_GENERIC)


def same(a, b) -> bool:
    equal = np.array_equal(a.T_world_goal, b.T_world_goal) and np.array_equal(a.T_world_start, b.T_world_start)
    return equal and (a.id, a.level, a.seed, a.place) == (b.id, b.level, b.seed, b.place)


def test_episodes_are_spread_evenly_and_a_shorter_run_is_the_start_of_a_longer_one():
    assert spread(5, ("S", "M", "L")) == [("S", 0), ("M", 0), ("L", 0), ("S", 1), ("M", 1)]
    assert spread(150, ("S", "M", "L"))[:30] == spread(30, ("S", "M", "L"))
    assert spread(2, ("L",)) == [("L", 0), ("L", 1)]


def test_an_episode_depends_on_its_name_and_the_seed_only(ycb_places):
    settings = Settings(scene="hard")
    one, other = EpisodeSource(settings, ycb_places), EpisodeSource(settings, ycb_places)
    other.episode("S", 0)
    third = one.episode("M", 3)
    assert same(third, other.episode("M", 3))
    assert not np.array_equal(third.T_world_goal, one.episode("M", 4).T_world_goal)
    reseeded = EpisodeSource(dataclasses.replace(settings, seed=1), ycb_places).episode("M", 3)
    assert not np.array_equal(third.T_world_goal, reseeded.T_world_goal)


@pytest.mark.parametrize(("scene", "low", "high"), [("standard", 8, 12), ("easy", 12, 12), ("hard", 3, 5)])
def test_dev_never_shows_held_out_objects(ycb_places, scene, low, high):
    for index in range(2):
        bodies = EpisodeSource(Settings(scene=scene), ycb_places).episode("L", index).place.bodies
        assert low <= len(bodies) <= high
        assert not {body.asset.removeprefix("ycb/") for body in bodies} & set(HELD_OUT)


def test_at_least_half_of_a_test_scene_is_held_out_objects(ycb_places):
    for index in range(3):
        bodies = EpisodeSource(Settings(split="test"), ycb_places).episode("S", index).place.bodies
        names = [body.asset.removeprefix("ycb/") for body in bodies]
        assert len(set(names)) == len(names)
        assert sum(name in HELD_OUT for name in names) >= len(names) / 2


def test_depth_scenes_stand_on_pedestals(ycb_places):
    bodies = EpisodeSource(Settings(scene="depth"), ycb_places).episode("S", 0).place.bodies
    heights = [body.size_m[2] for body in bodies if body.asset == "package"]
    assert heights == pytest.approx([0.05, 0.0875, 0.125, 0.1625, 0.2])
    assert len(bodies) == 13


@pytest.mark.parametrize(("base", "low", "high"), [("low", 0.4, 0.55), ("standard", 0.5, 0.9), ("high", 0.85, 1.1)])
def test_base_sets_the_distance(ycb_places, base, low, high):
    source = EpisodeSource(Settings(scene="hard", base=base), ycb_places)
    assert all(low <= source.episode("S", index).distance_m <= high for index in range(3))


def test_low_views_are_oblique_from_one_side_and_differ_by_the_levels_rotation(tmp_path):
    settings = dataclasses.replace(GENERIC, elevation="low")
    source = EpisodeSource(settings, Places())
    episodes = [source.episode(level, index) for level in LEVELS for index in range(2)]
    for episode in episodes:
        low, high = poses.LEVELS[episode.level]
        _, apart_deg = se3.pose_error(episode.T_world_start, episode.T_world_goal)
        assert low <= apart_deg <= high
        for T in (episode.T_world_goal, episode.T_world_start):
            away = T[:3, 3] - episode.place.centre
            assert 15 <= np.degrees(np.arcsin(away[2] / np.linalg.norm(away))) <= 35
            # It looks about along the horizontal: what is behind the objects is seen, too.
            assert np.degrees(np.arcsin(-T[2, 2])) < 45
    path = tmp_path / "scenes.json"
    save_episodes(path, episodes, settings)
    assert all(same(a, b) for a, b in zip(episodes, load_episodes(path, settings), strict=True))
    with pytest.raises(SceneError, match="elevation 'low', expected 'standard'"):
        load_episodes(path, GENERIC)
    assert "elevation" not in GENERIC.to_mapping()  # results of older runs are those of the same settings


def test_exported_episodes_reload_to_the_bit(tmp_path):
    source = EpisodeSource(GENERIC, Places())
    episodes = [source.episode(*each) for each in spread(3, GENERIC.levels)]
    path = tmp_path / "made" / "scenes.json"
    save_episodes(path, episodes, GENERIC)
    assert all(same(a, b) for a, b in zip(episodes, load_episodes(path, GENERIC), strict=True))
    again = EpisodeSource(GENERIC, Places(scenes=path))
    assert same(again.episode("M", 0), episodes[1])
    with pytest.raises(SceneError, match=r"no episode dev/M/007"):
        again.episode("M", 7)
    assert file_digest(path) == file_digest(path)


def test_photographs_reload_too(tmp_path, photo_settings, photo_places):
    episode = EpisodeSource(photo_settings, photo_places).episode("P", 0)
    save_episodes(tmp_path / "scenes.json", [episode], photo_settings)
    assert same(load_episodes(tmp_path / "scenes.json", photo_settings)[0], episode)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "cannot read"),
        ("[]", "version 1, got None"),
        (json.dumps({"version": 9}), "version 1, got 9"),
        (json.dumps({"version": 1, "environment": "E_YCB"}), "environment 'E_YCB', expected 'E_generic'"),
        (
            json.dumps({"version": 1, "environment": E_GENERIC, "split": "dev", "scene": "standard",
                        "base": "standard", "episodes": [{"id": "dev/S/000"}]}),
            "missing key",
        ),
    ],
)  # fmt: skip
def test_files_that_cannot_be_used_are_named(tmp_path, text, expected):
    path = tmp_path / "scenes.json"
    path.write_text(text)
    with pytest.raises(SceneError, match=expected) as error:
        load_episodes(path, GENERIC)
    assert str(path) in str(error.value)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(SceneError, match="cannot read"):
        load_episodes(tmp_path / "none.json", GENERIC)
    with pytest.raises(SceneError, match="cannot read"):
        file_digest(tmp_path / "none.json")
