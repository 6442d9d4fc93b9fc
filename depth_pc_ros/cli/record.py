"""`record`: writes what a running servo sees and does into a bag. It only listens."""

import argparse
import os
import sys
from dataclasses import dataclass
from pathlib import Path

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.cli.bringup import interrupt_on_signals
from depth_pc_ros.config import Config, option, same_as
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.extras import one_line_where_missing, require
from depth_pc_ros.options import add_fields

with one_line_where_missing("record"):
    require("rosbag", "rosbags")
    from depth_pc_ros.nodes.recording import record

_NICE = 5  # the servo goes first

EXAMPLES = """examples:
  record run1                                      the simulation of `bringup` or the demo
  record run1 --image /camera/color/image_raw --camera-info /camera/color/camera_info
                                                   a real camera, as it was given to the servo
  record run1 --codec jpeg                         a fifth of the size; a replay is not exact then

Ctrl-C ends it. `ros2 bag info run1`, `ros2 bag play run1` and `replay run1` read the bag.
exit code: 0 recorded, 1 it could not be recorded, or not to its end (a full disk), 2 wrong command line
"""


@dataclass(frozen=True)
class RecordConfig(Config):
    """Options of a recording."""

    namespace: str = same_as(BringupConfig, "namespace", help="Namespace of the servo that is recorded.")
    image: str = same_as(BringupConfig, "image", help="Topic of the camera image. Empty: the simulated camera's.")
    camera_info: str = same_as(BringupConfig, "camera_info")
    codec: str = option(
        "png",
        "How images that are sent raw are compressed: `png` loses nothing, so that a replay is exact; `jpeg` is "
        "smaller. Images that are sent compressed are kept as they are.",
        choices=("png", "jpeg"),
    )
    with_depth: bool = option(
        False, "Record the metric depth of a depth camera, too, without which its replay is another (raw: much data)."
    )


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="record",
        description="Record a running servo: images, camera_info, matches, goal, status, twist, parameters and, of a "
        "simulation, the true poses. Writes an MCAP bag with the definitions of its messages.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("folder", type=Path, metavar="DIR", help="The bag: a new folder.")
    add_fields(parser, RecordConfig, RecordConfig.__dataclass_fields__)
    return parser


def main(argv: list[str] | None = None) -> int:
    arguments = vars(parser().parse_args(argv))
    folder = arguments.pop("folder")
    interrupt_on_signals()
    os.nice(_NICE)
    try:
        config = RecordConfig(**arguments)
        image, camera_info = config.image or "bridge/image", config.camera_info or "bridge/camera_info"
        problem = record(folder, config.namespace, image, camera_info, config.codec, config.with_depth)
    except DepthPcError as error:
        problem = str(error)
    except KeyboardInterrupt:
        problem = "interrupted before it began"
    if problem:
        print(f"record: {problem}", file=sys.stderr, flush=True)
    return 1 if problem else 0


if __name__ == "__main__":
    raise SystemExit(main())
