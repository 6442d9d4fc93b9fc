#!/usr/bin/env python3
"""The servo on two hosts: two network namespaces of this machine with a link between them. Needs root and iproute2.

    source scripts/env.sh
    scripts/two_hosts.py images            # how many images of a camera reach the other host, and how late
    scripts/two_hosts.py servo             # a servo in simulation whose depth node is on the other host
    scripts/two_hosts.py servo --peers     # the same where the link carries no multicast: hosts are found by address

The link is a veth pair, slowed down to `--mbit` (1000). Each host has network interfaces and a shared memory of its
own; the clock is the same. The load of the machine is printed beside the numbers.
"""

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import rclpy
from rclpy.qos import QoSProfile, ReliabilityPolicy
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import Header

from depth_pc_interfaces.msg import ServoStatus
from depth_pc_ros.bringup.client import ServoClient
from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.base import IMAGE_QOS
from depth_pc_ros.nodes.conversions import image_to_rgb, rgb_to_image, seconds_to_stamp, stamp_to_seconds
from depth_pc_ros.nodes.transport import use_large_shared_memory
from depth_pc_ros.sim.world import SimWorld

ROBOT, OTHER = "dpc_robot", "dpc_other"
ADDRESSES = {ROBOT: "10.77.0.1", OTHER: "10.77.0.2"}
SIZES = ((640, 480), (1280, 720))
RATE_HZ = 15.0
_TOPIC = "/two_hosts/image"
_WAIT_S = 60.0


@contextlib.contextmanager
def two_hosts(mbit: int, multicast: bool):
    """The namespaces, with a link between them; those that a killed run has left are made anew."""
    for host in ADDRESSES:
        subprocess.run(["ip", "netns", "del", host], stderr=subprocess.DEVNULL)
        _ip("netns", "add", host)
        Path("/dev/shm", host).mkdir(exist_ok=True)
    try:
        _ip("link", "add", "dpc0", "netns", ROBOT, "type", "veth", "peer", "name", "dpc0", "netns", OTHER)
        for host, address in ADDRESSES.items():
            _ip("-n", host, "addr", "add", f"{address}/24", "dev", "dpc0")
            _ip("-n", host, "link", "set", "lo", "up")
            _ip("-n", host, "link", "set", "dpc0", "multicast", "on" if multicast else "off", "up")
            if not multicast:  # the flag alone keeps no program from sending it
                _ip("-n", host, "route", "add", "blackhole", "224.0.0.0/4")
            shape = ["tbf", "rate", f"{mbit}mbit", "burst", "128kb", "latency", "50ms"]
            subprocess.run(["tc", "-n", host, "qdisc", "add", "dev", "dpc0", "root", *shape], check=True)
        yield
    finally:
        for host in ADDRESSES:
            _ip("netns", "del", host)
            shutil.rmtree(Path("/dev/shm", host))


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True)


def start(host: str, words: list[str], peers: bool = False, **options) -> subprocess.Popen:
    """A program on one of the hosts. peers: it finds the other host by its address, not by multicast."""
    own_memory = f'mount --bind /dev/shm/{host} /dev/shm && exec "$@"'
    command = ["ip", "netns", "exec", host, "unshare", "--mount", "sh", "-c", own_memory, "sh", sys.executable, *words]
    environment = {**os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "SUBNET"}
    if peers:
        environment |= {"ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST", "ROS_STATIC_PEERS": _other(host)}
    return subprocess.Popen(command, env=environment, **options)


def _other(host: str) -> str:
    """Address of the other host."""
    return ADDRESSES[OTHER if host == ROBOT else ROBOT]


# Images


def images(frames: int) -> None:
    """Images at RATE_HZ from one host to the other, with Fast DDS as it is and with config/fastdds.xml."""
    print(f"{'image':<12}{'sent':<6}{'QoS':<13}{'Fast DDS':<12}{'kB':>6}{'arrived':>10}{'median ms':>11}{'p95 ms':>8}")
    for size in SIZES:
        for kind in ("raw", "jpeg"):
            for qos in ("best_effort", "reliable"):
                for profile in ("as it is", "profile"):
                    words = [f"{size[0]}x{size[1]}", kind, qos, profile, str(frames)]
                    receiver = start(OTHER, [__file__, "_receive", *words], stdout=subprocess.PIPE, text=True)
                    sender = start(ROBOT, [__file__, "_send", *words])
                    text, _ = receiver.communicate()
                    sender.wait()
                    kb, ms = json.loads(text)
                    row = f"{words[0]:<12}{kind:<6}{qos:<13}{profile:<12}{kb:>6.0f}{len(ms):>6}/{frames}"
                    times = f"{np.median(ms):>11.0f}{np.percentile(ms, 95):>8.0f}" if ms else ""
                    print(row + times, flush=True)


def _join(profile: str):
    """A node, in the Fast DDS that `profile` names."""
    if profile == "profile":
        use_large_shared_memory()
    rclpy.init()
    return rclpy.create_node("two_hosts")


def _qos(name: str) -> QoSProfile:
    reliable = name == "reliable"
    return QoSProfile(depth=1, reliability=ReliabilityPolicy.RELIABLE if reliable else ReliabilityPolicy.BEST_EFFORT)


def send(size: str, kind: str, qos: str, profile: str, frames: str) -> None:
    """Publish a rendered image again and again, once somebody listens."""
    width, height = (int(word) for word in size.split("x"))
    with SimWorld(seed=0) as world:
        rgb = cv2.resize(world.goal_view()[0], (width, height), interpolation=cv2.INTER_CUBIC)
    node = _join(profile)
    msg = encoded(rgb) if kind == "jpeg" else rgb_to_image(rgb, Header())
    publisher = node.create_publisher(type(msg), _TOPIC, _qos(qos))
    _until(lambda: publisher.get_subscription_count(), "a subscriber")
    due_s = time.monotonic() + 1.0
    for _ in range(int(frames)):
        time.sleep(max(0.0, due_s - time.monotonic()))
        due_s = max(due_s + 1 / RATE_HZ, time.monotonic())
        msg.header.stamp = seconds_to_stamp(time.time())
        publisher.publish(msg)
    time.sleep(2.0)


def receive(size: str, kind: str, qos: str, profile: str, frames: str) -> None:
    """Print the kB of an image, and the age of each that came, ms; end 4 s after the last one."""
    node = _join(profile)
    ms, kb, heard_s = [], 0.0, time.monotonic() + _WAIT_S

    def hear(msg):
        nonlocal kb, heard_s
        ms.append(1e3 * (time.time() - stamp_to_seconds(msg.header.stamp)))
        kb, heard_s = len(msg.data) / 1024, time.monotonic()

    node.create_subscription(CompressedImage if kind == "jpeg" else Image, _TOPIC, hear, _qos(qos))
    while time.monotonic() < heard_s + 4.0:
        rclpy.spin_once(node, timeout_sec=0.1)
    print(json.dumps([kb, ms]))


def encoded(rgb: np.ndarray) -> CompressedImage:
    """An image (H, W, 3) uint8 RGB as JPEG of quality 90."""
    data = cv2.imencode(".jpg", rgb[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, 90])[1].tobytes()
    return CompressedImage(format="rgb8; jpeg compressed bgr8", data=data)


# The servo


def servo(seed: int, peers: bool) -> None:
    """Depth node there, all others here; the camera sends raw images, then JPEG."""
    for kind in ("raw", "jpeg"):
        image = ["--image", "bridge/image/compressed"] if kind == "jpeg" else []
        words = ["-m", "depth_pc_ros.cli.bringup", "--seed", str(seed), "--level", "L", *image]
        words += ["--depth", "estimated", "--max-linear", "0.1"]
        quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
        with contextlib.ExitStack() as stack:
            for host, which in ((ROBOT, "--without"), (OTHER, "--only")):
                found = ["LOCALHOST", "--peers", _other(host)] if peers else ["SUBNET"]
                stack.callback(_end, start(host, [*words, which, "depth", "--discovery-range", *found], **quiet))
            if kind == "jpeg":
                stack.callback(_end, start(ROBOT, [__file__, "_compress"], peers))
            watcher = start(ROBOT, [__file__, "_watch", kind], peers)
            stack.callback(_end, watcher)
            watcher.wait()


def _end(process: subprocess.Popen) -> None:
    process.send_signal(signal.SIGINT)
    process.wait()


def compress() -> None:
    """What a camera driver with image_transport does: the simulated camera's images as JPEG."""
    node = _join("profile")
    publisher = node.create_publisher(CompressedImage, "/depth_pc/bridge/image/compressed", 1)

    def on_image(msg: Image):
        jpeg = encoded(image_to_rgb(msg))
        jpeg.header = msg.header
        publisher.publish(jpeg)

    node.create_subscription(Image, "/depth_pc/bridge/image", on_image, IMAGE_QOS)
    with contextlib.suppress(KeyboardInterrupt):
        rclpy.spin(node)


def watch(kind: str) -> None:
    """Servo from the goal's view away and back, and print how fresh the other host's depth was meanwhile."""
    estimates, statuses = [], []
    with ServoClient(timeout_s=2 * _WAIT_S) as client:
        for name in ("bridge", "keypoints", "depth", "controller", "adapter"):
            _until(lambda name=name: client.is_active(name), f"node {name}", 2 * _WAIT_S)
        client.node.create_subscription(Image, "depth/relative_depth", estimates.append, IMAGE_QOS, raw=True)
        client.look_from_goal()
        client.capture_goal()
        client.reset()
        _until(lambda: estimates, "depth of the other host", 2 * _WAIT_S)
        client.enable(True)
        begin_s, count = time.time(), len(estimates)

        def over(status: ServoStatus) -> bool:
            statuses.append(status)
            return status.state == ServoStatus.CONVERGED

        client.wait_for(over, timeout_s=4 * _WAIT_S)
        wall_s = time.time() - begin_s
        client.enable(False)
        client.wait_for_fresh_matches()
        te_m, re_deg = se3.pose_error(client.camera_pose, client.goal_pose)
    used = [status for status in statuses if status.depth_source == "estimated"]
    ages = [status.depth_age_s for status in used]
    print(
        f"{kind}: converged after {wall_s:.1f} s, {1e3 * te_m:.2f} mm and {re_deg:.3f}°; "
        f"{(len(estimates) - count) / wall_s:.1f} depths a second from the other host, used in "
        f"{100 * len(used) / len(statuses):.0f} % of the statuses, {np.median(ages):.2f} s old (median)",
        flush=True,
    )


def _until(condition, what: str, timeout_s: float = _WAIT_S) -> None:
    end_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > end_s:
            sys.exit(f"two_hosts: waited {timeout_s:.0f} s in vain for {what}")
        time.sleep(0.05)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("what", choices=("images", "servo"))
    parser.add_argument("--frames", type=int, default=150, help="images of each row")
    parser.add_argument("--mbit", type=int, default=1000, help="rate of the link, Mbit/s")
    parser.add_argument("--seed", type=int, default=0, help="of the simulated scene")
    parser.add_argument("--peers", action="store_true", help="`servo` over a link without multicast")
    return parser


def main() -> int:
    parts = {"_send": send, "_receive": receive, "_compress": compress, "_watch": watch}
    if sys.argv[1:] and sys.argv[1] in parts:  # this program on one of the hosts
        parts[sys.argv[1]](*sys.argv[2:])
        return 0
    arguments = parser().parse_args()
    if os.geteuid() != 0:
        print("two_hosts: only root may make network namespaces", file=sys.stderr)
        return 1
    with two_hosts(arguments.mbit, multicast=not arguments.peers):
        images(arguments.frames) if arguments.what == "images" else servo(arguments.seed, arguments.peers)
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return 0


if __name__ == "__main__":
    try:
        raise SystemExit(main())
    except KeyboardInterrupt:
        raise SystemExit(1) from None
