"""The page of a browser, as the servo's live view has it, on this machine."""

import queue
import time

from depth_pc_ros.view.drawing import difference, overlay
from depth_pc_ros.view.live_view import LiveView, Reading
from depth_pc_ros.view.server import ViewServer
from depth_pc_ros.webcam.picture import Screen
from depth_pc_ros.webcam.views import CAPTURE

ADDRESS = "127.0.0.1"


class BrowserView:
    """Live image with arrows, goal, and their difference; its button `capture` is the key c. Raises ViewError.

    port: 0: any that is free.
    """

    live = True

    def __init__(self, title: str, port: int):
        self._view = LiveView(title)
        self._keys: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._server = ViewServer(self._view, {"capture": self._on_capture}, ADDRESS, port)
        self._server.start()
        self.url = self._server.url

    def _on_capture(self) -> str:
        self._keys.put(CAPTURE)
        return "the next picture becomes the goal"

    def show(self, screen: Screen, stamp_s: float) -> str:
        """See `View`."""
        self._view.show("live", screen.live)
        if screen.goal is not None:
            self._view.show("goal", screen.goal)
        for name, compare in (("difference", difference), ("overlay", overlay)):
            if screen.compared is not None and name in self._view.wanted:
                self._view.show(name, compare(*screen.compared))
        facts = {"matches": screen.status, **screen.notes}
        self._view.update(Reading(screen.state, screen.instruction, screen.error_px, facts=facts))
        return "" if self._keys.empty() else self._keys.get()

    def wait(self) -> None:
        """Until Ctrl-C."""
        while True:
            time.sleep(1)

    def close(self) -> None:
        self._server.stop()
