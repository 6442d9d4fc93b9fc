"""The reference pages name what the code has, and nothing else."""

import re
from pathlib import Path

import pytest
from doc_commands import DOCS, ROOT, interfaces

from depth_pc_ros.types import ServoState

REFERENCE = DOCS / "reference"
SOURCE = "\n".join(path.read_text(encoding="utf-8") for path in sorted((ROOT / "depth_pc_ros").rglob("*.py")))


def rows(text: str) -> list[list[str]]:
    """The cells of all rows of a page's tables, without heads and rules."""
    lines = [line for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line.strip("|").split("|")] for line in lines]
    return [row for row in cells if "`" in row[0]]


def test_topics_services_and_actions_are_those_of_the_nodes():
    page = (REFERENCE / "topics.md").read_text(encoding="utf-8")
    named = set()
    for section in page.split("\n## ")[1:]:
        node = re.match(r"`(\w+)`", section)[1]
        named |= {(node, row[1], row[0].strip("`")) for row in rows(section)}
    made = interfaces()
    assert ("controller", "service", "~/enable") in made
    assert named == made


def test_every_interface_file_is_shown():
    page = (REFERENCE / "messages.md").read_text(encoding="utf-8")
    package = ROOT / "depth_pc_interfaces"
    files = {str(path.relative_to(ROOT)) for kind in ("msg", "srv", "action") for path in (package / kind).iterdir()}
    assert set(re.findall(r'--8<-- "([^"]+)"', page)) == files


def test_every_state_is_explained():
    page = (DOCS / "tutorials" / "states.md").read_text(encoding="utf-8")
    table = [line.split("|")[1].strip() for line in page.splitlines() if line.startswith("| ")]
    assert {state.name for state in ServoState} <= set(table)


def test_every_command_is_named():
    page = (REFERENCE / "cli.md").read_text(encoding="utf-8")
    named = {row[0].strip("`") for row in rows(page)}
    commands = {path.stem for path in (ROOT / "depth_pc_ros" / "cli").glob("*.py") if "def main(" in path.read_text()}
    scripts = {f"scripts/{path.name}" for path in (ROOT / "scripts").glob("*.sh")}
    assert named >= commands | {"benchmark"} | scripts


@pytest.mark.parametrize("page", sorted((DOCS / "concepts").glob("*.md")), ids=lambda page: page.name)
def test_parameters_of_a_concept_exist(page: Path):
    text = page.read_text(encoding="utf-8")
    if page.name != "index.md":
        for part in ("## Parameters", "## Limits"):
            assert part in text, part
    for row in rows(text.partition("## Parameters")[2]):
        for name in re.findall(r"`(\w+)`", row[0]):
            assert re.search(rf"\b{name}\b", SOURCE), name
