"""A worker process of a run: one thread, one set of settings, ended with its parent.

Workers are new processes, so numbers depend neither on how many there are nor on their order.
"""

import multiprocessing
import os
import signal
import sys
import threading
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import cv2

from depth_pc_ros.benchmark.episodes import EpisodeSource, Places
from depth_pc_ros.benchmark.settings import Settings

# OpenCV and numpy use one thread each in a worker, and so does Mesa's llvmpipe (LP).
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LP_NUM_THREADS")

_worker: dict = {}


def worker_pool(count: int, settings: Settings, places: Places, folder: Path) -> ProcessPoolExecutor:
    """Up to `count` worker processes, each started when it is first needed. folder: where they work."""
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # the workers inherit it
    context = multiprocessing.get_context("spawn")
    return ProcessPoolExecutor(count, context, _start_worker, (settings, places, folder))


def _start_worker(settings: Settings, places: Places, folder: Path) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as an exception, so that worlds are closed
    threading.Thread(target=_end_with_parent, daemon=True).start()
    os.chdir(folder)
    cv2.setNumThreads(1)
    _worker["settings"], _worker["places"] = settings, places
    _worker["source"] = EpisodeSource(settings, places)


def _end_with_parent() -> None:
    """A parent that was killed cannot end its workers."""
    multiprocessing.parent_process().join()
    os._exit(1)


def in_worker() -> tuple[Settings, Places]:
    """The settings and places of the run, in a worker process."""
    return _worker["settings"], _worker["places"]


def worker_episodes() -> EpisodeSource:
    """The episodes of the run, in a worker process."""
    return _worker["source"]
