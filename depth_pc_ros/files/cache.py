"""Files that can be made again: a damaged one is made anew, as a missing one is."""

from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from depth_pc_ros.errors import DepthPcError, FileError
from depth_pc_ros.files.raw import write_whole

T = TypeVar("T")


def cached(
    path: Path, read: Callable[[Path], T], make: Callable[[], bytes], error: type[DepthPcError] = FileError
) -> T:  # fmt: skip
    """What `read` finds in the file at `path`, which `make` makes where it is missing or `read` raises FileError."""
    if path.is_file():
        try:
            return read(path)
        except FileError:
            pass  # damaged, as by a full disk: replaced below
    data = make()
    try:
        write_whole(path, data)
    except OSError as problem:
        raise error(f"cache_dir: cannot write in {path.parent}: {problem}") from None
    return read(path)
