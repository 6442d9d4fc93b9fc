"""The interface of all control laws."""

from abc import ABC, abstractmethod

from depth_pc_ros.types import LawOutput, Observation


class ControlLaw(ABC):
    """Maps an observation to a camera twist of unit gain (an exponential decay with a time constant of 1 s)."""

    def reset(self) -> None:  # noqa: B027  (laws without memory need none)
        """Forget all earlier frames: new goal, or enabled again."""

    @abstractmethod
    def __call__(self, observation: Observation) -> LawOutput:
        """Twist (6,) at unit gain and the matches it relied on. Raises PoseError when no reliable twist exists."""
