"""The file that a training run resumes from."""

import contextlib
from pathlib import Path

import torch

from depth_pc_ros.errors import CheckpointError, shown
from depth_pc_ros.files.weights_file import read_torch

VERSION = 1


def write_state(path: Path, made_with: dict, state: dict) -> None:
    """Write `state`, and what it was made with; the old file stays until the new one is whole."""
    aside = path.with_suffix(".part")
    torch.save({"version": VERSION, "made_with": made_with, **state}, aside)
    aside.replace(path)


def read_state(path: str | Path, made_with: dict, device: str) -> dict:
    """The state. CheckpointError when it cannot be read, or was made with something else than `made_with`."""
    state = read_torch(path, f"checkpoint: cannot read {path}", CheckpointError, device)
    if not isinstance(state, dict) or state.get("version") != VERSION:
        raise CheckpointError(f"checkpoint: {path}: expected version {VERSION}")
    before = state.get("made_with")
    if not isinstance(before, dict):
        raise CheckpointError(f"checkpoint: {path}: made_with: expected a mapping, got {shown(before)}")
    for name, value in made_with.items():
        if before.get(name) != value:
            raise CheckpointError(f"checkpoint: {path} was made with {name} {shown(before.get(name))}, got {value!r}")
    return state


@contextlib.contextmanager
def restoring(path: str | Path):
    """Around the use of a state: CheckpointError where it lacks something, or does not fit the network."""
    try:
        yield
    except (KeyError, TypeError, ValueError, AttributeError, RuntimeError) as error:
        raise CheckpointError(f"checkpoint: {path} does not fit: {type(error).__name__}: {shown(error, 200)}") from None
