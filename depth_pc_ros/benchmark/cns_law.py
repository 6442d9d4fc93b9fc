"""CNS as a control law, from a user's own checkout of its repository: its graph, its network, its weights.

Nothing of it is copied. Keypoints, matches, velocity law and stopping rule are ours, the same as for every other
method, so its own frontend and that one's packages (open3d, pyrealsense2) are not needed.
Source: A. Chen et al., "CNS: Correspondence Encoded Neural Image Servo Policy", ICRA 2024, arXiv 2309.09047.
"""

import importlib
import sys
from pathlib import Path

import numpy as np

from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.errors import CheckpointError, ConfigError, shown
from depth_pc_ros.types import LawOutput, Observation

WEIGHTS = Path("checkpoints", "cns_state_dict.pth")
_NEEDED = (Path("cns", "midend", "graph_gen.py"), Path("cns", "models", "graph_vs.py"), WEIGHTS)
_SIZE = {"input_dim": 2, "pos_dim": 2, "hidden_dim": 128, "regress_norm": True}  # of the public weights
_FAR = 4.0  # times the median motion: such a match does not count in the stopping rule


def check_checkout(text: str) -> Path:
    """The folder of a checkout. Raises ConfigError where it is none, or a package is missing that it needs."""
    if not text:
        raise ConfigError("methods: cns needs a checkout of its repository, as in cns@FOLDER")
    folder = Path(text).expanduser().resolve()
    missing = next((file for file in _NEEDED if not (folder / file).is_file()), None)
    if missing is not None:
        raise ConfigError(f"methods: cns: expected a checkout of the CNS repository, got {text!r}: it has no {missing}")
    _modules(folder)
    return folder


def _modules(folder: Path):
    """The checkout's modules of the graph and of the network. Raises ConfigError."""
    known = sys.modules.get("cns.midend.graph_gen")
    if known is not None and not Path(known.__file__).is_relative_to(folder):
        raise ConfigError(f"methods: cns: another checkout is loaded already ({Path(known.__file__).parents[2]})")
    sys.path.insert(0, str(folder))
    try:
        return importlib.import_module("cns.midend.graph_gen"), importlib.import_module("cns.models.graph_vs")
    except ImportError as error:
        raise ConfigError(f"methods: cns: its code in {folder} cannot be imported: {error}") from None
    finally:
        sys.path.remove(str(folder))


class CnsLaw(ControlLaw):
    """The network's velocity, its linear part times the goal distance. checkout: see `check_checkout`.

    It solves for no pose. A match counts as an inlier unless it moves far more than the others.
    """

    def __init__(self, checkout: Path):
        import torch

        self._torch = torch
        from depth_pc_ros.files.weights_file import read_torch

        self._graphs, models = _modules(checkout)
        where = f"methods: cns: cannot read {checkout / WEIGHTS}"
        weights = read_torch(checkout / WEIGHTS, where, CheckpointError)
        self._net = models.GraphVS(**_SIZE)
        try:
            self._net.load_state_dict(weights)
        except Exception as problem:  # torch raises a different kind for each way in which weights do not fit
            raise CheckpointError(f"{where}: {shown(problem, 300)}") from None
        self._net.eval()
        self._goal = None
        self.reset()

    def reset(self) -> None:
        self._hidden = None

    def __call__(self, observation: Observation) -> LawOutput:
        if self._goal is not observation.goal:  # clusters are made once for each goal
            self._goal, self._hidden = observation.goal, None
            np.random.seed(0)  # noqa: NPY002  (its clustering draws from numpy's global stream)
            self._generator = self._graphs.GraphGenerator(observation.goal)
        current = np.where(observation.matched[:, None], observation.current, 0.0)
        data = self._generator.get_data(
            current_points=current, missing_node_indices=np.flatnonzero(~observation.matched)
        )
        data.start_new_scene(self._hidden is None)
        data.set_distance_scale(observation.distance_m)
        with self._torch.inference_mode():
            raw = self._net(data, self._hidden)
            self._hidden = raw[-1]
            twist = self._net.postprocess(raw, data)[0].double().numpy()
        moved = np.linalg.norm(observation.current - observation.goal, axis=1)
        near = moved <= max(_FAR * np.median(moved[observation.matched]), 2.0 / observation.focal_px)
        return LawOutput(twist, observation.matched & near)
