"""Relative monocular depth by Depth Anything V2, or by any model saved in the same format.

The network answers an inverse depth with unknown scale and shift. It is negated here: larger = farther, as everything
else in this package expects. Only the order of its values and, near one working distance, their proportions are
meaningful; it is never metres. `graph.depth` normalises it at the keypoints.

Source: L. Yang et al., "Depth Anything V2", NeurIPS 2024. Importing this module imports torch and transformers, which
takes seconds: import it where it is used.
"""

import os
from pathlib import Path

import cv2
import numpy as np
import torch
from safetensors import SafetensorError
from torch import nn

from depth_pc_ros.errors import CheckpointError, ImageError, shown
from depth_pc_ros.extras import require
from depth_pc_ros.files.cache import keep_temporary_folder_clean
from depth_pc_ros.files.json_file import read_json
from depth_pc_ros.geometry.camera import check_image
from depth_pc_ros.package_files import SHIPPED_DEPTH, is_hub_name, local_model, share_folders

keep_temporary_folder_clean()
try:
    from huggingface_hub import hf_hub_download
    from transformers import DepthAnythingConfig, DepthAnythingForDepthEstimation
    from transformers.utils import logging as transformers_logging

    from depth_pc_ros.perception.depth_choice import choose_depth_model
except ModuleNotFoundError:
    require("learned", "transformers")
    raise

SHORT_SIDE = 252  # px, of the image that the network sees
PATCH = 14
CONFIG = "config.json"
# Keys of config.json with which transformers would run or fetch something else.
_ELSEWHERE = (
    "auto_map", "custom_pipelines", "quantization_config", "attn_implementation", "_attn_implementation", "backbone",
    "use_pretrained_backbone", "use_timm_backbone",
)  # fmt: skip
_MEAN, _STD = np.array([0.485, 0.456, 0.406], np.float32), np.array([0.229, 0.224, 0.225], np.float32)


def network_size(width: int, height: int, short_side: int = SHORT_SIDE) -> tuple[int, int]:
    """(width, height) of the network's input for an image: the aspect kept, both sides multiples of 14."""
    scale = short_side / min(width, height)
    return tuple(max(PATCH, PATCH * round(side * scale / PATCH)) for side in (width, height))


def network_input(image: np.ndarray, size: tuple[int, int]) -> torch.Tensor:
    """An image (H, W, 3) uint8 RGB as (1, 3, h, w) float32 of `size` (w, h), the one preprocessing there is."""
    shrinks = size[0] < image.shape[1]
    resized = cv2.resize(image, size, interpolation=cv2.INTER_AREA if shrinks else cv2.INTER_CUBIC)
    scaled = (resized.astype(np.float32) / 255 - _MEAN) / _STD
    return torch.from_numpy(np.ascontiguousarray(scaled.transpose(2, 0, 1)))[None]


def lower_priority() -> None:
    """For a process that only estimates depth: one thread and a low priority, so that the servo keeps its rate.

    On busy cores two threads wait for each other and are slower than one.
    """
    torch.set_num_threads(1)
    cv2.setNumThreads(1)
    os.setpriority(os.PRIO_PROCESS, 0, max(10, os.getpriority(os.PRIO_PROCESS, 0)))


class RelativeDepth:
    """Estimates relative depth of single images.

    model: name of a model that ships, a folder with `config.json` and `model.safetensors`, a name on the Hugging Face
    hub such as `depth-anything/Depth-Anything-V2-Small-hf`, or `auto`, see `choose_depth_model`; then `choice` says
    which it is and why. short_side: px, resolution that the network sees. device: `cpu` or `cuda`. Raises
    CheckpointError.
    """

    def __init__(self, model: str = SHIPPED_DEPTH, short_side: int = SHORT_SIDE, device: str = "cpu"):
        self.model, self.choice = choose_depth_model(model)
        self.short_side = short_side
        try:
            self.device = torch.device(device)
            net = load_depth_network(self.model).eval()
            self._net = net.to(self.device, memory_format=torch.channels_last)  # faster on a CPU
        except (RuntimeError, AssertionError) as error:  # torch: an unknown device, or one that is not there
            raise CheckpointError(
                f"device: expected `cpu`, or `cuda` where there is one, got {device!r}: {error}"
            ) from None

    @torch.inference_mode()
    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Relative depth (H, W) float32, larger = farther, up to scale and shift. image: (H, W, 3) uint8 RGB.

        Raises ImageError for a wrong image, or where the network's answer is not finite.
        """
        check_image(image)
        height, width = image.shape[:2]
        pixels = network_input(image, network_size(width, height, self.short_side))
        try:
            pixels = pixels.to(self.device, memory_format=torch.channels_last)
            inverse = self._net(pixels).predicted_depth[0].float().cpu().numpy()
        except RuntimeError as error:  # such as a GPU out of memory
            raise ImageError(f"relative depth: {self.model} failed: {error}") from None
        if not np.isfinite(inverse).all():
            raise ImageError(f"relative depth: the answer of {self.model} is not finite")
        return cv2.resize(-inverse, (width, height), interpolation=cv2.INTER_LINEAR)


def load_depth_network(model: str) -> nn.Module:
    """The network of `RelativeDepth`. CheckpointError names the model, where it was looked for, and what to do."""
    folder = local_model(model)
    if folder is None and not is_hub_name(model):
        raise CheckpointError(
            f"depth model: expected a folder with config.json, the name of a model in {share_folders('models')[0]}, or "
            f"owner/name on the Hugging Face hub; got {model!r}"
        )
    verbosity = transformers_logging.get_verbosity()
    transformers_logging.set_verbosity_error()
    transformers_logging.disable_progress_bar()
    try:
        values = read_json(folder / CONFIG if folder else hf_hub_download(model, CONFIG), "config")
        _check_config(values, folder or model)
        config = DepthAnythingConfig.from_dict(values)
        if config.depth_estimation_type != "relative":
            raise CheckpointError(
                f"depth model: expected one of relative depth, {folder or model} holds one of "
                f"{config.depth_estimation_type} depth"
            )
        net, report = DepthAnythingForDepthEstimation.from_pretrained(
            folder or model, config=config, dtype=torch.float32, output_loading_info=True,
            trust_remote_code=False, use_safetensors=True,
        )  # fmt: skip
    except SafetensorError as error:
        raise CheckpointError(f"depth model: the weights of {folder or model} cannot be read: {error}") from None
    except CheckpointError:
        raise
    except Exception as error:  # transformers raises a different kind for each way a model can be wrong
        raise CheckpointError(_not_loaded(model, folder, error)) from None
    finally:
        transformers_logging.set_verbosity(verbosity)
    wrong = [f"{kind.replace('_', ' ')} {sorted(map(str, names))[:3]}" for kind, names in report.items() if names]
    if wrong:
        raise CheckpointError(f"depth model: the weights of {folder or model} do not fit: {'; '.join(wrong)}")
    return net


def _check_config(values, place: str | Path) -> None:
    """Raise CheckpointError unless `values`, of a config.json, describe a Depth Anything network and name no code."""
    kind = values.get("model_type") if isinstance(values, dict) else None
    if kind != "depth_anything":
        raise CheckpointError(f"depth model: expected a `depth_anything` model, {place} holds {shown(kind)}")
    backbone = values.get("backbone_config")
    kind = backbone.get("model_type") if isinstance(backbone, dict) else None
    if kind != "dinov2":
        raise CheckpointError(f"depth model: {place} cannot be loaded: expected a backbone `dinov2`, got {shown(kind)}")
    for part in (values, backbone):
        for key in _ELSEWHERE:
            if part.get(key):
                raise CheckpointError(
                    f"depth model: {place} names code or weights from elsewhere, which is not supported: "
                    f"{key} {shown(part[key])}"
                )


def _not_loaded(model: str, folder: Path | None, error: Exception) -> str:
    reason = str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    if folder:
        return f"depth model: {folder} cannot be loaded: {reason}"
    cache = os.environ.get("HF_HOME", "~/.cache/huggingface")
    return (
        f"depth model: {model!r} is no folder with config.json, does not ship, and is neither in the hub's cache "
        f"({cache}) nor could it be fetched ({reason}). Either download it where there is a network "
        f"(`hf download {model}`) and give its folder, or use the model that ships, {SHIPPED_DEPTH!r} "
        f"({share_folders('models')[0] / SHIPPED_DEPTH})."
    )
