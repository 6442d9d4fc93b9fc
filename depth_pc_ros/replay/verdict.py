"""What a replay says to a person, before anything of theirs moves."""

import itertools
from dataclasses import dataclass

import numpy as np

from depth_pc_ros.geometry.se3 import rotation_angle
from depth_pc_ros.replay.result import Replay, ReplayFrame
from depth_pc_ros.types import ServoState

_GOAL_KEYPOINTS = 100  # with fewer the pose is rough
_MATCHED = 0.9  # share of the images that the servo can use
_NEAR_PX = 2.0  # an end that is nearer to the goal is at the goal
_GAP_S = 0.5  # `input_timeout_s`: the servo stops where no image comes for so long
_JUMP_M, _JUMP_SHARE = 0.01, 0.25  # a solved pose that moves by more between two images, and by this share of the way
_COMMANDS_APART = 0.05  # of the fastest recorded command, in the median
_WORKS = (ServoState.SERVOING, ServoState.LIMITED, ServoState.CONVERGED)


@dataclass(frozen=True)
class Finding:
    """One line. ok: False where a person should look before the robot moves."""

    what: str
    ok: bool
    detail: str


def findings(replay: Replay) -> list[Finding]:
    """All that is to be said of a replay. A recording of a servo is compared with what is done now."""
    frames = [frame for frame in replay.frames if frame.enabled]
    if not frames:
        return [Finding("images", False, "the recording has no image that the servo would act on")]
    found = [_goal(replay), _matched(frames), _end(frames), _path(frames), _gaps(frames), _time(frames)]
    if replay.commands:
        found += [_commands(replay), _states(replay)]
    return [finding for finding in found if finding is not None]


def verdict(found: list[Finding]) -> str:
    """The last line."""
    open_points = [finding.what for finding in found if not finding.ok]
    if open_points:
        return f"verdict: look at this first: {', '.join(open_points)}"
    return "verdict: the servo can work with these images"


def _goal(replay: Replay) -> Finding:
    ok = replay.num_keypoints >= _GOAL_KEYPOINTS
    return Finding("goal", ok, f"{replay.num_keypoints} keypoints" + ("" if ok else f", expected {_GOAL_KEYPOINTS}"))


def _matched(frames: list[ReplayFrame]) -> Finding:
    works = [frame.state in _WORKS for frame in frames]
    share = float(np.mean(works))
    median = np.median([frame.matches for frame in frames])
    detail = f"{sum(works)} of {len(frames)} images can be used, {median:.0f} matches (median)"
    first = next((frame for frame, work in zip(frames, works) if not work), None)
    if first is not None:
        detail += f"; first at {first.t_s:.2f} s: {first.state.name}: {first.message}"
    return Finding("matches", share >= _MATCHED, detail)


def _end(frames: list[ReplayFrame]) -> Finding:
    last = frames[-1]
    converged = next((frame for frame in frames if frame.state is ServoState.CONVERGED), None)
    when = "never CONVERGED" if converged is None else f"CONVERGED at {converged.t_s:.2f} s"
    ok = last.state is ServoState.CONVERGED or last.error_px <= _NEAR_PX
    return Finding("goal reached", ok, f"{when}; ends {last.state.name}, {last.error_px:.2f} px from the goal")


def _path(frames: list[ReplayFrame]) -> Finding | None:
    solved = [frame for frame in frames if frame.T_goal_cam is not None]
    if len(solved) < 2:
        return None
    way_m = np.array([np.linalg.norm(frame.T_goal_cam[:3, 3]) for frame in solved])
    steps_m = [np.linalg.norm(b.T_goal_cam[:3, 3] - a.T_goal_cam[:3, 3]) for a, b in itertools.pairwise(solved)]
    limits_m = np.maximum(_JUMP_M, _JUMP_SHARE * np.maximum(way_m[:-1], way_m[1:]))
    jumps = [frame.t_s for frame, step_m, limit_m in zip(solved[1:], steps_m, limits_m) if step_m > limit_m]
    detail = f"from {1e3 * way_m[0]:.0f} mm and {_degrees(solved[0]):.1f}° to {1e3 * way_m[-1]:.1f} mm and "
    detail += f"{_degrees(solved[-1]):.2f}° off the goal, as solved"
    if jumps:
        detail += f"; it jumps {len(jumps)} times, first at {jumps[0]:.2f} s"
    return Finding("path", len(jumps) <= 0.02 * len(solved), detail)


def _degrees(frame: ReplayFrame) -> float:
    return float(np.degrees(rotation_angle(frame.T_goal_cam[:3, :3])))


def _gaps(frames: list[ReplayFrame]) -> Finding | None:
    gaps = np.diff([frame.t_s for frame in frames])
    if not len(gaps):
        return None
    longest, median = float(gaps.max()), float(np.median(gaps))
    rate = f"{1 / median:.1f} images/s, " if median > 0 else ""
    return Finding("image rate", median > 0 and longest <= _GAP_S, f"{rate}longest gap {longest:.2f} s")


def _time(frames: list[ReplayFrame]) -> Finding:
    median = float(np.median([frame.wall_ms for frame in frames]))
    return Finding("time", True, f"{median:.0f} ms for an image here (median)")


def _commands(replay: Replay) -> Finding:
    count, same = len(replay.commands), replay.same
    if same == count:
        return Finding("commands", True, f"all {count} are the recorded ones")
    apart = replay.differences
    worst_s = 1e-9 * (replay.commands[int(np.argmax(apart[:, 0]))].stamp_ns - replay.frames[0].stamp_ns)
    recorded = np.linalg.norm(np.array([command.recorded for command in replay.commands]).reshape(-1, 2, 3), axis=2)
    fastest, most, median = recorded.max(axis=0), apart.max(axis=0), np.median(apart, axis=0)
    detail = (
        f"{same} of {count} are the recorded ones; the others differ by up to {1e3 * most[0]:.2f} mm/s (of "
        f"{1e3 * fastest[0]:.0f}) and {np.degrees(most[1]):.2f} °/s (of {np.degrees(fastest[1]):.0f}), median "
        f"{1e3 * median[0]:.2f} mm/s, most at {worst_s:.2f} s"
    )
    return Finding("commands", bool((median <= _COMMANDS_APART * fastest).all()), detail)


def _states(replay: Replay) -> Finding:
    other = replay.other_states
    if not other:
        return Finding("states", True, "at all images the recorded one")
    first = other[0]
    return Finding(
        "states",
        False,
        f"another one at {len(other)} images, first at {first.t_s:.2f} s: {first.state.name} in place of "
        f"{first.recorded_state.name}{': ' if first.message else ''}{first.message}",
    )
