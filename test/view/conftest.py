"""A page that is served, with the buttons that were pressed."""

import threading
import time

import numpy as np
import pytest
from waits import WAIT_S

from depth_pc_ros.types import ServoState
from depth_pc_ros.view.live_view import LiveView, Reading

pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'depth_pc_ros[view]'")

from depth_pc_ros.view.server import ViewServer


class Page:
    """A served LiveView. pressed: the buttons, in order."""

    def __init__(self, address: str):
        self.view, self.pressed = LiveView("/depth_pc"), []
        self.answers = {}  # button -> function, in place of its name as the answer
        actions = {name: lambda name=name: self._press(name) for name in ("capture", "enable", "stop")}
        self.server = ViewServer(self.view, actions, address, 0)
        self._end = threading.Event()
        self._thread = None

    def _press(self, name: str) -> str:
        self.pressed.append(name)
        return self.answers.get(name, lambda: f"{name} done")()

    def run(self):
        """Show a moving picture and a falling error, until the end."""
        self._thread = threading.Thread(target=self._loop, daemon=True)
        self._thread.start()

    def freeze(self):
        """Show nothing new any more."""
        self._end.set()
        self._thread.join()

    def _loop(self):
        count = 0
        while not self._end.wait(0.05):
            count += 1
            self.view.update(Reading(ServoState.SERVOING, "all is well", 100 / count, 0.05, 0.1, {"count": f"{count}"}))
            for name in self.view.wanted:
                self.view.show(name, np.full((48, 64, 3), 10 + 15 * count % 240, np.uint8))

    def close(self):
        self._end.set()
        self.server.stop()


@pytest.fixture
def make_page():
    """Serves a page at an address."""
    pages = []

    def make(address: str = "127.0.0.1") -> Page:
        pages.append(Page(address))
        pages[-1].server.start()
        return pages[-1]

    yield make
    for page in pages:
        page.close()


@pytest.fixture
def page(make_page):
    return make_page()


@pytest.fixture
def wait():
    """Polls until a condition holds; its value."""

    def wait(condition, what: str):
        end_s = time.monotonic() + WAIT_S
        while not (value := condition()):
            assert time.monotonic() < end_s, f"waited {WAIT_S} s in vain for {what}"
            time.sleep(0.01)
        return value

    return wait
