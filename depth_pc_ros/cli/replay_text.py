"""The tables that `replay` prints."""

import numpy as np

from depth_pc_ros.geometry.se3 import rotation_angle
from depth_pc_ros.replay.result import Replay, ReplayFrame
from depth_pc_ros.replay.verdict import Finding

_ROWS = 12
_WORST = 5


def frames_table(replay: Replay) -> str:
    """Some images, spread over the replay."""
    frames = replay.frames
    if not frames:
        return "no image"
    shown = sorted({round(k) for k in np.linspace(0, len(frames) - 1, _ROWS)})
    header = ("t s", "state", "recorded", "matches", "error px", "to goal mm", "°", "speed mm/s", "°/s")
    return table([header, *(_row(frames[k]) for k in shown)])


def _row(frame: ReplayFrame) -> tuple[str, ...]:
    way_mm = degrees = np.nan
    if frame.T_goal_cam is not None:
        way_mm = 1e3 * np.linalg.norm(frame.T_goal_cam[:3, 3])
        degrees = np.degrees(rotation_angle(frame.T_goal_cam[:3, :3]))
    speed, turn = 1e3 * np.linalg.norm(frame.twist[:3]), np.degrees(np.linalg.norm(frame.twist[3:]))
    state = frame.state.name if frame.enabled else f"({frame.state.name})"
    recorded = "-" if frame.recorded_state is None else frame.recorded_state.name
    numbers = (frame.error_px, way_mm, degrees, speed, turn)
    texts = [f"{x:.{digits}f}" if np.isfinite(x) else "-" for x, digits in zip(numbers, (2, 1, 2, 1, 2))]
    return (f"{frame.t_s:.2f}", state, recorded, str(frame.matches), *texts)


def differences_table(replay: Replay) -> str:
    """The commands that are furthest from the recorded ones; empty where all are the recorded ones."""
    if replay.same == len(replay.commands):
        return ""
    apart = replay.differences
    order = np.argsort(-apart[:, 0], kind="stable")[:_WORST]
    rows = [("t s", "command mm/s", "recorded", "apart mm/s", "command °/s", "recorded", "apart °/s")]
    for k in sorted(order):
        command = replay.commands[k]
        own, recorded = (np.linalg.norm(twist.reshape(2, 3), axis=1) for twist in (command.twist, command.recorded))
        t_s = 1e-9 * (command.stamp_ns - replay.frames[0].stamp_ns)
        lengths = [f"{1e3 * x:.3f}" for x in (own[0], recorded[0], apart[k, 0])]
        turns = [f"{np.degrees(x):.3f}" for x in (own[1], recorded[1], apart[k, 1])]
        rows.append((f"{t_s:.2f}", *lengths, *turns))
    return "the commands that differ most:\n" + table(rows)


def findings_table(found: list[Finding]) -> str:
    width = max(len(finding.what) for finding in found)
    return "\n".join(
        f"{'ok' if finding.ok else 'LOOK':<6}{finding.what:<{width}}  {finding.detail}" for finding in found
    )


def table(rows: list[tuple[str, ...]]) -> str:
    """Rows of one length, the first of them the header, as right-aligned columns."""
    widths = [max(len(row[k]) for row in rows) for k in range(len(rows[0]))]
    lines = ["  ".join(cell.rjust(width) for cell, width in zip(row, widths)) for row in rows]
    return "\n".join([lines[0], "-" * len(lines[0]), *lines[1:]])
