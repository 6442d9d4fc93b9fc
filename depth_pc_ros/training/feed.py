"""Batches of training scenes, prepared ahead of use by worker processes.

Batch k depends on the seed and on k alone, neither on the number of workers nor on what was drawn before.
"""

import multiprocessing
import os
import signal
import threading
from collections import deque
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

import numpy as np

from depth_pc_ros.errors import ConfigError, SceneError
from depth_pc_ros.training.clouds import Cloud
from depth_pc_ros.training.scene_config import SceneConfig
from depth_pc_ros.training.scenes import TrainingScene, sample_scene

_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")

_worker = {}


def make_batch(clouds: list[Cloud], config: SceneConfig, batch_size: int, seed: int, k: int) -> list[TrainingScene]:
    """Batch number k of a seed."""
    rng = np.random.default_rng([seed, 12, k])
    return [sample_scene(rng, clouds, config) for _ in range(batch_size)]


class SceneFeed:
    """Endless iterator over batches of scenes; close it, or use it in a `with` block.

    workers: processes of one thread each; 0 makes each batch in the caller when it is needed. ahead: batches kept
    ready or in preparation. start: number of the first batch, to resume where a run ended (`next_batch`).
    An error in a worker is raised by the `next` call that would have given the batch, and closes the feed.
    """

    def __init__(
        self,
        clouds: list[Cloud],
        config: SceneConfig,
        batch_size: int,
        seed: int,
        workers: int = 1,
        ahead: int = 8,
        start: int = 0,
    ):
        for name, value, low in (
            ("batch_size", batch_size, 1), ("seed", seed, 0), ("workers", workers, 0), ("ahead", ahead, 1),
            ("start", start, 0),
        ):  # fmt: skip
            if value < low:
                raise ConfigError(f"{name}: expected at least {low}, got {value}")
        self.next_batch = self._submitted = start
        self._batch = clouds, config, batch_size, seed
        self._pending = deque()
        self._closed = False
        self._pool = None
        if workers:
            context = multiprocessing.get_context("spawn")
            self._pool = ProcessPoolExecutor(workers, context, _start_worker, self._batch)
            self._submit(max(ahead, workers))

    def __iter__(self) -> "SceneFeed":
        return self

    def __next__(self) -> list[TrainingScene]:
        if self._closed:
            raise SceneError("feed: expected an open feed, got a closed one")
        try:
            batch = self._take() if self._pool else make_batch(*self._batch, self.next_batch)
        except BaseException:
            self.close()
            raise
        self.next_batch += 1
        return batch

    def _take(self) -> list[TrainingScene]:
        try:
            batch = self._pending.popleft().result()
            self._submit(1)
        except BrokenProcessPool:
            raise SceneError("workers: a worker process was killed (out of memory?)") from None
        return batch

    def _submit(self, count: int) -> None:
        with _one_thread():  # a process may start here
            for _ in range(count):
                self._pending.append(self._pool.submit(_work, self._submitted))
                self._submitted += 1

    def close(self) -> None:
        """End the workers, at most one batch later."""
        self._closed = True
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def __enter__(self) -> "SceneFeed":
        return self

    def __exit__(self, *_) -> None:
        self.close()


@contextmanager
def _one_thread():
    """Processes started inside inherit an environment in which numerical libraries use one thread."""
    before = {name: os.environ.get(name) for name in _THREADS}
    os.environ.update(dict.fromkeys(_THREADS, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value


def _start_worker(*batch) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _worker["batch"] = batch


def _end_with_parent() -> None:
    """A parent that was killed cannot end its workers."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _work(k: int) -> list[TrainingScene]:
    return make_batch(*_worker["batch"], k)
