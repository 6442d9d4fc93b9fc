"""Weights with their configuration: a folder with `config.json` and `model.safetensors`.

Anything that does not fit is refused before any weight is used: an unknown version or policy, an extra or missing key,
another shape, a truncated file.
"""

import hashlib
import json
from pathlib import Path

import safetensors
import safetensors.torch
from torch import nn

from depth_pc_ros.errors import CheckpointError, ConfigError
from depth_pc_ros.networks.depth_pc import DepthPcNet
from depth_pc_ros.networks.depth_pc_geo import DepthPcGeoNet
from depth_pc_ros.networks.encoder import EncoderConfig

VERSION = 1
CONFIG, WEIGHTS = "config.json", "model.safetensors"
POLICIES: dict[str, type[nn.Module]] = {"depth_pc": DepthPcNet, "depth_pc_geo": DepthPcGeoNet}


def make_policy(name: str, config: EncoderConfig) -> nn.Module:
    """A policy network with new weights. CheckpointError for an unknown name."""
    if name not in POLICIES:
        raise CheckpointError(f"policy: expected one of {', '.join(POLICIES)}, got {name!r}")
    return POLICIES[name](config)


def save_policy(folder: str | Path, name: str, net: nn.Module, training: dict) -> None:
    """Write a policy. training: how it was made (seed, commit, metrics), stored with the configuration."""
    folder = Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    tensors = {key: value.detach().cpu().contiguous() for key, value in net.state_dict().items()}
    weights = safetensors.torch.save(tensors)
    header = {
        "version": VERSION,
        "policy": name,
        "encoder": net.config.to_mapping(),
        "sha256": hashlib.sha256(weights).hexdigest(),
        "training": training,
    }
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
    try:
        header = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise CheckpointError(f"model: cannot read {path}: {error}") from None
    version = header.get("version") if isinstance(header, dict) else None
    if version != VERSION:
        raise CheckpointError(f"model: {path}: expected version {VERSION}, got {version!r}")
    try:
        name = header["policy"]
        net = make_policy(name, EncoderConfig.from_mapping(header["encoder"], str(path)))
        digest = header["sha256"]
    except (KeyError, TypeError) as error:
        raise CheckpointError(f"model: {path}: lacks {error}") from None
    except ConfigError as error:
        raise CheckpointError(f"model: {error}") from None
    path = folder / WEIGHTS
    try:
        data = path.read_bytes()
        tensors = safetensors.torch.load(data)
    except (OSError, safetensors.SafetensorError) as error:
        raise CheckpointError(f"model: cannot read {path}: {error}") from None
    if hashlib.sha256(data).hexdigest() != digest:
        raise CheckpointError(f"model: {path}: expected sha256 {digest}, the file has another (truncated or replaced)")
    expected = {key: tuple(value.shape) for key, value in net.state_dict().items()}
    found = {key: tuple(value.shape) for key, value in tensors.items()}
    if expected != found:
        keys = sorted(set(expected.items()) ^ set(found.items()))[:3]
        raise CheckpointError(f"model: {path}: weights do not fit policy {name!r}, first differences: {keys}")
    net.load_state_dict(tensors)
    return name, net.eval(), header
