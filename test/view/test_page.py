"""The page in a real browser: it is live, stop stops, and what is old is not shown as new."""

import pytest

from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.types import ServoState
from depth_pc_ros.view.live_view import LiveView, Reading

pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'depth_pc_ros[view]'")

from depth_pc_ros.view.server import ViewServer

# Red of the middle pixel of the live picture, as the browser draws it.
PIXEL = """(() => {
  const image = document.querySelector("[data-picture=live] img"), canvas = document.createElement("canvas");
  canvas.width = image.naturalWidth;
  canvas.height = image.naturalHeight;
  canvas.getContext("2d").drawImage(image, 0, 0);
  return canvas.getContext("2d").getImageData(32, 24, 1, 1).data[0];
})()"""
ESCAPE, SPACE, TAB = "\ue00c", " ", "\ue004"


@pytest.fixture
def opened(page, window):
    """The page, shown and moving."""
    page.run()
    window.open(page.server.url)
    return page


def test_the_picture_is_live(opened, window, wait):
    seen = set()
    wait(lambda: seen.add(window.js(PIXEL)) or len(seen) >= 3, "three different pictures")
    shown = window.js("Number(document.querySelector('[data-picture=live]').dataset.shown)")
    window.wait(f"document.querySelector('[data-picture=live]').dataset.shown > {shown + 3}")
    assert window.text("state") == "SERVOING"
    assert window.text("message") == "all is well"
    assert window.text("error").endswith(" px")
    assert "count" in window.text("facts")
    window.wait("document.getElementById('plots').dataset.samples > 3")
    assert window.problems() == []


@pytest.mark.parametrize("name", ["stop", "capture", "enable"])
def test_a_button_does_what_it_says_once(opened, window, name):
    window.click(name)
    window.wait_text("answer", f"{name}: {name} done")
    assert opened.pressed == [name]


@pytest.mark.parametrize("key", [SPACE, ESCAPE])
@pytest.mark.parametrize("focus", ["", "enable", "depth"])
def test_a_key_stops_whatever_has_the_focus(opened, window, key, focus):
    if focus:
        window.js(f"document.getElementById('{focus}').focus()")
    window.press_key(key)
    window.wait_text("answer", "stop: stop done")
    assert opened.pressed == ["stop"]
    assert window.js("document.getElementById('depth').checked")


def test_stop_works_by_the_keyboard_alone(opened, window):
    window.js("document.getElementById('stop').focus()")
    window.press_key("\ue007")  # Enter
    window.wait_text("answer", "stop: stop done")
    assert opened.pressed == ["stop"]


def test_stop_is_the_largest_button(opened, window):
    area = "[...document.querySelectorAll('button')].map(b => [b.id, b.offsetWidth * b.offsetHeight])"
    areas = dict(window.js(area))
    assert areas.pop("stop") > 3 * max(areas.values())


def test_a_stop_that_fails_says_so(opened, window):
    def fail():
        raise DepthPcError("controller/enable: no answer within 2 s")

    opened.answers["stop"] = fail
    window.click("stop")
    window.wait_text("answer", "STOP FAILED: controller/enable: no answer within 2 s")
    assert "emergency stop" in window.text("answer")
    assert window.js("document.getElementById('answer').className") == "failed"


def test_an_old_state_is_not_shown_as_the_present_one_and_stop_works(opened, window):
    opened.freeze()
    window.wait_text("state", "NO STATUS")
    assert "it was SERVOING" in window.text("message")
    assert (window.text("error"), window.text("facts")) == ("", "")
    window.wait("document.querySelector('figure').classList.contains('is-old')")
    assert "no new image for" in window.js("document.querySelector('.old').textContent")
    window.press_key(SPACE)
    window.wait_text("answer", "stop: stop done")
    assert opened.pressed == ["stop"]


def test_a_server_that_ends_is_noticed_and_found_again(opened, window, make_page):
    port = opened.server.port
    opened.close()
    window.wait_text("state", "NO CONNECTION")
    window.click("stop")
    window.wait_text("answer", "STOP FAILED")
    with ViewServer(opened.view, {"stop": lambda: "stopped"}, "127.0.0.1", port):
        opened.view.update(Reading(ServoState.CONVERGED, "<i>there</i>"))
        window.wait_text("state", "CONVERGED")
        assert window.text("message") == "<i>there</i>"  # a text, whatever it holds
        assert window.js("document.getElementById('enable').hidden")  # this one has stop only
        assert not window.js("document.getElementById('stop').hidden")
    assert window.problems() == []


def test_only_what_is_shown_is_asked_for(opened, window, wait):
    assert opened.view.wanted == {"live", "goal", "difference", "depth"}
    window.click("depth")
    window.driver.find_element("css selector", "input[value=overlay]").click()
    wait(lambda: opened.view.wanted == {"live", "goal", "overlay"}, "the other pictures")
    window.wait("document.querySelector('[data-picture=overlay]').classList.contains('has-picture')")
    assert not window.js("document.querySelector('[data-picture=depth]').classList.contains('has-picture')")


def test_a_second_window_is_served_too(opened, window, wait):
    first = window.driver.current_window_handle
    window.driver.switch_to.new_window("window")
    try:
        window.open(opened.server.url)
        wait(lambda: opened.view.viewers == 2, "both windows")
        window.click("stop")
        window.wait_text("answer", "stop: stop done")
    finally:
        window.driver.close()
        window.driver.switch_to.window(first)
    window.wait_text("state", "SERVOING")


def test_a_page_without_a_servo_says_what_is_missing(window):
    with ViewServer(LiveView("/left"), {}, "127.0.0.1", 0) as server:
        window.open(server.url)
        window.wait_text("state", "NO STATUS")
        assert "is it running, in this namespace?" in window.text("message")
        assert window.text("title") == "/left"
        window.press_key(SPACE)  # there is no stop
        assert window.text("answer") == ""
    assert window.problems() == []
