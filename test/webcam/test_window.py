import os
import shutil
import subprocess
import sys

import pytest

from depth_pc_ros.webcam.window import Window, WindowError

# In a process of its own: one that has drawn on a screen ends with it.
WINDOW = """
import numpy as np
from depth_pc_ros.webcam.window import Window

def pressed(*keys):
    root.focus_force()
    root.update()
    for key in keys:
        root.event_generate("<Key>", keysym=key)
    root.update()

picture = np.full((60, 80, 3), (200, 40, 10), np.uint8)
window = Window("a title")
root = window._root
print([window.draw(picture)], root.winfo_width(), root.winfo_height(), *window._photo.get(10, 10))
pressed("c", "Escape")
print(window.draw(picture // 2), *window._photo.get(10, 10))
print(window.draw(picture), [window.draw(picture)])
root.tk.call(root.protocol("WM_DELETE_WINDOW"))
print(window.draw(picture))
pressed("q")
window.wait()
window.close()
"""


@pytest.fixture
def display():
    """A screen that nobody sees; where there is no Xvfb, the test is skipped."""
    pytest.importorskip("tkinter", reason="no tkinter: apt install python3-tk")
    if shutil.which("Xvfb") is None:
        pytest.skip("no Xvfb: apt install xvfb")
    read, write = os.pipe()
    command = ["Xvfb", "-displayfd", str(write), "-screen", "0", "320x240x24", "-nolisten", "tcp"]
    server = subprocess.Popen(command, pass_fds=[write], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    os.close(write)
    with os.fdopen(read) as numbers:
        number = numbers.readline().strip()  # comes when it is ready
    assert number, "Xvfb ended"
    yield f":{number}"
    server.terminate()
    server.wait(60)


def test_a_window_shows_pictures_and_takes_keys_and_is_closed(display):
    done = subprocess.run(
        [sys.executable, "-c", WINDOW], env={**os.environ, "DISPLAY": display}, capture_output=True, text=True,
        timeout=120, check=False,
    )  # fmt: skip
    assert done.stderr == ""
    assert done.stdout.splitlines() == ["[''] 80 60 200 40 10", "c 100 20 5", "q ['']", "q"]


@pytest.mark.skipif(sys.platform != "linux", reason="other systems name no display")
def test_no_screen_and_no_tkinter_are_one_line_that_names_the_way_out(monkeypatch):
    pytest.importorskip("tkinter", reason="no tkinter: apt install python3-tk")
    monkeypatch.delenv("DISPLAY", raising=False)
    with pytest.raises(WindowError, match=r"^window: there is no screen to open one on \(.*\); give --browser"):
        Window("a title")
    monkeypatch.setitem(sys.modules, "tkinter", None)
    with pytest.raises(WindowError, match=r"no tkinter \(apt install python3-tk\); give --browser"):
        Window("a title")
