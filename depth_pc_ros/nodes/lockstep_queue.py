"""In lockstep: matches that wait for the depth of the same image, so that a run repeats exactly."""

from depth_pc_interfaces.msg import KeypointMatches
from depth_pc_ros.nodes.conversions import stamp_to_seconds
from depth_pc_ros.nodes.servo_input import ServoInput

PATIENCE_S = 3.0


class LockstepQueue:
    """Matches in the order they came, each returned once its depth has come, or without depth after `PATIENCE_S`.

    Besides the first only the newest waits: where frames come faster than depth does, the next depth is that of the
    newest. warn: called with a text when depth did not come. Times in seconds of a steady clock.
    """

    def __init__(self, inputs: ServoInput, warn):
        self._inputs = inputs
        self._warn = warn
        self._waiting: list[tuple[KeypointMatches, float]] = []

    def clear(self) -> None:
        """Wait for nothing."""
        self._waiting.clear()

    def add(self, msg: KeypointMatches, steady_s: float) -> None:
        """Let matches wait from now on."""
        self._waiting[1:] = [(msg, steady_s)]

    def take(self, steady_s: float) -> KeypointMatches | None:
        """The next matches to use now, removed; None: there are none, or their depth has yet to come."""
        if not self._waiting:
            return None
        msg, since_s = self._waiting[0]
        if self._inputs.awaits_depth(stamp_to_seconds(msg.header.stamp)):
            if steady_s - since_s <= PATIENCE_S:
                return None
            self._warn(f"no depth of this image within {PATIENCE_S:g} s: this run may not repeat exactly")
            self._inputs.stop_awaiting()
        del self._waiting[0]
        return msg
