"""The learned laws: the paper's velocity network, and the network that judges matches for the geometric law.

Source: Depth-PC, "A visual servo framework integrated with cross-modality fusion for Sim2Real transfer".
Importing torch takes a second or two, so this module is imported only when one of its laws is chosen.
"""

import numpy as np
import torch

from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.pbvs import Pbvs
from depth_pc_ros.control.pose_solver import Problem, View
from depth_pc_ros.errors import CheckpointError, PoseError
from depth_pc_ros.graph.builder import build_frame, build_graph
from depth_pc_ros.networks.checkpoint import load_policy
from depth_pc_ros.package_files import find_model
from depth_pc_ros.types import LawOutput, Observation

_NEAR_PX = 2.0  # displacement that counts as arrived whatever the others do


class _Network:
    """A policy network and its memory of one goal."""

    def __init__(self, model: str, policy: str):
        name, self.net, _ = load_policy(find_model(model))
        if name != policy:
            raise CheckpointError(f"model: {model} holds a {name!r} policy, expected {policy!r}")
        self.reset()

    def reset(self) -> None:
        self._graph = self._goal_depth = self.memory = None

    def look(self, observation: Observation):
        """Graph and frame of an observation; the graph is built once, and again when the goal's depth has come."""
        depth = observation.goal_relative_depth
        if self._graph is None or depth is not self._goal_depth:
            self._goal_depth = depth
            self._graph = build_graph(observation.goal, observation.goal_depth_m if depth is None else depth)
            self.memory = self.net.start(self._graph)
        current = np.where(observation.matched[:, None], observation.current, np.nan)
        depth = observation.current_relative_depth
        return self._graph, build_frame(self._graph, current, observation.current_depth_m if depth is None else depth)


class DepthPc(ControlLaw):
    """The paper's law: the network's velocity, its linear part times the goal distance.

    It does not say which matches it believed. Those that move far more than the rest are not counted as arrived. It
    solves for no pose, so the scale of the distance is not found from motion.
    """

    def __init__(self, model: str = "depth_pc"):
        self._network = _Network(model, "depth_pc")

    def reset(self) -> None:
        self._network.reset()

    @torch.inference_mode()
    def __call__(self, observation: Observation) -> LawOutput:
        network = self._network
        graph, frame = network.look(observation)
        velocity, network.memory, _ = network.net.act(graph, frame, network.memory, None)
        twist = velocity[0].double().numpy()
        twist[:3] *= observation.distance_m
        moved = np.linalg.norm(observation.current - observation.goal, axis=1)
        limit = max(4 * np.median(moved[observation.matched]), _NEAR_PX / observation.focal_px)
        return LawOutput(twist, observation.matched & (moved <= limit))


class DepthPcGeo(Pbvs):
    """Position-based servoing on the matches that the network believes in.

    The network also gives a start for the pose, and relative depth the shape of the goal, up to the distance. Both only
    help where the geometry alone is ambiguous: the solver is that of `Pbvs`. Depth, be it measured, is not trusted to
    its 1 %: with that a start with mostly wrong matches explained too few of them.
    """

    name = "depth_pc_geo"
    # Of a goal's depth, as a share of its distance; what is typical, since the network's own answer follows the image
    # motion, not the scene: from 0.04 on the way to 0.2 at the goal, where it biased the pose.
    RELIEF = 0.05
    RELIEF_SIGMA = 0.1  # about it; with 0.3 runs in blurred images end twice as far off
    # Of the points that a depth camera has not measured, where it has measured others: those alone tell the scale.
    HOLE_SIGMA = 2.0
    BELIEVED = 0.5  # probability above which a match is used
    MIN_BELIEVED, MIN_SHARE_BELIEVED = 12, 0.3  # so many of the likeliest are used in any case: the solver judges too

    JUDGE_EVERY = 3  # images; between, the last judgement stands, and matches that have come since are believed

    def __init__(self, model: str = "depth_pc_geo", terminal: bool = True):
        self._network = _Network(model, "depth_pc_geo")
        super().__init__(terminal)

    def reset(self) -> None:
        super().reset()
        self._network.reset()

    def _forget(self) -> None:
        super()._forget()
        self._doubted = None  # (N,) bool: keypoints whose last judged match was not believed
        self._unjudged = 0  # images since then

    def __call__(self, observation: Observation) -> LawOutput:
        starts = []
        self._unjudged += 1
        if self._judgement_due(observation):
            starts = [self._judge(observation)]
        seen = np.flatnonzero(observation.matched & ~self._doubted)
        problem = self._problem(observation)
        view = View(seen, observation.current[seen], np.full(len(seen), np.nan))  # live depth is for the network only
        return self._steer(problem, view, [(T, problem.rho_prior) for T in starts])

    def _judgement_due(self, observation: Observation) -> bool:
        """Every few images, where the last judgement would leave too few matches, and where fresh poses are weighed.

        Not where they are weighed because a warm start has failed: it is known too late.
        """
        if self._doubted is None or self._unjudged >= self.JUDGE_EVERY or self._recheck_due():
            return True
        left = np.count_nonzero(observation.matched & ~self._doubted)
        return left < self._fewest(np.count_nonzero(observation.matched))

    def _fewest(self, count: int) -> int:
        """So many of `count` matches are used in any case."""
        return min(count, max(self.MIN_BELIEVED, round(self.MIN_SHARE_BELIEVED * count)))

    @torch.inference_mode()
    def _judge(self, observation: Observation) -> np.ndarray:
        """Ask the network which matches to believe; returns its guess of the pose (4, 4)."""
        network = self._network
        self._graph, frame = network.look(observation)
        output = network.net(self._graph, frame, network.memory)
        if not (torch.isfinite(output.logits).all() and torch.isfinite(output.T_start).all()):
            raise PoseError(f"{self.name}: the network's answer is not finite")
        network.memory = output.memory
        believed = torch.sigmoid(output.logits) > self.BELIEVED
        believed[torch.topk(output.logits, self._fewest(len(output.logits))).indices] = True
        self._doubted = np.zeros(len(observation.matched), dtype=bool)
        self._doubted[output.index[~believed].numpy()] = True
        self._unjudged = 0
        T = output.T_start[0].double().numpy()
        T[:3, 3] *= observation.distance_m
        return T

    def _problem(self, observation: Observation) -> Problem:
        """The goal's depth: as measured, else `d (1 + RELIEF n)` of its distance d and its relative depth n.

        n is 0 where it is not known.
        """
        shaped = observation.distance_m * (1 + self.RELIEF * self._graph.depth.double().numpy())
        some_measured = np.isfinite(observation.goal_depth_m).any()
        return Problem.from_depth(
            observation.goal,
            observation.goal_depth_m,
            shaped,
            observation.focal_px,
            measured_sigma=self.RELIEF_SIGMA,
            guess_sigma=self.HOLE_SIGMA if some_measured else self.RELIEF_SIGMA,
        )
