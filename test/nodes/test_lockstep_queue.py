import pytest

from depth_pc_interfaces.msg import KeypointMatches
from depth_pc_ros.nodes.conversions import seconds_to_stamp, stamp_to_seconds
from depth_pc_ros.nodes.lockstep_queue import PATIENCE_S, LockstepQueue

pytestmark = pytest.mark.ros


class Inputs:
    """Depth arrives when a test sets `newest_s`; None: none has ever come."""

    newest_s = None

    def awaits_depth(self, stamp_s: float) -> bool:
        return self.newest_s is not None and self.newest_s < stamp_s

    def stop_awaiting(self) -> None:
        self.newest_s = None


@pytest.fixture
def inputs() -> Inputs:
    return Inputs()


@pytest.fixture
def warnings() -> list[str]:
    return []


@pytest.fixture
def queue(inputs, warnings) -> LockstepQueue:
    return LockstepQueue(inputs, warnings.append)


def matches(stamp_s: float) -> KeypointMatches:
    msg = KeypointMatches()
    msg.header.stamp = seconds_to_stamp(stamp_s)
    return msg


def taken(queue: LockstepQueue, steady_s: float = 0.0) -> list[float]:
    """Stamps of all matches that are ready."""
    stamps = []
    while (msg := queue.take(steady_s)) is not None:
        stamps.append(stamp_to_seconds(msg.header.stamp))
    return stamps


def test_without_depth_nothing_is_waited_for(queue):
    queue.add(matches(1.0), 0.0)
    assert taken(queue) == [1.0]
    assert taken(queue) == []


def test_matches_wait_for_the_depth_of_their_own_image(queue, inputs):
    inputs.newest_s = 1.0
    queue.add(matches(2.0), 0.0)
    assert taken(queue, PATIENCE_S) == []
    inputs.newest_s = 2.0
    assert taken(queue, PATIENCE_S) == [2.0]


def test_besides_the_first_only_the_newest_waits(queue, inputs):
    inputs.newest_s = 1.0
    for stamp_s in (2.0, 3.0, 4.0):
        queue.add(matches(stamp_s), 0.0)
    inputs.newest_s = 2.0
    assert taken(queue) == [2.0]
    inputs.newest_s = 4.0
    assert taken(queue) == [4.0]


def test_depth_that_never_comes_times_out_with_one_warning(queue, inputs, warnings):
    inputs.newest_s = 1.0
    queue.add(matches(2.0), 10.0)
    queue.add(matches(3.0), 10.0)
    assert taken(queue, 10.0 + PATIENCE_S) == []
    assert warnings == []
    assert taken(queue, 10.1 + PATIENCE_S) == [2.0, 3.0]
    assert warnings == [f"no depth of this image within {PATIENCE_S:g} s: this run may not repeat exactly"]


def test_after_clear_nothing_waits(queue, inputs):
    inputs.newest_s = 1.0
    queue.add(matches(2.0), 0.0)
    queue.clear()
    inputs.newest_s = 2.0
    assert taken(queue) == []
