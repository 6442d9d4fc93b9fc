"""The sub-commands that read results: `report` makes tables and a page of them, `archive` keeps them."""

import argparse
import sys
from pathlib import Path

from depth_pc_ros.benchmark import archive, report, tables
from depth_pc_ros.benchmark.arguments import add_ycb_root, ycb_root_of
from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.results import Results, read_results, results_folders
from depth_pc_ros.benchmark.schema import ResultsError

REPORTS = Path("out", "benchmark", "report")


def add_report_commands(commands) -> None:
    """Add the sub-commands to the parser's `add_subparsers` object."""
    folders = "Folders that hold trials.jsonl, plain or compressed, or folders of such folders."
    command = commands.add_parser(
        "report",
        help="tables and one HTML page from folders of results",
        description="Make summary.md and report.html from raw results. Several runs are compared on one page.",
    )
    command.add_argument("folders", type=Path, nargs="+", metavar="DIR", help=folders)
    command.add_argument(
        "--output", type=Path, metavar="DIR", help=f"Where to write. Default: {REPORTS}/DIR; for several, {REPORTS}.",
    )  # fmt: skip
    add_ycb_root(command, "For pictures of the worst cases; without it, the folder of each run.")
    command.add_argument("--images", type=Path, metavar="DIR", help="Photographs, likewise.")
    command.set_defaults(run=_report)
    command = commands.add_parser(
        "archive",
        help="keep finished runs in the repository",
        description="Write the compressed trials of every DIR to EXPERIMENT/NAME-OF-DIR/, and EXPERIMENT/summary.md of "
        "all runs there. Tables are equal to those of the runs; traces keep "
        f"{archive.TRACE_SAMPLES} samples; the HTML page is left to `report`.",
    )
    command.add_argument("folders", type=Path, nargs="+", metavar="DIR", help=folders)
    command.add_argument(
        "--output", type=Path, required=True, metavar="EXPERIMENT", help="Such as benchmark_results/e_ycb_noise.",
    )  # fmt: skip
    command.set_defaults(run=_archive)


def _read(folders: list[Path]) -> list[Results]:
    results = [read_results(run) for folder in folders for run in results_folders(folder)]
    for each in results:
        for number, _ in each.broken:
            print(f"benchmark: {each.path}, line {number}: corrupt, left out", file=sys.stderr)
        if not each.trials and not each.answers:
            raise ResultsError(f"results: {each.path} has no trials")
    if len({bool(each.settings.fault) for each in results}) > 1:
        raise ResultsError("results: rows of e_fault and other runs make no common table; name them apart")
    return results


def _report(arguments: argparse.Namespace) -> None:
    folders = arguments.folders
    output = arguments.output or (REPORTS / folders[0].resolve().name if len(folders) == 1 else REPORTS)
    ycb_root = ycb_root_of(arguments)
    given = ycb_root is not None or arguments.images is not None
    write_report(_read(folders), output, Places(ycb_root, arguments.images) if given else None)


def _archive(arguments: argparse.Namespace) -> None:
    for path in archive.archive(_read(arguments.folders), arguments.output):
        print(f"written: {path} ({path.stat().st_size / 1e3:.0f} kB)")


def write_report(results: list[Results], folder: Path, places: Places | None) -> None:
    """Print the tables and write them to `folder` as Markdown and as one HTML page. places: None: as in the runs.

    Rows of `e_fault` have one table, and no page.
    """
    of_faults = bool(results[0].settings.fault)
    if of_faults:
        print(tables.fault_terminal(results), end="\n\n")
    else:
        for each in results:
            print(tables.terminal(each), end="\n\n")
        if len(results) > 1:
            print(tables.terminal_overview(results), end="\n\n")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / archive.SUMMARY_NAME).write_text(tables.markdown(results), encoding="utf-8")
        if not of_faults:
            page = report.html(results, folder / "pictures", places)
            (folder / "report.html").write_text(page, encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"output: cannot write in {folder}: {error.strerror or error}") from None
    print(f"written: {folder}/{archive.SUMMARY_NAME}" + ("" if of_faults else " and report.html"))
