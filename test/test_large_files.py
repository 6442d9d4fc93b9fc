"""No large file gets into the repository unnoticed."""

import importlib.util
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture(scope="module")
def check():
    spec = importlib.util.spec_from_file_location("check_large_files", ROOT / "scripts" / "check_large_files.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture
def repository(tmp_path):
    """A repository with staged files: large ones at the top and in docs/, a small one, and a large untracked one."""
    (tmp_path / "docs").mkdir()
    for name, size in (("big.bin", 1_000_001), ("docs/big.bin", 5_000_000), ("small.bin", 1_000_000)):
        (tmp_path / name).write_bytes(bytes(size))
    subprocess.run(["git", "init", "-q"], cwd=tmp_path, check=True)
    subprocess.run(["git", "add", "."], cwd=tmp_path, check=True)
    (tmp_path / "untracked.bin").write_bytes(bytes(2_000_000))
    return tmp_path


def test_only_tracked_large_files_outside_the_free_folders_are_named(check, repository):
    assert check.too_large(repository, check.tracked(repository)) == [
        "big.bin: 1000001 bytes; expected at most 1000000 outside models/ and docs/"
    ]


def test_the_files_given_are_checked(check, repository):
    files = [repository / "untracked.bin", repository / "gone.bin"]
    assert [line.partition(":")[0] for line in check.too_large(repository, files)] == ["untracked.bin"]


def test_this_repository_has_none(check):
    if not (ROOT / ".git").exists():
        pytest.skip("not a git checkout")
    assert check.main([]) == 0
