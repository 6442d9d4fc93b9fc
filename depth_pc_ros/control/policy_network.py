"""A policy network and its memory of one goal. Importing it imports torch, which takes a second or two."""

import numpy as np

from depth_pc_ros.errors import CheckpointError
from depth_pc_ros.graph.builder import Frame, GoalGraph, build_frame, build_graph
from depth_pc_ros.networks.checkpoint import load_policy
from depth_pc_ros.package_files import find_model
from depth_pc_ros.types import Observation


class PolicyNetwork:
    """The network of a model, its graph of the goal, and its memory. Raises CheckpointError for another policy's model.

    model: a folder, or the name of one that ships. policy: `depth_pc` or `depth_pc_geo`.
    """

    def __init__(self, model: str, policy: str):
        name, self.net, _ = load_policy(find_model(model))
        if name != policy:
            raise CheckpointError(f"model: {model} holds a {name!r} policy, expected {policy!r}")
        self.reset()

    def reset(self) -> None:
        """Forget the goal."""
        self._graph: GoalGraph | None = None
        self.memory = None
        self._goal_depth: np.ndarray | None = None

    def look(self, observation: Observation) -> tuple[GoalGraph, Frame]:
        """Goal graph and frame of an observation; the graph is built once, and again when the goal's depth arrives."""
        depth, graph = observation.goal_relative_depth, self._graph
        if graph is None or depth is not self._goal_depth:
            self._goal_depth = depth
            self._graph = graph = build_graph(observation.goal, observation.goal_depth_m if depth is None else depth)
            self.memory = self.net.start(graph)
        current = np.where(observation.matched[:, None], observation.current, np.nan)
        depth = observation.current_relative_depth
        return graph, build_frame(graph, current, observation.current_depth_m if depth is None else depth)
