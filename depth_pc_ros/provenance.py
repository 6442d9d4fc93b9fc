"""Which code made a result."""

import subprocess
from pathlib import Path


def git_commit() -> str:
    """Commit of the code that runs, '+' behind it where the package's files differ from it, or 'unknown'."""
    here = Path(__file__).parent

    def git(*words: str) -> str:
        return subprocess.run(["git", *words], cwd=here, capture_output=True, text=True, check=True).stdout.strip()

    try:
        return git("rev-parse", "--short=10", "HEAD") + ("+" if git("status", "--porcelain", "--", ".") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
