"""NumPy files: no pickled objects, and no more memory than the file's size allows."""

import io
import math
import warnings
import zipfile
from pathlib import Path

import numpy as np

from depth_pc_ros.errors import DepthPcError, FileError, shown
from depth_pc_ros.files.raw import read_bytes

MAX_BYTES = 512_000_000


def read_array(path: str | Path, what: str, error: type[DepthPcError] = FileError) -> np.ndarray:
    """The array of numbers in a .npy file."""
    where = f"{what}: cannot read {path}"
    return _array(read_bytes(path, where, MAX_BYTES, error), where, error)


def read_arrays(path: str | Path, what: str, names, error: type[DepthPcError] = FileError) -> dict[str, np.ndarray]:
    """The arrays of these names, and no others, in a .npz file."""
    where = f"{what}: cannot read {path}"
    data = read_bytes(path, where, MAX_BYTES, error)
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            found = {info.filename.removesuffix(".npy"): info for info in archive.infolist()}
            if set(found) != set(names):
                raise error(f"{where}: expected arrays {', '.join(sorted(names))}, got {shown(sorted(found))}")
            size = sum(info.file_size for info in found.values())
            if size > MAX_BYTES:
                raise error(f"{where}: expected at most {MAX_BYTES / 1e6:g} MB unpacked, got {size / 1e6:g}")
            members = {name: archive.open(found[name]).read(found[name].file_size) for name in names}
    except error:
        raise
    except Exception as problem:  # zipfile and zlib raise a different kind for each way a file can be damaged
        raise error(f"{where}: not a NumPy archive: {shown(problem)}") from None
    return {name: _array(member, f"{where}: {name}", error) for name, member in members.items()}


def _array(data: bytes, where: str, error: type[DepthPcError]) -> np.ndarray:
    file = io.BytesIO(data)
    try:
        version = np.lib.format.read_magic(file)
        read_header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of what Python says about the literal
            shape, fortran, dtype = read_header(file)
    except Exception as problem:  # the header is a Python literal: its parser raises many kinds
        raise error(f"{where}: not a NumPy file: {shown(problem)}") from None
    if dtype.kind not in "biuf":
        raise error(f"{where}: expected an array of numbers, got {shown(dtype)}")
    held, needed = len(data) - file.tell(), math.prod(shape) * dtype.itemsize
    if any(side < 0 for side in shape) or held != needed:
        raise error(f"{where}: shape {shown(shape)} needs {needed} bytes, the file holds {held}")
    flat = np.frombuffer(data, dtype, offset=file.tell())
    return flat.reshape(shape, order="F" if fortran else "C").copy()
