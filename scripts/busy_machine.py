#!/usr/bin/env python3
"""What the servo's state does on a busy machine: simulated servos on the wall clock beside spinning processes.

    source scripts/env.sh
    scripts/busy_machine.py --spinners 4 --runs 3 --seconds 30

Prints for each run how often the state changed on the way to the goal, which states there were, and
what was said about a slow machine. Words after `--` go to `bringup`: `scripts/busy_machine.py -- --controller ibvs`.
"""

import argparse
import itertools
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.client import ServoClient, ServoClientError
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.bringup.processes import NodeProcesses
from depth_pc_ros.cli import bringup
from depth_pc_ros.options import given_texts
from depth_pc_ros.types import ServoState

_MOVING = (ServoState.SERVOING, ServoState.LIMITED)


def run(client: ServoClient, seconds: float) -> str:
    """One servo from the start to the goal; what its state did, in a line."""
    client.look_from_goal()
    client.capture_goal()
    client.reset()
    seen: list[tuple[float, ServoState, str]] = []
    client.on_status(lambda status: seen.append((time.monotonic(), ServoState(status.state), status.message)))
    client.enable(True)
    begin_s = time.monotonic()
    try:
        client.wait_for(lambda status: status.state == ServoState.CONVERGED, seconds)
        end = f"converged after {time.monotonic() - begin_s:.0f} s"
    except ServoClientError:
        end = f"not converged within {seconds:.0f} s"
    client.enable(False)
    on_the_way = [(at_s, state, said) for at_s, state, said in seen if begin_s <= at_s and state != ServoState.DISABLED]
    names = ["moves" if state in _MOVING else state.name for _, state, _ in on_the_way]
    changes = sum(a != b for a, b in itertools.pairwise(names))
    slow = [said for _, _, said in on_the_way if "slow" in said]
    return f"{end}; {changes} changes ({_counts(names)}); said: {slow[-1] if slow else '-'}"


def _counts(names: list[str]) -> str:
    groups = [name for name, _ in itertools.groupby(names)]
    return ", ".join(f"{name} {groups.count(name)}x" for name in dict.fromkeys(groups))


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--spinners", type=int, default=4, metavar="N", help="so many processes that only spin")
    parser.add_argument("--runs", type=int, default=3, metavar="N", help="servos, one after another")
    parser.add_argument("--seconds", type=float, default=30.0, metavar="S", help="give a run up after it")
    parser.add_argument("words", nargs="*", metavar="-- ...", help="options of bringup")
    return parser


def main() -> int:
    options = parser().parse_args()
    texts = given_texts(bringup.parser().parse_args(options.words), BringupConfig)
    config = BringupConfig.from_text({"controller": "pbvs", "namespace": "/busy", **texts}, "command line")
    with (
        tempfile.TemporaryDirectory() as folder,
        NodeProcesses(nodes(config), Path(folder)) as processes,
        ServoClient(60.0, config.namespace) as client,
    ):
        processes.wait_until_active(client, 120.0)
        spinners = [subprocess.Popen([sys.executable, "-c", "while True: pass"]) for _ in range(options.spinners)]
        try:
            for number in range(1, options.runs + 1):
                print(f"run {number}: {run(client, options.seconds)}", flush=True)
        finally:
            for spinner in spinners:
                spinner.kill()
                spinner.wait()
        warnings = [line for line in Path(folder, "controller.log").read_text().splitlines() if "too slow" in line]
    print(f"{len(warnings)} warnings of a slow machine in the controller's log")
    return 0


if __name__ == "__main__":
    sys.exit(main())
