"""Runs the missing trials of a folder in worker processes, writes each as it finishes, and shows progress.

Workers are new processes with one thread each, so numbers depend neither on their number nor on their order.
"""

import multiprocessing
import os
import signal
import sys
import threading
import time
from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import cv2
from tqdm import tqdm

from depth_pc_ros.benchmark.episodes import EpisodeSource, Places
from depth_pc_ros.benchmark.metrics import by_method, summarise
from depth_pc_ros.benchmark.results_writer import ResultsWriter
from depth_pc_ros.benchmark.schema import ResultsError
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.benchmark.trial import run_trial

# OpenCV and numpy use one thread each in a worker, and so does Mesa's llvmpipe (LP).
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "LP_NUM_THREADS")


_worker: dict = {}


def _start_worker(settings: Settings, places: Places) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent decides
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))  # as an exception, so that worlds are closed
    threading.Thread(target=_end_with_parent, daemon=True).start()
    cv2.setNumThreads(1)
    _worker["settings"], _worker["places"] = settings, places
    _worker["source"] = EpisodeSource(settings, places)


def in_worker() -> tuple[Settings, Places]:
    """The settings and places of the run, in a worker process."""
    return _worker["settings"], _worker["places"]


def _end_with_parent() -> None:
    """A parent that was killed cannot end its workers."""
    multiprocessing.parent_process().join()
    os._exit(1)


def _work(level: str, index: int, method: str) -> dict:
    return run_trial(_worker["source"].episode(level, index), method, _worker["settings"], _worker["places"])


def run(settings: Settings, places: Places, methods, chosen, writer: ResultsWriter, workers: int, facts: dict) -> None:
    """Run every method on the `chosen` (level, index) episodes, but for those the folder has already.

    facts: noted in the results if anything runs, see `run_facts`.
    """
    finished = writer.results.finished
    tasks = [
        (level, index, method)
        for level, index in chosen
        for method in methods
        if (f"{settings.split}/{level}/{index:03d}", method) not in finished
    ]
    if not tasks:
        return
    writer.add_run(facts)
    total = len(chosen) * len(methods)
    with tqdm(
        total=total, initial=total - len(tasks), desc=settings.fault or None, unit="trial", dynamic_ncols=True,
        smoothing=0.05,
    ) as bar:  # fmt: skip
        bar.set_postfix_str(_standing(writer.results.trials))
        for trial in pooled(settings, places, tasks, workers, _work):
            writer.add_trial(trial)
            bar.set_postfix_str(_standing(writer.results.trials), refresh=False)
            bar.update()


def pooled(settings: Settings, places: Places, tasks, workers: int, work):
    """Yield what `work(*task)` gives in worker processes, as it finishes.

    Few tasks are handed out at a time, so an interruption loses little.
    """
    os.environ.update(dict.fromkeys(_THREADS, "1"))  # the workers inherit it
    context = multiprocessing.get_context("spawn")
    workers = min(workers, len(tasks))
    queue = iter(tasks)
    with ProcessPoolExecutor(workers, context, _start_worker, (settings, places)) as pool:
        running = {pool.submit(work, *task) for _, task in zip(range(workers), queue)}
        try:
            while running:
                done, running = wait(running, return_when=FIRST_COMPLETED)
                for future in sorted(done, key=lambda future: future.exception() is not None):
                    yield future.result()
                    task = next(queue, None)
                    if task is not None:
                        running.add(pool.submit(work, *task))
        except BrokenProcessPool:
            raise ResultsError(
                "workers: a worker process was killed (out of memory?); the same command resumes the run"
            ) from None
        except BaseException:
            for process in multiprocessing.active_children():
                process.terminate()
            raise


def _standing(trials: list[dict]) -> str:
    """The numbers of each method so far, for the progress bar."""
    parts = []
    for group in by_method(trials).values():
        row = summarise(group)
        parts.append(f"{row.label} SR {100 * row.sr:.0f}% TE {row.te_mm:.2f}mm RE {row.re_deg:.3f}°")
    return " | ".join(parts)


def run_facts(command: str, commit: str, places: Places) -> dict:
    """What is noted about a start of the benchmark."""
    return {
        "command": command,
        "commit": commit,
        "started": time.strftime("%Y-%m-%d %H:%M:%S"),
        "host": f"{os.cpu_count()} cores",
        "opencv": cv2.__version__,
        "places": {name: value and str(Path(value).resolve()) for name, value in vars(places).items()},
    }
