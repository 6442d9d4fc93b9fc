"""`mkdocs build --strict` passes, and the site needs nothing from elsewhere."""

import os
import re
import subprocess
import sys

import pytest
from doc_commands import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(360)]


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--site-dir", str(folder)]
    built = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, timeout=300, check=False,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "CUDA_VISIBLE_DEVICES": ""},
    )  # fmt: skip
    assert built.returncode == 0, built.stderr
    return folder


def test_the_site_holds_messages_api_and_options(site):
    messages = (site / "reference" / "messages.html").read_text(encoding="utf-8")
    for path in (ROOT / "depth_pc_interfaces").glob("*/*.*"):
        if path.parent.name in ("msg", "srv", "action"):
            fields = [line.partition("#")[0].split() for line in path.read_text().splitlines()]
            assert all(words[1] in messages for words in fields if len(words) == 2), path.name
    assert "depth_pc_ros.pipeline.ServoPipeline.step" in (site / "reference/api/pipeline.html").read_text()
    assert "--hand-eye-error" in (site / "reference" / "cli.html").read_text(encoding="utf-8")


def test_the_site_loads_nothing_from_elsewhere(site):
    for page in site.rglob("*.html"):
        loaded = re.findall(r'<(?:script|img|iframe)[^>]*src="([^"]+)"|<link[^>]*stylesheet[^>]*href="([^"]+)"',
                            page.read_text(encoding="utf-8"))  # fmt: skip
        assert not [url for pair in loaded for url in pair if url.startswith(("http", "//"))], page.name
