"""What one browser gets: the newest of everything, once."""

import numpy as np
import pytest
from view_messages import unpacked

from depth_pc_ros.types import ServoState
from depth_pc_ros.view import live_view
from depth_pc_ros.view.live_view import LiveView, Reading, Viewer, kind_of

PICTURE = np.full((48, 64, 3), 120, np.uint8)


@pytest.fixture
def view() -> LiveView:
    return LiveView("/depth_pc")


@pytest.fixture
def viewer(view) -> Viewer:
    viewer = Viewer()
    view.attach(viewer)
    view.want(viewer, frozenset(["live", "goal"]))
    return viewer


def test_a_browser_gets_each_picture_once_and_the_newest_wins(view, viewer):
    for level in (10, 20, 30):
        view.show("live", np.full_like(PICTURE, level))
    assert view.has_news(viewer)
    _, pictures = unpacked(view.message(viewer))
    assert list(pictures) == ["live"]
    assert pictures["live"] == live_view.jpeg(np.full_like(PICTURE, 30))
    assert not view.has_news(viewer)
    assert unpacked(view.message(viewer))[1] == {}
    view.show("live", PICTURE)
    assert view.has_news(viewer)


def test_only_what_somebody_looks_at_is_wanted_and_encoded(view, viewer, monkeypatch):
    monkeypatch.setattr(live_view, "jpeg", lambda picture: pytest.fail("nobody looks at it"))
    view.show("depth", PICTURE)
    other = Viewer()
    view.attach(other)
    view.want(other, frozenset(["depth"]))
    assert view.wanted == {"live", "goal", "depth"}
    view.detach(other)
    view.detach(viewer)
    assert view.wanted == frozenset()
    assert view.viewers == 0


def test_an_old_picture_does_not_come_back_as_new(view, viewer):
    view.show("live", PICTURE)
    view.detach(viewer)
    later = Viewer()
    view.attach(later)
    view.want(later, frozenset(["live"]))
    head, pictures = unpacked(view.message(later))
    assert pictures == {}
    assert head["live_age_s"] is None


def test_a_picture_that_is_no_more_is_sent_as_empty(view, viewer):
    view.show("goal", PICTURE)
    view.message(viewer)
    view.show("goal", None)
    assert unpacked(view.message(viewer))[1] == {"goal": b""}
    view.show("goal", None)
    assert not view.has_news(viewer)


def test_an_unknown_picture_is_an_error(view):
    with pytest.raises(ValueError, match="expected one of live, goal, overlay, difference, depth, got 'lives'"):
        view.show("lives", PICTURE)


def test_the_reading_is_plain_json_without_nan(view, viewer):
    assert unpacked(view.message(viewer))[0]["reading"] is None
    view.update(Reading(ServoState.NO_GOAL, "no goal image has been set", facts={"matches": "0"}))
    head, _ = unpacked(view.message(viewer))
    assert head["reading"] == {
        "state": "NO_GOAL", "kind": "waiting", "message": "no goal image has been set", "error_px": None,
        "facts": {"matches": "0"},
    }  # fmt: skip
    assert head["silent_s"] < 5
    assert head["samples"][0][1:] == [None, None, None, int(ServoState.NO_GOAL)]


def test_curves_have_ten_points_a_second_every_change_of_state_and_an_end(view, viewer, monkeypatch):
    now_s = [1000.0]
    monkeypatch.setattr(live_view.time, "monotonic", lambda: now_s[0])
    view = LiveView("/depth_pc")
    view.attach(viewer)
    for index in range(100):  # 50 a second, for 2 s
        now_s[0] += 0.02
        view.update(Reading(ServoState.SERVOING, error_px=index, speed_m_s=0.1, speed_rad_s=np.pi))
    view.update(Reading(ServoState.CONVERGED, error_px=0.1))
    samples = unpacked(view.message(viewer))[0]["samples"]
    assert 18 <= len(samples) <= 22
    assert samples[0][1:] == [0, 100.0, 180.0, 3]
    assert samples[-1][1:] == [0.1, None, None, 4]
    assert unpacked(view.message(viewer))[0]["samples"] == []
    for _ in range(4000):
        now_s[0] += 0.1
        view.update(Reading(ServoState.CONVERGED))
    late = Viewer()
    assert len(unpacked(view.message(late))[0]["samples"]) == 1800  # three minutes
    assert len(unpacked(view.message(viewer))[0]["samples"]) == 1800


@pytest.mark.parametrize(
    ("state", "kind"),
    [("SERVOING", "moving"), ("LIMITED", "moving"), ("CONVERGED", "reached"), ("FAULT", "fault"), ("LOST", "waiting")],
)
def test_a_state_has_a_colour(state, kind):
    assert kind_of(ServoState[state]) == kind
