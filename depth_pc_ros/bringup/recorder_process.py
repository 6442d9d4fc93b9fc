"""`record` beside a run, in a process of its own: whatever happens to it, the servo goes on."""

import contextlib
import signal
import subprocess
import sys
import time
from pathlib import Path

from depth_pc_ros.bringup.processes import begin_process
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.nodes.recording import READY

_READY_WITHIN_S, _ENDS_WITHIN_S = 60.0, 20.0


class RecorderError(DepthPcError):
    """The recording did not begin."""


class RecorderProcess:
    """A context manager that records into the new folder `bag` while it is open; log: file for what it prints."""

    def __init__(self, bag: Path, namespace: str, log: Path, *options: str):
        self._command = [sys.executable, "-m", "depth_pc_ros.cli.record", str(bag), "--namespace", namespace, *options]
        self._log = log

    def __enter__(self) -> "RecorderProcess":
        self._log.parent.mkdir(parents=True, exist_ok=True)
        with open(self._log, "wb") as log:
            self._process = subprocess.Popen(
                self._command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, start_new_session=True,
                preexec_fn=begin_process,
            )  # fmt: skip
        return self

    def wait_until_recording(self) -> None:
        """Return once every topic has been heard. Raises RecorderError."""
        end_s = time.monotonic() + _READY_WITHIN_S
        while READY not in self._text():
            if self._process.poll() is not None or time.monotonic() > end_s:
                raise RecorderError(f"record: it did not begin: {self.last_line or 'no topic was heard'}")
            time.sleep(0.05)

    @property
    def last_line(self) -> str:
        """The last line that it printed, such as what is in the bag, or why it ended."""
        return (self._text().strip().splitlines() or [""])[-1]

    def _text(self) -> str:
        return self._log.read_text(errors="replace")

    def __exit__(self, *exc) -> None:
        self._process.send_signal(signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(_ENDS_WITHIN_S)
            return
        self._process.kill()
        self._process.wait()
