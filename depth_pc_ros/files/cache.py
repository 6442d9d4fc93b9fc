"""Files that can be made again: a damaged one is made anew, as a missing one is."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

from depth_pc_ros.errors import DepthPcError, FileError
from depth_pc_ros.files.raw import write_whole

T = TypeVar("T")


def default_cache_dir() -> Path:
    """`$XDG_CACHE_HOME/depth_pc_ros`, or `~/.cache/depth_pc_ros`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "depth_pc_ros"


def keep_temporary_folder_clean() -> None:
    """Have torch._dynamo, which transformers and torch_geometric import, keep its cache in ours and not in /tmp."""
    os.environ.setdefault("TORCHINDUCTOR_CACHE_DIR", str(default_cache_dir() / "torchinductor"))


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
