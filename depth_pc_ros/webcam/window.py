"""A window on this computer's screen, by tkinter: OpenCV's headless build has none."""

import time

import numpy as np

from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.webcam.picture import Screen
from depth_pc_ros.webcam.views import QUIT

_OTHERWISE = "give --browser for a page in a browser, or --output FILE for a video"


class WindowError(DepthPcError):
    """There is no screen, or no tkinter, to open a window with."""


class Window:
    """Shows pictures and takes keys. Escape, and closing the window, are the key q. Raises WindowError."""

    live = True

    def __init__(self, title: str):
        try:
            import tkinter
        except ImportError:
            raise WindowError(f"window: Python has no tkinter (apt install python3-tk); {_OTHERWISE}") from None
        try:
            self._root = tkinter.Tk()
        except tkinter.TclError as problem:
            raise WindowError(f"window: there is no screen to open one on ({problem}); {_OTHERWISE}") from None
        self._keys: list[str] = []
        self._root.title(title)
        self._root.protocol("WM_DELETE_WINDOW", lambda: self._keys.append(QUIT))
        self._root.bind("<Key>", lambda event: self._keys.append(QUIT if event.keysym == "Escape" else event.char))
        self._photo = tkinter.PhotoImage(master=self._root)
        tkinter.Label(self._root, image=self._photo, borderwidth=0).pack()

    def show(self, screen: Screen, stamp_s: float) -> str:
        """See `View`."""
        return self.draw(screen.picture())

    def draw(self, picture: np.ndarray) -> str:
        """Show a picture (H, W, 3) uint8 RGB; returns the key that was pressed since the last one, "" for none."""
        height, width = picture.shape[:2]
        self._photo.configure(data=b"P6 %d %d 255\n" % (width, height) + picture.tobytes(), format="PPM")
        self._root.update()
        return self._keys.pop(0) if self._keys else ""

    def wait(self) -> None:
        """Until the key q."""
        while QUIT not in self._keys:
            self._root.update()
            time.sleep(0.03)

    def close(self) -> None:
        self._root.destroy()
