"""Bags: what was written comes back, also of a file without its end; what is none is named in one line."""

import shutil

import numpy as np
import pytest
from bags import BagMaker

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'depth_pc_ros[rosbag]'")

from rosbags.typesys import Stores, get_types_from_msg, get_typestore

from depth_pc_ros.errors import FileError
from depth_pc_ros.files.bag_file import BagFile, close_cut_off
from depth_pc_ros.files.bag_writer import LATCHED, BagWriter

STRING = "std_msgs/msg/String"


@pytest.fixture(params=["mcap", "sqlite3"])
def bag(request, tmp_path):
    with BagMaker(tmp_path / "bag", request.param) as maker:
        for k in range(5):
            maker.put("/words", STRING, 1.0 + k, maker.kinds[STRING](data=f"word {k}"))
    return maker


def words(path):
    with BagFile(path) as bag:
        return [(logged.logged_ns, logged.read().data) for logged in bag.logged(["/words"])]


def test_a_folder_and_the_file_in_it(bag):
    expected = [((1 + k) * 10**9, f"word {k}") for k in range(5)]
    for path in (bag.folder, bag.file):
        assert words(path) == expected
    with BagFile(bag.folder) as whole:
        assert (whole.kinds, whole.counts, whole.complete) == ({"/words": STRING}, {"/words": 5}, True)
        assert [each.logged_ns for each in whole.logged(["/words"], 2 * 10**9, 4 * 10**9)] == [2 * 10**9, 3 * 10**9]
        assert list(whole.logged(["/none"])) == []
    bag.folder.joinpath("metadata.yaml").unlink()
    assert words(bag.folder) == expected


def written(folder, count=40):
    """A bag in several chunks, which is not closed."""
    writer = BagWriter(folder, {"my_msgs/msg/Blob": "uint8[] data\n"})
    store = get_typestore(Stores.EMPTY)
    store.register(get_types_from_msg("uint8[] data", "my_msgs/msg/Blob"))
    random = np.random.default_rng(0)
    for k in range(count):
        blob = store.types["my_msgs/msg/Blob"](data=random.integers(0, 256, 100_000, np.uint8))
        writer.write("/blobs", "my_msgs/msg/Blob", 10**9 - k, store.serialize_cdr(blob, "my_msgs/msg/Blob"), LATCHED)
    return writer


def test_a_recorder_that_is_killed_leaves_the_whole_chunks(tmp_path):
    writer = written(tmp_path / "bag")
    with BagFile(tmp_path / "bag") as bag:
        assert not bag.complete
        assert 25 <= bag.counts["/blobs"] < 40
        assert all(len(logged.read().data) == 100_000 for logged in bag.logged(["/blobs"]))
        killed = bag.counts["/blobs"]
    shutil.copy(writer.file, tmp_path / "copy.mcap")
    writer.close()
    with BagFile(tmp_path / "bag") as bag:
        assert (bag.complete, bag.counts["/blobs"]) == (True, 40)
        assert {logged.logged_ns for logged in bag.logged(["/blobs"])} == {10**9}  # never before the one before
    data = writer.file.read_bytes()
    for share in (0.5, 0.9, 1 - 20 / len(data)):
        writer.file.write_bytes(data[: int(share * len(data))])
        with BagFile(tmp_path / "bag") as bag:
            assert not bag.complete
            assert len(list(bag.logged(["/blobs"]))) == bag.counts["/blobs"] >= 10
    close_cut_off(tmp_path / "copy.mcap")
    with BagFile(tmp_path / "copy.mcap") as bag:
        assert (bag.complete, bag.counts["/blobs"]) == (True, killed)


class FullDisk:
    """A file on a disk that has room for so many bytes more."""

    def __init__(self, file, room):
        self._file, self._room = file, room

    def write(self, data):
        self._room -= len(data)
        if self._room < 0:
            self._file.write(bytes(data)[: len(data) // 2])
            raise OSError(28, "No space left on device")
        return self._file.write(data)

    def __getattr__(self, name):
        return getattr(self._file, name)


def test_a_full_disk_ends_the_bag_with_one_line_and_what_was_written_is_in_it(tmp_path):
    writer = written(tmp_path / "bag", 5)
    writer._writer.storage.bio = FullDisk(writer._writer.storage.bio, 2_500_000)
    head, random = b"\0\1\0\0" + (100_000).to_bytes(4, "little"), np.random.default_rng(1)

    def fill():
        for k in range(60):
            writer.write("/blobs", "my_msgs/msg/Blob", 10**9 + k, head + random.bytes(100_000))

    with pytest.raises(FileError, match=r"bag\.mcap: No space left on device; what was written before is in it$"):
        fill()
    with BagFile(tmp_path / "bag") as bag:
        assert bag.complete
        assert len([logged.read() for logged in bag.logged(["/blobs"])]) >= 5


def test_a_folder_that_exists_is_not_overwritten(tmp_path):
    with pytest.raises(FileError, match="exists already; give a new folder"):
        BagWriter(tmp_path, {})


def test_what_is_no_bag_is_named(tmp_path, bag):
    (tmp_path / "text.mcap").write_text("no bag")
    (tmp_path / "none.db3").write_bytes(b"")
    (tmp_path / "folder").mkdir()
    shutil.copytree(bag.folder, tmp_path / "two")
    (tmp_path / "two" / "metadata.yaml").unlink()
    shutil.copy(bag.file, tmp_path / "two" / "other.mcap")
    for name, complaint in (
        ("text.mcap", "expected a bag"), ("none.db3", "expected a bag"), ("absent", "no such bag"),
        ("folder", "expected a bag: a folder with metadata.yaml, or with one of .*, got none"),
        ("two", "got bag.*, other.mcap|got other.mcap, bag"),
    ):  # fmt: skip
        with pytest.raises(FileError, match=complaint) as caught:
            BagFile(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_damaged_message_is_named(tmp_path):
    with BagMaker(tmp_path / "bag") as maker:
        maker.put("/words", STRING, 1.0, maker.kinds[STRING](data="word"))
        maker._writer.write(maker._topics["/words"], 2 * 10**9, b"\0\1\0\0\xff\xff\0\0word")
    with pytest.raises(FileError, match=r"/words: expected a std_msgs/msg/String: damaged"):
        words(tmp_path / "bag")
