"""The relative pose straight from both images, by a trained network: no keypoints, no matches."""

from pathlib import Path

import cv2
import numpy as np
import torch

from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.networks.pair_networks import grey_input, load_pair_network
from depth_pc_ros.sim.workplace import DEFAULT_INTRINSICS


class PoseRegressor:
    """Set a goal image; each call gives the pose of the goal in the camera of a live image.

    network: 'alexnet' or 'siame_se3'. folder: its weights. Raises CheckpointError.
    """

    def __init__(self, network: str, folder: Path):
        self._net, self.sha256 = load_pair_network(folder, network)

    def set_goal(self, image: np.ndarray, intrinsics: Intrinsics) -> None:
        """image: (H, W, 3) uint8 RGB, as all live images, through a pinhole camera."""
        self._to_training = None
        if intrinsics != DEFAULT_INTRINSICS:  # the network knows only the camera that it was trained with
            self._to_training = DEFAULT_INTRINSICS.matrix @ np.linalg.inv(intrinsics.matrix)
        self._goal = self._input(image)

    def __call__(self, image: np.ndarray, distance_m: float) -> np.ndarray:
        """`T_cam_goal` (4, 4) m. distance_m: from the goal's camera to the scene."""
        with torch.inference_mode():
            answer = self._net(self._input(image), self._goal)
            T = self._net.pose_of(answer.double())[0].numpy()
        T[:3, 3] *= distance_m
        return T

    def _input(self, image: np.ndarray) -> torch.Tensor:
        if self._to_training is not None:
            image = cv2.warpPerspective(image, self._to_training, DEFAULT_INTRINSICS.size)
        return grey_input(image, self._net.size)
