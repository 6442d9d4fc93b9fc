"""The sub-command `e_fault`: every row of `fault_rows` with seeds, one folder of results per row."""

import argparse
import dataclasses
import fnmatch
from pathlib import Path

from depth_pc_ros.benchmark.arguments import NOT_OFFERED, add_workers, add_ycb_root, executor_from
from depth_pc_ros.benchmark.commands import levels_from, settings_and_places
from depth_pc_ros.benchmark.episodes import spread
from depth_pc_ros.benchmark.fault_rows import ROWS, row_of
from depth_pc_ros.benchmark.methods import METHODS, check_methods, make_method
from depth_pc_ros.benchmark.report_commands import write_report
from depth_pc_ros.benchmark.results import read_results
from depth_pc_ros.benchmark.results_writer import results_in
from depth_pc_ros.benchmark.runner import command_of, run, run_facts
from depth_pc_ros.benchmark.settings import E_YCB, Settings
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.node_configs import BridgeConfig
from depth_pc_ros.options import add_fields, at_least
from depth_pc_ros.provenance import git_commit

LAWS = ("pbvs", "ibvs", "depth_pc", "depth_pc_geo")
EPISODES, QUICK_EPISODES = 20, 2
MAX_STEPS = 300  # where a row says nothing else

_EXAMPLES = """examples:
  # all rows, all laws; Ctrl-C stops it, the same command resumes it
  python -m depth_pc_ros.benchmark e_fault --ycb-root ../shared/ycb --depth estimated --output out/e_fault

  # is it still right? two seeds a row, pbvs
  python -m depth_pc_ros.benchmark e_fault --ycb-root ../shared/ycb --quick

  # some rows only; the table of what was run
  python -m depth_pc_ros.benchmark e_fault --rows 'frozen*,deaf,frame_180z' --methods pbvs
  python -m depth_pc_ros.benchmark report out/e_fault
"""


def add_command(commands) -> None:
    """Add the sub-command to the parser's `add_subparsers` object."""
    command = commands.add_parser(
        "e_fault",
        help="servo with faults of camera, arm and workplace: right, safe stop, or silent failure",
        description="Servo with a fault in every episode, with a camera's noise and the law `swift`. A trial is right "
        "(arrived), a safe stop with the true reason, or a silent failure. Each row has a folder of results of its "
        "own.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    group = command.add_argument_group("what to run")
    group.add_argument("--list", action="store_true", help="Print the rows, and run nothing.")
    group.add_argument(
        "--rows", default="*", metavar="A,B",
        help="Rows, separated by commas; * stands for any text, as in 'gripper_30*'. Default: all.",
    )  # fmt: skip
    group.add_argument(
        "--methods", metavar="A,B",
        help=f"Methods, separated by commas: {', '.join(METHODS)}. Default: {','.join(LAWS)}; with --quick: pbvs.",
    )  # fmt: skip
    group.add_argument(
        "--episodes", type=at_least(1), metavar="N",
        help=f"Episodes per row, evenly over the levels. Default: {EPISODES}; with --quick: {QUICK_EPISODES}.",
    )  # fmt: skip
    group.add_argument("--quick", action="store_true", help="A short run: see --methods and --episodes.")
    group.add_argument("--levels", metavar="S,M,L", help="Rotations from start to goal. Default: all.")
    add_ycb_root(group, "Without it, E_generic runs instead.")
    add_fields(group, Settings, ("split", "seed", "depth", "depth_model", "find_scale"))
    group = command.add_argument_group("how to run")
    add_workers(group)
    group.add_argument(
        "--output", type=Path, metavar="DIR",
        help="Holds a folder per row; finished trials are kept. Default: "
        "out/benchmark/e_fault-ENVIRONMENT-SPLIT-seedSEED.",
    )  # fmt: skip
    add_fields(group, BridgeConfig, ("renderer",))
    command.set_defaults(
        run=_run, environment=E_YCB, speed="swift", camera_noise=True, max_steps=MAX_STEPS, **NOT_OFFERED
    )  # fmt: skip


def rows_from(text: str) -> list[str]:
    """The names of rows that patterns, separated by commas, stand for. Raises ConfigError."""
    names: dict[str, None] = {}
    for pattern in text.split(","):
        found = fnmatch.filter(ROWS, pattern)
        if not found:
            raise ConfigError(f"rows: expected names of rows, see --list, got {pattern!r}")
        names |= dict.fromkeys(found)
    return list(names)


def row_settings(settings: Settings, name: str) -> Settings:
    """The settings of a row, from those of the run."""
    return dataclasses.replace(settings, fault=name, **row_of(name).settings)


def _run(arguments: argparse.Namespace) -> None:
    names = rows_from(arguments.rows)
    if arguments.list:
        width = max(map(len, names))
        print("\n".join(f"{name:{width}}  {row_of(name).what}" for name in names))
        return
    methods = check_methods((arguments.methods or ("pbvs" if arguments.quick else ",".join(LAWS))).split(","))
    settings, places = settings_and_places(arguments)
    chosen = spread(
        arguments.episodes or (QUICK_EPISODES if arguments.quick else EPISODES),
        levels_from(arguments.levels, settings.levels),
    )
    for method in methods:
        make_method(method, settings, places)  # report a missing package or file here, not in a worker
    executor = executor_from(arguments)
    usual = f"e_fault-{settings.environment.lower()}-{settings.split}-seed{settings.seed}"
    folder = arguments.output or Path("out", "benchmark", usual)
    for name in names:
        row = row_settings(settings, name)
        with results_in(folder / name, row) as writer:
            facts = run_facts(command_of(arguments), git_commit(), places)
            run(row, places, methods, chosen, writer, executor, facts)
    write_report([read_results(folder / name) for name in names], folder, places)
