"""The verdict on a first answer."""

import numpy as np
import pytest

from depth_pc_ros.benchmark.answer import CAUSES, FEW, MIXED, OUTCOMES, OUTVOTED, WELL_MATCHED, cause_of, judged
from depth_pc_ros.geometry import se3

D = 0.8
TRUE = se3.exp(np.array([0.2, -0.1, 0.1, 0.2, 0.1, 0.5]))
CENTRE = np.array([0.0, 0.0, D])


def answer(T):
    return judged(se3.pbvs_twist(T, CENTRE), T, TRUE, D)


def moved(m=0.0, deg=0.0):
    T = TRUE.copy()
    T[:3, 3] += (m, 0, 0)
    T[:3, :3] = T[:3, :3] @ se3.exp_so3(np.array([0, 0, np.radians(deg)]))
    return T


def test_the_truth_is_right_and_straight():
    numbers = answer(TRUE)
    assert numbers["outcome"] == "right"
    assert numbers["way_deg"] == pytest.approx(0, abs=1e-3)
    assert numbers["re_deg"] == pytest.approx(0, abs=1e-3)
    assert (numbers["te_share"], numbers["scale"]) == pytest.approx((0, 1))


@pytest.mark.parametrize(
    ("m", "deg", "outcome"),
    [(0, 4.9, "right"), (0, 5.1, "off"), (0.079, 0, "right"), (0.09, 0, "off"), (0.05, 4, "right")],
)
def test_the_limits(m, deg, outcome):
    """10 % of the distance are 0.08 m, a third of this way 0.082 m."""
    assert answer(moved(m, deg))["outcome"] == outcome


def test_a_third_of_a_long_way_is_right():
    T_true, T = np.eye(4), np.eye(4)
    T_true[0, 3], T[0, 3] = 0.6, 0.41
    assert judged(se3.pbvs_twist(T, CENTRE), T, T_true, D)["outcome"] == "right"
    assert judged(se3.pbvs_twist(T, CENTRE), T, T_true, D)["scale"] == pytest.approx(0.41 / 0.6, abs=1e-4)


def test_away_from_the_goal_is_the_wrong_way():
    numbers = answer(se3.inverse(TRUE))
    assert numbers["outcome"] == "wrong_way"
    assert numbers["way_deg"] > 90


def test_the_way_does_not_depend_on_how_fast():
    twist = se3.pbvs_twist(moved(0.1, 10), CENTRE)
    assert judged(twist, None, TRUE, D)["way_deg"] == pytest.approx(judged(7 * twist, None, TRUE, D)["way_deg"])


def test_the_straight_path_of_the_camera_is_about_the_same_way():
    """Both ways of PBVS lead to the goal."""
    assert judged(se3.pbvs_twist(TRUE), TRUE, TRUE, D)["way_deg"] < 45


def test_a_law_without_pose_goes_toward_the_goal_or_away():
    twist = se3.pbvs_twist(TRUE, CENTRE)
    numbers = judged(twist, None, TRUE, D)
    assert numbers["outcome"] == "toward"
    assert numbers["re_deg"] is None
    assert judged(-twist, None, TRUE, D)["outcome"] == "wrong_way"


def test_no_answer_is_lost():
    numbers = judged(None, None, TRUE, D)
    assert numbers["outcome"] == "lost"
    assert set(numbers.values()) == {"lost", None}


def test_a_standstill_has_no_direction():
    assert judged(se3.pbvs_twist(np.eye(4), CENTRE), np.eye(4), np.eye(4), D)["outcome"] == "right"


@pytest.mark.parametrize(
    ("outcome", "matches", "share", "cause"),
    [
        ("right", 5, 0.1, ""), ("toward", 5, 0.1, ""), ("lost", 0, None, FEW), ("off", 19, 1.0, FEW),
        ("off", 40, 0.95, WELL_MATCHED), ("wrong_way", 100, 0.4, OUTVOTED), ("off", 39, 0.95, MIXED),
        ("off", 100, 0.9, MIXED),
    ],
)  # fmt: skip
def test_causes(outcome, matches, share, cause):
    assert cause_of(outcome, matches, share) == cause
    assert outcome in OUTCOMES
    assert cause in ("", *CAUSES)
