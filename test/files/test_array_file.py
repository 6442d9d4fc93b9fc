import io
import zipfile

import numpy as np
import pytest

from depth_pc_ros.errors import FileError, ImageError
from depth_pc_ros.files.array_file import read_array, read_arrays


class Runs:
    """Creates a file when it is unpickled."""

    def __init__(self, path):
        self.path = str(path)

    def __reduce__(self):
        return open, (self.path, "w")


def npy(array) -> bytes:
    file = io.BytesIO()
    np.save(file, array, allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize("array", [np.full((3, 4), 0.5), np.asfortranarray(np.arange(6.0).reshape(2, 3)), np.zeros(0),
                                   np.array(3.0), np.arange(4, dtype=">i2"), np.array([True])])  # fmt: skip
def test_arrays_are_read_as_they_were_written(tmp_path, array):
    (tmp_path / "a.npy").write_bytes(npy(array))
    read = read_array(tmp_path / "a.npy", "depth")
    np.testing.assert_array_equal(read, array)
    assert read.dtype == array.dtype
    assert read.flags.writeable


def test_pickled_objects_are_refused_and_not_run(tmp_path):
    (tmp_path / "a.npy").write_bytes(npy(np.array([Runs(tmp_path / "ran")], dtype=object)))
    with pytest.raises(ImageError, match=r"^depth: cannot read .*a\.npy: expected an array of numbers, got dtype"):
        read_array(tmp_path / "a.npy", "depth", ImageError)
    np.savez(tmp_path / "a.npz", points=np.array([Runs(tmp_path / "ran")], dtype=object))
    with pytest.raises(FileError, match="expected an array of numbers"):
        read_arrays(tmp_path / "a.npz", "cache", ("points",))
    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda data: data.replace(b"(3, 4)", b"(3,10**9)"), "not a NumPy file"),
        (lambda data: data.replace(b"(3, 4), ", b"(99999,)"), "needs 799992 bytes, the file holds 96"),
        (lambda data: data.replace(b"(3, 4)", b"(-3,4)"), "the file holds 96"),
        (lambda data: data[:-1], "the file holds 95"),
        (lambda data: data + b"x", "the file holds 97"),
        (lambda data: data.replace(b"<f8", b"<U2"), "expected an array of numbers"),
        (lambda data: data.replace(b"<f8", b"zzz"), "not a NumPy file"),
        (lambda data: data[:20], "not a NumPy file"),
        (lambda data: b"", "not a NumPy file"),
        (lambda data: b"text", "not a NumPy file"),
        (lambda data: data[:6] + b"\x09\x00" + data[8:], "not a NumPy file"),
        (lambda data: data[:8] + b"\xf0\xff" + b"[" * 65520, "not a NumPy file"),
    ],
)
def test_a_header_that_does_not_fit_is_refused(tmp_path, change, words):
    path = tmp_path / "a.npy"
    path.write_bytes(change(npy(np.ones((3, 4)))))
    with pytest.raises(FileError, match=rf"^depth: cannot read .*a\.npy: .*{words}") as error:
        read_array(path, "depth")
    assert "\n" not in str(error.value)


def test_archives_hold_what_is_asked_for(tmp_path):
    np.savez_compressed(tmp_path / "a.npz", points=np.ones(3), more=np.zeros(2))
    assert set(read_arrays(tmp_path / "a.npz", "cache", ("points", "more"))) == {"points", "more"}
    with pytest.raises(FileError, match=r"expected arrays points, got \['more', 'points'\]"):
        read_arrays(tmp_path / "a.npz", "cache", ("points",))
    (tmp_path / "a.npz").write_bytes((tmp_path / "a.npz").read_bytes()[:-30])
    with pytest.raises(FileError, match="not a NumPy archive"):
        read_arrays(tmp_path / "a.npz", "cache", ("points", "more"))


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path):
    with (
        zipfile.ZipFile(tmp_path / "a.npz", "w", zipfile.ZIP_DEFLATED) as archive,
        archive.open("points.npy", "w") as file,
    ):
        for _ in range(60):
            file.write(bytes(10_000_000))
    assert (tmp_path / "a.npz").stat().st_size < 1_000_000
    with pytest.raises(FileError, match="expected at most 512 MB unpacked, got 600"):
        read_arrays(tmp_path / "a.npz", "cache", ("points",))
