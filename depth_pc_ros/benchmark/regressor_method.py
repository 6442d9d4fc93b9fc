"""Pose regressors as methods: PBVS on the pose that a network reads off both images."""

from dataclasses import replace

import numpy as np

from depth_pc_ros.benchmark.episodes import Places
from depth_pc_ros.benchmark.fault_rows import row_of
from depth_pc_ros.benchmark.method import NOWHERE, GivenPbvs, Method, pair_model, speed_options
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.benchmark.task import Frame, Task
from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import Goal, Matches, StepResult


class RegressorMethod(Method):
    """PBVS on the pose that a network reads off both images. model: a folder of weights; default: the name of its own.

    It has no keypoints: a grid on the plane of the goal, carried along by that pose, feeds the same stopping rule as
    every other method's keypoints. Lengths are in units of the distance prior.
    """

    network = ""

    def __init__(self, settings: Settings, places: Places = NOWHERE, model: str = ""):
        from depth_pc_ros.benchmark.pose_regression import PoseRegressor  # only now: importing torch takes a while

        super().__init__(settings, places)
        self._regressor = PoseRegressor(self.network, pair_model(self.network, model))

    @property
    def label(self) -> str:
        return f"{self.network} ({self._regressor.sha256[:8]})"

    def start(self, task: Task, disturb_matches) -> None:
        config = PipelineConfig(**speed_options(self.settings, task), **row_of(self.settings.fault).options)
        self._distance_m = task.distance_m or config.default_distance
        self._law = GivenPbvs(np.array([0.0, 0.0, self._distance_m]))
        self._servo = Servo(config, self._law)
        self._intrinsics = task.intrinsics
        width, height = task.intrinsics.size
        u, v = np.meshgrid(np.linspace(0, width - 1, 9), np.linspace(0, height - 1, 7))
        grid = np.stack([u, v], axis=-1).reshape(-1, 2)
        self._points = task.intrinsics.unproject(grid, np.full(len(grid), self._distance_m))
        self._servo.set_goal(Goal.from_images(grid, task.intrinsics, self._distance_m))
        self._regressor.set_goal(task.view.image, task.intrinsics)

    def step(self, frame: Frame) -> StepResult:
        T_cam_goal = self._regressor(frame.view.image, self._distance_m)
        pixels = self._intrinsics.project(se3.transform(T_cam_goal, self._points))
        seen = np.isfinite(pixels).all(axis=1)
        self._law.T_cam_goal = T_cam_goal
        result = self._servo.update(Matches(pixels, seen, seen.astype(np.float32)), frame.stamp_s, None, frame.age_s)
        return replace(result, twist=self._servo.answer(), T_cam_goal=T_cam_goal)


class AlexNetMethod(RegressorMethod):
    """One network on the stacked pair (Bateux et al., ICRA 2018)."""

    network = "alexnet"


class SiameSe3Method(RegressorMethod):
    """One encoder for both images, the pose in se(3) (Felton et al., ICRA 2021)."""

    network = "siame_se3"
