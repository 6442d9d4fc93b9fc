"""How long one servo step takes, stage by stage, next to bare AKAZE and SIFT on the same images. No ROS in here.

The stages that need ROS messages (decode, publish) come from a `MessageStages` of `nodes.transport_probe`.
"""

import os
import sys
import time
from typing import Any, Protocol

import cv2
import numpy as np

from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.perception.factory import make_matcher
from depth_pc_ros.perception.matchers import AKAZE_THRESHOLD
from depth_pc_ros.pipeline import ServoPipeline
from depth_pc_ros.sim.world import SimWorld
from depth_pc_ros.types import StepResult

MEDIAN_TARGET, P95_TARGET = 0.25, 1.5  # whole step over bare AKAZE
TRANSPORT_TARGET_MS = 5.0
CORES = 2
DT_S = 0.04  # simulated camera period
WARM_UP = 3  # first frames, not counted


class MessageStages(Protocol):
    """The stages of a step that handle ROS messages."""

    def encode(self, image: np.ndarray, stamp_s: float) -> Any:
        """The serialised image message (not timed: the camera driver's work)."""

    def decode(self, message: Any) -> np.ndarray:
        """Image (H, W, 3) uint8 RGB of a serialised message."""

    def publish(self, num_keypoints: int, result: StepResult, stamp_s: float) -> None:
        """Build and publish everything the nodes send for one image."""


def use_two_cores() -> None:
    """Keep this process on two cores, and OpenCV on two threads, whatever the machine has."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:CORES])
    cv2.setNumThreads(CORES)


def measure_steps(frames: int, seed: int, messages: MessageStages | None, **options) -> dict[str, Any]:
    """Servo in the default scene, in real time as the nodes do, and time `frames` steps; then the same images are given
    to bare AKAZE and SIFT.

    options: of `PipelineConfig`. Returns milliseconds by stage, of the whole step, of AKAZE and of SIFT as `summary`s,
    and the ratios step / AKAZE of medians and of 95th percentiles.
    """
    stages: dict[str, list[float]] = {}
    step_ms, images = [], []
    config = PipelineConfig(**options)
    pipeline = ServoPipeline(config, make_matcher(config, background=True, repeats=False))
    if "torch" in sys.modules:  # of a learned law, which has one thread in the controller node, too
        sys.modules["torch"].set_num_threads(1)
    with SimWorld(scene="default", seed=seed) as world:
        goal_image, _, _ = world.goal_view()
        pipeline.set_goal(goal_image, world.intrinsics.matrix, world.scene_distance)
        world.reset_to_start()
        begin = time.monotonic()
        for index in range(frames + WARM_UP):
            stamp_s = DT_S * (index + 1)
            time.sleep(max(0.0, begin + stamp_s - time.monotonic()))
            image, depth_m = world.render()
            result, timings = _one_step(pipeline, image, depth_m, stamp_s, messages)
            if index >= WARM_UP:
                for name, value in timings.items():
                    stages.setdefault(name, []).append(value)
                step_ms.append(sum(timings.values()))
                images.append(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
            world.step(result.twist, DT_S)
            if result.converged:
                world.reset_to_start()
                pipeline.reset()
    akaze, sift = cv2.AKAZE_create(threshold=AKAZE_THRESHOLD), cv2.SIFT_create(nfeatures=config.max_keypoints)
    akaze_ms = [timed(lambda grey=grey: akaze.detectAndCompute(grey, None)) for grey in images]
    sift_ms = [timed(lambda grey=grey: sift.detectAndCompute(grey, None)) for grey in images]
    whole, bare = summary(step_ms), summary(akaze_ms)
    return {
        "stages_ms": {name: summary(values) for name, values in stages.items()},
        "step_ms": whole,
        "akaze_ms": bare,
        "sift_ms": summary(sift_ms),
        "ratio": whole["median"] / bare["median"],
        "p95_ratio": whole["p95"] / bare["p95"],
    }


def summary(values_ms) -> dict[str, float]:
    """Median and 95th percentile."""
    return {"median": float(np.median(values_ms)), "p95": float(np.percentile(values_ms, 95))}


def report(results: dict[str, Any]) -> str:
    """The results of `measure_steps`, with those of the transport under "transport_ms" if measured, as a table."""
    lines = [f"{'stage':<28}{'median ms':>10}{'p95 ms':>10}"]

    def row(name, values):
        numbers = f"{values['median']:>10.2f}{values['p95']:>10.2f}" if values else f"{'not measured':>20}"
        lines.append(f"{name:<28}{numbers}")

    for name in ("decode", "detect", "match", "control", "publish"):
        row(name, results["stages_ms"].get(name))
    row("whole step", results["step_ms"])
    row("bare cv2.AKAZE", results["akaze_ms"])
    row("bare cv2.SIFT", results["sift_ms"])
    row("image between two processes", results.get("transport_ms"))
    lines.append(_verdict("whole step / bare AKAZE, medians", results["ratio"], MEDIAN_TARGET, ""))
    lines.append(_verdict("whole step / bare AKAZE, 95th percentiles", results["p95_ratio"], P95_TARGET, ""))
    if results.get("transport_ms"):
        lines.append(_verdict("image transport", results["transport_ms"]["median"], TRANSPORT_TARGET_MS, " ms"))
    return "\n".join(lines)


def _verdict(name: str, value: float, target: float, unit: str) -> str:
    return f"{name}: {value:.2f}{unit}, target at most {target:g}{unit}: {met(value <= target)}"


def met(good: bool) -> str:
    """How a report says whether a target is met."""
    return "met" if good else "MISSED"


def _one_step(pipeline, image, depth_m, stamp_s, messages) -> tuple[StepResult, dict[str, float]]:
    """One whole step in the order of the nodes, and its milliseconds by stage."""
    if messages is None:
        result = pipeline.step(image, stamp_s, depth_m, age_s=0.0)
        return result, result.timings_ms
    message = messages.encode(image, stamp_s)
    start = time.perf_counter()
    image = messages.decode(message)
    decode_ms = 1e3 * (time.perf_counter() - start)
    result = pipeline.step(image, stamp_s, depth_m, age_s=0.0)
    publish_ms = timed(lambda: messages.publish(len(pipeline.matcher.goal_points), result, stamp_s))
    return result, {"decode": decode_ms, **result.timings_ms, "publish": publish_ms}


def timed(call) -> float:
    """Milliseconds that `call()` takes."""
    start = time.perf_counter()
    call()
    return 1e3 * (time.perf_counter() - start)
