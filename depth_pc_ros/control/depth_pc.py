"""The paper's law: the network's velocity, its linear part times the goal distance.

Source: Depth-PC, "A visual servo framework integrated with cross-modality fusion for Sim2Real transfer",
arXiv 2411.17195.
"""

import numpy as np
import torch

from depth_pc_ros.control.agreeing import Agreeing
from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.policy_network import PolicyNetwork
from depth_pc_ros.types import LawOutput, Observation

_NEAR_PX = 2.0  # displacement below which a match always counts


class DepthPc(ControlLaw):
    """The network gives no inliers: matches that move far more than the others are not counted as such.

    It solves for no pose, so the scale of the distance is not found from motion.
    """

    def __init__(self, model: str = "depth_pc"):
        self._network = PolicyNetwork(model, "depth_pc")
        self._agreeing = Agreeing()

    def reset(self) -> None:
        self._network.reset()
        self._agreeing.reset()

    @torch.inference_mode()
    def __call__(self, observation: Observation) -> LawOutput:
        agreeing = self._agreeing(observation)
        network = self._network
        graph, frame = network.look(observation)
        velocity, network.memory, _ = network.net.act(graph, frame, network.memory, None)
        twist = velocity[0].double().numpy()
        twist[:3] *= observation.distance_m
        moved = np.linalg.norm(observation.current - observation.goal, axis=1)
        limit = max(4 * np.median(moved[observation.matched]), _NEAR_PX / observation.focal_px)
        return LawOutput(twist, agreeing & (moved <= limit))
