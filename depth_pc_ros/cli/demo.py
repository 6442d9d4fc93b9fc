"""`demo`: a simulated wrist camera drives itself to a goal image, through the real nodes, and reports how it went."""

import argparse
import contextlib
import shutil
import sys
import time
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.cli.progress import ProgressLine
from depth_pc_ros.cli.run_report import RunRecord
from depth_pc_ros.errors import ConfigError, DepthPcError, FileError
from depth_pc_ros.extras import one_line_where_missing, require, require_simulator
from depth_pc_ros.options import add_text_fields, given_texts
from depth_pc_ros.sim.arm_models import ARM_MODELS
from depth_pc_ros.types import MOVING_STATES, ServoState

with one_line_where_missing("demo"):
    require("sim", "matplotlib")
    from depth_pc_ros.bringup.client import ServoClient, ServoClientError
    from depth_pc_ros.bringup.processes import NodeProcesses
    from depth_pc_ros.bringup.recorder_process import RecorderProcess
    from depth_pc_ros.bringup.running_nodes import refuse_running
    from depth_pc_ros.cli.bringup import interrupt_on_signals
    from depth_pc_ros.cli.run_animation import ViewRecorder, draw_animation
    from depth_pc_ros.cli.run_figures import draw_trajectory, draw_views
    from depth_pc_ros.cli.run_recorder import RunRecorder

_INTERRUPTED = "interrupted"
_GIVE_UP_S = 5.0  # wall time without motion and without convergence
_RUNNING_TIMEOUT_S = 90.0  # for an answer of a simulation that runs already: Gazebo drives the camera to its places
_OPTIONS = (
    *"seed controller matcher matcher_weights lightglue_weights speed depth depth_model".split(),
    *"simulator scene ycb_root level arm_model namespace view view_port".split(),
)
_RESULTS = ("goal.png", "demo.png", "demo.webp", "trajectory.png", "run.csv", "logs")

DESCRIPTION = """\
A simulated wrist camera drives itself to a goal image. The demo starts a simulator and the servo nodes, each in a
process of its own, takes the goal's picture, moves the camera away, hands the picture to the nodes and enables them.
Only images and the goal's distance reach the servo (depth is estimated from images by default); true poses
only serve to report the final error.
"""
EPILOG = """\
examples:
  scripts/demo.sh                             a free-flying camera above a table of textured objects
  scripts/demo.sh --arm --seed 3              a Franka Panda carries the camera; another scene, another start
  scripts/demo.sh --simulator mujoco          MuJoCo in place of PyBullet
  scripts/demo.sh --controller ibvs           a classical law in place of the learned one
  scripts/demo.sh --depth camera              the metric depth of a depth camera
  scripts/demo.sh --scene ycb --ycb-root DIR  YCB-Video objects; DIR holds 003_cracker_box/ and so on
  scripts/demo.sh --running                   in a simulation that runs already, such as Gazebo
  scripts/demo.sh --record out/bag            keep the run as a bag, for `replay out/bag`
  scripts/demo.sh --real-time                 on the wall clock, as with a robot; lockstep repeats bit for bit instead
  scripts/demo.sh --view                      with the live view: starts once a browser shows it, and stays until Ctrl-C

The output folder gets demo.png (start, final, goal, difference), trajectory.png (path, errors, speeds), goal.png,
run.csv (a line per image) and logs/ (a file per node); with --animation also demo.webp, a moving picture of the run.
Exit code 0 only when the servo converged.
"""


class NotConvergedError(DepthPcError):
    """The run ended away from the goal."""


class Demo:
    """One run. `run` raises DepthPcError when it does not converge; `write_results` works at any time after it."""

    def __init__(
        self, config: BringupConfig, output: Path, timeout_s: float, animation: bool = False, running: bool = False,
        bag: Path | None = None,
    ):  # fmt: skip
        self.config = config
        self.specs = [] if running else nodes(config)  # to start; none where they run already
        self.bag = bag
        self.view_recorder = ViewRecorder() if animation else None
        self.output = output
        self.timeout_s = timeout_s
        self.recorder: RunRecorder | None = None
        self.T_world_final: np.ndarray | None = None
        self.views: dict[str, np.ndarray] = {}  # start, final, goal: (H, W, 3) uint8 RGB
        self.distance_m = 0.0

    def run(self) -> None:
        started_s = time.monotonic()
        if self.specs:
            print(f"starting the nodes; their output goes to {self.output / 'logs'}", flush=True)
        client = ServoClient(_RUNNING_TIMEOUT_S if not self.specs else 10.0, self.config.namespace)
        recording = contextlib.nullcontext() if self.bag is None else self._recording(self.bag)
        with NodeProcesses(self.specs, self.output / "logs") as processes, recording as recorder, client:
            processes.wait_until_active(client)
            if self.specs:
                print(f"all nodes are active after {time.monotonic() - started_s:.1f} s", flush=True)
            if recorder is not None:
                recorder.wait_until_recording()
            try:
                self._prepare(client)
                self._wait_for_viewer(client, processes)
                client.enable(True)
                with contextlib.closing(ProgressLine()) as line:
                    problem = self._watch(client, processes, line)
                self._finish(client)
                self._stay(processes, problem)
            except ServoClientError:
                processes.check()  # the end of a node explains more than a timeout
                raise
        if recorder is not None:
            print(f"recorded: {recorder.last_line}", flush=True)
        if problem:
            raise NotConvergedError(problem)

    def _recording(self, bag: Path) -> RecorderProcess:
        depth = ["--with-depth"] if self.config.depth_source == "camera" else []
        return RecorderProcess(bag, self.config.namespace, self.output / "logs" / "record.log", *depth)

    def _prepare(self, client: ServoClient) -> None:
        """Take the goal's picture, go to the start, set the goal."""
        client.look_from_goal()
        goal, depth_m, _ = client.frame()
        self.views["goal"] = goal
        cv2.imwrite(str(self.output / "goal.png"), cv2.cvtColor(goal, cv2.COLOR_RGB2BGR))
        self.distance_m = float(np.nanmedian(depth_m))
        client.reset()
        self.views["start"], _, _ = client.frame()
        self.recorder = RunRecorder(client.goal_pose)
        client.on_camera_pose(self.recorder.on_camera_pose)
        client.on_status(self.recorder.on_status)
        if self.view_recorder is not None:
            client.on_image(self.view_recorder.on_image)
            client.on_matches(self.view_recorder.on_matches)
        answer = client.set_goal(goal, distance=self.distance_m)
        if self.specs and self.config.depth_source == "estimated":
            client.wait_for_goal_depth(answer.goal_id)
        print(f"{answer.message}, {self.distance_m:.2f} m away", flush=True)

    def _watch(self, client: ServoClient, processes: NodeProcesses, line: ProgressLine) -> str:
        """Show the progress until the run ends; returns "" when it converged, else why not."""
        started_s = moved_s = time.monotonic()
        while True:
            processes.check()
            status = client.status
            state = ServoState(status.state)
            elapsed_s = time.monotonic() - started_s
            if state in MOVING_STATES:
                moved_s = time.monotonic()
            line.show(_progress(self.record(), elapsed_s))
            if state is ServoState.CONVERGED:
                return ""
            if state is ServoState.FAULT or time.monotonic() - moved_s > _GIVE_UP_S:
                return f"{state.name}: {status.message}"
            if elapsed_s > self.timeout_s:
                return f"not converged within {self.timeout_s:g} s (--timeout)"
            time.sleep(0.05)

    def _wait_for_viewer(self, client: ServoClient, processes: NodeProcesses) -> None:
        if self.config.view:
            print(f"open http://{self.config.view_address}:{self.config.view_port}/ in a browser to start", flush=True)
            while not client.is_viewed():
                processes.check()

    def _stay(self, processes: NodeProcesses, problem: str) -> None:
        """Leave the page open: a person may go on with its buttons. Ctrl-C is its usual end."""
        self.recorder.end()
        if self.config.view:
            with contextlib.suppress(KeyboardInterrupt):
                print(f"{problem or 'CONVERGED'}; the page stays until Ctrl-C", flush=True)
                while True:
                    processes.check()
                    time.sleep(0.2)

    def _finish(self, client: ServoClient) -> None:
        """Stop, and look at where the camera came to rest."""
        client.enable(False)
        client.wait_for_fresh_matches()
        self.views["final"], _, _ = client.frame()
        self.T_world_final = client.camera_pose

    def record(self) -> RunRecord | None:
        """The frames so far; None before the goal was set."""
        if self.recorder is None:
            return None
        record = self.recorder.record()
        record.T_world_final = self.T_world_final
        return record

    def write_results(self, problem: str) -> None:
        """Write the CSV and the pictures, also of an unfinished run, and print the table. No pictures after Ctrl-C."""
        record = self.record() or RunRecord(np.eye(4))
        record.write_csv(self.output / "run.csv")
        te_mm, re_deg = record.final_error()
        how = problem or f"CONVERGED, {te_mm:.2f} mm and {re_deg:.3f}° from the goal"
        carrier = ARM_MODELS[self.config.arm_model].title if self.config.rig == "arm" else "free camera"
        place = f"{self.config.scene} scene of {self.config.simulator}"
        world = f"{place}, seed {self.config.seed}, {self.config.law}, {carrier}"
        title = f"{world if self.specs else 'running simulation'}: {how}"
        drawn = problem != _INTERRUPTED
        if drawn and len(self.views) == 3:
            draw_views(self.output / "demo.png", **self.views, title=title)
        if drawn and record.frames:
            draw_trajectory(self.output / "trajectory.png", record, self.distance_m, title)
            views = self.view_recorder.views(self.recorder.stamps_s[: len(record.frames)]) if self.view_recorder else []
            if any(views):
                draw_animation(self.output / "demo.webp", record, views, self.views["goal"])
        print(f"\n{record.table()}\n\nresults: {self.output}/", flush=True)


def _progress(record: RunRecord, elapsed_s: float) -> str:
    if not record.frames:
        return f"waiting for the first matched image   {elapsed_s:5.1f} s"
    last = record.frames[-1]
    te_mm, re_deg = record.final_error()
    return (
        f"{last.state.name:<10} error {last.error_px:6.2f} px   {last.matches:3d} matches   "
        f"TE {te_mm:6.1f} mm   RE {re_deg:6.2f} deg   {elapsed_s:5.1f} s"
    )


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="scripts/demo.sh",
        description=DESCRIPTION,
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_text_fields(parser, BringupConfig, _OPTIONS)
    parser.add_argument("--arm", action="store_true", help="An arm carries the camera; without it, it flies.")
    parser.add_argument("--animation", action="store_true", help="Write demo.webp too, a moving picture of the run.")
    parser.add_argument("--record", type=Path, metavar="DIR", help="Record the run: a bag in a new folder.")
    parser.add_argument("--real-time", action="store_true", help="Wall clock in place of lockstep.")
    parser.add_argument(
        "--running",
        action="store_true",
        help="Start nothing: simulation and servo run already, as gazebo.launch.py starts them. Of their "
        "options only --namespace is taken.",
    )
    parser.add_argument(
        "--output", type=Path, default=Path("out/demo"), metavar="DIR", help="Results; overwritten. Default: out/demo."
    )
    parser.add_argument(
        "--timeout", type=_seconds, default=120.0, metavar="S", help="Wall time to converge in, s. Default: 120."
    )
    return parser


def _seconds(text: str) -> float:
    value = float(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"expected seconds > 0, got {text}")
    return value


def _options(arguments: argparse.Namespace) -> BringupConfig:
    """The start-up options of these arguments. Raises ConfigError."""
    texts = given_texts(arguments, BringupConfig)
    if arguments.running:
        flags = [*(texts.keys() - {"namespace"}), *(name for name in ("arm", "real_time") if getattr(arguments, name))]
        if flags:
            names = ", ".join(f"--{name.replace('_', '-')}" for name in sorted(flags))
            raise ConfigError(f"--running: the nodes run already, {names} can only be given when they are started")
    texts |= {"rig": "arm" if arguments.arm else "free", "lockstep": str(not arguments.real_time)}
    return BringupConfig.from_text(texts, "command line")


def main(argv: list[str] | None = None) -> int:
    arguments = parser().parse_args(argv)
    interrupt_on_signals()
    problem = ""
    try:
        config = _options(arguments)
        require_simulator(config.simulator)
        if arguments.record is not None:
            require("rosbag", "rosbags")
            _refuse_existing(arguments.record)
        demo = Demo(
            config, arguments.output, arguments.timeout, arguments.animation, arguments.running, arguments.record
        )
        refuse_running(demo.specs)
        _clear(arguments.output)
    except (DepthPcError, OSError) as error:
        print(f"demo: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print(f"demo: {_INTERRUPTED}", file=sys.stderr)
        return 1
    try:
        demo.run()
    except DepthPcError as error:
        problem = str(error)
    except KeyboardInterrupt:
        problem = _INTERRUPTED
    try:
        demo.write_results(problem)
    except KeyboardInterrupt:
        problem = problem or _INTERRUPTED
    if problem:
        print(f"demo: {problem}", file=sys.stderr)
    return 1 if problem else 0


def _refuse_existing(bag: Path) -> None:
    if bag.exists():
        raise FileError(f"record: expected a new folder, {bag} exists")


def _clear(output: Path) -> None:
    """Make the folder, without the results of an earlier run."""
    output.mkdir(parents=True, exist_ok=True)
    for name in _RESULTS:
        path = output / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)


if __name__ == "__main__":
    raise SystemExit(main())
