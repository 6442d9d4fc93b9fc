"""Where the tasks of a run are done: in processes of this machine, or on the workers of a Dask cluster."""

import multiprocessing
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, CancelledError, Executor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.schema import ResultsError
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.benchmark.worker import worker_pool


class TaskExecutor(Protocol):
    """Opens what does the tasks of a run with these settings."""

    def opened(self, settings: Settings, places: Places) -> AbstractContextManager[Executor]: ...

    def width(self) -> int:
        """Tasks that can be done at a time, now."""


class LocalExecutor:
    """Processes of this machine. workers: how many."""

    def __init__(self, workers: int):
        self._workers = workers

    def width(self) -> int:
        return self._workers

    @contextmanager
    def opened(self, settings: Settings, places: Places) -> Iterator[Executor]:
        with worker_pool(self._workers, settings, places, Path.cwd()) as pool:
            try:
                yield pool
            except BrokenProcessPool:
                raise
            except BaseException:
                for process in multiprocessing.active_children():
                    process.terminate()
                raise


def pooled(settings: Settings, places: Places, tasks, executor: TaskExecutor, work: Callable):
    """Yield what `work(*task)` gives in worker processes, as it finishes.

    Few tasks are handed out at a time, so an interruption loses little. Raises ResultsError where a worker was killed,
    and what `work` raises.
    """
    queue = iter(tasks)
    try:
        with executor.opened(settings, places) as pool:
            running = {pool.submit(work, *task) for _, task in zip(range(executor.width()), queue)}
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda future: future.exception() is not None):
                    yield future.result()
                for _, task in zip(range(executor.width() - len(running)), queue):
                    running.add(pool.submit(work, *task))
    except BrokenProcessPool:
        raise ResultsError(
            "workers: a worker process was killed (out of memory?); the same command resumes the run"
        ) from None
    except CancelledError:
        raise ResultsError("address: the scheduler has ended; the same command resumes the run") from None
