"""`python -m depth_pc_ros.benchmark`: measurements by name."""

import argparse
import contextlib
import importlib.util
import json
import signal
import sys
from pathlib import Path

from depth_pc_ros.config import ControlConfig
from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.extras import BENCHMARK, one_line_where_missing, require
from depth_pc_ros.nodes.node_configs import DepthNodeConfig
from depth_pc_ros.options import add_fields, at_least
from depth_pc_ros.package_files import SHIPPED_DEPTH

with one_line_where_missing("benchmark"):
    require("benchmark", *BENCHMARK)
    from depth_pc_ros.benchmark import e_fault, e_real, latency, paper
    from depth_pc_ros.benchmark.arguments import add_ycb_root, ycb_root_of
    from depth_pc_ros.benchmark.commands import add_commands
    from depth_pc_ros.benchmark.episodes import Places
    from depth_pc_ros.benchmark.report_commands import add_report_commands
    from depth_pc_ros.benchmark.settings import E_GENERIC, E_YCB, Settings


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m depth_pc_ros.benchmark", description="Measure the servo.")
    commands = parser.add_subparsers(dest="command", required=True)
    command = commands.add_parser(
        "latency",
        help="milliseconds per stage of one servo step",
        description="Servo in the default scene at 640x480 on two cores, in real time; print median and 95th "
        "percentile of every stage, the ratio of the whole step to bare cv2.AKAZE on the same images (of medians at "
        f"most {latency.MEDIAN_TARGET:g}, of 95th percentiles at most {latency.P95_TARGET:g}), bare cv2.SIFT, and "
        f"what an image needs from one process to another at 30 Hz (at most {latency.TRANSPORT_TARGET_MS:g} ms).",
    )
    _add_sample(command, 1, 150)
    command.add_argument("--output", type=Path, metavar="FILE", help="Write the numbers there as JSON too.")
    add_fields(command, ControlConfig, ("controller", "model"))
    command.set_defaults(run=_latency)
    command = commands.add_parser(
        "policy_latency",
        help="milliseconds of the learned laws on one core",
        description="Time graph update, network and whole control step of learned laws on one core, next to bare "
        "cv2.AKAZE in the same run. No image is matched.",
    )
    command.add_argument(
        "--models", type=_names, default="depth_pc_geo,depth_pc", metavar="A,B",
        help="Folders of weights, or names of those that "
        "ship. Default: depth_pc_geo,depth_pc."
    )  # fmt: skip
    command.add_argument("--matches", type=at_least(8), default=200, metavar="N", help="Default: 200.")
    _add_sample(command, 1, 150)
    command.set_defaults(run=_policy_latency)
    command = commands.add_parser(
        "depth_latency",
        help="rate of relative depth estimates beside the servo, and the cost in servo time",
        description="Play the images of one servo run back at 25 Hz on two cores, without depth and beside a process "
        "that estimates relative depth; print depth per second, and the servo's step times.",
    )
    command.add_argument(
        "--models", type=_names, default=f"{SHIPPED_DEPTH},random_small", metavar="A,B",
        help="Folders or names of depth models; "
        f"random_small is Depth-Anything-V2-Small with random weights. Default: {SHIPPED_DEPTH},random_small.",
    )  # fmt: skip
    _add_sample(command, 8, 250)
    command.set_defaults(run=_depth_latency)
    command = commands.add_parser(
        "camera_latency",
        help="time from an image's data to its matches, by the camera's resolution",
        description="Look at the default scene with cameras of 640x480 to 3840x2160 on two cores, on the way to a "
        "goal; print the time for decoding, making smaller and matching, as ratios, and the error of the matches.",
    )
    command.add_argument(
        "--longest", type=_sides, default="0,960", metavar="A,B",
        help="Working resolutions: px of the longer side; 0 is the camera's own. Default: 0,960.",
    )  # fmt: skip
    _add_sample(command, 3, 20)
    command.set_defaults(run=_camera_latency)
    command = commands.add_parser(
        "depth_figure",
        help="a picture of rendered and estimated depth (paper, Figure 5)",
        description="Draw goal views of E_YCB: image, rendered depth, estimated relative depth, and both normalised at "
        "the keypoints, as the policy sees them; print their rank correlation there.",
    )
    add_fields(command, DepthNodeConfig, ("model",))
    command.add_argument("--views", type=at_least(1), default=3, metavar="N", help="Rows. Default: 3.")
    add_ycb_root(command, "Without it, PyBullet's own models are shown.")
    add_fields(command, Settings, ("split", "seed"))
    command.add_argument(
        "--output", type=Path, default=Path("out", "relative_depth.png"), metavar="FILE",
        help="Default: out/relative_depth.png.",
    )  # fmt: skip
    command.set_defaults(run=_depth_figure)
    add_commands(commands)
    e_fault.add_command(commands)
    e_real.add_command(commands)
    paper.add_commands(commands)
    add_report_commands(commands)
    return parser


def _add_sample(command: argparse.ArgumentParser, fewest: int, frames: int) -> None:
    """What a measurement of times is made on."""
    command.add_argument(
        "--frames", type=at_least(fewest), default=frames, metavar="N", help=f"Images to measure. Default: {frames}."
    )
    add_fields(command, Settings, ("seed",))


def _names(text: str) -> list[str]:
    return [name for name in text.split(",") if name]


def _sides(text: str) -> list[int]:
    return [at_least(0)(word) for word in text.split(",")]


def _camera_latency(arguments: argparse.Namespace) -> None:
    from depth_pc_ros.benchmark import camera_latency

    latency.use_two_cores()
    print(camera_latency.report(camera_latency.measure_cameras(arguments.frames, arguments.seed, arguments.longest)))


def _latency(arguments: argparse.Namespace) -> None:
    latency.use_two_cores()
    with contextlib.ExitStack() as stack:
        messages = None
        if importlib.util.find_spec("rclpy"):
            from depth_pc_ros.nodes.transport_probe import MessageStages, measure_transport

            messages = stack.enter_context(MessageStages())
        else:
            print("rclpy is not installed: decode, publish and image transport are not measured", file=sys.stderr)
        results = latency.measure_steps(
            arguments.frames, arguments.seed, messages, controller=arguments.controller, model=arguments.model
        )
        if messages is not None:
            results["transport_ms"] = latency.summary(measure_transport(arguments.frames))
    print(latency.report(results))
    if arguments.output:
        arguments.output.parent.mkdir(parents=True, exist_ok=True)
        arguments.output.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")


def _policy_latency(arguments: argparse.Namespace) -> None:
    from depth_pc_ros.benchmark import policy_latency  # only now: importing torch takes a while

    policy_latency.use_one_core()
    results = policy_latency.measure_policies(arguments.models, arguments.matches, arguments.frames, arguments.seed)
    print(policy_latency.report(results, arguments.matches))


def _depth_latency(arguments: argparse.Namespace) -> None:
    from depth_pc_ros.benchmark import depth_latency  # only now: importing torch takes a while

    latency.use_two_cores()
    print(depth_latency.report(depth_latency.measure_depth(arguments.models, arguments.frames, arguments.seed)))


def _depth_figure(arguments: argparse.Namespace) -> None:
    from depth_pc_ros.benchmark import depth_figure  # only now: importing torch takes a while

    ycb_root = ycb_root_of(arguments)
    environment = E_GENERIC if ycb_root is None else E_YCB
    settings = Settings(environment=environment, split=arguments.split, seed=arguments.seed)
    places = Places(ycb_root, None, None)
    ranks = depth_figure.draw_depth(arguments.output, arguments.model, settings, places, arguments.views)
    print("rank correlation at the keypoints: " + ", ".join(f"{rank:.3f}" for rank in ranks))
    print(f"written: {arguments.output}")


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    arguments = parser().parse_args(words)
    arguments.words = words
    signal.signal(signal.SIGTERM, signal.default_int_handler)  # ends like Ctrl-C, and ends the workers too
    try:
        arguments.run(arguments)
    except (DepthPcError, OSError) as error:
        print(f"benchmark: {error}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        print("benchmark: interrupted; finished trials are kept, the same command resumes", file=sys.stderr)
        return 130
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
