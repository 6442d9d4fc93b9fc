"""`teach`: stores what the camera sees as the next view of a route."""

import argparse
import sys
from pathlib import Path

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.cli.set_goal import metres
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.extras import one_line_where_missing
from depth_pc_ros.files.route_file import View, add_view, count_views
from depth_pc_ros.options import add_fields

with one_line_where_missing("teach"):
    from depth_pc_ros.bringup.client import ServoClient
    from depth_pc_ros.bringup.view_taker import ViewTaker

EXAMPLES = """how to teach a route:
  1. Start the nodes (`bringup`, or `ros2 launch`). Leave the servo disabled.
  2. Move the arm to the first view by its teach pendant, by hand, or with its own planner.
  3. Press Enter here. Go on to the next view; neighbouring views must show a good part of the same scene.
  4. `q` and Enter end it. `repeat DIR` drives the route.

examples:
  teach route                                       in the simulation of `bringup`
  teach route --image /camera/color/image_raw --camera-info /camera/color/camera_info \\
        --depth-image /camera/aligned_depth_to_color/image_raw --joint-states /joint_states
  teach route --distance 0.5                        without a depth camera: 0.5 m from the scene
  teach route --pause 2 --once                      one view, where `repeat` stays for 2 s; from a script

A folder that holds a route already gets more views.

exit code: 0 done, 1 not possible, 2 wrong command line
"""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="teach",
        description="Teach a route: store views one after another, for `repeat`.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("route", type=Path, metavar="DIR", help="Folder of the route.")
    parser.add_argument("--once", action="store_true", help="Store one view and end, without asking.")
    parser.add_argument("--distance", type=metres, default=0.0, metavar="M", help="Camera to scene centre, metres.")
    parser.add_argument("--pause", type=float, default=0.0, metavar="S", help="Stay so long at these views (0: pass).")
    add_fields(parser, BringupConfig, ["namespace", "image", "camera_info", "depth_image"])
    add_fields(parser, BringupConfig, ["joint_states"], "They are kept with each view.")
    parser.add_argument("--timeout", type=float, default=10.0, metavar="S", help="Wait this long for an image (10).")
    return parser


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    simulated = not arguments.image
    topics = (
        arguments.image or "bridge/image",
        arguments.camera_info or "bridge/camera_info",
        arguments.depth_image or ("bridge/depth_image" if simulated else ""),
        "joint_states" if simulated else arguments.joint_states,
    )
    try:
        known = count_views(arguments.route)
        if known:
            print(f"{arguments.route} holds {known} views; new ones are appended")
        with ServoClient(arguments.timeout, arguments.namespace) as client:
            taker = ViewTaker(client, *topics)
            while arguments.once or _wants_another():
                view = taker.take(arguments.distance, arguments.pause)
                print(f"view {add_view(arguments.route, view)} stored: {_what(view)}", flush=True)
                if arguments.once:
                    break
    except DepthPcError as error:
        print(f"teach: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:  # what was stored stays
        print()
    return 0


def _wants_another() -> bool:
    try:
        return input("Enter stores the view, q ends: ").strip().lower() not in ("q", "quit")
    except EOFError:
        return False


def _what(view: View) -> str:
    depth = "with depth" if view.depth_m is not None else "without depth"
    return f"{view.camera.width} x {view.camera.height}, {depth}, {len(view.joints)} joints"


if __name__ == "__main__":
    raise SystemExit(main())
