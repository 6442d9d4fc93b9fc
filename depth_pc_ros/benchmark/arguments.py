"""The options of `e_ycb`, `e_generic`, `e_mujoco` and `e_image`."""

import argparse
from pathlib import Path

from depth_pc_ros.benchmark.executors import LocalExecutor, TaskExecutor
from depth_pc_ros.benchmark.methods import METHODS
from depth_pc_ros.benchmark.settings import Disturbance, Settings
from depth_pc_ros.config import CommonConfig, MatcherConfig
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.extras import CLUSTER, require
from depth_pc_ros.nodes.node_configs import BridgeConfig
from depth_pc_ros.options import add_fields, at_least

EXAMPLES = """examples:
  # 150 episodes of three methods on two cores; Ctrl-C stops it, the same command resumes it
  python -m depth_pc_ros.benchmark e_ycb --ycb-root ../shared/ycb --methods oracle,pbvs,ibvs --output out/ycb_dev

  # the same with speed and acceleration limits; six episodes only, of the hardest level
  python -m depth_pc_ros.benchmark e_ycb --ycb-root ../shared/ycb --speed limited --episodes 6 --levels L

  # how robust? variants may be combined
  python -m depth_pc_ros.benchmark e_ycb --ycb-root ../shared/ycb --methods pbvs --episodes 30 --light --occlude 0.3

  # photographs on a plane: your own, or those of scikit-image and scikit-learn
  python -m depth_pc_ros.benchmark e_image --images ~/photos --methods pbvs,flow_ibvs

  # tables and one HTML page from any number of result folders
  python -m depth_pc_ros.benchmark report out/ycb_dev out/ycb_limited --output out/report

  # keep a finished run: compressed trials and a summary, without the page
  python -m depth_pc_ros.benchmark archive out/ycb_dev --output benchmark_results/e_ycb_dev
"""
_SHARED = (
    "split",
    "seed",
    "speed",
    "depth",
    "depth_model",
    "matcher",
    "track",
    "wide_baseline",
    "freeze_depth",
    "find_scale",
    "max_steps",
    "raft_weights",
)
# What `settings_and_places` reads, for sub-commands without these options.
NOT_OFFERED = {
    "scene": "standard",
    "scenes": None,
    "hand_eye_error": (0.0, 0.0),
    "matcher": "akaze",
    "matcher_weights": "",
    "lightglue_weights": "",
}
_HAND_EYE = ("hand_eye_mm", "hand_eye_deg")


def add_ycb_root(group, without: str) -> None:
    """Add --ycb-root. without: what happens where it is not given."""
    add_fields(group, CommonConfig, ("ycb_root",), more=without)


def ycb_root_of(arguments: argparse.Namespace) -> Path | None:
    """The folder that --ycb-root names; None: not given."""
    text = getattr(arguments, "ycb_root", "")
    return Path(text) if text else None


def add_workers(group) -> None:
    """Add --workers, --executor and --address."""
    group.add_argument(
        "--workers", type=at_least(1), default=2, metavar="N", help="Processes on this machine. Default: 2."
    )
    group.add_argument(
        "--executor", choices=("local", "dask"), default="local",
        help="Where trials are made: on this machine, or on the workers of a Dask cluster, which read the same files "
        "under the same paths. Default: local.",
    )  # fmt: skip
    group.add_argument(
        "--address", default="", metavar="URL", help="Of the scheduler of that cluster, such as tcp://192.168.1.2:8786."
    )


def executor_from(arguments: argparse.Namespace) -> TaskExecutor:
    """What `add_workers` asked for. Raises ConfigError, MissingExtraError."""
    if arguments.executor == "local":
        if arguments.address:
            raise ConfigError(f"address: expected it with --executor dask only, got {arguments.address!r}")
        return LocalExecutor(arguments.workers)
    if not arguments.address:
        raise ConfigError("address: expected that of a Dask scheduler, such as tcp://192.168.1.2:8786, got none")
    require("cluster", *CLUSTER)
    from depth_pc_ros.benchmark.dask_executor import DaskExecutor  # only now: most runs do without the extra

    return DaskExecutor(arguments.address)


def add_run_options(command: argparse.ArgumentParser, name: str) -> None:
    """Add what `name` ('e_ycb', 'e_generic', 'e_mujoco' or 'e_image') understands."""
    group = command.add_argument_group("what to run")
    group.add_argument(
        "--methods", default="oracle,pbvs,ibvs", metavar="A,B",
        help=f"Methods, separated by commas: {', '.join(METHODS)}. Default: oracle,pbvs,ibvs.",
    )  # fmt: skip
    group.add_argument(
        "--episodes", type=at_least(1), default=150, metavar="N",
        help="Episodes in total, evenly over the levels. Default: 150. The first N are always the same.",
    )  # fmt: skip
    if name != "e_image":
        group.add_argument(
            "--levels", metavar="S,M,L",
            help="Rotations from start to goal: S (about 24 deg), M (67), L (136, up to 180). Default: all.",
        )  # fmt: skip
    if name in ("e_ycb", "e_mujoco"):
        instead = {"e_ycb": "E_generic runs instead.", "e_mujoco": "there are printed packages and cans."}[name]
        add_ycb_root(group, f"Without it, {instead}")
    if name == "e_image":
        group.add_argument(
            "--images", type=Path, metavar="DIR",
            help="Folder of photographs (jpg, png). Default: those that scikit-image and scikit-learn ship.",
        )  # fmt: skip
    group.add_argument("--scenes", type=Path, metavar="FILE", help="Episodes from a file that --export-scenes made.")
    add_fields(group, Settings, _SHARED)
    add_fields(group, MatcherConfig, ("matcher_weights", "lightglue_weights"))

    group = command.add_argument_group("robustness variants (may be combined)")
    if name in ("e_ycb", "e_mujoco"):
        add_fields(group, Settings, ("scene",))
    if name != "e_image":
        add_fields(group, Settings, ("base", "elevation"))
    add_fields(group, Settings, [n for n in Disturbance.__dataclass_fields__ if n not in _HAND_EYE])
    group.add_argument(
        "--hand-eye-error", type=float, nargs=2, default=(0.0, 0.0), metavar=("MM", "DEG"),
        help="Offset and rotation of the assumed camera frame, in a random direction per episode.",
    )  # fmt: skip

    group = command.add_argument_group("how to run")
    add_workers(group)
    group.add_argument(
        "--output", type=Path, metavar="DIR",
        help="Folder of the results; finished trials in it are kept. Default: out/benchmark/NAME-OF-THE-VARIANT.",
    )  # fmt: skip
    if name in ("e_ycb", "e_generic"):
        add_fields(group, BridgeConfig, ("renderer",))
    group.add_argument(
        "--export-scenes", type=Path, metavar="FILE", help="Write the episodes to FILE as JSON, and run nothing."
    )
