import numpy as np
import pytest

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.poses import sample_pair, sees
from depth_pc_ros.sim.scenes import SCENE_CENTRE

# Means of the paper's E_YCB: degrees and metres.
PAPER = {"S": (24.06, 0.17), "M": (67.38, 0.25), "L": (136.46, 0.32)}


@pytest.fixture(scope="module")
def pairs(intrinsics):
    return {level: [sample_pair(seed, SCENE_CENTRE, intrinsics, level) for seed in range(200)] for level in PAPER}


@pytest.mark.parametrize("level", PAPER)
def test_means_are_those_of_the_paper(pairs, level):
    translation_m, rotation_deg = np.mean([se3.pose_error(*pair) for pair in pairs[level]], axis=0)
    assert rotation_deg == pytest.approx(PAPER[level][0], rel=0.1)
    assert translation_m == pytest.approx(PAPER[level][1], rel=0.1)


@pytest.mark.parametrize("level", PAPER)
def test_both_views_see_the_scene_from_above(pairs, level, intrinsics):
    for T in (T for pair in pairs[level] for T in pair):
        away = T[:3, 3] - SCENE_CENTRE
        assert 0.5 <= np.linalg.norm(away) <= 0.9
        assert away[2] >= np.sin(np.radians(70)) * np.linalg.norm(away) - 1e-12
        assert T[2, 3] > 0.15
        assert sees(T, SCENE_CENTRE, intrinsics)


def test_large_rotations_reach_180_degrees(pairs):
    angles = [se3.pose_error(*pair)[1] for pair in pairs["L"]]
    assert max(angles) > 175
    assert min(angles) > 89.9


def test_a_seed_names_one_pair(intrinsics):
    again = [sample_pair(seed, SCENE_CENTRE, intrinsics, "M") for seed in (5, 5, 6)]
    assert np.array_equal(again[0], again[1])
    assert not np.array_equal(again[0], again[2])


def test_unknown_level_is_refused(intrinsics):
    with pytest.raises(SceneError, match=r"level.*'XL'"):
        sample_pair(0, SCENE_CENTRE, intrinsics, "XL")
