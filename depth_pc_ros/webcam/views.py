"""Where a person sees what is to be done: a window, a video file, a page of a browser, or nowhere."""

from typing import Protocol

from depth_pc_ros.files.video_file import VideoWriter
from depth_pc_ros.webcam.picture import Screen

CAPTURE, QUIT = "c", "q"  # keys


class View(Protocol):
    """live: whether a person watches it now, and `wait` returns when they have seen the last picture."""

    live: bool

    def show(self, screen: Screen, stamp_s: float) -> str:
        """Show what is seen at this time in s; returns the key that was pressed, "" for none."""
        ...

    def wait(self) -> None: ...


class NoView:
    """Nowhere."""

    live = False

    def show(self, screen: Screen, stamp_s: float) -> str:
        return ""

    def wait(self) -> None:
        pass


class FileView(NoView):
    """Into a video file that plays in the time of the pictures: some are repeated, or left out, where need be."""

    def __init__(self, writer: VideoWriter):
        self._writer = writer
        self._first_s: float | None = None

    def show(self, screen: Screen, stamp_s: float) -> str:
        self._first_s = stamp_s if self._first_s is None else self._first_s
        wanted = round((stamp_s - self._first_s) * self._writer.rate_hz) + 1
        missing = wanted - self._writer.count
        if missing > 0:
            picture = screen.picture()
            for _ in range(missing):
                self._writer.add(picture)
        return ""
