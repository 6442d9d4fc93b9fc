#!/usr/bin/env python3
"""What one viewer of the live view costs the servo: the time of its steps with a viewer, against without one.

    source scripts/env.sh
    scripts/view_cost.py --pairs 20 --seconds 3

One simulated servo on the wall clock, at its goal, whose page is shown in turns: so many seconds without a viewer, so
many with one. A step is from an image's stamp to the command computed from it, as the controller's status says.
Prints the ratio of the 95th percentiles, and of the medians. The viewer is a client that takes every picture as fast as
a browser could; it draws nothing, for a browser may be on another machine. Words after `--` go to `bringup`.
"""

import argparse
import asyncio
import contextlib
import sys
import tempfile
import threading
import time
from pathlib import Path

import aiohttp
import numpy as np

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.client import ServoClient
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.bringup.processes import NodeProcesses
from depth_pc_ros.cli import bringup
from depth_pc_ros.options import given_texts
from depth_pc_ros.types import ServoState

_SETTLE_S = 0.5  # after a viewer came or went
_PICTURES = "live goal difference depth"  # what the page shows at first


class Viewer:
    """A context manager: inside it, somebody looks. messages: how many came."""

    def __init__(self, port: int):
        self._address = f"http://127.0.0.1:{port}"
        self._end = threading.Event()
        self.messages = 0

    def __enter__(self) -> "Viewer":
        self._thread = threading.Thread(target=lambda: asyncio.run(self._look()))
        self._thread.start()
        return self

    def __exit__(self, *exc) -> None:
        self._end.set()
        self._thread.join()

    async def _look(self) -> None:
        async with (
            aiohttp.ClientSession() as session,
            session.ws_connect(f"{self._address}/live", headers={"Origin": self._address}) as page,
        ):
            await page.receive()
            while not self._end.is_set():
                await page.send_str(_PICTURES)
                await page.receive_bytes()
                self.messages += 1


class Steps:
    """Latency of every step, ms, in the list of the moment: one step has one image."""

    def __init__(self):
        self.now: list[float] = []
        self._last = None

    def on_status(self, status) -> None:
        stamp = (status.image_stamp.sec, status.image_stamp.nanosec)
        if stamp != self._last and np.isfinite(status.latency_ms):
            self.now.append(status.latency_ms)
        self._last = stamp


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=int, default=20, metavar="N", help="so many turns without and with a viewer")
    parser.add_argument("--seconds", type=float, default=3.0, metavar="S", help="of each turn")
    parser.add_argument("words", nargs="*", metavar="-- ...", help="options of bringup")
    return parser


def main() -> int:
    options = parser().parse_args()
    texts = given_texts(bringup.parser().parse_args(options.words), BringupConfig)
    texts = {"controller": "pbvs", "namespace": "/view_cost", **texts, "view": "true"}
    config = BringupConfig.from_text(texts, "command line")
    steps, turns = Steps(), {False: [], True: []}
    with (
        tempfile.TemporaryDirectory() as folder,
        NodeProcesses(nodes(config), Path(folder)) as processes,
        ServoClient(60.0, config.namespace) as client,
    ):
        processes.wait_until_active(client, 240.0)
        client.look_from_goal()
        client.capture_goal()
        client.on_status(steps.on_status)
        client.enable(True)
        client.wait_for(lambda status: status.state == ServoState.CONVERGED, 120.0)
        for turn in range(options.pairs):
            for viewed in (False, True) if turn % 2 else (True, False):
                viewer = Viewer(config.view_port) if viewed else None
                turns[viewed].append(measured(steps, viewer, options.seconds))
                processes.check()
    print(report(turns))
    return 0


def measured(steps: Steps, viewer: Viewer | None, seconds: float) -> tuple[list[float], float]:
    """Latencies, ms, of one turn, and messages per second to its viewer."""
    with viewer or contextlib.nullcontext():
        time.sleep(_SETTLE_S)
        steps.now, before = [], viewer.messages if viewer else 0
        time.sleep(seconds)
        return steps.now, (viewer.messages - before) / seconds if viewer else 0.0


def report(turns: dict[bool, list[tuple[list[float], float]]]) -> str:
    """Medians and 95th percentiles of all steps, and how the ratios of the single pairs scatter."""
    lines = []
    alone, viewed = (np.concatenate([ms for ms, _ in turns[key]]) for key in (False, True))
    for name, share in (("median", 50), ("p95", 95)):
        pairs = [
            np.percentile(with_one[0], share) / np.percentile(without[0], share)
            for without, with_one in zip(turns[False], turns[True])
        ]
        low, middle, high = np.percentile(pairs, (25, 50, 75))
        lines.append(
            f"{name:<7} without {np.percentile(alone, share):6.1f} ms   with {np.percentile(viewed, share):6.1f} ms   "
            f"ratio {np.percentile(viewed, share) / np.percentile(alone, share):.3f}   "
            f"of the pairs: median {middle:.3f}, quartiles {low:.3f} to {high:.3f}"
        )
    rate = np.mean([rate for _, rate in turns[True]])
    lines.append(f"{len(alone)} and {len(viewed)} steps; the viewer got {rate:.1f} messages a second")
    return "\n".join(lines)


if __name__ == "__main__":
    sys.exit(main())
