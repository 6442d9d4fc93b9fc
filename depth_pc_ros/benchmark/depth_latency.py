"""The rate of relative depth estimates while the servo runs, and their cost in servo time. Two cores, no ROS.

The images of one servo run are played back at the camera's rate, once without depth and once beside a process that
estimates depth of one image after the other, as the depth node does at most.
"""

import multiprocessing
import tempfile
import time
from contextlib import contextmanager
from dataclasses import dataclass

import numpy as np
import torch
from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation, Dinov2Config
from transformers.utils.logging import disable_progress_bar

from depth_pc_ros.benchmark.latency import DT_S, WARM_UP, met, summary
from depth_pc_ros.errors import CheckpointError, ConfigError, DepthPcError
from depth_pc_ros.package_files import SHIPPED_DEPTH
from depth_pc_ros.perception.relative_depth import RelativeDepth, load_depth_network, lower_priority
from depth_pc_ros.pipeline import ServoPipeline
from depth_pc_ros.sim.world import SimWorld

RANDOM_SMALL = "random_small"  # the official Small model in all but its weights: equally fast, and needs no download
RATE_TARGETS_HZ = {SHIPPED_DEPTH: 8.0, RANDOM_SMALL: 2.0}
GROWTH_TARGET = 1.2  # 95th percentile of a servo step beside depth, over that without
_START_S = 60.0


@dataclass(frozen=True)
class _Run:
    """A goal and the images of a servo run to it. K: (3, 3). images: each (H, W, 3) uint8 RGB."""

    goal: np.ndarray
    K: np.ndarray
    distance_m: float
    images: list[np.ndarray]


def measure_depth(models: list[str], frames: int, seed: int) -> dict[str, dict]:
    """By model, and under "" without depth: `step_ms`, a summary; with a model also its `rate_hz`.

    Raises CheckpointError for a model that cannot be loaded.
    """
    if not models:
        raise ConfigError("models: expected at least one, got none")
    for model in models:  # a wrong one is refused before anything is measured
        if model != RANDOM_SMALL:
            load_depth_network(model)
    torch.set_num_threads(1)  # as in the controller node: on busy cores more threads wait for each other
    recorded = _record(frames + WARM_UP, seed)
    alone = _play(recorded)
    results = {}
    for model in models:
        with _folder(model) as folder, _Estimating(folder, recorded.images[:: max(1, frames // 8)]) as estimating:
            step_ms = _play(recorded)
        results[model] = {"step_ms": summary(step_ms), "rate_hz": estimating.rate_hz}
    alone += _play(recorded)  # before and after the others, in case the machine changes
    return {"": {"step_ms": summary(alone)}, **results}


def _record(count: int, seed: int) -> _Run:
    pipeline, images = ServoPipeline.from_config(), []
    with SimWorld(scene="default", seed=seed) as world:
        goal, _, _ = world.goal_view()
        recorded = _Run(goal, world.intrinsics.matrix, world.scene_distance, images)
        pipeline.set_goal(goal, recorded.K, recorded.distance_m)
        world.reset_to_start()
        while len(images) < count:
            images.append(world.render()[0])
            world.step(pipeline.step(images[-1], DT_S * len(images), age_s=0.0).twist, DT_S)
    return recorded


def _play(recorded: _Run) -> list[float]:
    """Milliseconds of each step at the camera's rate."""
    pipeline = ServoPipeline.from_config()
    pipeline.set_goal(recorded.goal, recorded.K, recorded.distance_m)
    step_ms, begin = [], time.perf_counter()
    for index, image in enumerate(recorded.images):
        time.sleep(max(0.0, begin + DT_S * index - time.perf_counter()))
        started = time.perf_counter()
        pipeline.step(image, DT_S * (index + 1), age_s=0.0)
        step_ms.append(1e3 * (time.perf_counter() - started))
    return step_ms[WARM_UP:]


class _Estimating:
    """Estimates depth in another process inside this context; afterwards `rate_hz` holds the estimates per second."""

    def __init__(self, model: str, images: list[np.ndarray]):
        context = multiprocessing.get_context("spawn")
        self._stop, self._model = context.Event(), model
        self._ours, self._theirs = context.Pipe()
        self._process = context.Process(target=_estimate, args=(model, images, self._stop, self._theirs), daemon=True)
        self.rate_hz = float("nan")

    def __enter__(self) -> "_Estimating":
        self._process.start()
        self._theirs.close()  # so that the end of the other process is noticed
        problem = self._answer()
        if problem:
            self._end()
            raise CheckpointError(problem)
        return self

    def __exit__(self, kind, *_):
        self._stop.set()
        answer = None if kind else self._answer()
        self._end()
        if isinstance(answer, str):
            raise CheckpointError(answer)
        if answer is not None:
            self.rate_hz = answer

    def _answer(self):
        """The next message of the other process, or an error text if it ended or is silent."""
        try:
            if self._ours.poll(_START_S):
                return self._ours.recv()
        except EOFError:
            return f"depth model: the process that runs {self._model} ended"
        return f"depth model: {self._model} did not answer within {_START_S:g} s"

    def _end(self) -> None:
        self._process.terminate()
        self._process.join()
        self._ours.close()


def _estimate(model: str, images: list[np.ndarray], stop, pipe) -> None:
    """The other process: sends "" once it runs, or an error text, and at the end the estimates per second."""
    lower_priority()
    try:
        depth = RelativeDepth(model)
        depth(images[0])
    except DepthPcError as error:
        pipe.send(str(error))
        return
    pipe.send("")
    count, begin = 0, time.perf_counter()
    while not stop.is_set():
        depth(images[count % len(images)])
        count += 1
    pipe.send(count / (time.perf_counter() - begin))


@contextmanager
def _folder(model: str):
    """What `RelativeDepth` is to load for `model`."""
    if model != RANDOM_SMALL:
        yield model
        return
    disable_progress_bar()
    with tempfile.TemporaryDirectory() as folder:
        DepthAnythingForDepthEstimation(official_small()).save_pretrained(folder)
        yield folder


def official_small() -> DepthAnythingConfig:
    """The configuration of Depth-Anything-V2-Small."""
    backbone = Dinov2Config(
        hidden_size=384,
        num_hidden_layers=12,
        num_attention_heads=6,
        image_size=518,
        patch_size=14,
        out_indices=[3, 6, 9, 12],
        reshape_hidden_states=False,
        apply_layernorm=True,
    )
    return DepthAnythingConfig(
        backbone_config=backbone,
        reassemble_hidden_size=384,
        neck_hidden_sizes=[48, 96, 192, 384],
        fusion_hidden_size=64,
        head_hidden_size=32,
    )


def report(results: dict[str, dict]) -> str:
    """The results of `measure_depth` as a table."""
    lines = [f"{'two cores':<34}{'depth, Hz':>10}{'step ms':>10}{'p95 ms':>10}{'p95, x':>10}"]
    p95 = results[""]["step_ms"]["p95"]
    for model, values in results.items():
        step = values["step_ms"]
        ratio = step["p95"] / p95
        rate = f"{values['rate_hz']:.1f}" if model else ""
        lines.append(
            f"{model or 'servo without depth':<34}{rate:>10}{step['median']:>10.2f}{step['p95']:>10.2f}{ratio:>10.2f}"
        )
        if model:
            goals = [f"step p95 at most {GROWTH_TARGET:g} x: {met(ratio <= GROWTH_TARGET)}"]
            if model in RATE_TARGETS_HZ:
                target = RATE_TARGETS_HZ[model]
                goals.append(f"at least {target:g} Hz: {met(values['rate_hz'] >= target)}")
            lines[-1] += "   " + ", ".join(goals)
    return "\n".join(lines)
