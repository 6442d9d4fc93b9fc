"""First answers: one goal image, one live image, a servo that starts from nothing; and their run in workers."""

import functools
import time
from dataclasses import replace

import numpy as np
from tqdm import tqdm

from depth_pc_ros.benchmark.answer import RIGHT, TOWARD, cause_of, judged
from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.executors import TaskExecutor, pooled
from depth_pc_ros.benchmark.fused_depth import fused_depth
from depth_pc_ros.benchmark.method import Method
from depth_pc_ros.benchmark.methods import PipelineMethod, make_method
from depth_pc_ros.benchmark.metrics import by_method
from depth_pc_ros.benchmark.real_overlap import epipolar_px
from depth_pc_ros.benchmark.real_pairs import Pair
from depth_pc_ros.benchmark.real_places import mask_for, run_pairs, run_recording
from depth_pc_ros.benchmark.recordings.frames import Frame as RecordedFrame
from depth_pc_ros.benchmark.recordings.frames import RecordingError
from depth_pc_ros.benchmark.settings import DT_S, Settings
from depth_pc_ros.benchmark.task import Frame, Task, View
from depth_pc_ros.benchmark.worker import in_worker
from depth_pc_ros.errors import ConfigError, GoalError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics, sample_nearest
from depth_pc_ros.perception.wide_baseline import SEARCHING
from depth_pc_ros.types import ServoState

# Of a match, by depth and from its epipolar line. Recorded poses and calibrations are good to several pixels only.
_RIGHT_PX, _RIGHT_EPIPOLAR_PX = 15.0, 4.0


def check_answering(method: Method, name: str) -> None:
    """Raise ConfigError where a method looks at no images, so that there is no first answer to judge."""
    if not isinstance(method, PipelineMethod):
        raise ConfigError(f"methods: {name!r} sees no image and gives no first answer")


def answer_pair(
    name: str, pair_id: str, pair: Pair, method: PipelineMethod, settings: Settings, places: Places
) -> dict:
    """The answer as JSON-able numbers. Equal arguments give equal answers but for the time."""
    begin = time.perf_counter()
    frames = run_recording(settings, places.recording).frames
    goal, live = frames[pair.goal], frames[pair.live]
    T_true = se3.inverse(live.T_world_cam) @ goal.T_world_cam
    output, message, matches = None, "", None
    try:
        result = ask(pair, frames, method, settings, places)
        message, matches = result.message, method.matcher.last
        if result.state not in (ServoState.LOST, ServoState.FAULT):
            output = method.law.last
    except GoalError as error:
        message = str(error)
    twist, T_live_goal, inliers = (None, None, 0) if output is None else (
        output.twist, output.T_cam_goal, int(np.count_nonzero(output.inliers)),
    )  # fmt: skip
    numbers = judged(twist, T_live_goal, T_true, pair.distance_m)
    count = 0 if matches is None else matches.num_matched
    share = None if count == 0 else float(right_matches(method, goal, live, T_true).mean())
    return {
        "pair": pair_id,
        "method": name,
        "label": method.label,
        "settings": settings.digest,
        "goal": f"{goal.sequence}/{goal.name}",
        "live": f"{live.sequence}/{live.name}",
        "rotation_deg": pair.rotation_deg,
        "baseline": pair.baseline,
        "overlap": pair.overlap,
        "distance_m": pair.distance_m,
        **numbers,
        "cause": cause_of(numbers["outcome"], count, share),
        "message": message,
        "matches": count,
        "right_share": None if share is None else round(share, 4),
        "inliers": inliers,
        "wall_s": round(time.perf_counter() - begin, 3),
    }


def ask(pair: Pair, frames: list[RecordedFrame], method: PipelineMethod, settings: Settings, places: Places):
    """Start the method on the goal and give it the live image; its `StepResult`. Raises GoalError, RecordingError."""
    goal, live = frames[pair.goal], frames[pair.live]
    views = [View(frame.load()[0], _depth(number, frames, settings)) for number, frame in _both(pair, frames)]
    task = Task(
        view=views[0],
        intrinsics=goal.intrinsics,
        distance_m=settings.distance_prior * pair.distance_m or None,
        peaks=(1.0, 1.0),
        T_world_goal=goal.T_world_cam,
        centre=se3.transform(goal.T_world_cam, np.array([0.0, 0.0, pair.distance_m])),
        mask=None if places.mask is None else mask_for(goal.camera, places.mask),
    )
    frame = Frame(views[1], DT_S, live.T_world_cam)
    method.start(task, lambda matches: matches)
    method.beside(frame)  # the camera stands still until the live image's depth is there, too
    result = method.step(frame)
    if result.state is ServoState.LOST and SEARCHING in result.message:  # from the next image on, when nothing moves
        result = method.step(replace(frame, stamp_s=2 * DT_S))
    return result


def _both(pair: Pair, frames: list[RecordedFrame]):
    return [(pair.goal, frames[pair.goal]), (pair.live, frames[pair.live])]


def _depth(number: int, frames: list[RecordedFrame], settings: Settings) -> np.ndarray | None:
    if settings.depth == "oracle":
        return fused_depth(frames, number)
    if settings.depth != "measured":
        return None
    depth_m = frames[number].load()[1]
    if depth_m is None:
        raise RecordingError(f"depth: {frames[number].name}: expected recorded depth, found none")
    return depth_m


def right_matches(method: PipelineMethod, goal: RecordedFrame, live: RecordedFrame, T_true: np.ndarray) -> np.ndarray:
    """Which of the newest matches are where the true motion puts them: (N,) bool over those that are matched.

    By the goal's depth where it is recorded, else by the epipolar line alone.
    """
    matches, camera = method.matcher.last, goal.intrinsics
    here, there = method.matcher.goal_points[matches.matched], matches.current_points[matches.matched]
    right = epipolar_px(camera.normalise(here), camera.normalise(there), T_true, camera.focal) < _RIGHT_EPIPOLAR_PX
    depth_m = goal.load()[1] if goal.has_depth else None
    if depth_m is None:
        return right
    return np.where(np.isfinite(z := sample_nearest(depth_m, here)), _near(camera, here, there, z, T_true), right)


def _near(camera: Intrinsics, here, there, z, T_true) -> np.ndarray:
    expected = camera.project(se3.transform(T_true, camera.unproject(here, np.nan_to_num(z, nan=1.0))))
    return np.linalg.norm(expected - there, axis=1) < _RIGHT_PX


@functools.lru_cache(maxsize=8)
def _method(name: str, settings: Settings, places: Places) -> PipelineMethod:
    return make_method(name, settings, places)


def _work(number: int, name: str) -> dict:
    settings, places = in_worker()
    pair = run_pairs(settings, places.recording)[0][number]
    return answer_pair(name, f"{settings.split}/{number:03d}", pair, _method(name, settings, places), settings, places)


def run_answers(
    settings: Settings, places: Places, methods, count: int, writer, executor: TaskExecutor, facts: dict
) -> None:  # fmt: skip
    """Ask every method about the first `count` pairs, but for those that the folder has already; see `runner.run`."""
    finished = writer.results.answered
    tasks = [
        (number, name) for number in range(count) for name in methods
        if (f"{settings.split}/{number:03d}", name) not in finished
    ]  # fmt: skip
    total = count * len(methods)
    if not tasks:
        return
    writer.add_run(facts)
    with tqdm(total=total, initial=total - len(tasks), unit="answer", dynamic_ncols=True, smoothing=0.05) as bar:
        for answer in pooled(settings, places, tasks, executor, _work):
            writer.add_answer(answer)
            bar.set_postfix_str(_standing(writer.results.answers), refresh=False)
            bar.update()


def _standing(answers: list[dict]) -> str:
    """The share of good answers of each method so far: right, or (without a pose) toward the goal."""
    groups = by_method(answers).values()
    return " | ".join(
        f"{group[0]['label']} {100 * np.mean([a['outcome'] in (RIGHT, TOWARD) for a in group]):.0f}% good"
        for group in groups
    )
