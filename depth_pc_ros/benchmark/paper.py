"""The sub-commands of the paper's tables: `paper` runs and prints them, `paper_page` makes their page."""

import argparse
import dataclasses
from pathlib import Path

from depth_pc_ros.benchmark import ablations, paper_report
from depth_pc_ros.benchmark.arguments import NOT_OFFERED, add_workers, add_ycb_root, executor_from
from depth_pc_ros.benchmark.commands import settings_and_places
from depth_pc_ros.benchmark.episodes import Places, spread
from depth_pc_ros.benchmark.executors import TaskExecutor
from depth_pc_ros.benchmark.methods import METHODS, check_methods, make_method
from depth_pc_ros.benchmark.metrics import by_method, mean
from depth_pc_ros.benchmark.paper_tables import TABLES, Row, Table, part_name, parts_of
from depth_pc_ros.benchmark.results import FILE_NAME, Results, read_results
from depth_pc_ros.benchmark.results_writer import results_in
from depth_pc_ros.benchmark.runner import command_of, run, run_facts
from depth_pc_ros.benchmark.schema import ResultsError
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.errors import ConfigError, DepthPcError
from depth_pc_ros.nodes.node_configs import BridgeConfig
from depth_pc_ros.options import add_fields
from depth_pc_ros.provenance import git_commit

# Before anything was measured, of one process: seconds of a trial and of an update of a training.
_TRIAL_S, _UPDATE_S = 10.0, 0.15

_EXAMPLES = """examples:
  # Table I; Ctrl-C stops it, the same command resumes it
  python -m depth_pc_ros.benchmark paper --table 1 --ycb-root ../shared/ycb

  # all seven, a few episodes each, with CNS's public weights from your checkout of its repository
  python -m depth_pc_ros.benchmark paper --quick --ycb-root ../shared/ycb --use cns@~/CNS

  # keep the runs of a table in the repository, and make the page anew
  python -m depth_pc_ros.benchmark archive out/benchmark/paper/table_1 --output benchmark_results/paper_table_1
  python -m depth_pc_ros.benchmark paper_page benchmark_results --output docs/results/paper.md
"""


def add_commands(commands) -> None:
    """Add the sub-commands to the parser's `add_subparsers` object."""
    command = commands.add_parser(
        "paper",
        help="the tables of the Depth-PC paper, beside the published numbers",
        description="Run what tables of the Depth-PC paper need, trainings included, and print them beside the "
        "published numbers. Tables of a real robot (III, VI, VII) have simulated stand-ins. A row that cannot run says "
        "why.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    group = command.add_argument_group("what to run")
    group.add_argument(
        "--table", type=int, nargs="+", choices=TABLES, default=list(TABLES), metavar="N",
        help=f"Tables, of {min(TABLES)} to {max(TABLES)}. Default: all.",
    )  # fmt: skip
    group.add_argument(
        "--quick", action="store_true",
        help=f"A small version: 2 to 6 episodes, and trainings of {ablations.QUICK_UPDATES} updates instead of "
        f"{ablations.UPDATES}, too few to compare.",
    )  # fmt: skip
    group.add_argument(
        "--use", default="", metavar="A@DIR,B@DIR",
        help="Methods with weights of yours, in place of those that ship or are missing, such as cns@CHECKOUT.",
    )  # fmt: skip
    add_ycb_root(group, "Tables I, IV and V then run in E_generic, Tables III, VI and VII not at all.")
    group.add_argument(
        "--images", type=Path, metavar="DIR",
        help="Folder of photographs for Table II. Default: those that scikit-image and scikit-learn ship.",
    )  # fmt: skip
    add_fields(group, Settings, ("split", "seed", "depth_model", "raft_weights"))
    group = command.add_argument_group("how to run")
    add_workers(group)
    group.add_argument(
        "--output", type=Path, metavar="DIR",
        help="Holds a folder per table, and the trainings; what is finished is kept. Default: out/benchmark/paper, "
        "with --quick out/benchmark/paper_quick.",
    )  # fmt: skip
    add_fields(group, BridgeConfig, ("renderer",))
    command.set_defaults(run=_run, **NOT_OFFERED)
    command = commands.add_parser(
        "paper_page",
        help="the page of the paper's tables, from stored runs",
        description="Write the paper's tables as Markdown, from the runs that `archive` keeps in DIR/paper_table_N.",
    )
    command.add_argument("folder", type=Path, metavar="DIR", help="Such as benchmark_results.")
    command.add_argument("--output", type=Path, required=True, metavar="FILE", help="Such as docs/results/paper.md.")
    command.set_defaults(run=_page)


def _page(arguments: argparse.Namespace) -> None:
    text = paper_report.page(arguments.folder)
    try:
        arguments.output.write_text(text, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"output: cannot write {arguments.output}: {error.strerror or error}") from None
    print(f"written: {arguments.output}")


@dataclasses.dataclass(frozen=True)
class _Part:
    """One set of settings of a table, with the methods that run under them."""

    folder: Path
    settings: Settings
    places: Places
    methods: list[str]

    def left(self, chosen) -> tuple[int, float]:
        """How many trials are to be run, and the seconds that they take, by the mean of what was measured of each
        method.
        """
        path = self.folder / FILE_NAME
        results = read_results(self.folder) if path.is_file() else Results(path, self.settings)
        known, finished = by_method(results.trials), results.finished
        names = [f"{self.settings.split}/{level}/{index:03d}" for level, index in chosen]
        trials, seconds = 0, 0.0
        for method in self.methods:
            count = sum((name, method) not in finished for name in names)
            trials += count
            seconds += count * (mean(trial["wall_s"] for trial in known[method]) if method in known else _TRIAL_S)
        return trials, seconds


def _run(arguments: argparse.Namespace) -> None:
    used = chosen_weights(arguments.use)
    executor = executor_from(arguments)
    for number in sorted(set(arguments.table)):
        _run_table(number, arguments, used, executor)


def chosen_weights(text: str) -> dict[str, str]:
    """What --use says, by method. Raises DepthPcError where a method cannot use it."""
    used = {}
    for word in filter(None, text.split(",")):
        name, at, place = word.partition("@")
        if not (at and place):
            raise ConfigError(f"use: expected METHOD@FOLDER, got {word!r}")
        make_method(*check_methods([word]), Settings())  # report a missing or foreign file before anything runs
        used[name] = word
    return used


def _run_table(number: int, arguments: argparse.Namespace, used: dict[str, str], executor: TaskExecutor) -> None:
    table = TABLES[number]
    top = arguments.output or Path("out", "benchmark", "paper_quick" if arguments.quick else "paper")
    updates = ablations.QUICK_UPDATES if arguments.quick else ablations.UPDATES
    trained = top / ("training" if arguments.ycb_root else "training_shapes")

    def method_of(row: Row) -> str:
        if row.ablation:
            return f"{row.method}@{ablations.weights_of(trained, row.ablation, updates)}"
        return used.get(row.method, row.method)

    given = {*used, *(["flow_ibvs"] if arguments.raft_weights else [])}
    settings = _settings_of(table, arguments)
    missing = _missing(table, settings, given, method_of)
    parts = [
        _Part(top / f"table_{number}" / name, *settings[name], _methods_of(table, name, missing, method_of))
        for name in settings
    ]
    chosen = spread(table.quick_episodes if arguments.quick else table.episodes, parts[0].settings.levels)
    names = dict.fromkeys(row.ablation for row in table.rows if row.ablation)
    trainings = [name for name in names if not ablations.is_trained(trained, name, updates)]
    command = command_of(arguments)
    print(f"table {number}: {table.title}: {_work_left(parts, chosen, len(trainings), updates, executor)}", flush=True)
    if trainings:
        facts = {"command": command, "commit": git_commit()}
        ablations.train(trainings, updates, trained, parts[0].places, executor, facts)
    for count, part in enumerate(parts):
        if count:
            left = _work_left(parts[count:], chosen, 0, 0, executor)
            print(f"table {number}, {part.folder.name}: {left}", flush=True)
        with results_in(part.folder, part.settings) as writer:
            facts = run_facts(command, git_commit(), part.places)
            run(part.settings, part.places, part.methods, chosen, writer, executor, facts)
    results = [read_results(part.folder) for part in parts]
    print(f"\n{paper_report.terminal(number, results, missing)}\n", flush=True)


def _settings_of(table: Table, arguments: argparse.Namespace) -> dict[str, tuple[Settings, Places]]:
    """Settings and places of each part. Raises ConfigError, SceneError."""
    values = {**vars(arguments), "environment": table.environment, **table.settings}
    return {
        name: settings_and_places(argparse.Namespace(**{**values, **part})) for name, part in parts_of(table).items()
    }


def _missing(table: Table, settings: dict, given: set[str], method_of) -> dict[Row, str]:
    """Why rows cannot run. Raises DepthPcError for methods that the user has `given`."""
    missing = {}
    for row in table.rows:
        if row.method not in METHODS:
            missing[row] = f"there is no method {row.method!r}"
        elif not row.ablation:  # those are trained
            try:
                make_method(method_of(row), *settings[part_name(row.parts[0])])
            except DepthPcError as error:
                if row.method in given:
                    raise
                missing[row] = str(error)
    return missing


def _methods_of(table: Table, part: str, missing: dict[Row, str], method_of) -> list[str]:
    """The methods that run in a part."""
    rows = [row for row in table.rows if row not in missing and part in map(part_name, row.parts)]
    return list(dict.fromkeys(map(method_of, rows)))


def _work_left(parts: list[_Part], chosen, trainings: int, updates: int, executor: TaskExecutor) -> str:
    """What is to be done, and about how long it takes."""
    left = [part.left(chosen) for part in parts]
    seconds = trainings * updates * _UPDATE_S + sum(each for _, each in left)
    more = f"{trainings} trainings and " if trainings else ""
    return f"{more}{sum(count for count, _ in left)} trials to go, about {seconds / 60 / executor.width():.0f} min"
