"""Links lead somewhere, the map of ARCHITECTURE.md is true, and the two entrances stay short."""

import re

import pytest
from doc_commands import DOCS, PAGES, ROOT, blocks, links

PACKAGE = ROOT / "depth_pc_ros"
PLACES = ("", "depth_pc_ros/", "test/")  # where a path in the text may begin


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_files(page):
    made_at_build = DOCS / "reference" / "api"
    for target in links(page):
        path = (page.parent / target).resolve()
        assert path.exists() or made_at_build in path.parents, f"{page.name}: {target}"


@pytest.mark.parametrize("page", [p for p in PAGES if "results" not in str(p) and p.name != "experiments.md"],
                         ids=lambda page: str(page.relative_to(ROOT)))  # fmt: skip
def test_files_in_the_text_exist(page):
    text = page.read_text(encoding="utf-8")
    for name in re.findall(r"`([\w/]+/[\w.]*\w\.(?:py|md|ipynb|sh|yaml|toml))`", text):
        if not name.startswith("out/"):
            assert any((ROOT / place / name).exists() for place in PLACES), f"{page.name}: {name}"


def test_the_map_names_every_part():
    map_ = next(text for _, text in blocks(ROOT / "ARCHITECTURE.md") if "types.py" in text)
    parts = {path.name for path in PACKAGE.iterdir() if path.is_dir() and (path / "__init__.py").is_file()}
    parts |= {path.name for path in PACKAGE.glob("*.py")} - {"__init__.py", "provenance.py"}
    missing = {part for part in parts if not re.search(rf"\b{re.escape(part)}{'' if '.' in part else '/'}", map_)}
    assert not missing
    for folder in re.findall(r"^ {0,6}(\w+)/ ", map_, flags=re.MULTILINE):
        assert any((ROOT / place / folder).is_dir() for place in PLACES), folder


@pytest.mark.parametrize(("name", "words"), [("README.md", 1000), ("ARCHITECTURE.md", 1200)])
def test_the_entrances_stay_short(name, words):
    assert len((ROOT / name).read_text(encoding="utf-8").split()) <= words
