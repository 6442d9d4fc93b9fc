"""The file that a training run resumes from."""

from pathlib import Path

import torch

from depth_pc_ros.errors import CheckpointError

VERSION = 1


def write_state(path: Path, made_with: dict, state: dict) -> None:
    """Write `state`, and what it was made with; the old file stays until the new one is whole."""
    aside = path.with_suffix(".part")
    torch.save({"version": VERSION, "made_with": made_with, **state}, aside)
    aside.replace(path)


def read_state(path: str | Path, made_with: dict, device: str) -> dict:
    """The state. CheckpointError when it cannot be read, or was made with something else than `made_with`."""
    try:
        state = torch.load(path, map_location=device, weights_only=True)
    except Exception as error:  # torch raises a different kind for each way a file can be broken
        raise CheckpointError(f"checkpoint: cannot read {path}: {error}") from None
    if not isinstance(state, dict) or state.get("version") != VERSION:
        raise CheckpointError(f"checkpoint: {path}: expected version {VERSION}")
    for name, value in made_with.items():
        found = state["made_with"].get(name)
        if found != value:
            raise CheckpointError(f"checkpoint: {path} was made with {name} {found!r}, got {value!r}")
    return state
