"""The bytes of a file, at most so many; and files that are replaced at once."""

import os
import stat
from pathlib import Path

from depth_pc_ros.errors import DepthPcError, FileError

_KINDS = {stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}


def read_bytes(path: str | Path, where: str, limit: int, error: type[DepthPcError] = FileError) -> bytes:
    """The content of a regular file of at most `limit` bytes; `~` is the home folder. where: begins the error."""
    data = read_start(path, where, limit + 1, error)
    if len(data) > limit:
        raise error(f"{where}: expected at most {limit / 1e6:g} MB, the file is larger")
    return data


def read_start(path: str | Path, where: str, count: int, error: type[DepthPcError] = FileError) -> bytes:
    """As `read_bytes`, but only the first `count` bytes of a file of any size."""
    place = os.path.expanduser(path)
    try:
        with open(place, "rb", opener=_not_waiting) as file:
            mode = os.fstat(file.fileno()).st_mode
            data = file.read(count) if stat.S_ISREG(mode) else b""
    except FileNotFoundError:
        raise error(f"{where}: no such file") from None
    except IsADirectoryError:
        raise error(f"{where}: expected a file, got a folder") from None
    except (OSError, ValueError) as problem:  # ValueError: a name with a zero byte
        raise error(f"{where}: {getattr(problem, 'strerror', None) or problem}") from None
    if not stat.S_ISREG(mode):
        raise error(f"{where}: expected a file, got {_KINDS.get(stat.S_IFMT(mode), 'a device')}")
    return data


def read_text(path: str | Path, where: str, limit: int, error: type[DepthPcError] = FileError) -> str:
    """As `read_bytes`, of a text in UTF-8."""
    data = read_bytes(path, where, limit, error)
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as problem:
        line = data.count(b"\n", 0, problem.start) + 1
        raise error(f"{where}: line {line}: expected UTF-8, got byte 0x{data[problem.start]:02x}") from None


def write_whole(path: Path, data: bytes) -> None:
    """Replace a file at once: an interruption leaves the old one, and parallel writers do not mix. Raises OSError."""
    path.parent.mkdir(parents=True, exist_ok=True)
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    aside.write_bytes(data)
    os.replace(aside, path)


def check_writable(path: str | Path, where: str, error: type[DepthPcError] = FileError) -> None:
    """Raise where a file cannot be written, before the work that it is for. where: begins the error."""
    path = Path(path).expanduser()
    aside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        if path.is_dir():
            raise IsADirectoryError(None, "it is a folder")
        path.parent.mkdir(parents=True, exist_ok=True)
        aside.touch()
        aside.unlink()
    except OSError as problem:
        raise error(f"{where}: {problem.strerror or problem}") from None


def _not_waiting(path: str, flags: int) -> int:
    """Opening a pipe that nobody writes to would wait for ever."""
    return os.open(path, flags | os.O_NONBLOCK)
