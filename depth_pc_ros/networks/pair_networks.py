"""The networks that see a pair of images, by name, and their weights: a folder with `config.json` and
`model.safetensors`, in float16."""

from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor, nn

from depth_pc_ros.errors import CheckpointError, shown
from depth_pc_ros.files.json_file import read_json
from depth_pc_ros.files.schema import TEXT, Schema, object_of
from depth_pc_ros.networks.checkpoint import CONFIG, VERSION, read_weights, write_folder
from depth_pc_ros.networks.compact_flow import CompactFlow
from depth_pc_ros.networks.pose_regressors import AlexNetPose, SiameSe3

PAIR_NETWORKS: dict[str, type[nn.Module]] = {"alexnet": AlexNetPose, "siame_se3": SiameSe3, "compact_flow": CompactFlow}
_HEADER = Schema(
    object_of({
        "version": {"const": VERSION}, "network": TEXT,
        "sha256": {"type": "string", "pattern": r"^[0-9a-f]{64}\Z"}, "training": {"type": "object"},
    }, optional=("training",))
)  # fmt: skip


def standardised(images: Tensor) -> Tensor:
    """What the networks see of grey images (..., H, W), 0-255: mean 0 and standard deviation 1 in each, float32."""
    images = images.float()
    deviation, mean = torch.std_mean(images, dim=(-2, -1), keepdim=True)
    return (images - mean) / deviation.clamp_min(1.0)


def grey_input(image: np.ndarray, size: tuple[int, int]) -> Tensor:
    """What the networks see, (1, 1, h, w), of an image (H, W, 3) uint8 RGB made `size` (w, h)."""
    grey = cv2.resize(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), size, interpolation=cv2.INTER_AREA)
    return standardised(torch.from_numpy(grey)[None, None])


def save_pair_network(folder: str | Path, name: str, net: nn.Module, training: dict) -> None:
    """Write a network. training: how it was made (seed, commit, metrics), stored with the configuration."""
    tensors = {
        key: value.detach().cpu().half() if value.is_floating_point() else value.detach().cpu()
        for key, value in net.state_dict().items()
    }
    write_folder(folder, tensors, {"version": VERSION, "network": name}, training)


def load_pair_network(folder: str | Path, name: str) -> tuple[nn.Module, str]:
    """The network (evaluation mode, on the CPU) and the SHA-256 of its weights. CheckpointError says what is wrong."""
    folder = Path(folder)
    path = folder / CONFIG
    header = read_json(path, name, CheckpointError)
    if not isinstance(header, dict) or header.get("network") != name:
        found = header.get("network") if isinstance(header, dict) else header
        raise CheckpointError(f"{name}: {path}: expected the network {name!r}, got {shown(found)}")
    _HEADER.check(header, f"{name}: {path}", CheckpointError)
    net = PAIR_NETWORKS[name]()
    read_weights(folder, net, header["sha256"], name)
    return net.eval(), header["sha256"]
