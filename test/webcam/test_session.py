import numpy as np
import pytest

from depth_pc_ros.errors import GoalTextureError
from depth_pc_ros.types import Matches, ServoState, StepResult
from depth_pc_ros.webcam import session as session_module
from depth_pc_ros.webcam.guide import Sight
from depth_pc_ros.webcam.session import GuideSession, collect_views, in_real_time
from depth_pc_ros.webcam.views import NoView

IMAGE = np.full((48, 64, 3), 90, np.uint8)


class StandInGuide:
    """Sees the same in every image, and takes each goal but dark ones."""

    goal_image = None
    goal_points = np.zeros((0, 2))

    def see(self, raw, stamp_s):
        state = ServoState.NO_GOAL if self.goal_image is None else ServoState.SERVOING
        return Sight(raw, Matches.none(0), StepResult.stopped(state, "no goal image has been set"))

    def set_goal(self, raw):
        if raw.max() < 50:
            raise GoalTextureError("goal image: 3 keypoints, at least 20 are needed")
        self.goal_image = raw


class Keys(NoView):
    """A view that is given a key at some pictures."""

    def __init__(self, **keys):
        self.keys, self.count = {int(number[1:]): key for number, key in keys.items()}, 0

    def show(self, screen, stamp_s):
        self.count += 1
        return self.keys.get(self.count, "")


def run(view, pictures, problem=lambda: ""):
    lines = []
    session = GuideSession(StandInGuide(), view, {}, problem, lines.append)
    ended = session.run((0.1 * k, picture) for k, picture in enumerate(pictures))
    return session, ended, lines


def test_the_key_c_takes_the_goal_and_q_ends():
    view = Keys(p2="c", p4="x", p5="q")
    session, ended, lines = run(view, [IMAGE] * 9)
    assert ended
    assert view.count == 5
    assert session.states == {ServoState.NO_GOAL: 2, ServoState.SERVOING: 3}
    assert lines[0] == "NO_GOAL    no goal image has been set"


def test_pictures_that_end_are_no_key():
    session, ended, _ = run(Keys(), [IMAGE] * 3)
    assert not ended
    assert session.last.result.state is ServoState.NO_GOAL


def test_a_goal_that_is_refused_is_said_until_another_is_taken():
    dark = np.full_like(IMAGE, 20)
    session, _, lines = run(Keys(p1="c", p2="c", p4="c"), [dark, IMAGE, IMAGE, dark, IMAGE])
    refused = ["at least 20" in line for line in lines]
    assert refused == [False, True, False, False, True]
    assert session.states[ServoState.SERVOING] == 3


def test_what_is_wrong_with_the_pictures_comes_before_all_else():
    _, _, lines = run(Keys(), [IMAGE], problem=lambda: "frozen")
    assert lines == ["NO_GOAL    frozen"]


def test_a_video_is_shown_in_its_time(monkeypatch):
    clock = [100.0]
    monkeypatch.setattr(session_module.time, "monotonic", lambda: clock[0])
    monkeypatch.setattr(session_module.time, "sleep", lambda s: clock.__setitem__(0, clock[0] + s))
    times = []
    for stamp_s, _ in in_real_time((0.5 * k, IMAGE) for k in range(4)):
        times.append((stamp_s, clock[0]))
        clock[0] += 0.7 if stamp_s == 0.5 else 0.01  # one picture takes too long
    assert times == [(0, 100), (0.5, 100.5), (1.0, pytest.approx(101.2)), (1.5, 101.5)]


def test_views_are_collected_until_there_are_enough_or_the_key_q():
    class StandInViews:
        board = (9, 6)

        def __init__(self):
            self.kept = []

        def see(self, rgb):
            self.kept.append(rgb)

    lines = []
    views = StandInViews()
    collect_views(views, 3, ((0.1 * k, IMAGE) for k in range(9)), NoView(), lines.append)
    assert len(views.kept) == len(lines) == 3
    assert lines[1] == "2 of 3 views: show all 9 x 6 inner corners of the board"
    views = StandInViews()
    collect_views(views, 30, ((0.1 * k, IMAGE) for k in range(9)), Keys(p2="q"), lines.append)
    assert len(views.kept) == 2
