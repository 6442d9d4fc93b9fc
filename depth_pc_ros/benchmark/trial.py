"""One episode with one method, in closed loop: image, disturbance, method, motion, until it stops or fails."""

import dataclasses
import resource
import sys
import time

import numpy as np

from depth_pc_ros.benchmark.disturbances import Disturber, stream
from depth_pc_ros.benchmark.episodes import Episode, Places
from depth_pc_ros.benchmark.fault_rows import row_of
from depth_pc_ros.benchmark.faults import Fault
from depth_pc_ros.benchmark.method import paper_peaks
from depth_pc_ros.benchmark.methods import make_method
from depth_pc_ros.benchmark.real_places import recorded_mask
from depth_pc_ros.benchmark.settings import DT_S, Settings
from depth_pc_ros.benchmark.task import Frame, Task, View
from depth_pc_ros.benchmark.worlds import open_world
from depth_pc_ros.control.command_record import LONGEST_S
from depth_pc_ros.errors import GoalError
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import ServoState

SUCCESS = "success"
# Stops of the servo itself that have lasted: `ServoState` in small letters.
STOPS = ("lost", "ambiguous", "frozen", "not_following", "contradicted")
# How an episode can fail. inaccurate: stopped, but not within tolerance; no_goal: the goal image was refused.
FAILURES = ("inaccurate", *STOPS, "timeout", "ground", "diverged", "fault", "no_goal")
TOLERANCE_M, TOLERANCE_DEG = 0.03, 3.0
STOP_STEPS, FAULT_STOP_STEPS = 100, 50  # a stop has lasted: in an ordinary run, in one with a fault
END_STEPS = 50  # over which a moving target's distance is judged
GROUND_M = 0.03
FAR_M = 3.0
TRACE_SAMPLES = 120
MEASURED = ("renderer", "camera", "measured", "oracle")  # sources of depth in metres
STAGES = ("render", "disturb", "detect", "match", "control")
# Keys of a trial that time decides, not the seed.
TIMED_KEYS = ("wall_s", "load_s", "step_ms_mean", "step_ms_p95", "stages_s", "rss_mb")


class _Log:
    """What happened, step by step."""

    def __init__(self):
        self.rows = []  # error_px, te_mm, re_deg, x, y, z
        self.matches, self.step_ms = [], []
        self.stages_s = dict.fromkeys(STAGES, 0.0)
        self.peak_linear = self.peak_angular = self.path_m = 0.0
        self.commanded_m = self.commanded_deg = 0.0  # since a fault began

    def commanded(self, twist: np.ndarray) -> None:
        self.commanded_m += DT_S * float(np.linalg.norm(twist[:3]))
        self.commanded_deg += DT_S * float(np.degrees(np.linalg.norm(twist[3:])))

    def moved(self, twist: np.ndarray, before: np.ndarray, after: np.ndarray) -> None:
        self.peak_linear = max(self.peak_linear, float(np.linalg.norm(twist[:3])))
        self.peak_angular = max(self.peak_angular, float(np.linalg.norm(twist[3:])))
        self.path_m += float(np.linalg.norm(after[:3, 3] - before[:3, 3]))


def run_trial(episode: Episode, method_name: str, settings: Settings, places: Places) -> dict:
    """Run one episode; returns the trial as JSON-able numbers. Equal arguments give equal trials but for TIMED_KEYS."""
    begin = time.perf_counter()
    method = make_method(method_name, settings, places)
    size = episode.intrinsics.size
    disturber = Disturber(settings, episode.seed, size)
    fault = row_of(settings.fault).make(stream(episode.seed, "fault"), size)
    episode = fault.stage(episode)
    log = _Log()
    if method.needs_images:
        with open_world(episode, settings, places) as world:
            outcome, message, T, load_s = _servo(episode, method, disturber, fault, log, world, begin)
    else:
        outcome, message, T, load_s = _servo(episode, method, disturber, fault, log, None, begin)
    te_m, re_deg = se3.pose_error(T, episode.T_world_goal)
    if outcome == SUCCESS and not (te_m < TOLERANCE_M and re_deg < TOLERANCE_DEG):
        outcome = "inaccurate"
    start_te_m, start_re_deg = se3.pose_error(episode.T_world_start, episode.T_world_goal)
    trial = {
        "episode": episode.id,
        "level": episode.level,
        "method": method_name,
        "label": method.label,
        "settings": settings.digest,
        "outcome": outcome,
        "message": message,
        "te_mm": round(1e3 * te_m, 5),
        "re_deg": round(re_deg, 6),
        "start_te_mm": round(1e3 * start_te_m, 3),
        "start_re_deg": round(start_re_deg, 4),
        "steps": len(log.rows),
        "peak_linear_m_s": round(log.peak_linear, 5),
        "peak_angular_rad_s": round(log.peak_angular, 5),
        "path_m": round(log.path_m, 5),
        "matches_min": min(log.matches, default=0),
        "matches_median": float(np.median(log.matches)) if log.matches else 0.0,
        "wall_s": round(time.perf_counter() - begin, 3),
        "load_s": round(load_s, 3),
        "step_ms_mean": round(float(np.mean(log.step_ms)), 3) if log.step_ms else 0.0,
        "step_ms_p95": round(float(np.percentile(log.step_ms, 95)), 3) if log.step_ms else 0.0,
        "stages_s": {name: round(value, 4) for name, value in log.stages_s.items()},
        "rss_mb": round(_resident_mb(), 1),
        "T_world_start": np.round(episode.T_world_start, 9).tolist(),
        "T_world_goal": np.round(episode.T_world_goal, 9).tolist(),
        "T_world_final": np.round(T, 9).tolist(),
        "trace": _trace(log.rows),
    }
    if settings.fault:
        last_mm = [row[1] for row in log.rows[-END_STEPS:]] or [1e3 * te_m]
        trial["fault"] = {
            "commanded_mm": round(1e3 * log.commanded_m, 3),
            "commanded_deg": round(log.commanded_deg, 3),
            "end_mm": round(float(np.percentile(last_mm, 95)), 4),
        }
    return trial


def _servo(episode: Episode, method, disturber: Disturber, fault: Fault, log: _Log, world, begin: float):
    """The loop. Returns how it ended, the method's last message, the final pose, and the seconds before the loop."""
    settings, places = method.settings, method.places
    with_depth = settings.depth in MEASURED
    goal_image = goal_depth = None
    if world is not None:
        goal_image, goal_depth = _goal_view(episode, method, world)
        goal_image = disturber.goal_image(fault.goal_scene(goal_image))
        goal_depth = fault.goal_depth(disturber.depth(goal_depth)) if with_depth else None
    task = Task(
        view=View(goal_image, goal_depth),
        intrinsics=episode.intrinsics,
        distance_m=settings.distance_prior * episode.distance_m or None,
        peaks=paper_peaks(episode.T_world_start, episode.T_world_goal),
        T_world_goal=episode.T_world_goal,
        centre=np.asarray(episode.place.centre),
        mask=recorded_mask(episode.place, settings, places) if fault.mask is None else fault.mask,
    )
    T = episode.T_world_start
    try:
        method.start(task, disturber.matches)
    except GoalError as error:
        return "no_goal", str(error), T, time.perf_counter() - begin
    load_s = time.perf_counter() - begin
    in_state, stop_steps = 0, FAULT_STOP_STEPS if settings.fault else STOP_STEPS
    outcome, result, state, silent_s = "timeout", None, None, 0.0
    for step in range(settings.max_steps):
        te_m, re_deg = se3.pose_error(T, episode.T_world_goal)
        silent_s += DT_S
        if fault.delivers(step):
            silent_s = 0.0
            view = View(None, None) if world is None else _view(world, T, step, disturber, fault, with_depth, log)
            frame = Frame(view, DT_S * (step + 1), T, fault.age_s)
            started = time.perf_counter()
            result = method.step(frame)
            log.step_ms.append(1e3 * (time.perf_counter() - started))
            for name, ms in result.timings_ms.items():
                log.stages_s[name] += 1e-3 * ms
            log.matches.append(result.num_matches)
        log.rows.append((result.error_px, 1e3 * te_m, re_deg, *T[:3, 3]))
        if fault.over(result.converged, step):
            outcome = SUCCESS
            break
        if silent_s == 0:
            method.beside(frame)
        in_state = in_state + 1 if result.state is state else 1
        state = result.state
        failure = _failure(T, task.centre, result, max(FAR_M, 2 * episode.distance_m))
        if failure is None and state.name.lower() in STOPS and in_state >= stop_steps:
            failure = state.name.lower()
        if failure:
            outcome = failure
            break
        twist = result.twist if silent_s < LONGEST_S else np.zeros(6)
        if step >= fault.begin_step:
            log.commanded(twist)
        T = _move(T, fault.executed(disturber.command(twist), step), log)
        T = se3.from_rt(T[:3, :3], T[:3, 3] - fault.drift())  # nearer to a target that comes
    for twist in disturber.pending_commands():
        T = _move(T, fault.executed(twist, step), log)
    return outcome, result.message, T, load_s


def _goal_view(episode: Episode, method, world) -> tuple[np.ndarray, np.ndarray]:
    """Image and depth from the goal, when the goal image was taken."""
    if episode.goal_place is None:
        return world.view(episode.T_world_goal)
    then = dataclasses.replace(episode, place=episode.goal_place)
    with open_world(then, method.settings, method.places) as earlier:
        return earlier.view(episode.T_world_goal)


def _view(world, T, step: int, disturber: Disturber, fault: Fault, with_depth: bool, log: _Log) -> View:
    """What the method gets to see from pose T."""
    started = time.perf_counter()
    image, depth_m = world.view(T)
    rendered = time.perf_counter()
    image = fault.stream(disturber.image(fault.scene(image, step)), step)
    depth_m = fault.depth(disturber.depth(depth_m)) if with_depth else None
    log.stages_s["render"] += rendered - started
    log.stages_s["disturb"] += time.perf_counter() - rendered
    return View(image, depth_m)


def _move(T: np.ndarray, twist: np.ndarray, log: _Log) -> np.ndarray:
    after = T @ se3.exp(twist * DT_S)
    u, _, vt = np.linalg.svd(after[:3, :3])  # stay a rotation over many steps
    after = se3.from_rt(u @ vt, after[:3, 3])
    log.moved(twist, T, after)
    return after


def _failure(T: np.ndarray, centre: np.ndarray, result, far_m: float) -> str | None:
    if result.state is ServoState.FAULT:
        return "fault"
    if T[2, 3] < GROUND_M:
        return "ground"
    offset = centre - T[:3, 3]
    if np.linalg.norm(offset) > far_m or offset @ T[:3, 2] <= 0:
        return "diverged"
    return None


def _trace(rows) -> dict:
    """At most TRACE_SAMPLES of the steps, first and last included, as columns for the plots."""
    kept = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), TRACE_SAMPLES)).round().astype(int)) if rows else []
    columns = np.array([rows[i] for i in kept]).reshape(-1, 6)
    return {
        "step": [int(i) for i in kept],
        "error_px": [None if np.isnan(v) else round(v, 3) for v in columns[:, 0].tolist()],
        "te_mm": columns[:, 1].round(3).tolist(),
        "re_deg": columns[:, 2].round(4).tolist(),
        "position": columns[:, 3:].round(5).tolist(),
    }


def _resident_mb() -> float:
    """Memory of this process now (Linux), or its peak."""
    try:
        with open("/proc/self/statm") as file:
            return int(file.read().split()[1]) * resource.getpagesize() / 2**20
    except OSError:
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        return peak / 2**20 if sys.platform == "darwin" else peak / 2**10
