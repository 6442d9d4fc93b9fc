"""Runs the missing trials of a folder in worker processes, writes each as it finishes, and shows progress."""

import os
import shlex
import time
from pathlib import Path

import cv2
from tqdm import tqdm

from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.executors import TaskExecutor, pooled
from depth_pc_ros.benchmark.metrics import by_method, summarise
from depth_pc_ros.benchmark.results_writer import ResultsWriter
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.benchmark.trial import run_trial
from depth_pc_ros.benchmark.worker import in_worker, worker_episodes


def _work(level: str, index: int, method: str) -> dict:
    return run_trial(worker_episodes().episode(level, index), method, *in_worker())


def run(
    settings: Settings, places: Places, methods, chosen, writer: ResultsWriter, executor: TaskExecutor, facts: dict
) -> None:  # fmt: skip
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
        for trial in pooled(settings, places, tasks, executor, _work):
            writer.add_trial(trial)
            bar.set_postfix_str(_standing(writer.results.trials), refresh=False)
            bar.update()


def _standing(trials: list[dict]) -> str:
    """The numbers of each method so far, for the progress bar."""
    parts = []
    for group in by_method(trials).values():
        row = summarise(group)
        parts.append(f"{row.label} SR {100 * row.sr:.0f}% TE {row.te_mm:.2f}mm RE {row.re_deg:.3f}°")
    return " | ".join(parts)


def command_of(arguments) -> str:
    """The command line of a run, for its results."""
    return shlex.join(["python", "-m", "depth_pc_ros.benchmark", *arguments.words])


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
