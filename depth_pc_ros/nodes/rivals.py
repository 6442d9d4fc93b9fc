"""A second publisher of a node's input, or a second node of its name: a second bringup, a bag, or a forgotten tool."""

from collections.abc import Callable, Sequence

from rclpy.topic_endpoint_info import TopicEndpointInfo

PERIOD_S = 0.5


class Rivals:
    """Looks twice a second who else is there, and calls `refuse` with the problem for as long as there is one.

    inputs: topics of the node that may have one publisher. outputs: topics that no other node of the same kind may
    publish, that is, of the same name in any namespace; a node of another kind, such as a joystick, may.

    A publisher that has just ended may still be known for a moment, so a problem counts from its second sight on.
    """

    def __init__(self, node, inputs: Sequence[str], outputs: Sequence[str], refuse: Callable[[str], None]):
        self.problem = ""  # the one that counts
        self._node = node
        self._inputs = [node.resolve_topic_name(name) for name in inputs]
        self._outputs = [node.resolve_topic_name(name) for name in outputs]
        self._refuse = refuse
        self._seen = False
        node.create_timer(PERIOD_S, self._check, clock=node.steady_clock)

    def look(self) -> str:
        """What is wrong at this moment, with the names of all involved; "": nothing."""
        node = self._node
        if node.get_node_names_and_namespaces().count((node.get_name(), node.get_namespace())) > 1:
            return f"another node is called {node.get_fully_qualified_name()}, too"
        for topic in self._inputs:
            publishers = node.get_publishers_info_by_topic(topic)
            if len(publishers) > 1:
                return f"{topic} has {len(publishers)} publishers, where one is allowed: {_names(publishers)}"
        for topic in self._outputs:
            kin = [each for each in node.get_publishers_info_by_topic(topic) if each.node_name == node.get_name()]
            if len(kin) > 1:
                return f"{len(kin)} nodes command one arm on {topic}: {_names(kin)}"
        return ""

    def _check(self) -> None:
        problem = self.look()
        self.problem = problem if self._seen else ""
        self._seen = bool(problem)
        if self.problem:
            self._refuse(self.problem)


def _names(publishers: list[TopicEndpointInfo]) -> str:
    """Full names of the publishers' nodes."""
    return " and ".join(sorted(f"{each.node_namespace.rstrip('/')}/{each.node_name}" for each in publishers))
