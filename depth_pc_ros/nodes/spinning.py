"""`Spinner`: a thread that runs the callbacks of an executor, and ends before what it waits on is taken away."""

import threading
import traceback
from collections.abc import Callable

from rclpy.executors import Executor, ExternalShutdownException


class Spinner:
    """Spins an executor in a thread from now on, until `stop`, or until a callback fails (`crashed`; it is printed).

    on_end: called by the thread as its last act.

    rclpy's `Executor.shutdown` waits for nobody: it destroys what a spinning thread triggers after each callback
    (InvalidHandle) and what would wake it up (it then waits for ever). So the thread has to end first.
    """

    def __init__(self, executor: Executor, on_end: Callable[[], None] = lambda: None):
        self.crashed = False
        self._executor = executor
        self._on_end = on_end
        self._stopped = threading.Event()
        self._thread = threading.Thread(target=self._spin, daemon=True)
        self._thread.start()

    def _spin(self) -> None:
        try:
            while not self._stopped.is_set():
                self._executor.spin_once()
        except ExternalShutdownException:
            pass
        except Exception:
            if not self._stopped.is_set():
                traceback.print_exc()
                self.crashed = True
        self._on_end()

    def stop(self, within_s: float) -> None:
        """End the thread, and shut the executor down. A callback that runs has `within_s` to return, or is left."""
        self._executor.create_task(self._stopped.set)  # wakes the thread, however little it has to do
        self._thread.join(within_s)
        self._stopped.set()  # where a callback outlasts that, the task never runs
        self._executor.shutdown(timeout_sec=0.0)
