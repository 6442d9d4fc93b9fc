"""The network that judges matches: which to believe, a start for the pose, and the goal's shape from relative depth."""

import numpy as np
import torch

from depth_pc_ros.control.policy_network import PolicyNetwork
from depth_pc_ros.errors import PoseError
from depth_pc_ros.types import Observation


class MatchJudge:
    """Judges the matches of every few images; between, the last judgement holds and new matches are believed."""

    BELIEVED = 0.5  # probability above which a match is used
    MIN_BELIEVED, MIN_SHARE = 12, 0.3  # so many of the likeliest are used in any case: the solver judges too
    EVERY = 3  # images

    def __init__(self, model: str):
        """model: a folder, or the name of one that ships."""
        self._network = PolicyNetwork(model, "depth_pc_geo")
        self.forget_judgement()

    def reset(self) -> None:
        """Forget the goal."""
        self._network.reset()
        self.forget_judgement()

    def forget_judgement(self) -> None:
        """Judge the next image."""
        self._doubted: np.ndarray | None = None  # (N,) bool: keypoints whose last judged match was not believed
        self._unjudged = 0  # images since then

    def due(self, observation: Observation, candidates_due: bool) -> bool:
        """Whether this image is to be judged; call it once per image.

        Every few images, where the last judgement would leave too few matches, and where fresh candidate poses are
        compared (`candidates_due`).
        """
        self._unjudged += 1
        if self._doubted is None or self._unjudged >= self.EVERY or candidates_due:
            return True
        left = np.count_nonzero(observation.matched & ~self._doubted)
        return left < self._fewest(np.count_nonzero(observation.matched))

    def _fewest(self, count: int) -> int:
        """So many of `count` matches are used in any case."""
        return min(count, max(self.MIN_BELIEVED, round(self.MIN_SHARE * count)))

    @torch.inference_mode()
    def judge(self, observation: Observation) -> np.ndarray:
        """Ask the network; returns its guess of `T_cam_goal` (4, 4). Raises PoseError where it is not finite."""
        network = self._network
        frame = network.frame(observation)
        output = network.net(network.graph, frame, network.memory)
        if not (torch.isfinite(output.logits).all() and torch.isfinite(output.T_start).all()):
            raise PoseError("the network's answer is not finite")
        network.memory = output.memory
        believed = torch.sigmoid(output.logits) > self.BELIEVED
        believed[torch.topk(output.logits, self._fewest(len(output.logits))).indices] = True
        self._doubted = np.zeros(len(observation.matched), dtype=bool)
        self._doubted[output.index[~believed].numpy()] = True
        self._unjudged = 0
        T = output.T_start[0].double().numpy()
        T[:3, 3] *= observation.distance_m
        return T

    def believed(self, observation: Observation) -> np.ndarray:
        """Indices (M,) of the matches to use."""
        return np.flatnonzero(observation.matched & ~self._doubted)

    @property
    def normalised_depth(self) -> np.ndarray:
        """The goal's relative depth (N,), normalised as the network sees it; 0 where it is not known."""
        return self._network.graph.depth.double().numpy()
