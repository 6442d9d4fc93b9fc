"""Real processes stopped and killed; `scripts/faults.sh --processes` does more of it."""

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

from processes import Event, check_steps, running_bench
from waits import SLOW_MACHINE_S

pytestmark = [pytest.mark.ros, pytest.mark.slow]

EVENTS = [
    Event("stop", "adapter", 0.3),
    Event("stop", "adapter", 1.0),
    Event("stop", "controller", 1.0),
    Event("stop", "dead_man", 1.0),
    Event("kill", "adapter"),
    Event("kill", "controller"),
]


def test_the_driver_gets_zeros_in_time_and_no_jump_whoever_is_stopped_or_killed():
    with running_bench(slack_s=SLOW_MACHINE_S) as bench:
        for event in EVENTS:
            bench.start_moving()
            bench.happen(event)
        check_steps(bench)
    assert not bench.problems, "\n".join(bench.problems)
