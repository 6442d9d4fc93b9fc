import numpy as np
import pytest

from depth_pc_ros.control.depth_track import DepthTrack

DEPTH = -np.arange(48.0).reshape(6, 8)  # the value identifies the pixel


def points(*uv):
    return np.array(uv, dtype=np.float64)


@pytest.fixture
def track():
    return DepthTrack(max_age_s=0.5)


def test_depth_stays_with_the_keypoints_of_its_own_image(track):
    track.remember(points((1, 2), (7, 5)), 1.0)
    track.remember(points((3, 3), (0, 0)), 1.1)
    track.add(DEPTH, 1.0)
    values, age_s = track.at(1.1)
    np.testing.assert_array_equal(values, [-17, -47])
    assert age_s == pytest.approx(0.1)


def test_depth_that_comes_before_its_matches_waits_for_them(track):
    track.remember(points((0, 0)), 1.0)
    track.add(DEPTH, 1.1)
    assert track.at(1.05)[0] is None
    track.remember(points((2, 1)), 1.1)
    np.testing.assert_array_equal(track.at(1.1)[0], [-10])


def test_a_keypoint_without_match_or_outside_has_no_depth(track):
    track.remember(points((np.nan, np.nan), (100, 2), (1, 0)), 1.0)
    track.add(DEPTH, 1.0)
    np.testing.assert_array_equal(track.at(1.0)[0], [np.nan, np.nan, -1])


@pytest.mark.parametrize(("stamp_s", "known"), [(1.5, True), (1.51, False), (0.9, False)])
def test_old_depth_is_not_used_nor_that_of_a_later_image(track, stamp_s, known):
    track.remember(points((1, 0)), 1.0)
    track.add(DEPTH, 1.0)
    values, age_s = track.at(stamp_s)
    assert (values is not None) == known
    assert np.isfinite(age_s) == known


def test_newer_depth_replaces_older_and_not_the_other_way(track):
    track.remember(points((1, 0)), 1.0)
    track.remember(points((1, 0)), 1.1)
    track.add(DEPTH - 100, 1.1)
    track.add(DEPTH, 1.0)
    np.testing.assert_array_equal(track.at(1.2)[0], [-101])


def test_depth_of_an_image_that_was_never_matched_is_dropped(track):
    track.remember(points((1, 0)), 1.0)
    track.add(DEPTH, 1.05)
    track.remember(points((1, 0)), 1.1)
    assert track.at(1.1)[0] is None
    track.add(DEPTH, 0.5)
    assert track.at(1.1)[0] is None


def test_reset_forgets(track):
    track.remember(points((1, 0)), 1.0)
    track.add(DEPTH, 1.0)
    track.reset()
    assert track.at(1.0)[0] is None
    track.add(DEPTH, 1.0)
    assert track.at(1.0)[0] is None
