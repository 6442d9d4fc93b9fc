"""RAFT with weights from a file, through the package that the weights belong to: torchvision or ptlflow.

Neither package is needed by anything else, and none is declared; no weights are loaded from a hub.
"""

import importlib
from pathlib import Path

import numpy as np

from depth_pc_ros.errors import ConfigError, shown

_ENDS = 8  # height and width of the images must be multiples of it


class RaftFlow:
    """RAFT; maps images (H, W, 3) uint8 RGB A, B to the flow (H, W, 2) in px from A to B.

    weights: a file of torch: the state of torchvision's `raft_large`, or of ptlflow's `raft`, whose names the authors'
    own files have, too. ConfigError where it is neither, or the package is missing.
    """

    name = "RAFT"

    def __init__(self, weights: str | Path):
        import torch  # takes a second, and only RAFT needs it

        from depth_pc_ros.files.weights_file import read_torch

        self._torch = torch
        where = f"raft_weights: cannot read {weights}"
        state = _flat(read_torch(weights, where, ConfigError))
        if "feature_encoder.convnormrelu.0.weight" in state:
            raft_large = _package("torchvision", "torchvision.models.optical_flow").raft_large
            self._model, self._run = raft_large(weights=None), self._torchvision
        elif "fnet.conv1.weight" in state:
            self._model, self._run = _package("ptlflow", "ptlflow").get_model("raft"), self._ptlflow
        else:
            raise ConfigError(f"{where}: expected the weights of torchvision's raft_large or of ptlflow's raft")
        try:
            self._model.load_state_dict(state)
        except Exception as error:  # those of another network: torch raises many kinds
            raise ConfigError(f"{where}: {shown(error, 300)}") from None
        self._model.eval()

    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        height, width = first.shape[:2]
        if height % _ENDS or width % _ENDS:
            raise ConfigError(f"raft_weights: RAFT needs images whose sides are multiples of 8, got {width} x {height}")
        images = [self._torch.from_numpy(image).permute(2, 0, 1)[None].float() / 255 for image in (first, second)]
        with self._torch.no_grad():
            return self._run(*images)[0].permute(1, 2, 0).numpy()

    def _torchvision(self, first, second):
        return self._model(2 * first - 1, 2 * second - 1)[-1]

    def _ptlflow(self, first, second):
        pair = self._torch.stack([first.flip(1), second.flip(1)], dim=1)  # its images are BGR
        return self._model({"images": pair})["flows"][:, 0]


def _flat(state) -> dict:
    """The tensors by name, without what Lightning (`state_dict`) and parallel training (`module.`) put around them."""
    state = state.get("state_dict", state) if isinstance(state, dict) else {}
    return {name.removeprefix("module."): value for name, value in state.items() if isinstance(name, str)}


def _package(package: str, module: str):
    """The module. ConfigError where its package is not installed, or does not fit this torch."""
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        missing = f"{error.name} is not installed (pip install {package})"
    except Exception as error:  # a build for another torch fails in many ways
        missing = f"it cannot be imported: {shown(error, 200)}"
    raise ConfigError(f"raft_weights: these weights need {package}: {missing}") from None
