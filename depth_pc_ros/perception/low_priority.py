"""A process that must not take time from the servo."""

import os


def be_nice() -> None:
    """Lower this process's priority."""
    os.setpriority(os.PRIO_PROCESS, 0, max(10, os.getpriority(os.PRIO_PROCESS, 0)))
