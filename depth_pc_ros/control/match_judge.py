"""The network that judges matches: which to accept, an initial pose, and the goal's shape from relative depth."""

import numpy as np
import torch

from depth_pc_ros.control.policy_network import PolicyNetwork
from depth_pc_ros.errors import PoseError
from depth_pc_ros.types import Observation


class MatchJudge:
    """Judges the matches of every few images; between, the last result is used and new matches are accepted.

    normalised_depth: (N,) relative depth of the goal in the last input of the network, 0 where it is not known.
    """

    BELIEVED = 0.2  # probability above which a match is used: the solver copes with some wrong ones
    MIN_BELIEVED, MIN_SHARE = 12, 0.3  # at least so many of the likeliest are used: the solver is robust
    EVERY = 3  # images

    def __init__(self, model: str):
        """model: a folder, or the name of one that ships."""
        self._network = PolicyNetwork(model, "depth_pc_geo")
        self.normalised_depth = np.zeros(0)
        self.forget_judgement()

    def reset(self) -> None:
        """Forget the goal."""
        self._network.reset()
        self.forget_judgement()

    def forget_judgement(self) -> None:
        """Judge the next image."""
        # (N,) bool: keypoints whose last judged match was rejected; None: judge the next image.
        self._doubted: np.ndarray | None = None
        self._unjudged = 0  # images since then

    def due(self, observation: Observation, candidates_due: bool) -> bool:
        """Whether this image is to be judged; call it once per image.

        Every few images, where the last result would leave too few matches, and where new candidates are compared
        (`candidates_due`).
        """
        self._unjudged += 1
        if self._doubted is None or self._unjudged >= self.EVERY or candidates_due:
            return True
        left = np.count_nonzero(observation.matched & ~self._doubted)
        return bool(left < self._fewest(int(np.count_nonzero(observation.matched))))

    def _fewest(self, count: int) -> int:
        """At least so many of `count` matches are used."""
        return min(count, max(self.MIN_BELIEVED, round(self.MIN_SHARE * count)))

    @torch.inference_mode()
    def judge(self, observation: Observation) -> np.ndarray:
        """Run the network; returns its estimate of `T_cam_goal` (4, 4). Raises PoseError where it is not finite."""
        network = self._network
        graph, frame = network.look(observation)
        self.normalised_depth = graph.depth.double().numpy()
        output = network.net(graph, frame, network.memory)
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
        """Indices (M,) of the matches to use: all where none has been judged yet."""
        if self._doubted is None:
            return np.flatnonzero(observation.matched)
        return np.flatnonzero(observation.matched & ~self._doubted)
