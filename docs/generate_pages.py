"""Pages of the site that are made while it is built: the Python API from docstrings, and `--help` of every command.

mkdocs-gen-files runs this (see mkdocs.yml). Nothing is written into docs/.
"""

import argparse
import importlib
import os
from pathlib import Path

import mkdocs_gen_files

PACKAGE = Path(__file__).parents[1] / "depth_pc_ros"
# Parts that are programs, not an interface for others.
LEFT_OUT = {
    "__init__", "benchmark", "cli", "depth_training", "nodes", "package_files", "pair_training", "provenance",
    "training",
}  # fmt: skip
COMMANDS = {
    "demo": "cli.demo",
    "bringup": "cli.bringup",
    "set_goal": "cli.set_goal",
    "teach": "cli.teach",
    "repeat": "cli.repeat",
    "watch": "cli.watch",
    "record": "cli.record",
    "replay": "cli.replay",
    "check_setup": "cli.check_setup",
    "webcam": "cli.webcam",
    "train": "cli.train",
    "train_depth": "cli.train_depth",
    "train_pairs": "cli.train_pairs",
    "benchmark": "benchmark.__main__",
}


def api_pages() -> None:
    """One page for each part of the package, and a list of them."""
    parts = sorted(
        {path.stem for path in PACKAGE.iterdir() if path.suffix == ".py" or (path / "__init__.py").is_file()}
    )
    parts = [part for part in parts if part not in LEFT_OUT]
    for part in parts:
        with mkdocs_gen_files.open(f"reference/api/{part}.md", "w") as page:
            page.write(f"# {part}\n\n::: depth_pc_ros.{part}\n")
    with mkdocs_gen_files.open("reference/api/index.md", "w") as page:
        page.write(
            "# Python API\n\nFrom the docstrings. `pipeline.ServoPipeline` is the whole servo; no ROS needed.\n\n"
        )
        page.writelines(f"- [depth_pc_ros.{part}]({part}.md)\n" for part in parts)


def help_texts(name: str, parser: argparse.ArgumentParser) -> list[tuple[str, str]]:
    """(command, help text) of a parser and of its sub-commands."""
    texts = [(name, parser.format_help())]
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            for word, sub in action.choices.items():
                texts += help_texts(f"{name} {word}", sub)
    return texts


def command_line() -> None:
    """The options of every command, below what reference/cli.md says."""
    os.environ["COLUMNS"] = "110"  # argparse wraps at this width
    with mkdocs_gen_files.open("reference/cli.md", "a") as page:
        for name, module in COMMANDS.items():
            for command, text in help_texts(name, importlib.import_module(f"depth_pc_ros.{module}").parser()):
                page.write(f"\n### {command}\n\n```text\n{text.rstrip()}\n```\n")


api_pages()
command_line()
