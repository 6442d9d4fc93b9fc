"""Poses at the times of images."""

import numpy as np

from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.pose_track import PoseTrack

TWIST = np.array([0.1, -0.2, 0.05, 0.4, 0.3, -0.5])


def track(times_s, count=400):
    track = PoseTrack(count)
    for time_s in times_s:
        track.add(time_s, se3.exp(time_s * TWIST))
    return track


def test_a_pose_between_two_is_that_of_a_constant_twist():
    poses = track([1.0, 1.1, 1.3])
    for time_s in (1.0, 1.04, 1.1, 1.25, 1.3):
        np.testing.assert_allclose(poses.at(time_s), se3.exp(time_s * TWIST), atol=1e-12)
    assert poses.newest[0] == 1.3


def test_outside_there_is_none():
    assert PoseTrack().newest is None
    assert PoseTrack().at(1.0) is None
    poses = track([1.0, 1.1, 1.2, 1.3], count=3)
    assert poses.at(1.05) is None
    assert poses.at(1.31) is None


def test_time_that_goes_back_begins_anew():
    poses = track([5.0, 5.1, 0.2, 0.4])
    assert poses.at(5.05) is None
    np.testing.assert_allclose(poses.at(0.3), se3.exp(0.3 * TWIST), atol=1e-12)
