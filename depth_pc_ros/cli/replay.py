"""`replay`: feeds recorded images to the servo as it is now, and says what it would do. No ROS, no motion."""

import argparse
import csv
import sys
import time
from pathlib import Path

import numpy as np
from scipy.spatial.transform import Rotation

from depth_pc_ros.cli.progress import ProgressLine
from depth_pc_ros.cli.replay_setup import Prepared, ReplayConfig, prepare
from depth_pc_ros.cli.replay_text import differences_table, findings_table, frames_table
from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.extras import REPLAY_PAGE, RERUN, require
from depth_pc_ros.nodes.node_configs import CameraConfig
from depth_pc_ros.options import add_fields, add_text_fields, given_texts
from depth_pc_ros.replay.result import Replay
from depth_pc_ros.replay.verdict import findings, verdict

DESCRIPTION = """\
Feed recorded images to the servo as it is now, as fast as this computer can, and print what it makes of them: matches,
states, the path as solved, and a verdict. Reads what `record` writes, any other rosbag2 (MCAP or sqlite3), ROS 1
bags, and videos. Of a servo's own recording it shows where the commands differ from the recorded ones.
"""
EPILOG = """\
examples:
  replay run1                                 what `record` wrote, with the recorded goal and parameters
  replay run1 --controller pbvs               the same with another control law
  replay my.bag --goal last                   any bag: what would the servo do on the way to its last image?
  replay my.bag --goal goal.png --image /camera/color/image_raw
  replay my.mp4 --camera-info my_camera.yaml --goal first
  replay run1 --animation                     a moving picture of the run, replay.webp
  replay run1 --animation run1.webp --no-page the same under another name, and no page
  replay run1 --rerun run1.rrd                the run for the Rerun viewer: rerun run1.rrd

The output folder gets report.html (a slider through the run, curves, findings), frames.csv (a line per image) and
commands.csv (each command beside the recorded one).
exit code: 0 replayed, whatever the verdict; 1 it could not be; 2 wrong command line
"""
_IN_OUTPUT = Path()  # an animation's file that is not named


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="replay", description=DESCRIPTION, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("recording", type=Path, metavar="BAG", help="A bag's folder or file, or a video.")
    add_fields(parser, ReplayConfig, ReplayConfig.__dataclass_fields__)
    parser.add_argument("--output", type=Path, metavar="DIR", help="Results; overwritten. Default: out/replay/BAG.")
    parser.add_argument("--no-page", dest="page", action="store_false", help="Do not write report.html.")
    parser.add_argument(
        "--animation", type=_ending(".webp"), nargs="?", const=_IN_OUTPUT, metavar="FILE",
        help="Write a moving picture of the run, WebP. Default: replay.webp in the output folder.",
    )  # fmt: skip
    parser.add_argument(
        "--rerun", type=_ending(".rrd"), metavar="FILE",
        help="Write the run for the Rerun viewer: images with matches, curves, states, path. Extra `rerun`.",
    )  # fmt: skip
    group = parser.add_argument_group("the servo; what is not given is as recorded, or the default")
    add_text_fields(group, PipelineConfig)
    add_text_fields(group, CameraConfig, ["rectified", "max_width"])
    return parser


def _ending(suffix: str):
    """The type of an argument that names a file with this suffix."""

    def path(text: str) -> Path:
        if Path(text).suffix != suffix:
            raise argparse.ArgumentTypeError(f"expected a file that ends in {suffix}, got {text!r}")
        return Path(text)

    return path


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        return _replay(arguments)
    except DepthPcError as error:
        print(f"replay: {error}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"replay: cannot write the results: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("replay: interrupted", file=sys.stderr)
        return 1


def _replay(arguments: argparse.Namespace) -> int:
    config = ReplayConfig(**{name: getattr(arguments, name) for name in ReplayConfig.__dataclass_fields__})
    given = given_texts(arguments, PipelineConfig) | {
        name: text for name in ("rectified", "max_width") if (text := getattr(arguments, name)) is not None
    }
    views = None
    if arguments.rerun is not None:
        require("rerun", *RERUN)
    if arguments.page or arguments.animation is not None or arguments.rerun is not None:
        require("replay", *REPLAY_PAGE)
        from depth_pc_ros.cli.run_animation import ViewRecorder

        views = ViewRecorder()

    def on_view(stamp_ns: int, image: np.ndarray, points: np.ndarray) -> None:
        if views is not None:
            views.on_image(stamp_ns, image)
            views.on_matches(stamp_ns, points)

    prepared = prepare(arguments.recording, config, given, on_view)
    print(f"{prepared.name}: {prepared.about}", flush=True)
    replay = _run(prepared)
    print(_texts(replay, prepared))
    output = arguments.output or Path("out/replay", arguments.recording.resolve().stem)
    output.mkdir(parents=True, exist_ok=True)
    write_frames(output / "frames.csv", replay)
    write_commands(output / "commands.csv", replay)
    if views is not None:
        from depth_pc_ros.cli.replay_page import write_animation, write_page

        shown = views.views([frame.stamp_ns for frame in replay.frames])
        if arguments.page:
            write_page(output / "report.html", replay, prepared, shown)
        if arguments.animation is not None:
            path = output / "replay.webp" if arguments.animation is _IN_OUTPUT else arguments.animation
            write_animation(path, replay, prepared.recorded, shown)
        if arguments.rerun is not None:
            from depth_pc_ros.cli.replay_rerun import write_rerun

            write_rerun(arguments.rerun, replay, shown)
    print(f"results: {output}/")
    return 0


def _run(prepared: Prepared) -> Replay:
    begin_s = time.monotonic()
    line = ProgressLine()

    def show(count: int) -> None:
        share = f"{100 * count / prepared.count:3.0f} %   " if prepared.count else ""
        line.show(f"{share}{count} images   {count / max(time.monotonic() - begin_s, 1e-3):.0f} images/s")

    try:
        replay = prepared.run(show)
    finally:
        line.close()
    elapsed_s = time.monotonic() - begin_s
    length_s = replay.frames[-1].t_s if replay.frames else 0.0
    print(f"{len(replay.frames)} images of {length_s:.1f} s in {elapsed_s:.1f} s", flush=True)
    return replay


def _texts(replay: Replay, prepared: Prepared) -> str:
    found = findings(replay)
    parts = [frames_table(replay)]
    if replay.commands:
        parts.append(differences_table(replay))
    if replay.notes:
        parts.append("\n".join(f"note: {note}" for note in replay.notes))
    parts += [findings_table(found), verdict(found)]
    return "\n" + "\n\n".join(filter(None, parts)) + "\n"


_TWIST = ("vx_m_s", "vy_m_s", "vz_m_s", "wx_rad_s", "wy_rad_s", "wz_rad_s")


def write_frames(path: Path, replay: Replay) -> None:
    """One line for each image; an unknown value is an empty cell. Poses are of the camera in the goal's camera."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow((
            "stamp_s", "t_s", "enabled", "state", "recorded_state", "matches", "recorded_matches", "error_px", *_TWIST,
            "x_m", "y_m", "z_m", "qx", "qy", "qz", "qw", "message",
        ))  # fmt: skip
        for frame in replay.frames:
            pose = np.full(7, np.nan)
            if frame.T_goal_cam is not None:
                pose[:3] = frame.T_goal_cam[:3, 3]
                pose[3:] = Rotation.from_matrix(frame.T_goal_cam[:3, :3]).as_quat()
            recorded = "" if frame.recorded_state is None else frame.recorded_state.name
            numbers = [f"{x:.9g}" if np.isfinite(x) else "" for x in (frame.error_px, *frame.twist, *pose)]
            writer.writerow((
                f"{1e-9 * frame.stamp_ns:.9f}", f"{frame.t_s:.3f}", int(frame.enabled), frame.state.name, recorded,
                frame.matches, "" if frame.recorded_matches is None else frame.recorded_matches, *numbers,
                frame.message,
            ))  # fmt: skip


def write_commands(path: Path, replay: Replay) -> None:
    """One line for each command of a recorded servo: that of the replay, and the recorded one, to the last digit."""
    with open(path, "w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(("stamp_s", *_TWIST, *(f"recorded_{name}" for name in _TWIST)))
        for command in replay.commands:
            values = (*command.twist.tolist(), *command.recorded.tolist())
            writer.writerow((f"{1e-9 * command.stamp_ns:.9f}", *(f"{value:.17g}" for value in values)))


if __name__ == "__main__":
    raise SystemExit(main())
