"""A control law that keeps its newest answer: the pose that it solved for is part of no result of the servo."""

from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.types import LawOutput, Observation


class WatchedLaw(ControlLaw):
    """law, and in `output` its answer to the newest image; None: it gave none."""

    def __init__(self, law: ControlLaw):
        self._law = law
        self.output: LawOutput | None = None

    def reset(self) -> None:
        self._law.reset()

    def __call__(self, observation: Observation) -> LawOutput:
        self.output = None
        self.output = self._law(observation)
        return self.output
