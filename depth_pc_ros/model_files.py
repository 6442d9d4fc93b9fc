"""Where the models are: those that ship, in the source tree or installed, and folders of the user's own."""

import os
import sys
from pathlib import Path

from depth_pc_ros.errors import CheckpointError

SHIPPED_DEPTH = "depth_anything_tiny"  # the model of estimated depth unless another is asked for
_PACKAGE = "depth_pc_ros"


def model_folders() -> list[Path]:
    """Folders that may hold shipped models: the source tree's, then those of ROS and Python installations."""
    shares = [Path(prefix) / "share" for prefix in os.environ.get("AMENT_PREFIX_PATH", "").split(os.pathsep) if prefix]
    shares.append(Path(sys.prefix) / "share")
    return [Path(__file__).parents[1] / "models", *(share / _PACKAGE / "models" for share in shares)]


def local_model(name: str) -> Path | None:
    """The folder of a model, given a path or the name of one that ships; None: there is none."""
    for folder in (Path(name), *(folder / name for folder in model_folders())):
        if (folder / "config.json").is_file():
            return folder
    return None


def is_hub_name(name: str) -> bool:
    """Whether this is `owner/name`, as models are called on the Hugging Face hub, and no other path."""
    owner, _, rest = name.partition("/")
    return bool(owner and rest) and "/" not in rest and owner[0] not in ".~"


def find_model(name: str) -> Path:
    """As `local_model`. CheckpointError says where it was looked for."""
    folder = local_model(name)
    if folder is not None:
        return folder
    places = ", ".join(str(folder) for folder in model_folders())
    raise CheckpointError(f"model: expected a folder with config.json, or the name of one in {places}; got {name!r}")
