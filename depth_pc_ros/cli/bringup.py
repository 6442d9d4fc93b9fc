"""`bringup`: starts all nodes of the servo chain, each in its own process, and stops them together.

It does what `ros2 launch depth_pc_ros servo.launch.py` does, also where `ros2 launch` is not installed.
"""

import argparse
import math
import signal
import sys
import time
from pathlib import Path

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.discovery import use_discovery
from depth_pc_ros.bringup.node_table import NodeSpec, nodes_here
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.extras import one_line_where_missing
from depth_pc_ros.options import add_text_fields, given_texts

with one_line_where_missing("bringup"):
    from depth_pc_ros.bringup.client import ServoClient
    from depth_pc_ros.bringup.processes import STOP_SIGNALS, NodeProcesses
    from depth_pc_ros.bringup.running_nodes import refuse_running

_ONE_INTERRUPT_S = 5.0  # as one Ctrl-C reaches a process by itself and through its parent
EXAMPLES = """examples:
  bringup                              a simulated scene and a free-flying camera, on the wall clock
  bringup --rig arm --seed 3           the same with a simulated Panda arm
  bringup --lockstep --controller ibvs simulated time waits for the nodes; another control law
  bringup --driver moveit_servo --image /camera/color/image_raw --camera-info /camera/color/camera_info \\
          --tool-frame tool0           a real arm under MoveIt Servo; the camera's pose in the tool comes from TF
  bringup --namespace /left --seed 1   beside another one: a second arm in the same ROS domain
  bringup --only depth --discovery-range SUBNET
                                       a part of the chain; the others run on another machine
  bringup --params my_robot.yaml       your own parameters, such as controller: {max_linear: 0.1}

then, in another shell:
  set_goal goal.png --distance 0.6 --enable

Nothing moves before a goal is set and the controller is enabled. Ctrl-C stops the arm, then the nodes.
"""


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="bringup",
        description="Start the servo chain: keypoints, depth, controller, adapter and, by default, a simulation.",
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_text_fields(parser, BringupConfig)
    parser.add_argument("--log-dir", type=Path, metavar="FOLDER", help="Write the output of each node there.")
    return parser


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    interrupt_on_signals()
    try:
        config = BringupConfig.from_text(given_texts(arguments, BringupConfig), "command line")
        use_discovery(config)
        run(nodes_here(config), arguments.log_dir)
    except DepthPcError as error:
        print(f"bringup: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("stopped", flush=True)
    return 0


def run(specs: list[NodeSpec], log_dir: Path | None) -> None:
    """Run the nodes until interrupted. Raises NodeDiedError when one of them ends; all are stopped then.

    Raises AlreadyRunningError where nodes of the same names are running; no node has joined ROS then.
    """
    with NodeProcesses(specs, log_dir, held=True) as processes:
        refuse_running(specs)  # takes a while, in which the nodes import what they need
        processes.release()
        with ServoClient(namespace=specs[0].namespace) as client:
            try:
                processes.wait_until_active(
                    client,
                    on_active=lambda name: print(f"{name}: active", flush=True),
                    on_ready=lambda: print("ready", flush=True),
                )
            except BaseException:
                processes.ask_to_end()  # the end of the client takes a moment, too
                raise
        while True:
            processes.check()
            time.sleep(0.2)


def interrupt_on_signals() -> None:
    """From now on SIGINT, SIGTERM and SIGHUP raise KeyboardInterrupt; those that follow within a moment do nothing.

    A later one counts again: an exception is lost where Python happens to be in a destructor.
    """
    last_s = -math.inf

    def interrupt(*_):
        nonlocal last_s
        if time.monotonic() - last_s > _ONE_INTERRUPT_S:
            last_s = time.monotonic()
            raise KeyboardInterrupt

    for number in STOP_SIGNALS:
        signal.signal(number, interrupt)


if __name__ == "__main__":
    raise SystemExit(main())
