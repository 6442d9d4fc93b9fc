"""The contract of an arm driver: what the twist adapter, and the dead man, ask of each kind."""

import numpy as np
from builtin_interfaces.msg import Time

from depth_pc_ros.nodes.node_configs import DriverConfig


class ArmDriver:
    """Base of all arm drivers, and of your own.

    The adapter builds one, calls `prepare` once, and then for every command asks `problem`, `limits`, `halted` and
    `slowed`, and calls `send`. The dead man only builds one and sends zeros: a constructor may do no more than make
    publishers, and zeros have to go out whatever is unknown.
    """

    TOPIC = ""  # on which it commands the arm
    KIND: type  # message of that topic

    def __init__(self, node, config: DriverConfig):
        """node: that it is a part of. Raises ConfigError where an option of its own is missing."""
        self._node = node
        self._config = config

    def prepare(self) -> None:
        """Make what commands need besides the publisher: services to call, topics to listen to."""

    def problem(self) -> str:
        """Why it cannot take commands now; "" when it can. Commands are refused meanwhile, and a moving arm stops."""
        return ""

    def limits(self) -> tuple[float, float]:
        """Largest speeds that the driver carries out, m/s and rad/s: the servo keeps to them, direction included."""
        return np.inf, np.inf

    def halted(self) -> str:
        """Why the arm does not move at the moment although it takes commands; "": it does, as far as is known.

        Commands go on, so that the driver can tell when this ends; the servo stops after a second of it.
        """
        return ""

    def slowed(self) -> str:
        """Why the arm is slower than its commands at the moment; "": it is not, as far as is known."""
        return ""

    def send(self, twist: np.ndarray, stamp: Time) -> None:
        """twist: (6,) of the tool, in the tool frame, about its origin, m/s and rad/s. stamp: of the command."""
        raise NotImplementedError
