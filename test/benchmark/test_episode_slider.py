"""The slider of a report leads through an episode's trace, in a browser."""

import numpy as np
import pytest

from depth_pc_ros.benchmark import episode_slider, figures, report
from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.results import Results
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.geometry import se3

EVIL = "</script><b>'x'"


def test_the_worst_the_median_and_the_best_of_each_level_are_offered(trial):
    trials = [trial(episode=f"dev/S/{k:03d}", te_mm=float(k)) for k in range(9)]
    trials[2]["outcome"] = "lost"
    trials.append(trial(episode="dev/M/000", level="M"))
    trials.append(trial(episode="dev/M/001", level="M", steps=0, trace={name: [] for name in trial()["trace"]}))
    names = [each["name"].split()[1] for each in episode_slider.episodes(trials)]
    assert names == ["dev/S/002", "dev/S/005", "dev/S/000", "dev/M/000"]
    assert episode_slider.html(trials[-1:]) == ""


def test_an_episode_is_shown_about_its_goal(trial):
    T_world_goal = se3.from_rt(np.diag([1.0, -1.0, -1.0]), [0.1, 0.0, 0.6])  # looks down
    (each,) = episode_slider.episodes([trial(T_world_start=np.eye(4).tolist(), T_world_goal=T_world_goal.tolist())])
    np.testing.assert_allclose(each["position"], [[0, 0.1, 0.1], [-0.09, 0, 0], [-0.1, 0, 0]], atol=1e-9)
    np.testing.assert_allclose(each["start"]["position"], [-0.1, 0, -0.6], atol=1e-9)
    assert each["reach"] == 0.6
    np.testing.assert_allclose(each["goal"]["ahead"], [0, 0, -0.15], atol=1e-9)


@pytest.fixture
def opened(tmp_path, trial, window, monkeypatch):
    """The page of two trials in a browser."""
    for name in ("success_bars", "errors_over_time", "paths"):
        monkeypatch.setattr(figures, name, lambda trials: b"")
    trials = [
        trial(outcome="lost", message=EVIL, label=EVIL),
        trial(episode="dev/M/000", level="M", method="ibvs", label="ibvs"),
    ]
    page = report.html([Results(tmp_path / "trials.jsonl", Settings(), [], trials)] * 2, tmp_path, Places())
    (tmp_path / "report.html").write_text(page, encoding="utf-8")
    window.driver.get((tmp_path / "report.html").as_uri())
    return window


def slide(window, k):
    window.js(f"(s => {{ s.value = {k}; s.dispatchEvent(new Event('input')) }})(document.querySelector('input'))")


def now(window) -> list[float]:
    """Where the marks of the camera are, and the cursor: x and y from above, height from the side, x of the cursor."""
    at = "(i, name) => Number(document.querySelectorAll('.now')[i].getAttribute(name))"
    cursor = "parseFloat(document.querySelectorAll('.now')[2].getAttribute('points'))"
    return window.js(f"(at => [at(0, 'cx'), at(0, 'cy'), at(1, 'cy'), {cursor}])({at})")


def test_the_slider_moves_camera_and_cursor(opened):
    words = "document.querySelector('.words').textContent"
    assert opened.js("document.querySelectorAll('.episode').length") == 2
    assert opened.js("document.querySelector('input').max") == "2"
    assert opened.js(words).startswith("step 0, 0.00 s · 200 mm, 24° from the goal · 90 px; in the end: lost, 0.50 mm")
    scale = 150 / (1.15 * 0.1)  # drawing units for a metre: the farthest point is 0.1 m from the goal in one axis
    np.testing.assert_allclose(now(opened), [150 + 0.1 * scale, 150 - 0.1 * scale, 150 - 0.1 * scale, 45], atol=0.1)
    slide(opened, 2)
    assert opened.js(words).startswith("step 100, 2.00 s · 0.5 mm, 0.05° from the goal · 0.2 px")
    np.testing.assert_allclose(now(opened), [150, 150, 150, 590], atol=0.1)
    slide(opened, 1)
    assert "from the goal; in the end" in opened.js(words)  # its error in pixels is unknown
    assert opened.js(words).endswith(EVIL)
    assert opened.js("document.querySelectorAll('.episode b').length") == 4  # of the captions, none of a label
    assert opened.problems() == []


def test_another_episode_can_be_chosen(opened):
    slide(opened, 2)
    opened.js("(s => { s.selectedIndex = 1; s.dispatchEvent(new Event('change')) })(document.querySelector('select'))")
    text = opened.js("document.querySelector('.words').textContent")
    assert text.startswith("step 0, ")
    assert "in the end: success" in text
    assert opened.problems() == []
