"""The first seconds of a process, in which it imports: a signal ends it at once, and it may have to wait."""

import contextlib
import importlib
import itertools
import os
import signal
import sys
from pathlib import Path

_NODES = (
    "keypoint_node",
    "depth_node",
    "controller_node",
    "twist_adapter",
    "dead_man",
    "simulation_bridge",
    "pybullet_bridge",
    "gazebo_bridge",
    "watch_node",
)
# The same exit codes as of a signal later on. The demo and `repeat` have 0 only where they arrived.
_EXIT_CODES = {**dict.fromkeys(_NODES, 0), "bringup": 0, "watch": 0, "demo": 1, "repeat": 1, "record": 1}


HOLD = "DEPTH_PC_ROS_HOLD"  # environment variable: modules to import before the wait, with spaces between them


def wait_for_release() -> None:
    """Where the parent started this process to be held: import what it will need, and wait for a byte on stdin.

    Importing takes longer than all else, and nobody outside notices it. A parent that ended releases nobody.
    """
    modules = os.environ.pop(HOLD, None)
    if modules is None:
        return
    for name in modules.split():
        with contextlib.suppress(Exception):  # the node says what is wrong when it needs it
            importlib.import_module(name)
    if not os.read(sys.stdin.fileno(), 1):
        os._exit(0)


def program_name(words: list[str]) -> str:
    """Which program of this package a command line runs: `-m depth_pc_ros.<...>`, or an installed script; "": none."""
    for before, word in itertools.pairwise(words[:6]):
        path = Path(word)
        if before == "-m" and word.startswith("depth_pc_ros."):
            return word.rpartition(".")[2]
        if path.name.startswith("depth_pc_") or path.parent.name == "depth_pc_ros":
            return path.stem.removeprefix("depth_pc_")
    return ""


def end_on_signals() -> None:
    """From now on, until the program sets handlers of its own, SIGINT and SIGTERM end it without a traceback.

    Nothing happens where another program imports this package. A process that is held leaves SIGTERM to the kernel:
    Python sees a signal only between two steps of its own, and loading one library takes seconds on a busy machine.
    """
    code = _EXIT_CODES.get(program_name(sys.orig_argv))
    if code is not None:
        for number in (signal.SIGINT, *(() if HOLD in os.environ else (signal.SIGTERM,))):
            signal.signal(number, lambda *_: os._exit(code))
