"""What every method of the benchmark is, and what several have in common."""

from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.benchmark.task import Frame, Task
from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.limits import VelocityLaw
from depth_pc_ros.errors import CheckpointError
from depth_pc_ros.geometry import se3
from depth_pc_ros.package_files import local_model
from depth_pc_ros.types import LawOutput, Observation, StepResult

NOWHERE = Places()


def paper_peaks(T_world_start: np.ndarray, T_world_goal: np.ndarray) -> tuple[float, float]:
    """Peak speeds, m/s and rad/s: twice the straight path between two poses (4, 4) per second.

    The paper's law has these speeds at the start of a straight path.
    """
    law = VelocityLaw.from_config(PipelineConfig(speed="paper"))
    twist = law.target(se3.pbvs_twist(se3.inverse(T_world_start) @ T_world_goal))
    return float(np.linalg.norm(twist[:3])), float(np.linalg.norm(twist[3:]))


def speed_options(settings: Settings, task: Task) -> dict:
    """The velocity law's options of `PipelineConfig` in this episode."""
    if settings.speed != "paper_peaks":
        return {"speed": settings.speed}
    linear, angular = np.maximum(task.peaks, 0.001).tolist()
    return {"speed": "swift", "max_linear": linear, "max_angular": angular}


def pair_model(network: str, model: str) -> Path:
    """The folder of weights of a network that sees pairs of images. model: a folder, or "": that of its own name.

    These weights are in the source tree, not in the installed package. CheckpointError says how they are made.
    """
    folder = local_model(model or network)
    if folder is None:
        found = f"got {model!r}" if model else f"found none in models/{network}"
        raise CheckpointError(
            f"methods: {network}: expected a folder with config.json, {found}; "
            f"python -m depth_pc_ros.cli.train_pairs --network {network} --output DIR makes one: {network}@DIR/model"
        )
    return folder


class Method:
    """Base of all methods. needs_images: if False, nothing is rendered. places: where weights are."""

    needs_images = True

    def __init__(self, settings: Settings, places: Places = NOWHERE):
        self.settings, self.places = settings, places

    @property
    def label(self) -> str:
        """Name in the tables."""
        raise NotImplementedError

    def start(self, task: Task, disturb_matches) -> None:
        """Start on a task. disturb_matches: applied to `Matches` before control. Raises GoalError."""
        raise NotImplementedError

    def step(self, frame: Frame) -> StepResult:
        raise NotImplementedError

    def beside(self, frame: Frame) -> None:
        """Called after each `step` for the work of another process; its time is not counted as the method's."""


class GivenPbvs(ControlLaw):
    """PBVS on a pose from elsewhere, with a point that moves straight to its goal position.

    centre: (3,) m in the goal camera. T_cam_goal: (4, 4), to be set before every frame.
    """

    def __init__(self, centre: np.ndarray):
        self._centre = centre
        self.T_cam_goal = np.eye(4)

    def __call__(self, observation: Observation) -> LawOutput:
        return LawOutput(se3.pbvs_twist(self.T_cam_goal, self._centre), observation.matched.copy())
