#!/usr/bin/env python3
"""Memory, file handles and threads of all nodes over a long time of goals, enables, faults and recoveries.

    source scripts/env.sh
    scripts/soak.py --minutes 60 --seed 1 --controller pbvs
    scripts/soak.py --minutes 60 --matcher orb --depth camera     # for a slow machine

The nodes run as bringup starts them, with the simulated camera, on the wall clock. In a round the servo gets a goal and
converges, once with a random fault on its way. Each kind of fault comes once in as many rounds as there are kinds;
what counts is the time after the second one of each. The samples go to a file. The exit code is 1 where something grew,
where the servo did not converge again after a fault, or where the time was too short.
"""

import argparse
import json
import random
import signal
import sys
import threading
import time
from pathlib import Path

import numpy as np
import psutil
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from rclpy.action import ActionClient

from depth_pc_interfaces.action import Servo
from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.client import ServoClient, ServoClientError
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.bringup.processes import NodeProcesses
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.conversions import rgb_to_image
from depth_pc_ros.options import add_text_fields, given_texts
from depth_pc_ros.types import LATCHED_STATES, ServoState

OPTIONS = ("seed", "controller", "matcher", "depth", "max_width", "params")
ENDS = (ServoState.CONVERGED, *LATCHED_STATES)
SAMPLE_S = 5.0
CONVERGE_S = 120.0  # far more than a round takes, for a busy machine
WARM_UP, FEWEST = 2, 2  # faults of each kind before the samples count, and after that
MOST_MB_PER_HOUR, MOST_MB, MOST_HANDLES = 10.0, 3.0, 3  # growth below one of the first two is none, of handles, too


class Samples:
    """Takes samples in a thread of its own: name -> [(time in s, memory in MB, file handles, threads)]."""

    def __init__(self):
        self.by_node: dict[str, list[tuple[float, float, int, int]]] = {}
        self.begin_s, self._end = time.monotonic(), threading.Event()
        self._thread = threading.Thread(target=self._run)

    def __enter__(self) -> "Samples":
        self._thread.start()
        return self

    def __exit__(self, *_exc) -> None:
        self._end.set()
        self._thread.join()

    def _run(self) -> None:
        while not self._end.wait(SAMPLE_S):
            for process in psutil.Process().children():
                words = process.cmdline()
                if "-m" not in words:
                    continue
                name = words[words.index("-m") + 1].rpartition(".")[2]
                megabytes = process.memory_info().rss / 2**20
                sample = time.monotonic() - self.begin_s, megabytes, process.num_fds(), process.num_threads()
                self.by_node.setdefault(name, []).append(sample)


class Soak:
    """What happens to the servo. problems: where it did not recover."""

    def __init__(self, client: ServoClient, processes: NodeProcesses, seed: int):
        self.client, self.processes, self.rng = client, processes, random.Random(seed)
        self.action = ActionClient(client.node, Servo, "controller/servo")
        self.counts: dict[str, int] = {}
        self._faults: list = []  # those to come
        self.problems: list[str] = []
        self.enabled_again = 0

    def round(self) -> None:
        """A goal, a fault on the way to it, and the way to it without a fault."""
        self._faults = self._faults or self.rng.sample(FAULTS, len(FAULTS))
        fault = self._faults.pop()
        self.counts[fault.__name__] = self.counts.get(fault.__name__, 0) + 1
        try:
            self._set_true_goal()
            self.client.reset()
            self.client.enable(True)
            self.client.wait_for(lambda status: status.state == ServoState.SERVOING, CONVERGE_S)
            fault(self)
            self.client.enable(False)
            self.client.reset()
            self._converge()
        except ServoClientError as error:
            self.problems.append(f"after {fault.__name__}: {error}")

    def _converge(self) -> None:
        """Enable, and again where the status asks for it."""
        end_s = time.monotonic() + CONVERGE_S
        while True:
            self.client.enable(False)
            self.client.enable(True)
            status = self.client.wait_for(lambda status: status.state in ENDS, end_s - time.monotonic())
            if status.state == ServoState.CONVERGED:
                return
            self.enabled_again += 1

    def no_fault(self) -> None:
        """Nothing: it converges twice."""
        self._converge()

    def node_stalls(self) -> None:
        name = self.rng.choice(["bridge", "keypoints", "depth", "controller", "adapter"])
        self.processes.send_signal(name, signal.SIGSTOP)
        time.sleep(self.rng.choice([0.1, 0.5, 2.0]))
        self.processes.send_signal(name, signal.SIGCONT)

    def person_plays_with_the_switch(self) -> None:
        for _ in range(5):
            self.client.enable(False)
            self.client.enable(True)

    def goal_is_refused(self) -> None:
        try:
            self.client.set_goal(np.zeros((240, 320, 3), np.uint8), distance=0.6)
        except ServoClientError:
            return
        self.problems.append("a black goal image was accepted")

    def goals_are_set(self) -> None:
        rgb, _depth, _stamp_s = self.client.frame()
        for _ in range(3):
            self.client.set_goal(rgb, distance=0.6)
        self._set_true_goal()

    def actions_preempt_each_other(self) -> None:
        rgb, _depth, _stamp_s = self.client.frame()
        image = rgb_to_image(rgb, self.client.status.header)
        for _ in range(5):
            self.action.send_goal_async(Servo.Goal(image=image, distance=0.6))
            time.sleep(0.1)
        time.sleep(1.0)
        self._set_true_goal()

    def node_is_taken_down_and_up(self) -> None:
        name = self.rng.choice(["controller", "adapter", "depth"])
        change = Transition
        for transition in (
            change.TRANSITION_DEACTIVATE,
            change.TRANSITION_CLEANUP,
            change.TRANSITION_CONFIGURE,
            change.TRANSITION_ACTIVATE,
        ):
            request = ChangeState.Request(transition=Transition(id=transition))
            if not self.client.call(f"{name}/change_state", ChangeState, request, 60.0).success:
                self.problems.append(f"{name}: transition {transition} failed")

    def _set_true_goal(self) -> None:
        self.client.enable(False)
        self.client.look_from_goal()
        self.client.capture_goal()


FAULTS = [
    Soak.no_fault,
    Soak.node_stalls,
    Soak.person_plays_with_the_switch,
    Soak.goal_is_refused,
    Soak.goals_are_set,
    Soak.actions_preempt_each_other,
    Soak.node_is_taken_down_and_up,
]


def verdict(samples: list[tuple[float, float, int, int]], after_s: float) -> tuple[str, bool]:
    """A line of numbers from this time on, and whether nothing grew. samples: of one node."""
    times_s, megabytes, handles, threads = np.array([each for each in samples if each[0] >= after_s]).T
    slope = np.polyfit(times_s / 3600.0, megabytes, 1)[0]
    grown_mb = slope * (times_s[-1] - times_s[0]) / 3600.0
    quarter = max(len(times_s) // 4, 1)
    more = [int(np.max(each[-quarter:]) - np.max(each[:quarter])) for each in (handles, threads)]
    flat = bool(slope < MOST_MB_PER_HOUR or grown_mb < MOST_MB) and max(more) <= MOST_HANDLES
    numbers = f"{megabytes[0]:7.1f} {megabytes[-1]:7.1f} {slope:+9.1f} {handles[0]:6.0f} {handles[-1]:6.0f} "
    return f"{numbers} {threads[0]:6.0f} {threads[-1]:6.0f}   {'flat' if flat else 'GROWS'}", flat


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--minutes", type=float, default=60.0, help="how long")
    add_text_fields(parser, BringupConfig, OPTIONS)
    parser.add_argument("--output", type=Path, default=Path("out/soak"), help="folder for samples and logs")
    return parser


def main() -> int:
    options = parser().parse_args()
    fixed = {"lockstep": "false", "namespace": "/soak"}
    try:
        config = BringupConfig.from_text(given_texts(options, BringupConfig) | fixed, "command line")
        specs = nodes(config)
    except ConfigError as error:
        print(f"soak: {error}", file=sys.stderr)
        return 1
    rounds, warm_s, end_s = 0, 0.0, time.monotonic() + 60.0 * options.minutes
    with (
        NodeProcesses(specs, options.output) as processes,
        ServoClient(60.0, config.namespace) as client,
    ):
        processes.wait_until_active(client, 300.0)
        soak = Soak(client, processes, config.seed)
        with Samples() as samples:
            while time.monotonic() < end_s:
                soak.round()
                processes.check()
                rounds += 1
                if rounds == WARM_UP * len(FAULTS):
                    warm_s = time.monotonic() - samples.begin_s
    (options.output / "samples.json").write_text(json.dumps(samples.by_node))
    print(f"{rounds} rounds in {options.minutes:g} minutes; faults: {soak.counts}; enabled again: {soak.enabled_again}")
    print(*soak.problems, sep="\n")
    print(f"{'':20s} {'MB':>7s} {'MB':>7s} {'MB / h':>9s} {'files':>6s} {'files':>6s}  {'thr.':>6s} {'thr.':>6s}")
    verdicts = {name: verdict(each, warm_s) for name, each in samples.by_node.items()}
    for name, (line, _flat) in verdicts.items():
        print(f"{name:20s} {line}")
    if too_short := rounds < (WARM_UP + FEWEST) * len(FAULTS):
        print(f"too short for a verdict: it needs {(WARM_UP + FEWEST) * len(FAULTS)} rounds")
    return int(too_short or bool(soak.problems) or not all(flat for _line, flat in verdicts.values()))


if __name__ == "__main__":
    sys.exit(main())
