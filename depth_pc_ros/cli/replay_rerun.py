"""A replay as a file for the Rerun viewer (rerun.io): images with their matches, curves, states, the camera's path."""

from pathlib import Path

import numpy as np

from depth_pc_ros.cli.run_animation import View
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.extras import RERUN, require
from depth_pc_ros.replay.result import Replay

_JPEG_QUALITY = 80
_GREEN = (60, 255, 90)


def write_rerun(path: Path, replay: Replay, views: list[View | None]) -> None:
    """Write a `.rrd` file, with the time of the replay, s, as its timeline. views: of the images; None: there is none.

    The camera's poses are in the goal's camera, optical axes, m as far as the distance is known. Raises ConfigError
    where it cannot be written, MissingExtraError.
    """
    require("rerun", *RERUN)
    import rerun as rr

    try:
        path.touch()
    except OSError as error:
        raise ConfigError(f"rerun: cannot write {path}: {error.strerror}") from None
    stream = rr.RecordingStream("depth_pc_ros")
    stream.save(path)
    stream.log("goal_camera", rr.ViewCoordinates.RDF, static=True)  # x right, y down, z forward
    if replay.goal is not None:
        stream.log("goal", rr.Image(replay.goal).compress(jpeg_quality=_JPEG_QUALITY), static=True)
    way = np.array([frame.T_goal_cam[:3, 3] for frame in replay.frames if frame.T_goal_cam is not None])
    if len(way) > 1:
        stream.log("goal_camera/path", rr.LineStrips3D([way]), static=True)
    said = None
    for frame, view in zip(replay.frames, views, strict=True):
        stream.set_time("replay", duration=frame.t_s)
        if view is not None:
            stream.log("live", rr.Image(view.rgb).compress(jpeg_quality=_JPEG_QUALITY))
            points = np.zeros((0, 2)) if view.points is None else view.points
            stream.log("live/matches", rr.Points2D(points, colors=_GREEN, radii=1.5))
        if np.isfinite(frame.error_px):
            stream.log("error_px", rr.Scalars(frame.error_px))
        stream.log("matches", rr.Scalars(frame.matches))
        stream.log("speed/linear_m_s", rr.Scalars(np.linalg.norm(frame.twist[:3])))
        stream.log("speed/angular_rad_s", rr.Scalars(np.linalg.norm(frame.twist[3:])))
        if frame.T_goal_cam is not None:
            R, t = frame.T_goal_cam[:3, :3], frame.T_goal_cam[:3, 3]
            stream.log("goal_camera/camera", rr.Transform3D(translation=t, mat3x3=R))
        if (frame.state, frame.message) != said:
            said = frame.state, frame.message
            stream.log("state", rr.TextLog(f"{frame.state.name} {frame.message}".strip()))
    stream.flush()
    stream.disconnect()
