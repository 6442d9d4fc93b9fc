"""What the commands that train have in common."""

import argparse
import os
import shlex
from pathlib import Path

from depth_pc_ros.config import CommonConfig
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.options import add_fields, at_least
from depth_pc_ros.provenance import git_commit


def add_data_options(parser: argparse.ArgumentParser):
    """Where the objects come from; returns the group, for more."""
    group = parser.add_argument_group("data")
    add_fields(group, CommonConfig, ("ycb_root",))
    group.add_argument(
        "--exclude", default="", metavar="A,B", help="YCB objects to leave out of training and validate on."
    )
    return group


def add_run_options(parser: argparse.ArgumentParser, workers: str, validate_every: int, validated: str) -> None:
    """How to run. workers: what worker processes do. validated: what is validated on, such as `scenes`."""
    group = parser.add_argument_group("how to run")
    group.add_argument(
        "--output", type=Path, required=True, metavar="DIR", help="Folder of the run; a run in it is resumed."
    )
    group.add_argument(
        "--workers", type=at_least(0), default=1, metavar="N", help=f"Processes that {workers}. Default: 1."
    )
    group.add_argument(
        "--threads", type=at_least(0), default=0, metavar="N", help="Threads of torch. Default: all cores."
    )
    add_fields(group, CommonConfig, ("device",))
    group.add_argument(
        "--validate-every",
        type=at_least(1),
        default=validate_every,
        metavar="N",
        help=f"Updates. Default: {validate_every}.",
    )  # fmt: skip
    group.add_argument(f"--validation-{validated}", type=at_least(1), default=64, metavar="N", help="Default: 64.")
    group.add_argument(
        "--max-hours",
        type=float,
        default=float("inf"),
        metavar="H",
        help="Stop then; the same command resumes the run.",
    )


def excluded(arguments: argparse.Namespace) -> tuple[str, ...]:
    """Names of the objects to leave out."""
    return tuple(filter(None, arguments.exclude.split(",")))


def prepare_torch(arguments: argparse.Namespace) -> None:
    """Set torch's threads. ConfigError when the device is not there."""
    import torch

    if arguments.device != "cpu" and not torch.cuda.is_available():
        raise ConfigError(f"device: {arguments.device!r} is not there; this torch sees only the CPU")
    torch.set_num_threads(arguments.threads or os.cpu_count())


def facts(module: str, words: list[str]) -> dict[str, str]:
    """What is noted beside the weights: command and commit."""
    return {"command": shlex.join(["python", "-m", f"depth_pc_ros.cli.{module}", *words]), "commit": git_commit()}
