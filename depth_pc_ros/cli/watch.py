"""`watch`: serves a page for browsers that shows a running servo, and can stop it."""

import argparse
import sys

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.node_table import watch_alone
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.extras import VIEW, one_line_where_missing, require
from depth_pc_ros.options import add_text_fields, given_texts

with one_line_where_missing("watch"):
    require("view", *VIEW)
    from depth_pc_ros.nodes import watch_node

_OPTIONS = (
    *"namespace view_port view_address".split(),
    *"image camera_info image_transport rectified max_width params".split(),
)
EXAMPLES = """examples:
  watch                                          the servo that `bringup` or the demo runs in simulation
  watch --image /camera/color/image_raw --camera-info /camera/color/camera_info
                                                 with a real camera: its topics, as given at the start-up
  watch --namespace /left --view-port 8643       another arm, on another port
  ssh -L 8642:localhost:8642 ROBOT               in a shell on your own machine: the page of the robot's machine
  watch --view-address 0.0.0.0                   for others in the network; open the link that is printed

It only listens: a servo runs as it would without it. Its button `stop`, Space and Escape disable the controller; they
are no emergency stop. Ctrl-C ends the page, and not the servo.

exit code: 0 ended by Ctrl-C, 1 not possible, such as a port that is in use, 2 wrong command line
"""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="watch",
        description="Serve the live view of a servo: a page for browsers, with a button that stops it.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_text_fields(parser, BringupConfig, _OPTIONS)
    return parser


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    try:
        spec = watch_alone(BringupConfig.from_text(given_texts(arguments, BringupConfig), "command line"))
    except DepthPcError as error:
        print(f"watch: {error}", file=sys.stderr)
        return 1
    sys.argv[1:] = spec.arguments()  # ROS reads them there
    return watch_node.main()


if __name__ == "__main__":
    raise SystemExit(main())
