"""The words are checked against where the goal's camera is, and where it looks, in the current one."""

import numpy as np
import pytest

from depth_pc_ros.geometry import se3
from depth_pc_ros.webcam.advice import LEAST, advise

PRIOR_M = 0.5


def said(T_cam_goal, known=True):
    return [move.words for move in advise(T_cam_goal, PRIOR_M, known)]


@pytest.mark.parametrize(
    ("place", "words"),
    [
        ((0.04, 0, 0), "right 4 cm"),
        ((-0.04, 0, 0), "left 4 cm"),
        ((0, -0.125, 0), "up 12 cm"),
        ((0, 0.025, 0), "down 2.5 cm"),
        ((0, 0, 0.2), "forward 20 cm"),
        ((0, 0, -0.2), "back 20 cm"),
    ],
)
def test_a_goal_that_is_elsewhere(place, words):
    T_cam_goal = se3.from_rt(np.eye(3), np.array(place))
    assert said(T_cam_goal) == [words]
    (share,) = said(T_cam_goal, known=False)
    assert share == f"{words.split()[0]} {100 * np.abs(place).max() / PRIOR_M:.0f} %"


# Where the goal's camera looks (its z), and where its upper side points (its -y), in the current one: x right, y down.
@pytest.mark.parametrize(
    ("looks", "top", "words"),
    [
        ((0, -0.5, 0.866), None, "tilt up 30 deg"),
        ((0, 0.5, 0.866), None, "tilt down 30 deg"),
        ((0.5, 0, 0.866), None, "turn right 30 deg"),
        ((-0.5, 0, 0.866), None, "turn left 30 deg"),
        ((0, 0, 1), (0.1736, -0.9848, 0), "turn clockwise 10 deg"),
        ((0, 0, 1), (-0.1736, -0.9848, 0), "turn counter-clockwise 10 deg"),
    ],
)
def test_a_goal_that_looks_elsewhere(looks, top, words):
    T_cam_goal = se3.look_at(np.zeros(3), np.array(looks, float), np.array((0, -1, 0) if top is None else top, float))
    assert said(T_cam_goal) == [words]


def test_the_largest_part_comes_first_and_small_ones_are_left_out():
    twist = np.array([0.03, 0, -0.9 * LEAST * PRIOR_M, 0, 0.9 * LEAST, np.radians(10)])
    T_cam_goal = se3.from_rt(se3.exp_so3(twist[3:]), twist[:3])
    assert said(T_cam_goal) == ["turn clockwise 10 deg", "right 3 cm"]
    assert said(np.eye(4)) == []
