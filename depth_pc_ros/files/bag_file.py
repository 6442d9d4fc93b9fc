"""Bags: rosbag2 folders, `.mcap` and `.db3` files, ROS 1 `.bag` files. Needs rosbags (extra `rosbag`), and no ROS.

An MCAP file without its end, as a recorder leaves that was killed or had no disk space, is read as far as it goes.
"""

import io
import struct
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from depth_pc_ros.errors import DepthPcError, FileError, shown
from depth_pc_ros.extras import require

_STORAGES = ("*.mcap", "*.db3", "*.bag")
_MAGIC = b"\x89MCAP0\r\n"
_HEAD = struct.Struct("<BQ")  # of a record: kind, and bytes that follow
_FOOTER = _HEAD.pack(2, 20) + bytes(20) + _MAGIC  # of a file without a summary
_END = 37  # bytes of any footer with its magic


@dataclass(frozen=True)
class Logged:
    """One message of a bag: its topic, its type as `package/msg/Name`, when it was recorded in ns, and its bytes."""

    topic: str
    kind: str
    logged_ns: int
    raw: bytes
    bag: "BagFile"

    def read(self) -> Any:
        """The message, with fields as in ROS; sequences of numbers are arrays. Raises the bag's kind of error."""
        return self.bag.decoded(self)


class BagFile:
    """An open bag. kinds: topic -> type of its messages. counts: topic -> number of messages.

    complete: False for an MCAP file without its end. error: the kind of error of all problems; each is one line.
    """

    def __init__(self, path: str | Path, error: type[DepthPcError] = FileError):
        require("rosbag", "rosbags")
        from rosbags.highlevel import AnyReader
        from rosbags.typesys import Stores, get_typestore

        self.path, self._error = Path(path), error
        storage = _storage(self.path, error)
        self.complete = not isinstance(storage, _CutOff)
        try:
            # Bags of Humble's sqlite3 hold no definitions of their messages.
            self._reader = AnyReader([storage], default_typestore=get_typestore(Stores.ROS2_HUMBLE))
            self._reader.open()
            self.kinds = {each.topic: each.msgtype for each in self._reader.connections}
            self.counts = dict.fromkeys(self.kinds, 0)
            for each in self._reader.connections:
                self.counts[each.topic] += each.msgcount
        except Exception as problem:  # rosbags raises a different kind for each way a bag can be damaged
            raise error(f"{self.path}: expected a bag: {shown(problem, 200)}") from None

    def __enter__(self) -> "BagFile":
        return self

    def __exit__(self, *exc) -> None:
        self._reader.close()

    def logged(
        self, topics: Collection[str], start_ns: int | None = None, stop_ns: int | None = None
    ) -> Iterator[Logged]:
        """The messages of some topics in the order in which they were recorded; stop_ns is not included."""
        connections = [each for each in self._reader.connections if each.topic in topics]
        if not connections:
            return
        try:
            for connection, logged_ns, raw in self._reader.messages(connections, start_ns, stop_ns):
                yield Logged(connection.topic, connection.msgtype, logged_ns, raw, self)
        except Exception as problem:  # as above
            raise self._error(f"{self.path}: {', '.join(sorted(topics))}: damaged: {shown(problem, 200)}") from None

    def decoded(self, logged: Logged) -> Any:
        """See `Logged.read`."""
        try:
            return self._reader.deserialize(logged.raw, logged.kind)
        except Exception as problem:  # as above
            raise self._error(
                f"{self.path}: {logged.topic}: expected a {logged.kind}: damaged: {shown(problem, 200)}"
            ) from None


def _storage(path: Path, error: type[DepthPcError]) -> "Path | _CutOff":
    """What rosbags has to open: the folder, the file in it, or the whole part of a file."""
    if not path.exists():
        raise error(f"{path}: no such bag")
    if path.is_dir():
        files = [file for mark in _STORAGES for file in sorted(path.glob(mark))]
        if (path / "metadata.yaml").is_file() and not any(_is_cut_off(file) for file in files):
            return path
        if len(files) != 1:
            names = ", ".join(file.name for file in files) or "none"
            raise error(f"{path}: expected a bag: a folder with metadata.yaml, or with one of {_STORAGES}, got {names}")
        path = files[0]
    return _CutOff(path) if _is_cut_off(path) else path


def _is_cut_off(path: Path) -> bool:
    """Whether this MCAP file begins as one, and does not end as one."""
    if path.suffix != ".mcap" or not path.is_file():
        return False
    with open(path, "rb") as file:
        begins = file.read(len(_MAGIC)) == _MAGIC
        file.seek(max(path.stat().st_size - len(_MAGIC), 0))
        return begins and (file.read() != _MAGIC or path.stat().st_size < len(_MAGIC) + _END)


def end_of_records(file: io.BufferedIOBase, size: int) -> int:
    """Where the last whole record of an MCAP file of `size` bytes ends; the summary, which begins anew, is left out."""
    at = len(_MAGIC)
    while at + _HEAD.size <= size:
        file.seek(at)
        kind, length = _HEAD.unpack(file.read(_HEAD.size))
        if kind in (0, 2, 15) or at + _HEAD.size + length > size:  # the end of the data, or of what was written
            break
        at += _HEAD.size + length
    return at


def close_cut_off(path: Path) -> None:
    """Give an MCAP file without its end one, after its last whole record, so that every reader opens it.

    It gets no larger where it ends in a broken record of 37 bytes or more. Raises OSError.
    """
    with open(path, "r+b") as file:
        file.truncate(end_of_records(file, path.stat().st_size))
        file.seek(0, io.SEEK_END)
        file.write(_FOOTER)


class _CutOff:
    """A path, as far as rosbags needs one, to the whole records of an MCAP file, with an end behind them."""

    suffix = ".mcap"

    def __init__(self, path: Path):
        self._path = path

    def __str__(self) -> str:
        return str(self._path)

    def exists(self) -> bool:
        return True

    def is_dir(self) -> bool:
        return False

    def open(self, mode: str) -> io.BufferedReader:
        """For reading; mode: `rb`."""
        return io.BufferedReader(_Ended(self._path.open(mode), self._path.stat().st_size))


class _Ended(io.RawIOBase):
    """The bytes of a file up to its last whole record, and an end."""

    def __init__(self, file: io.BufferedReader, size: int):
        self._file, self._at = file, 0
        self._records = end_of_records(file, size)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._records + len(_FOOTER)}[whence]
        self._at = max(start + offset, 0)
        return self._at

    def readinto(self, buffer) -> int:
        if self._at < self._records:
            self._file.seek(self._at)
            data = self._file.read(min(len(buffer), self._records - self._at))
        else:
            begin = self._at - self._records
            data = _FOOTER[begin : begin + len(buffer)]
        buffer[: len(data)] = data
        self._at += len(data)
        return len(data)

    def close(self) -> None:
        self._file.close()
        super().close()
