"""What a signal does while a program of this package still imports, which takes seconds: it ends at once."""

import itertools
import os
import signal
import sys
from pathlib import Path

_NODES = ("keypoint_node", "depth_node", "controller_node", "twist_adapter", "dead_man", "pybullet_bridge")
# The same exit codes as of a signal later on. The demo and `repeat` have 0 only where they arrived.
_EXIT_CODES = {**dict.fromkeys(_NODES, 0), "bringup": 0, "demo": 1, "repeat": 1}


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

    Nothing happens where another program imports this package.
    """
    code = _EXIT_CODES.get(program_name(sys.orig_argv))
    if code is not None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, lambda *_: os._exit(code))
