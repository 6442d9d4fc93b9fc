import json
import socket
import urllib.request

import numpy as np
import pytest
from view_messages import unpacked

from depth_pc_ros.cli import webcam
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.files.image_file import decode_image
from depth_pc_ros.types import Matches, ServoState, StepResult
from depth_pc_ros.view.live_view import Viewer
from depth_pc_ros.webcam.advice import Move
from depth_pc_ros.webcam.guide import Sight
from depth_pc_ros.webcam.picture import draw_board, draw_guide

pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'depth_pc_ros[view]'")

from depth_pc_ros.webcam.browser import BrowserView

GREY = np.full((48, 64, 3), 90, np.uint8)
SIGHT = Sight(GREY + 50, Matches.none(0), StepResult(np.zeros(6), ServoState.SERVOING), [Move(0, -0.1, 0.5)])
NOTES = {"camera": "not calibrated"}


@pytest.fixture
def page():
    page = BrowserView("webcam", 0)
    yield page
    page.close()


def seen(page, *names):
    """A browser that shows these pictures: what it gets."""
    viewer = Viewer()
    page._view.attach(viewer)
    page._view.want(viewer, frozenset(names))
    return lambda: unpacked(page._view.message(viewer))


def test_the_page_shows_what_to_do(page):
    message = seen(page, "live", "goal", "difference")
    assert page.show(draw_guide(SIGHT, GREY, np.zeros((0, 2)), NOTES), 0.0) == ""
    head, pictures = message()
    assert head["reading"]["message"] == "left 5 cm"
    assert head["reading"]["state"] == "SERVOING"
    assert head["reading"]["facts"] == {"matches": "SERVOING: 0 matches", "camera": "not calibrated"}
    assert set(pictures) == {"live", "goal", "difference"}
    live, goal = (decode_image(pictures[name], name) for name in ("live", "goal"))
    assert live.shape == goal.shape == (48, 64, 3)
    assert abs(int(live[40, 60, 0]) - 140) < 15
    assert abs(int(goal[40, 60, 0]) - 90) < 15
    with urllib.request.urlopen(page.url, timeout=60) as answer:
        assert "Capture goal" in answer.read().decode()


def test_the_page_shows_the_board_of_a_calibration(page):
    message = seen(page, "live", "goal", "overlay")
    page.show(draw_board(GREY, None, (9, 6), "0 of 15 views", "show all of it"), 0.0)
    head, pictures = message()
    assert (head["reading"]["message"], head["reading"]["facts"]) == ("show all of it", {"matches": "0 of 15 views"})
    assert set(pictures) == {"live"}


def test_its_button_is_the_key_c(page):
    request = urllib.request.Request(f"{page.url}do/capture", method="POST", headers={"Origin": page.url.rstrip("/")})
    with urllib.request.urlopen(request, timeout=60) as answer:
        assert json.load(answer) == {"done": True, "text": "the next picture becomes the goal"}
    screen = draw_guide(SIGHT, None, np.zeros((0, 2)), NOTES)
    assert [page.show(screen, 0.0), page.show(screen, 0.1)] == ["c", ""]


def test_a_port_in_use_and_a_missing_extra_are_one_line(tmp_path, monkeypatch, capsys):
    video = webcam.VideoWriter(tmp_path / "video.avi", 10)
    video.add(GREY)
    video.close()
    with socket.create_server(("127.0.0.1", 0)) as taken:
        words = ["--video", str(tmp_path / "video.avi"), "--capture", "--browser", str(taken.getsockname()[1])]
        assert webcam.main(words) == 1
    assert capsys.readouterr().err.endswith("of 127.0.0.1 is in use, give another one\n")

    def missing(extra, *modules):
        raise DepthPcError(f"not installed: {modules[0]} [{extra}]")

    monkeypatch.setattr(webcam, "require", missing)
    assert webcam.main(words) == 1
    assert capsys.readouterr().err == "webcam: not installed: aiohttp [view]\n"
