"""Random faults, derandomised: the same ones in every run. `scripts/faults.sh` runs more, and others."""

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

from fault_machine import FaultMachine
from hypothesis import HealthCheck, settings
from hypothesis.stateful import run_state_machine_as_test

SEQUENCES, FAULTS_EACH = 30, 10


@pytest.mark.slow
@pytest.mark.timeout(1200)  # where it fails, hypothesis looks for a shorter sequence
def test_invariants_hold_whatever_goes_wrong():
    quick = settings(
        max_examples=SEQUENCES,
        stateful_step_count=FAULTS_EACH,
        derandomize=True,
        deadline=None,
        suppress_health_check=list(HealthCheck),
    )
    run_state_machine_as_test(FaultMachine, settings=quick)
