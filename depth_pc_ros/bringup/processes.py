"""`NodeProcesses`: starts every node of a start-up table in a process of its own, watches them, stops them."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from depth_pc_ros.bringup.client import ServoClient
from depth_pc_ros.bringup.node_table import NodeSpec
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.nodes.starting import HOLD

STOP_WITHIN_S = 10.0  # a second or two, but for a busy machine
_START_ENDS_WITHIN_S = 1.5  # of a node that still starts: it may load a library for many seconds, and moves nothing
LATE_NICE = 10  # of the late nodes
STOP_SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)  # of the parent
_LIBC = ctypes.CDLL(None)
_PR_SET_PDEATHSIG = 1


class NodeDiedError(DepthPcError):
    """A node's process ended by itself."""


@contextlib.contextmanager
def uninterrupted():
    """Signals that come meanwhile are handled at the end. Only for the main thread, as all of Python's signals."""
    came = []
    before = {number: signal.signal(number, lambda number, _: came.append(number)) for number in STOP_SIGNALS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
        if came:
            signal.raise_signal(came[0])


class NodeProcesses:
    """A context manager: the processes run inside it.

    specs: what to start. log_dir: folder for `<name>.log` of each node; None: they write to this terminal. held: the
    processes import what they need, and wait for `release` before they join ROS.
    A Ctrl-C in the terminal reaches this process only, which then stops the nodes.
    """

    def __init__(self, specs: list[NodeSpec], log_dir: Path | None = None, held: bool = False):
        self.specs = specs
        self.log_dir = log_dir
        self._processes: dict[str, subprocess.Popen] = {}
        self._starting: set[str] = set()  # what `wait_until_active` still waits for
        self._all_active = False
        self._held = held

    def __enter__(self) -> "NodeProcesses":
        try:
            for spec in self.specs:
                self._start(spec, "wb")
        except BaseException:  # a Ctrl-C, too
            self.stop()
            raise
        return self

    def _start(self, spec: NodeSpec, log_mode: str) -> None:
        with contextlib.ExitStack() as stack:
            log = None
            if self.log_dir is not None:
                self.log_dir.mkdir(parents=True, exist_ok=True)
                log = stack.enter_context(open(self._log(spec.name), log_mode))
            with uninterrupted():  # or a process would be started and not be known
                self._processes[spec.name] = subprocess.Popen(
                    spec.command(),
                    stdin=subprocess.PIPE if self._held else subprocess.DEVNULL,
                    env={**os.environ, HOLD: " ".join(spec.preload)} if self._held else None,
                    stdout=log,
                    stderr=log,
                    start_new_session=True,
                    preexec_fn=lambda: begin_process(LATE_NICE if spec.late else 0),
                )

    def __exit__(self, *exc) -> None:
        self.stop()

    def release(self) -> None:
        """Let the held processes go on."""
        self._held = False
        for process in self._processes.values():
            with contextlib.suppress(OSError):  # it has ended: `check` says so
                process.stdin.write(b"\n")
                process.stdin.close()

    def send_signal(self, name: str, number: int) -> None:
        """Send a signal to one node."""
        self._processes[name].send_signal(number)

    def wait(self, name: str, timeout_s: float) -> int:
        """Exit code of a node that is about to end."""
        return self._processes[name].wait(timeout_s)

    def check(self) -> None:
        """Raise NodeDiedError when a node has ended: its name, exit code and, with a log, the last line of it.

        One that is not essential, and ended after all were active, is started again instead.
        """
        for spec in self.specs:
            name = spec.name
            code = self._processes[name].poll()
            if code is not None and self._all_active and not spec.essential:
                self._start(spec, "ab")
            elif code is not None:
                how = f"was killed by {signal.Signals(-code).name}" if code < 0 else f"ended with exit code {code}"
                raise NodeDiedError(f"node {name} {how}{self._last_line(name)}")

    def wait_until_active(
        self,
        client: ServoClient,
        timeout_s: float = 60.0,
        on_active: Callable[[str], None] = lambda name: None,
        on_ready: Callable[[], None] = lambda: None,
    ) -> None:
        """Return once every node is active. Raises NodeDiedError, also when one is not active in time.

        on_active: called with the name of each. on_ready: called once all but the late ones are.
        """
        deadline_s = time.monotonic() + timeout_s
        self._starting = {spec.name for spec in self.specs}
        ready = False
        for spec in sorted(self.specs, key=lambda spec: spec.late):
            if spec.late and not ready:
                ready = True
                on_ready()
            while not client.is_active(spec.name):
                self.check()
                if time.monotonic() > deadline_s:
                    last_line = self._last_line(spec.name)
                    raise NodeDiedError(f"node {spec.name} is not active after {timeout_s:.0f} s{last_line}")
                time.sleep(0.05)
            self._starting.discard(spec.name)
            on_active(spec.name)
        self._all_active = True
        if not ready:
            on_ready()

    def ask_to_end(self) -> None:
        """Send SIGTERM to all nodes that run, without waiting for their end; `stop` waits."""
        for process in self._processes.values():
            if process.poll() is None:
                process.send_signal(signal.SIGTERM)

    def stop(self) -> dict[str, int]:
        """Stop all nodes by SIGTERM (they publish their zeros first), and kill those that have not ended after a while.

        Returns the exit code of each node. A process that has not begun to run Python yet ends by the signal itself.
        One that `wait_until_active` was still waiting for gets little time, and is killed without a word.
        """
        with uninterrupted():
            self.ask_to_end()
            begin_s = time.monotonic()
            for name, process in sorted(self._processes.items(), key=lambda item: item[0] not in self._starting):
                within_s = _START_ENDS_WITHIN_S if name in self._starting else STOP_WITHIN_S
                try:
                    process.wait(max(begin_s + within_s - time.monotonic(), 0.0))
                except subprocess.TimeoutExpired:
                    if name not in self._starting:
                        print(f"node {name} did not end and is killed", file=sys.stderr, flush=True)
                    process.kill()
                    process.wait()
        return {name: process.returncode for name, process in self._processes.items()}

    def _log(self, name: str) -> Path:
        return self.log_dir / f"{name}.log"

    def _last_line(self, name: str) -> str:
        if self.log_dir is None:
            return ""
        lines = self._log(name).read_text(errors="replace").strip().splitlines()
        return f": {lines[-1]} (log: {self._log(name)})" if lines else ""


def begin_process(nice: int = 0) -> None:
    """In a new node's process: lower its priority, and have a SIGTERM sent when the parent ends, even by a kill -9."""
    os.nice(nice)
    if sys.platform == "linux":
        _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
