"""Real processes that are stopped, killed and starved, and what the arm's driver gets from them meanwhile.

Controller, adapter and dead man run as bringup starts them; camera and driver are in this process.
"""

import contextlib
import dataclasses
import os
import random
import signal
import subprocess
import sys
import tempfile
import time
from array import array
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from fault_world import PointCamera
from geometry_msgs.msg import Twist
from rclpy.qos import QoSProfile
from std_msgs.msg import Header

from depth_pc_interfaces.msg import KeypointMatches, ServoGoal
from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.client import ServoClient, ServoClientError
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.bringup.processes import NodeProcesses
from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.base import LATCHED_QOS, TWIST_QOS
from depth_pc_ros.nodes.conversions import intrinsics_to_info, matches_to_msg, twist_from_msg
from depth_pc_ros.nodes.node_configs import AdapterConfig, ControllerNodeConfig, DeadManConfig
from depth_pc_ros.types import Matches

PERIOD_S, FRAME_S, WAIT_S = 0.02, 0.04, 60.0
NODES = ("controller", "adapter", "dead_man")
# From the beginning of an event to the first zero at the driver, as documented; None: the motion goes on.
STOPS_WITHIN_S = {
    "controller": AdapterConfig.command_timeout_s + 2 * PERIOD_S,
    "adapter": DeadManConfig.adapter_timeout_s + 2 * PERIOD_S,
    "dead_man": None,
    "camera": ControllerNodeConfig.input_timeout_s + 2 * PERIOD_S,
}


@dataclass(frozen=True)
class Event:
    """kind: stop (SIGSTOP, for `seconds`), kill (SIGKILL, then a new process), silence (of the camera), busy (machine).

    target: a node, or "camera", or "machine".
    """

    kind: str
    target: str
    seconds: float = 0.0

    def __str__(self) -> str:
        return f"{self.kind} {self.target}" + (f" for {self.seconds} s" if self.seconds else "")


def random_events(count: int, seed: int) -> list[Event]:
    """In random order; of 25 events, each node has 5 stops and 2 kills; 2 are silences, 2 of a busy machine."""
    rng = random.Random(seed)
    events = [Event("stop", node, seconds) for node in NODES for seconds in (0.1, 0.3, 0.6, 1.0, 2.0)]
    events += [Event("kill", node) for node in NODES] * 2
    events += [Event("silence", "camera", seconds) for seconds in (0.2, 1.0)]
    events += [Event("busy", "machine", seconds) for seconds in (1.0, 3.0)]
    return [event for _ in range(-(-count // len(events))) for event in rng.sample(events, len(events))][:count]


@dataclass
class Driver:
    """What the arm's driver got: when (time.monotonic(), s), the twists (6,), and the writers' numbers of them."""

    times_s: list[float] = field(default_factory=list)
    twists: list[np.ndarray] = field(default_factory=list)
    numbers: list[int] = field(default_factory=list)

    def hear(self, msg: Twist, info: dict) -> None:
        self.times_s.append(time.monotonic())
        self.twists.append(twist_from_msg(msg))
        self.numbers.append(info["publication_sequence_number"])

    @property
    def moving(self) -> bool:
        """The newest command is motion, and new."""
        return bool(self.twists) and self.twists[-1].any() and time.monotonic() - self.times_s[-1] < 0.2

    @property
    def at_rest(self) -> bool:
        return not self.twists or not self.twists[-1].any()

    def first_zero_s(self, first: int) -> float | None:
        """When the first zero came, from this command on; None: none has."""
        return next((self.times_s[i] for i in range(first, len(self.twists)) if not self.twists[i].any()), None)

    def steps_above(self, linear: float, angular: float) -> list[str]:
        """Changes from command to command above these limits of one period, a stop excepted.

        The adapter keeps the newest command only, so a busy receiver misses some: their steps are allowed, too. How
        many is known by their numbers, which those of a zero are not: the dead man sends zeros, too.
        """
        found = []
        for i in range(1, len(self.twists)):
            change = np.linalg.norm((self.twists[i] - self.twists[i - 1]).reshape(2, 3), axis=1)
            steps = max(self.numbers[i] - self.numbers[i - 1], 1) if self.twists[i - 1].any() else 2
            allowed = np.array([linear, angular]) * steps
            if not np.isfinite(self.twists[i]).all() or (self.twists[i].any() and (change > 1.001 * allowed).any()):
                found.append(
                    f"a step of {change} m/s, rad/s in {steps} commands, at most {allowed} is allowed; from "
                    f"{self.twists[i - 1].round(3).tolist()} to {self.twists[i].round(3).tolist()}"
                )
        return found


class Camera:
    """Publishes goal and matches 25 times a second, and moves as the driver is told."""

    def __init__(self, node, driver: Driver, seed: int):
        self.points, self._driver, self._node = PointCamera(np.random.default_rng(seed)), driver, node
        self.silent = False
        self._goals = node.create_publisher(ServoGoal, "keypoints/goal", LATCHED_QOS)
        self._matches = node.create_publisher(KeypointMatches, "keypoints/matches", TWIST_QOS)
        self._looked_s = time.monotonic()
        pixels = self.points.pixels(self.points.T_goal)
        goal = ServoGoal(goal_id=1, distance=0.6, keypoints=array("d", pixels.tobytes()))
        goal.camera_info = intrinsics_to_info(self.points.intrinsics, Header())
        self._goals.publish(goal)
        node.create_timer(FRAME_S, self._look)

    def _look(self) -> None:
        now_s = time.monotonic()
        if self._driver.moving:
            self.points.T = self.points.T @ se3.exp((now_s - self._looked_s) * self._driver.twists[-1])
        self._looked_s = now_s
        if self.silent:
            return
        pixels = self.points.pixels(self.points.T)
        matches = Matches(pixels, np.ones(len(pixels), bool), np.ones(len(pixels), np.float32))
        header = Header(stamp=self._node.get_clock().now().to_msg(), frame_id="optical")
        self._matches.publish(matches_to_msg(matches, 1, header))


class Bench:
    """The running processes, and the checks. slack_s: what a busy machine may add to a documented time."""

    def __init__(self, processes: NodeProcesses, client: ServoClient, seed: int, slack_s: float):
        self.processes, self.client, self.slack_s = processes, client, slack_s
        self.driver = Driver()
        client.node.create_subscription(Twist, "cmd_vel", self.driver.hear, QoSProfile(depth=1000))
        self.camera = Camera(client.node, self.driver, seed)
        self.problems: list[str] = []
        self.held_up_s = 0.0

    def wait(self, condition, seconds: float) -> bool:
        """Whether the condition came true. held_up_s: longest time in which this process could not look."""
        end_s = time.monotonic() + seconds
        self.held_up_s, looked_s = 0.0, time.monotonic()
        while not condition():
            if time.monotonic() > end_s:
                return False
            time.sleep(0.005)
            self.held_up_s, looked_s = max(self.held_up_s, time.monotonic() - looked_s), time.monotonic()
        return True

    def start_moving(self) -> None:
        """Disable, put the camera away from the goal, enable, as often as it takes, once all nodes are there."""
        end_s = time.monotonic() + 2 * WAIT_S
        while time.monotonic() < end_s:
            self.processes.check()  # starts again what was killed
            if not all(self.client.is_active(name) for name in NODES):
                continue  # without its dead man nobody stops the arm of an adapter that dies
            with contextlib.suppress(ServoClientError):
                self.client.enable(False)
                self.camera.points.start()
                self.client.enable(True)
                if self.wait(lambda: self.driver.moving and np.linalg.norm(self.driver.twists[-1][:3]) > 0.1, 2.0):
                    return
        self.problems.append(f"does not move again after {2 * WAIT_S} s: {self.client.status.message}")

    def happen(self, event: Event) -> float | None:
        """One event while the arm moves; the time in s until the driver got zero, None: it did not have to."""
        begin_s, first = time.monotonic(), len(self.driver.twists)
        with contextlib.ExitStack() as after:
            if event.kind == "stop":
                self.processes.send_signal(event.target, signal.SIGSTOP)
                after.callback(self.processes.send_signal, event.target, signal.SIGCONT)
            elif event.kind == "kill":
                self.processes.send_signal(event.target, signal.SIGKILL)
            elif event.kind == "silence":
                self.camera.silent = True
                after.callback(setattr, self.camera, "silent", False)
            else:
                after.enter_context(busy_machine())
            limit_s = STOPS_WITHIN_S.get(event.target)
            must_stop = limit_s is not None and (event.kind == "kill" or event.seconds > limit_s + 0.1)
            stopped_s = None
            if must_stop:
                if self.wait(lambda: self.driver.first_zero_s(first) is not None, limit_s + self.slack_s):
                    stopped_s = self.driver.first_zero_s(first) - begin_s
                else:
                    self.problems.append(
                        f"{event}: no zero at the driver within {limit_s:.2f} s (+ {self.slack_s} s); this process was "
                        f"held up for {self.held_up_s:.2f} s meanwhile"
                    )
            time.sleep(max(begin_s + event.seconds - time.monotonic(), 0.0))
        # Whatever came of it: it moves on, or the last command is zero.
        longest_s = max(limit for limit in STOPS_WITHIN_S.values() if limit is not None) + self.slack_s
        if not self.wait(lambda: self.driver.moving or self.driver.at_rest, longest_s):
            self.problems.append(f"{event}: the last command is {self.driver.twists[-1].round(3).tolist()}")
        return stopped_s


@contextlib.contextmanager
def busy_machine():
    """Twice as many spinning processes as cores."""
    spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(2 * (os.cpu_count() or 1))]
    try:
        yield
    finally:
        for spinner in spinners:
            spinner.kill()
            spinner.wait()


@contextlib.contextmanager
def running_bench(seed: int = 0, slack_s: float = 1.0, namespace: str = "/depth_pc_faults"):
    """A `Bench` whose nodes are active."""
    config = BringupConfig(
        controller="pbvs", driver="twist", image="/none", camera_info="/none", camera_in_tool="0 0 0 0 0 0 1",
        namespace=namespace, cmd_vel="cmd_vel",
    )  # fmt: skip
    # The arm stands still in every stop, which is no fault of the arm. All nodes are started again when killed.
    specs = [
        dataclasses.replace(spec, essential=False, parameters={**spec.parameters, **_CHANGES.get(spec.name, {})})
        for spec in nodes(config)
        if spec.name in NODES
    ]
    with (
        tempfile.TemporaryDirectory() as folder,
        NodeProcesses(specs, Path(folder)) as processes,
        ServoClient(5.0, namespace) as client,
    ):
        processes.wait_until_active(client, 2 * WAIT_S)
        bench = Bench(processes, client, seed, slack_s)
        yield bench


_CHANGES = {"controller": {"check_motion": False}}


def check_steps(bench: Bench) -> None:
    linear, angular = AdapterConfig.max_linear_acceleration, AdapterConfig.max_angular_acceleration
    bench.problems += bench.driver.steps_above(linear * PERIOD_S, angular * PERIOD_S)


def run(count: int, seed: int) -> tuple[dict[str, int], int, list[str]]:
    """Events of this seed: how many happened of each kind, commands at the driver, and problems."""
    happened: Counter[str] = Counter()
    with running_bench(seed) as bench:
        for number, event in enumerate(random_events(count, seed), 1):
            known = len(bench.problems)
            bench.start_moving()
            stopped_s = bench.happen(event)
            happened[f"{event.kind} {event.target}"] += 1
            print(
                f"{number:4d} of {count}: {event!s:28s} "
                f"{'moves on' if stopped_s is None else f'zero after {stopped_s:.3f} s':22s} "
                f"{len(bench.problems)} problems",
                *bench.problems[known:],
                sep="\n",
                flush=True,
            )
            if len(bench.problems) >= 20:
                break
        check_steps(bench)
    return dict(happened), len(bench.driver.twists), bench.problems
