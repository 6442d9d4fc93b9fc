"""`set_goal`: makes an image file, or what the camera sees now, the goal of the running servo."""

import argparse
import math
import sys
from pathlib import Path

import numpy as np

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.errors import DepthPcError, ImageError
from depth_pc_ros.extras import one_line_where_missing
from depth_pc_ros.files.array_file import read_array
from depth_pc_ros.files.image_file import read_grey16, read_image
from depth_pc_ros.options import add_fields

with one_line_where_missing("set_goal"):
    from depth_pc_ros.bringup.client import ServoClient

EXAMPLES = """examples:
  set_goal goal.png --distance 0.6            an image of this camera, taken 0.6 m from the scene
  set_goal goal.png --depth goal_depth.png    with its depth (16 bit, mm; or .npy, float metres)
  set_goal goal.png --distance 0.6 --enable   and start moving
  set_goal --capture                          what the camera sees now

exit code: 0 done, 1 refused or not possible, 2 wrong command line
"""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="set_goal",
        description="Set the goal of the running servo: one image.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    source = parser.add_mutually_exclusive_group(required=True)
    source.add_argument("image", nargs="?", type=Path, help="Goal image, of the live camera and its size.")
    source.add_argument("--capture", action="store_true", help="Take the live image as the goal.")
    parser.add_argument("--distance", type=metres, metavar="M", help="Camera to scene centre at the goal, metres.")
    parser.add_argument("--depth", type=Path, metavar="FILE", help="Depth of the goal image: 16-bit mm, or .npy in m.")
    parser.add_argument("--mask", type=Path, metavar="FILE", help="Image: black where nothing is to be matched.")
    parser.add_argument("--enable", action="store_true", help="Start moving towards the goal.")
    add_fields(parser, BringupConfig, ["namespace"])
    parser.add_argument("--timeout", type=float, default=10.0, metavar="S", help="Wait this long for an answer (10).")
    return parser


def main(argv: list[str] | None = None) -> int:
    command_line = parser()
    arguments = command_line.parse_args(argv)
    if arguments.capture and (arguments.depth or arguments.distance or arguments.mask):
        command_line.error(
            "--capture takes the camera's own depth, or else the controller's default_distance, and the mask of the "
            "keypoints node; --distance, --depth and --mask belong to an image file"
        )
    try:
        image = None if arguments.capture else read_image(arguments.image, "goal image")
        depth = read_depth(arguments.depth) if arguments.depth else None
        mask = read_image(arguments.mask, "mask").max(axis=2) if arguments.mask else None  # zero where black
        with ServoClient(arguments.timeout, arguments.namespace) as client:
            if image is None:
                print(client.capture_goal())
            else:
                print(client.set_goal(image, distance=arguments.distance, depth=depth, mask=mask).message)
            if arguments.enable:
                print(client.enable(True))
    except DepthPcError as error:
        print(f"set_goal: {error}", file=sys.stderr)
        return 1
    return 0


def read_depth(path: Path) -> np.ndarray:
    """(H, W) float32 metres of a 16-bit image in millimetres or a .npy file in metres. Raises ImageError."""
    if path.suffix != ".npy":
        return read_grey16(path, "depth") * np.float32(1e-3)
    depth_m = read_array(path, "depth", ImageError)
    if depth_m.ndim != 2 or not np.issubdtype(depth_m.dtype, np.floating):
        raise ImageError(f"{path}: expected (H, W) metres, got {depth_m.dtype} {depth_m.shape}")
    return depth_m.astype(np.float32)


def metres(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value > 0):
        raise argparse.ArgumentTypeError(f"expected metres > 0, got {text}")
    return value


if __name__ == "__main__":
    raise SystemExit(main())
