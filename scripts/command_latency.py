#!/usr/bin/env python3
"""From a camera's node to the arm's topic: latency by resolution, rate and jitter of commands, time to the first one.

    source scripts/env.sh
    scripts/command_latency.py                                    # 640x480, 1280x720 and 1920x1080 at 30 Hz
    scripts/command_latency.py --sizes 640x480 --seconds 10 --jpeg

All nodes run, the depth node with its network too unless `--depth none` is given; the camera is a process that
publishes rendered views of a path again and again, so the arm's commands move nothing. Columns: milliseconds from an
image's stamp to the twist that was computed from it, and to the first command after that on the arm's topic; commands a
second, and how far their intervals are from 20 ms; from the call of `enable` to the first motion command. The load of
the machine is printed below.
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import rclpy
from geometry_msgs.msg import TwistStamped
from sensor_msgs.msg import CameraInfo, CompressedImage
from std_msgs.msg import Header

from depth_pc_interfaces.msg import ServoStatus
from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.client import ServoClient
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.bringup.processes import NodeProcesses
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.nodes.base import TWIST_QOS
from depth_pc_ros.nodes.conversions import (
    intrinsics_to_info,
    rgb_to_image,
    seconds_to_stamp,
    stamp_to_seconds,
    twist_from_msg,
)
from depth_pc_ros.nodes.transport import use_large_shared_memory
from depth_pc_ros.sim.world import SimWorld

NAMESPACE = "/command_latency"
CAMERA_HZ, COMMAND_S = 30.0, 0.02
_FOCAL = 540 / 640  # over the width
_VIEWS, _NEAREST = 8, 0.5  # on the way from the start, to this share of it: the goal is never reached
_DISTANCE_M = 0.7
_START_S = 900.0  # of all nodes, the late one too, on a busy machine
_QUIET_S = 1.5  # after `enable` with false: the zeros, and what was on its way
PARAMS = "controller: {check_motion: false, slow_limit_s: 10.0}\n"  # measured on a busy machine, too


@dataclass
class Heard:
    """What came. images: stamp of an image, and time of its twist, s. commands: stamp and receipt, s.

    first_ms: from each `enable` to the first motion command.
    """

    images: list[tuple[float, float]] = field(default_factory=list)
    commands: list[tuple[float, float]] = field(default_factory=list)
    first_ms: list[float] = field(default_factory=list)

    def row(self) -> list[float]:
        """The columns of the table."""
        computed = [1e3 * (done_s - stamp_s) for stamp_s, done_s in self.images]
        stamps_s, received_s = np.array(self.commands).T
        after = np.searchsorted(stamps_s, [done_s for _, done_s in self.images])
        known = after < len(stamps_s)
        images_s = np.array([stamp_s for stamp_s, _ in self.images])
        sent = 1e3 * (received_s[after[known]] - images_s[known])
        intervals_s = np.diff(received_s)
        return [
            *np.percentile(computed, [50, 95]),
            *np.percentile(sent, [50, 95]),
            len(intervals_s) / intervals_s.sum(),
            1e3 * np.percentile(np.abs(intervals_s - COMMAND_S), 99),
            np.median(self.first_ms),
            max(self.first_ms),
        ]


def views(size: tuple[int, int], seed: int, count: int = _VIEWS) -> tuple[Intrinsics, list[np.ndarray]]:
    """The camera, and what it sees: the goal, then `count` views on the way from the start."""
    focal = _FOCAL * size[0]
    camera = Intrinsics(focal, focal, (size[0] - 1) / 2, (size[1] - 1) / 2, *size)
    with SimWorld(seed=seed, intrinsics=camera) as world:
        goal, _, T_world_goal = world.goal_view()
        away = se3.log(se3.inverse(T_world_goal) @ world.start_pose)
        shares = np.linspace(1.0, _NEAREST, count)
        return camera, [goal, *(world.view(T_world_goal @ se3.exp(share * away))[0] for share in shares)]


def publish(size: str, seed: str, folder: str, jpeg: str) -> None:
    """The camera's process: writes the goal into the folder, then publishes until it is killed."""
    camera, (goal, *way) = views(tuple(int(word) for word in size.split("x")), int(seed))
    np.save(Path(folder, "part.npy"), goal)
    use_large_shared_memory()
    rclpy.init()
    node = rclpy.create_node("camera", namespace=NAMESPACE)
    header = Header(frame_id="camera_optical_frame")
    info = intrinsics_to_info(camera, header)
    if jpeg:
        encoded = [cv2.imencode(".jpg", view[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes() for view in way]
        msgs = [CompressedImage(header=header, format="rgb8; jpeg compressed bgr8", data=data) for data in encoded]
    else:
        msgs = [rgb_to_image(view, header) for view in way]
    images = node.create_publisher(type(msgs[0]), "image", 1)
    infos = node.create_publisher(CameraInfo, "camera_info", 1)
    Path(folder, "part.npy").rename(Path(folder, f"{size}.npy"))
    order = [*range(len(msgs)), *range(len(msgs) - 2, 0, -1)]
    due_s, index = time.monotonic(), 0
    while True:
        time.sleep(max(0.0, due_s - time.monotonic()))
        due_s = max(due_s + 1 / CAMERA_HZ, time.monotonic())
        header.stamp = seconds_to_stamp(time.time())
        info.header = header
        infos.publish(info)
        msg = msgs[order[index % len(order)]]
        msg.header = header
        images.publish(msg)
        index += 1


def measure(client: ServoClient, goal: np.ndarray, seconds: float, starts: int) -> Heard:
    """Give the goal, enable `starts` times, and listen for so long in the last of them."""
    heard, listening, enabled_s = Heard(), False, np.inf

    def on_command(msg: TwistStamped):
        nonlocal enabled_s
        now_s = time.time()
        if twist_from_msg(msg.twist).any() and now_s > enabled_s:
            heard.first_ms.append(1e3 * (now_s - enabled_s))
            enabled_s = np.inf
        if listening:
            heard.commands.append((stamp_to_seconds(msg.header.stamp), now_s))

    def on_status(status: ServoStatus):
        image_s, done_s = stamp_to_seconds(status.image_stamp), stamp_to_seconds(status.header.stamp)
        fresh = not heard.images or image_s > heard.images[-1][0]
        if listening and fresh and status.state in (ServoStatus.SERVOING, ServoStatus.LIMITED):
            heard.images.append((image_s, done_s))

    client.node.create_subscription(TwistStamped, "twist", on_command, TWIST_QOS)
    client.on_status(on_status)
    client.set_goal(goal, distance=_DISTANCE_M)
    for start in range(starts):
        client.enable(False)
        time.sleep(_QUIET_S)
        count, enabled_s = len(heard.first_ms), time.time()
        client.enable(True)
        end_s = time.monotonic() + client.timeout_s
        while len(heard.first_ms) == count:
            if time.monotonic() > end_s:
                sys.exit(f"command_latency: nothing moved; the state is {client.status.state}: {client.status.message}")
            time.sleep(0.01)
        if start == starts - 1:
            time.sleep(1.0)
            listening = True
            time.sleep(seconds)
            listening = False
    client.enable(False)
    return heard


def run(size: str, options: argparse.Namespace, folder: Path) -> Heard:
    """Start camera and nodes, measure, end them."""
    params = folder / "params.yaml"
    params.write_text(PARAMS)
    config = BringupConfig(
        namespace=NAMESPACE, driver="twist_stamped", cmd_vel=f"{NAMESPACE}/twist", camera_in_tool="0 0 0 0 0 0 1",
        image=f"{NAMESPACE}/image", camera_info=f"{NAMESPACE}/camera_info", depth=options.depth, params=str(params),
    )  # fmt: skip
    words = [size, str(options.seed), str(folder), "jpeg" if options.jpeg else ""]
    with ExitStack() as stack:
        camera = subprocess.Popen([sys.executable, __file__, "_camera", *words])
        stack.callback(camera.wait)
        stack.callback(camera.kill)
        goal = folder / f"{size}.npy"
        while not goal.exists():
            if camera.poll() is not None:
                sys.exit("command_latency: the camera's process has ended")
            time.sleep(0.1)
        processes = stack.enter_context(NodeProcesses(nodes(config), folder))
        client = stack.enter_context(ServoClient(120.0, NAMESPACE))
        processes.wait_until_active(client, _START_S)
        return measure(client, np.load(goal), options.seconds, options.starts)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", default="640x480,1280x720,1920x1080", help="of the camera's images")
    parser.add_argument("--seconds", type=float, default=20.0, metavar="S", help="listen so long at each size")
    parser.add_argument("--starts", type=int, default=5, metavar="N", help="times that the servo is enabled")
    parser.add_argument("--depth", default="estimated", choices=("estimated", "none"), help="what the depth node does")
    parser.add_argument("--jpeg", action="store_true", help="the camera sends JPEG in place of raw images")
    parser.add_argument("--seed", type=int, default=0, help="of the scene")
    return parser


def main() -> int:
    if sys.argv[1:2] == ["_camera"]:
        publish(*sys.argv[2:])
    options = parser().parse_args()
    print("camera      twist ms, p95   command ms, p95   rate Hz   jitter p99 ms   enable ms, longest")
    with tempfile.TemporaryDirectory() as folder:
        for size in options.sizes.split(","):
            row = run(size, options, Path(folder)).row()
            print(
                "{:<10}{:>10.0f}{:>7.0f}{:>11.0f}{:>7.0f}{:>10.1f}{:>16.1f}{:>12.0f}{:>9.0f}".format(size, *row),
                flush=True,
            )
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    sys.exit(main())
