"""How long a learned law takes on one core, next to bare AKAZE in the same run.

The camera drives to the goal along the expert's path and sees points, no images: graph update, network and whole
control step are timed in every frame, and between them AKAZE on a rendered image.
"""

import os
import time

import cv2
import numpy as np
import torch

from depth_pc_ros.benchmark.latency import met, summary, timed
from depth_pc_ros.config import ControlConfig, MatcherConfig
from depth_pc_ros.control.laws import make_law
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.geometry import se3
from depth_pc_ros.graph.builder import build_frame, build_graph
from depth_pc_ros.networks.checkpoint import load_policy
from depth_pc_ros.package_files import find_model
from depth_pc_ros.perception.matchers import AKAZE_THRESHOLD
from depth_pc_ros.sim.world import SimWorld
from depth_pc_ros.types import Observation

CONTROL_TARGET_MS, NETWORK_TARGET_MS = 8.0, 4.0  # at 200 matches
START = np.array([0.08, -0.05, 0.1, 0.15, -0.1, 0.8])  # se(3), m and rad
STEP = 0.04  # share of the remaining path that a frame brings: the paper's law
DISTANCE_M, FOCAL_PX, NOISE_PX = 0.7, 540.0, 0.1
WARM_UP = 5  # first frames, not counted


def use_one_core() -> None:
    """Keep this process on one core and one thread, whatever the machine has."""
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    torch.set_num_threads(1)
    cv2.setNumThreads(1)


def measure_policies(models: list[str], matches: int, frames: int, seed: int) -> dict[str, dict]:
    """`summary`s in ms by model (`graph`, `network`, `control`), and of bare AKAZE under "akaze".

    matches: seen in every frame, of as many goal keypoints as a matcher may have. CheckpointError for a model that
    cannot be loaded.
    """
    if not models:
        raise ConfigError("models: expected at least one, got none")
    laws = {model: _Timed(model) for model in models}
    akaze, akaze_ms = cv2.AKAZE_create(threshold=AKAZE_THRESHOLD), []
    with SimWorld(scene="default", seed=seed) as world:
        grey = cv2.cvtColor(world.goal_view()[0], cv2.COLOR_RGB2GRAY)
    for index, observation in enumerate(_drive(matches, frames + WARM_UP, seed)):
        counts = index >= WARM_UP
        for law in laws.values():
            law.step(observation, counts)
        bare_ms = timed(lambda: akaze.detectAndCompute(grey, None))
        if counts:
            akaze_ms.append(bare_ms)
    results = {model: {name: summary(ms) for name, ms in law.ms.items()} for model, law in laws.items()}
    return {**results, "akaze": summary(akaze_ms)}


def _drive(matches: int, frames: int, seed: int):
    """Observations of a camera on its path to the goal."""
    rng = np.random.default_rng([seed, 41])
    count = max(matches, MatcherConfig().max_keypoints)
    goal, depth_m = rng.uniform(-0.4, 0.4, (count, 2)), rng.uniform(0.8, 1.1, count) * DISTANCE_M
    points = np.column_stack([goal, np.ones(count)]) * depth_m[:, None]
    matched = rng.permutation(count) < matches
    for k in range(frames):
        T = se3.exp(START * (1 - STEP) ** k)
        q = se3.transform(T, points)
        current = q[:, :2] / q[:, 2:] + rng.normal(0, NOISE_PX / FOCAL_PX, (count, 2))
        yield Observation(goal, current, matched, depth_m, q[:, 2], DISTANCE_M, FOCAL_PX)


class _Timed:
    """A law and, beside it, the same network alone. ms: milliseconds by what was timed."""

    def __init__(self, model: str):
        name, self._net, _ = load_policy(find_model(model))
        self._law = make_law(ControlConfig(controller=name, model=model))
        self._graph = None
        self.ms = {"graph": [], "network": [], "control": []}

    @torch.inference_mode()
    def step(self, observation: Observation, counts: bool) -> None:
        if self._graph is None:
            self._graph = build_graph(observation.goal, observation.goal_depth_m)
            self._memory = self._net.start(self._graph)
        current = np.where(observation.matched[:, None], observation.current, np.nan)
        times = [time.perf_counter()]
        frame = build_frame(self._graph, current, observation.current_depth_m)
        times.append(time.perf_counter())
        self._net(self._graph, frame, self._memory)
        times.append(time.perf_counter())
        self._law(observation)
        times.append(time.perf_counter())
        if counts:
            for name, ms in zip(self.ms, 1e3 * np.diff(times), strict=True):
                self.ms[name].append(float(ms))


def report(results: dict[str, dict], matches: int) -> str:
    """The results of `measure_policies` as a table."""
    lines = [f"{'one core, ' + str(matches) + ' matches':<34}{'median ms':>10}{'p95 ms':>10}{'/ AKAZE':>10}"]
    akaze = results["akaze"]["median"]

    def row(name: str, values: dict) -> None:
        lines.append(f"{name:<34}{values['median']:>10.2f}{values['p95']:>10.2f}{values['median'] / akaze:>10.2f}")

    row("bare cv2.AKAZE", results["akaze"])
    titles = {"graph": "graph update", "network": "network", "control": "whole control step"}
    targets = {"network": NETWORK_TARGET_MS, "control": CONTROL_TARGET_MS}
    for model, stages in results.items():
        if model == "akaze":
            continue
        for name, values in stages.items():
            row(f"{model}: {titles[name]}", values)
            if name in targets:
                lines[-1] += f"   at most {targets[name]:g} ms: {met(values['median'] <= targets[name])}"
    return "\n".join(lines)
