"""The report of `e_real`: tables of first answers and closed loops, and a page of the worst pairs."""

from pathlib import Path

from depth_pc_ros.benchmark import archive, tables
from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.results import Results
from depth_pc_ros.benchmark.schema import ResultsError
from depth_pc_ros.benchmark.worst_pairs import write_page


def write_real_report(results: Results, places: Places, folder: Path) -> None:
    """Print the tables, and write them and the page of the worst pairs to `folder`."""
    print(tables.terminal(results), end="\n\n")
    try:
        (folder / archive.SUMMARY_NAME).write_text(tables.markdown([results]), encoding="utf-8")
        page = write_page(results, places, folder) if results.answers else None
    except OSError as error:
        raise ResultsError(f"output: cannot write in {folder}: {error.strerror or error}") from None
    print(f"written: {folder}/{archive.SUMMARY_NAME}" + (f" and {page.name}" if page else ""))
