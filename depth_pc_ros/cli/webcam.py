"""`webcam`: tells a person with a webcam, or a video, how to move the camera to a goal image. No robot, no ROS."""

import argparse
import contextlib
import sys
from pathlib import Path

import numpy as np

from depth_pc_ros.cli.progress import ProgressLine
from depth_pc_ros.errors import ConfigError, DepthPcError, FileError
from depth_pc_ros.extras import VIEW, require
from depth_pc_ros.files.camera_info_file import write_camera_info
from depth_pc_ros.files.image_file import read_image
from depth_pc_ros.files.raw import check_writable
from depth_pc_ros.files.video_file import VideoFile, VideoWriter
from depth_pc_ros.geometry.camera import Rectifier
from depth_pc_ros.options import add_fields
from depth_pc_ros.types import check_distance
from depth_pc_ros.webcam.calibration import ChessboardViews
from depth_pc_ros.webcam.camera_device import CameraDevice
from depth_pc_ros.webcam.guide import Guide
from depth_pc_ros.webcam.known_camera import camera_from_file, camera_of_field
from depth_pc_ros.webcam.session import GuideSession, collect_views, in_real_time
from depth_pc_ros.webcam.views import CAPTURE, QUIT, FileView, NoView, View
from depth_pc_ros.webcam.webcam_config import WebcamConfig
from depth_pc_ros.webcam.window import Window

FIRST, LAST = "first", "last"  # pictures of a video as goals
PORT = 8642

EXAMPLES = """examples:
  webcam --capture                               camera 0; the key c makes the current picture the goal
  webcam --goal goal.png --distance 0.5          to a picture that this camera took 0.5 m from the scene
  webcam --video walk.mp4 --goal last --output annotated.mp4
                                                 from a video to a video; needs no screen
  webcam --capture --browser                     on a machine without a screen: a page, with a button for the goal
  webcam --calibrate camera.yaml                 measure the camera with a printed chessboard
  webcam --camera-info camera.yaml --capture     with what was measured

keys in the window: c the current picture becomes the goal, q the end
exit code: 0 done, 1 refused or not possible, 2 wrong command line
"""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="webcam",
        description="Tell a person how to move a camera to a goal image: arrows and words in a window, page or video.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group()
    source.add_argument("--camera", metavar="N", help="Number or path of the camera. Default: 0.")
    source.add_argument("--video", type=Path, metavar="FILE", help="A video file in place of a camera.")
    task = parser.add_mutually_exclusive_group(required=True)
    task.add_argument("--goal", metavar="IMAGE", help="Goal image; with --video also `first` or `last` picture of it.")
    task.add_argument("--capture", action="store_true", help="Begin without a goal; the key c takes it.")
    task.add_argument("--calibrate", type=Path, metavar="FILE", help="Measure the camera, and write its camera_info.")
    view = parser.add_mutually_exclusive_group()
    view.add_argument("--output", type=Path, metavar="FILE", help="Annotated .mp4, .avi or .mkv in place of a window.")
    view.add_argument(
        "--browser", type=port, nargs="?", const=PORT, metavar="PORT",
        help=f"A page on this machine in place of a window. Default port: {PORT}; 0: any that is free.",
    )  # fmt: skip
    parser.add_argument("--distance", type=float, metavar="M", help="Camera to scene centre at the goal, metres.")
    camera = parser.add_mutually_exclusive_group()
    camera.add_argument("--camera-info", type=Path, metavar="FILE", help="The camera as --calibrate or ROS wrote it.")
    add_fields(camera, WebcamConfig, ["fov"])
    add_fields(parser, WebcamConfig, ["board_columns", "board_rows", "board_views", "matcher", "controller"])
    return parser


def main(argv: list[str] | None = None) -> int:
    command_line = parser()
    arguments = command_line.parse_args(argv)
    if arguments.capture and arguments.output:
        command_line.error("--capture needs the key c in a window, or a browser; with --output give --goal")
    if arguments.goal in (FIRST, LAST) and not arguments.video:
        command_line.error(f"--goal {arguments.goal} is a picture of a video: give --video")
    try:
        names = WebcamConfig.__dataclass_fields__
        config = WebcamConfig(**{name: getattr(arguments, name) for name in names})
        check_distance(arguments.distance)
        with contextlib.ExitStack() as stack:
            run = calibrate if arguments.calibrate else guide_person
            run(arguments, config, stack)
    except DepthPcError as error:
        print(f"webcam: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("webcam: stopped", file=sys.stderr)
        return 1
    return 0


def guide_person(arguments, config: WebcamConfig, stack: contextlib.ExitStack) -> None:
    """Guide a person until the pictures end, or the key q."""
    source = open_source(arguments, stack)
    view = open_view(arguments, source, stack)
    rectifier, note = known_camera(arguments, config, source.size)
    guide = Guide(config.matcher, config.controller, rectifier, arguments.distance, live=arguments.video is None)
    notes = {"camera": note, "lengths": length_note(arguments.distance)}
    if arguments.goal:
        print(f"goal: {guide.set_goal(goal_image(arguments))} keypoints")
    if isinstance(view, Window):
        notes["keys"] = f"{CAPTURE} this picture becomes the goal, {QUIT} the end"
    print(*(f"{name}: {text}" for name, text in notes.items()), sep="\n", flush=True)
    line = stack.enter_context(contextlib.closing(ProgressLine(sys.stdout)))
    session = GuideSession(guide, view, notes, lambda: source.problem, line.show)
    try:
        if not session.run(paced(arguments, source, view)):
            refuse_problem(source)
            view.wait()
    except KeyboardInterrupt:  # the usual end where there is no window
        pass
    finally:
        line.close()
        if session.last is not None:
            states = ", ".join(f"{count} {state.name}" for state, count in session.states.items())
            print(f"{session.states.total()} pictures: {states}\nat the end: {session.last.instruction}", flush=True)


def calibrate(arguments, config: WebcamConfig, stack: contextlib.ExitStack) -> None:
    """Collect views of the chessboard, and write the camera."""
    check_writable(arguments.calibrate, f"--calibrate: cannot write {arguments.calibrate}")
    source = open_source(arguments, stack)
    views = ChessboardViews((config.board_columns, config.board_rows), source.size)
    view: View = NoView()
    if arguments.output or arguments.browser is not None or not arguments.video:
        view = open_view(arguments, source, stack)
    line = stack.enter_context(contextlib.closing(ProgressLine(sys.stdout)))
    collect_views(views, config.board_views, paced(arguments, source, view), view, line.show)
    line.close()
    refuse_problem(source)
    found = views.calibrate()
    write_camera_info(arguments.calibrate, found.camera)
    print(
        f"{arguments.calibrate}: focal length {found.camera.k[0]:.1f} px (to {100 * found.sigma:.2f} %), residual "
        f"{found.rms_px:.2f} px, {len(views.kept)} views"
    )


def open_source(arguments, stack: contextlib.ExitStack) -> CameraDevice | VideoFile:
    """Where frames come from; closed with the stack. Raises FileError, DeviceError."""
    if arguments.video:
        return VideoFile(arguments.video)
    return stack.enter_context(contextlib.closing(CameraDevice(arguments.camera or "0")))


def refuse_problem(source: CameraDevice | VideoFile) -> None:
    """Raises FileError where a video has ended early."""
    if source.problem:
        raise FileError(source.problem)


def open_view(arguments, source: CameraDevice | VideoFile, stack: contextlib.ExitStack) -> View:
    """Where pictures go to; closed with the stack. Raises FileError, WindowError, ViewError, MissingExtraError."""
    if arguments.browser is not None:
        require("view", *VIEW)
        from depth_pc_ros.webcam.browser import BrowserView

        page = stack.enter_context(contextlib.closing(BrowserView("webcam", arguments.browser)))
        print(f"open in a browser: {page.url}", flush=True)
        return page
    if arguments.output is None:
        return stack.enter_context(contextlib.closing(Window("depth_pc webcam")))
    if arguments.video and arguments.output.expanduser().resolve() == arguments.video.expanduser().resolve():
        raise ConfigError(f"--output: {arguments.output} is the video that is read; give another name")
    writer = VideoWriter(arguments.output, source.rate_hz)

    def finish() -> None:
        writer.close()
        if writer.count:
            print(f"{arguments.output}: {writer.count} pictures", flush=True)

    stack.callback(finish)
    return FileView(writer)


def paced(arguments, source: CameraDevice | VideoFile, view: View):
    """The frames of the source; those of a video in its time where a person watches."""
    return in_real_time(source.frames()) if arguments.video and view.live else source.frames()


def known_camera(arguments, config: WebcamConfig, size: tuple[int, int]) -> tuple[Rectifier, str]:
    """The camera, and what is to be said of it. Raises FileError, CameraError."""
    if arguments.camera_info:
        return camera_from_file(arguments.camera_info, size), f"as in {arguments.camera_info}"
    note = f"not calibrated, a field of view of {config.fov:g} deg is assumed (--calibrate measures it)"
    return camera_of_field(config.fov, size), note


def port(text: str) -> int:
    value = int(text)
    if not 0 <= value <= 65535:
        raise argparse.ArgumentTypeError(f"expected a port from 0 to 65535, got {text}")
    return value


def length_note(distance_m: float | None) -> str:
    if distance_m is None:
        return "in % of the distance to the scene (with --distance M in cm)"
    return f"for a scene {distance_m:g} m from the goal"


def goal_image(arguments) -> np.ndarray:
    """(H, W, 3) uint8 RGB. Raises ImageError, FileError."""
    if arguments.goal not in (FIRST, LAST):
        return read_image(arguments.goal, "goal image")
    frames = VideoFile(arguments.video).frames()
    _, image = next(frames)
    if arguments.goal == LAST:
        for _, later in frames:
            image = later
    return image


if __name__ == "__main__":
    raise SystemExit(main())
