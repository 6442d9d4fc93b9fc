import os

import pytest

from depth_pc_ros.errors import ConfigError, FileError, shown
from depth_pc_ros.files.raw import read_bytes, read_text, write_whole


def test_a_file_is_read_up_to_its_limit(tmp_path, monkeypatch):
    path = tmp_path / "file"
    path.write_bytes(b"abc")
    assert read_bytes(path, "x", 3) == b"abc"
    monkeypatch.setenv("HOME", str(tmp_path))
    assert read_text("~/file", "x", 3) == "abc"
    with pytest.raises(FileError, match=r"^x: expected at most 2e-06 MB, the file is larger$"):
        read_bytes(path, "x", 2)


def test_what_never_ends_is_not_read(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(ConfigError, match=r"^x: expected a file, got a pipe$"):
        read_bytes(tmp_path / "pipe", "x", 10, ConfigError)
    with pytest.raises(FileError, match="expected a file, got a device"):
        read_bytes("/dev/zero", "x", 10)
    with pytest.raises(FileError, match="expected a file, got a folder"):
        read_bytes(tmp_path, "x", 10)


@pytest.mark.parametrize("name", ["none", "a\0b", "n" * 300, "none/deeper"])
def test_names_of_no_file_are_one_line(tmp_path, name):
    with pytest.raises(FileError, match=r"^x: ") as error:
        read_bytes(tmp_path / name, "x", 10)
    assert "\n" not in str(error.value)


def test_a_text_that_is_not_utf_8_is_named_with_its_line(tmp_path):
    (tmp_path / "text").write_bytes(b"one\ntwo\xff\n")
    with pytest.raises(FileError, match=r"^x: line 2: expected UTF-8, got byte 0xff$"):
        read_text(tmp_path / "text", "x", 100)


def test_files_are_replaced_whole(tmp_path):
    write_whole(tmp_path / "deep" / "file", b"old")
    write_whole(tmp_path / "deep" / "file", b"new")
    assert [path.read_bytes() for path in (tmp_path / "deep").iterdir()] == [b"new"]


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("a\nb", r"'a\nb'"),
        ("x" * 200, "'" + "x" * 79 + "..."),
        (2**20000, "a number of 20001 bits"),
        ([1, None], "[1, None]"),
    ],
    ids=["two lines", "long", "large", "list"],
)
def test_values_are_shown_on_one_short_line(value, expected):
    assert shown(value) == expected
