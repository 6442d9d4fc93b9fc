"""Where the package's own files are: `config/` and `models/`, in the source tree or installed."""

import contextlib
import sys
from pathlib import Path

from depth_pc_ros.errors import CheckpointError

SHIPPED_DEPTH = "depth_anything_tiny"  # the model of estimated depth that ships
OFFICIAL_DEPTH = "depth-anything/Depth-Anything-V2-Small-hf"  # a larger one, on the Hugging Face hub
AUTO_DEPTH = "auto"  # the official one where it is cached or the hub can be reached, else the one that ships
_PACKAGE = "depth_pc_ros"


def share_folders(name: str) -> list[Path]:
    """Folders that may be the package's `name` (config, models): the source tree's, then those of installations."""
    shares = [Path(sys.prefix) / "share" / _PACKAGE]
    # No ROS, the package is not installed in it, or ROS from wheels whose environment is not sourced (OSError).
    with contextlib.suppress(ImportError, LookupError, OSError):
        from ament_index_python.packages import get_package_share_directory

        shares.insert(0, Path(get_package_share_directory(_PACKAGE)))
    return [Path(__file__).resolve().parents[1] / name, *(share / name for share in shares)]


def config_file(name: str) -> Path | None:
    """The package's file `config/NAME`; None: there is none."""
    return next((path for folder in share_folders("config") if (path := folder / name).is_file()), None)


def local_model(name: str) -> Path | None:
    """The folder of a model, given a path or the name of one that ships; None: there is none."""
    for folder in (Path(name), *(folder / name for folder in share_folders("models"))):
        if (folder / "config.json").is_file():
            return folder
    return None


def is_hub_name(name: str) -> bool:
    """Whether this is `owner/name`, as models are called on the Hugging Face hub, and no other path."""
    owner, _, rest = name.partition("/")
    return bool(owner and rest) and "/" not in rest and owner[0] not in ".~"


def find_model(name: str) -> Path:
    """As `local_model`. CheckpointError names the folders that were searched."""
    folder = local_model(name)
    if folder is not None:
        return folder
    places = ", ".join(str(folder) for folder in share_folders("models"))
    raise CheckpointError(f"model: expected a folder with config.json, or the name of one in {places}; got {name!r}")
