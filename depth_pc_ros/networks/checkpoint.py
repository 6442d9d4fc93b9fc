"""Weights with their configuration: a folder with `config.json` and `model.safetensors`.

Anything that does not fit is refused before any weight is used: an unknown version or policy, an extra or missing key,
another shape, a truncated file.
"""

import hashlib
import json
from pathlib import Path

import safetensors
import safetensors.torch
import torch
from torch import Tensor, nn

from depth_pc_ros.errors import CheckpointError, ConfigError, shown
from depth_pc_ros.files.json_file import read_json
from depth_pc_ros.files.raw import read_bytes
from depth_pc_ros.files.schema import TEXT, Schema, object_of
from depth_pc_ros.networks.depth_pc import DepthPcNet
from depth_pc_ros.networks.depth_pc_geo import DepthPcGeoNet
from depth_pc_ros.networks.encoder import EncoderConfig

VERSION = 1
CONFIG, WEIGHTS = "config.json", "model.safetensors"
_MAX_BYTES = 1_000_000_000
_HEADER = Schema(
    object_of({
        "version": {"const": VERSION}, "policy": TEXT, "encoder": {"type": "object"},
        "sha256": {"type": "string", "pattern": r"^[0-9a-f]{64}\Z"}, "training": {"type": "object"},
    }, optional=("training",))
)  # fmt: skip
POLICIES: dict[str, type[nn.Module]] = {"depth_pc": DepthPcNet, "depth_pc_geo": DepthPcGeoNet}


def make_policy(name: str, config: EncoderConfig) -> nn.Module:
    """A policy network with new weights. CheckpointError for an unknown name."""
    if name not in POLICIES:
        raise CheckpointError(f"policy: expected one of {', '.join(POLICIES)}, got {name!r}")
    return POLICIES[name](config)


def save_policy(folder: str | Path, name: str, net: nn.Module, training: dict) -> None:
    """Write a policy. training: how it was made (seed, commit, metrics), stored with the configuration."""
    tensors = {key: value.detach().cpu() for key, value in net.state_dict().items()}
    write_folder(folder, tensors, {"version": VERSION, "policy": name, "encoder": net.config.to_mapping()}, training)


def write_folder(folder: str | Path, tensors: dict[str, Tensor], header: dict, training: dict) -> None:
    """Write tensors and configuration: `header`, the weights' SHA-256, and how they were made."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    weights = safetensors.torch.save({key: value.contiguous() for key, value in tensors.items()})
    header = {**header, "sha256": hashlib.sha256(weights).hexdigest(), "training": training}
    for path, data in (
        (folder / WEIGHTS, weights),
        (folder / CONFIG, (json.dumps(header, indent=2) + "\n").encode()),
    ):
        aside = path.with_suffix(path.suffix + ".part")
        aside.write_bytes(data)
        aside.replace(path)


def load_policy(folder: str | Path) -> tuple[str, nn.Module, dict]:
    """Name, network (evaluation mode, on the CPU) and header of a folder. CheckpointError says what is wrong."""
    folder = Path(folder)
    path = folder / CONFIG
    header = read_json(path, "model", CheckpointError)
    version = header.get("version") if isinstance(header, dict) else None
    if version != VERSION:
        raise CheckpointError(f"model: {path}: expected version {VERSION}, got {shown(version)}")
    _HEADER.check(header, f"model: {path}", CheckpointError)
    name, digest = header["policy"], header["sha256"]
    try:
        net = make_policy(name, EncoderConfig.from_mapping(header["encoder"], str(path)))
    except ConfigError as error:
        raise CheckpointError(f"model: {error}") from None
    read_weights(folder, net, digest, "model", f"policy {name!r}")
    return name, net.eval(), header


def read_weights(folder: Path, net: nn.Module, digest: str, where: str, whose: str = "the network") -> None:
    """Load the folder's weights into `net`. CheckpointError, which begins with `where`, where they are not its own."""
    path = folder / WEIGHTS
    data = read_bytes(path, f"{where}: cannot read {path}", _MAX_BYTES, CheckpointError)
    try:
        tensors = safetensors.torch.load(data)
    except safetensors.SafetensorError as error:
        raise CheckpointError(f"{where}: cannot read {path}: {shown(error, 200)}") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise CheckpointError(
            f"{where}: {path}: expected sha256 {digest}, the file has another (truncated or replaced)"
        )
    expected = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in tensors.items()}
    if expected != found:
        keys = sorted(set(expected.items()) ^ set(found.items()))[:3]
        raise CheckpointError(f"{where}: {path}: weights do not fit {whose}, first differences: {keys}")
    wrong = next((key for key, value in tensors.items() if not torch.isfinite(value).all()), None)
    if wrong is not None:
        raise CheckpointError(f"{where}: {path}: expected finite weights, some of {wrong} are not")
    net.load_state_dict(tensors)
