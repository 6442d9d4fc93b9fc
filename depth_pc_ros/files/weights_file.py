"""Weights that torch wrote. Importing this module imports torch, which takes a second: import it where it is used."""

import os
from pathlib import Path
from typing import Any

import torch

from depth_pc_ros.errors import DepthPcError, FileError, shown


def read_torch(path: str | Path, where: str, error: type[DepthPcError] = FileError, device: str = "cpu") -> Any:
    """What a file of `torch.save` holds: tensors, numbers, texts, and lists and mappings of them, and no other objects.

    where: begins the error. A file that holds more, such as code to run, is refused before any of it is used.
    """
    place = os.path.expanduser(path)
    if not os.path.isfile(place):  # opening a pipe would wait for ever
        raise error(f"{where}: {'expected a file' if os.path.exists(place) else 'no such file'}")
    try:
        return torch.load(place, map_location=device, weights_only=True)
    except Exception as problem:  # torch raises a different kind for each way a file can be broken
        raise error(f"{where}: {shown(problem, 300)}") from None
