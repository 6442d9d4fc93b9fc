"""A recording from its begin to its end: the recorder spins until it is interrupted, or the disk is full."""

import time
from pathlib import Path

import rclpy
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor

from depth_pc_ros.nodes.recorder import Recorder
from depth_pc_ros.nodes.transport import use_large_shared_memory

READY = "recording to"  # begins the line that is printed once all topics have been heard
_WAIT_S = 10.0  # then it is said what is missing


def record(folder: Path, namespace: str, image: str, camera_info: str, codec: str, with_depth: bool) -> str:
    """Record until interrupted, see `Recorder`; prints what it does. Returns what went wrong, or nothing.

    Raises FileError where it cannot begin.
    """
    use_large_shared_memory()
    context = Context()
    rclpy.init(context=context)
    recorder = None
    try:
        recorder = Recorder(folder, namespace, image, camera_info, codec, with_depth, context=context)
        executor = SingleThreadedExecutor(context=context)
        executor.add_node(recorder)
        try:
            _spin(recorder, executor, folder)
        except KeyboardInterrupt:
            recorder.close()
        print(_summary(recorder, folder), flush=True)
        return recorder.problem
    finally:
        if recorder is not None:
            recorder.destroy_node()
        rclpy.try_shutdown(context=context)


def _spin(recorder: Recorder, executor: SingleThreadedExecutor, folder: Path) -> None:
    """Until interrupted, or the disk is full."""
    ready, warn_s = False, time.monotonic() + _WAIT_S
    while not recorder.problem:
        executor.spin_once(timeout_sec=0.1)
        if not ready and not recorder.missing and not recorder.missing_parameters:
            ready = True
            print(f"{READY} {folder}", flush=True)
        elif not ready and time.monotonic() > warn_s:
            warn_s = float("inf")
            names = [*recorder.missing, *(f"the parameters of {name}" for name in recorder.missing_parameters)]
            print(f"nothing has come yet of: {', '.join(names)}; the rest is recorded", flush=True)
    recorder.close()


def _summary(recorder: Recorder, folder: Path) -> str:
    counts = ", ".join(f"{topic} {count}" for topic, count in sorted(recorder.counts.items())) or "no message"
    size = sum(file.stat().st_size for file in folder.glob("*"))
    dropped = "".join(f"; left out of {topic}: {count}" for topic, count in recorder.dropped.items())
    return f"{folder}: {size / 1e6:.1f} MB: {counts}{dropped}"
