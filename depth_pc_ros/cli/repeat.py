"""`repeat`: drives the running servo through the views of a route."""

import argparse
import sys
from pathlib import Path

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.cli.bringup import interrupt_on_signals
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.extras import one_line_where_missing
from depth_pc_ros.files.route_file import read_route
from depth_pc_ros.options import add_fields

with one_line_where_missing("repeat"):
    from depth_pc_ros.bringup.client import ServoClient
    from depth_pc_ros.bringup.route_drive import NEAR_PX, RouteDrive

EXAMPLES = """how it drives:
  The views are read and checked first; one that is missing, damaged or of another camera ends it with a line, and
  nothing moves. Then each view becomes the goal. A view without a pause is a waypoint: it is passed when the matches
  are within --near, and the arm does not stop there. The last view, and each with a pause, is reached exactly. The
  arm must see a good part of the first view when it starts.

examples:
  repeat route                 through all views, to the last one
  repeat route --back          and back to the first one
  repeat route --pause 2       stay at every view for 2 s; without it, where `teach --pause` said so
  repeat route --near 8        pass the waypoints more closely

Ctrl-C stops the arm. exit code: 0 the last view is reached, 1 it is not, 2 wrong command line
"""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="repeat",
        description="Repeat a route that was taught: drive through its views.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("route", type=Path, metavar="DIR", help="Folder of the route, made by `teach`.")
    parser.add_argument("--back", action="store_true", help="Then back through the views to the first one.")
    parser.add_argument("--pause", type=float, metavar="S", help="Stay so long at every view (0: pass them all).")
    parser.add_argument(
        "--near", type=float, default=NEAR_PX, metavar="PX", help=f"Mean error at which a view is passed ({NEAR_PX:g})."
    )
    parser.add_argument("--view-timeout", type=float, default=60.0, metavar="S", help="Give up a view after it (60).")
    add_fields(parser, BringupConfig, ["namespace"])
    parser.add_argument("--timeout", type=float, default=10.0, metavar="S", help="Wait this long for an answer (10).")
    return parser


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    interrupt_on_signals()
    try:
        views = read_route(arguments.route)
        with ServoClient(arguments.timeout, arguments.namespace) as client:
            drive = RouteDrive(client, views, arguments.back, arguments.pause, arguments.near, arguments.view_timeout)
            drive.run()
    except DepthPcError as error:
        print(f"repeat: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", flush=True)
        return 1
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
