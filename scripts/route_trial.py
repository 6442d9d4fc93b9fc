#!/usr/bin/env python3
"""Visual teach and repeat in simulation: teaches three views, drives through them and back, and says how exactly.

    source scripts/env.sh
    scripts/route_trial.py --seeds 5              # a scene and poses of their own for each seed
    scripts/route_trial.py --seeds 5 --real-time  # on the wall clock; simulated time waits for the nodes otherwise

The first view is the simulation's start, the last its goal, and one is in between. The camera then drives from the
first to the last and back to the first, without a stop in between (`repeat --back`), and once more with a pause at each
view (`repeat --pause`). Errors are those of the true camera pose where a view is reached. The exit code is 1 where one
is larger than 1 mm or 0.1 degrees, or where the camera came to rest between two waypoints.
"""

import argparse
import itertools
import sys
import tempfile
from pathlib import Path

import numpy as np

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.client import ServoClient
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.bringup.processes import NodeProcesses
from depth_pc_ros.bringup.route_drive import RouteDrive
from depth_pc_ros.bringup.view_taker import ViewTaker
from depth_pc_ros.files.route_file import add_view, read_route
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import ServoState

MOST_MM, MOST_DEG = 1.0, 0.1
BETWEEN = 0.4  # share of the first error at which the view in between is taken
_TOPICS = ("bridge/image", "bridge/camera_info", "bridge/depth_image", "")


def teach(client: ServoClient, folder: Path) -> list[np.ndarray]:
    """Teach start, a view in between, and goal; returns their true `T_world_cam` (4, 4)."""
    taker = ViewTaker(client, *_TOPICS)
    client.look_from_goal()
    client.capture_goal()
    last, last_pose = taker.take(), client.camera_pose
    client.reset()
    views, poses = [taker.take()], [client.camera_pose]
    client.enable(True)
    first_px = client.wait_for(lambda status: status.state == ServoState.SERVOING, 60).error_px
    client.wait_for(lambda status: status.error_px < BETWEEN * first_px, 60)
    client.enable(False)
    client.wait_for_fresh_matches()
    views.append(taker.take())
    poses.append(client.camera_pose)
    for view in (*views, last):
        add_view(folder, view)
    client.reset()
    return [*poses, last_pose]


class Watch:
    """Notes the pose errors where a view is reached, and whether the camera rested on the way."""

    def __init__(self, client: ServoClient, poses: list[np.ndarray]):
        self._client, self._poses = client, poses
        self.errors: list[tuple[float, float]] = []  # mm, degrees
        self.rests = 0  # commands of zero between two views that were only passed
        self._passing = self._moved = False
        client.on_status(self._see)

    def _see(self, status) -> None:
        command = status.command
        speed = abs(np.array([getattr(part, axis) for part in (command.linear, command.angular) for axis in "xyz"]))
        self._moved = self._passing and (self._moved or speed.max() > 0)
        self.rests += self._moved and speed.max() == 0 and status.state != ServoState.CONVERGED  # that is an arrival

    def hear(self, line: str) -> None:
        print(f"   {line}", flush=True)
        self._passing = "passed" in line
        if "reached" in line:
            metres, degrees = se3.pose_error(self._client.camera_pose, self._poses[int(line.split()[1]) - 1])
            self.errors.append((1e3 * metres, degrees))


def trial(seed: int, real_time: bool, law: str, log: Path) -> bool:
    """Teach and repeat one route; whether all of it was within the limits."""
    config = BringupConfig(seed=seed, lockstep=not real_time, controller=law, namespace="/route_trial")
    with (
        tempfile.TemporaryDirectory() as folder,
        NodeProcesses(nodes(config), log) as processes,
        ServoClient(60.0, config.namespace) as client,
    ):
        processes.wait_until_active(client, 120.0)
        poses = teach(client, Path(folder))
        views, watch = read_route(folder), Watch(client, poses)
        RouteDrive(client, views, back=True, timeout_s=120.0, say=watch.hear).run()
        RouteDrive(client, views, pause_s=0.01, timeout_s=120.0, say=watch.hear).run()
    most_mm, most_deg = np.max(watch.errors, axis=0)
    path_m = sum(np.linalg.norm(b[:3, 3] - a[:3, 3]) for a, b in itertools.pairwise(poses))
    errors = f"{len(watch.errors)} views reached, worst {most_mm:.2f} mm, {most_deg:.3f} deg"
    print(f"seed {seed}: {path_m:.2f} m one way; {errors}; {watch.rests} rests on the way", flush=True)
    return most_mm <= MOST_MM and most_deg <= MOST_DEG and watch.rests == 0


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="so many seeds, from 0 on")
    parser.add_argument("--controller", default="pbvs", help="control law")
    parser.add_argument("--real-time", action="store_true", help="the simulation does not wait for the nodes")
    parser.add_argument("--log-dir", type=Path, default=Path("out/route_trial"), help="output of the nodes")
    return parser


def main() -> int:
    options = parser().parse_args()
    good = [trial(seed, options.real_time, options.controller, options.log_dir) for seed in range(options.seeds)]
    print(f"{sum(good)} of {len(good)} within {MOST_MM:g} mm and {MOST_DEG:g} deg, without a rest on the way")
    return int(not all(good))


if __name__ == "__main__":
    sys.exit(main())
