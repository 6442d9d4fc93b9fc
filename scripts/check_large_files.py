#!/usr/bin/env python3
"""Refuse files of more than 1 MB that git tracks or is about to, outside models/ and docs/.

    scripts/check_large_files.py              # all tracked and staged files
    scripts/check_large_files.py FILE...      # these (pre-commit gives them)

Exits with 1 and one line per file that is too large.
"""

import subprocess
import sys
from pathlib import Path

MOST_BYTES = 1_000_000
FREE = ("models", "docs")
ROOT = Path(__file__).resolve().parent.parent


def tracked(root: Path) -> list[Path]:
    """Files of the index of the repository at `root`: committed or staged."""
    names = subprocess.run(["git", "ls-files", "-z"], cwd=root, check=True, capture_output=True, text=True).stdout
    return [Path(name) for name in names.split("\0") if name]


def too_large(root: Path, files: list[Path]) -> list[str]:
    """One line per file (relative to `root`, or below it) that exists, is too large and not in a free folder."""
    lines = []
    for file in files:
        path = root / file
        name = path.relative_to(root)
        if name.parts[0] in FREE or not path.is_file() or path.stat().st_size <= MOST_BYTES:
            continue
        size, free = path.stat().st_size, " and ".join(f"{folder}/" for folder in FREE)
        lines.append(f"{name}: {size} bytes; expected at most {MOST_BYTES} outside {free}")
    return lines


def main(arguments: list[str]) -> int:
    lines = too_large(ROOT, [Path(name).resolve() for name in arguments] or tracked(ROOT))
    print(*lines, sep="\n", end="\n" if lines else "", file=sys.stderr)
    return 1 if lines else 0


if __name__ == "__main__":
    raise SystemExit(main(sys.argv[1:]))
