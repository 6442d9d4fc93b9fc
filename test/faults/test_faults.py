"""Faults alone and in random sequences, the same ones in every run. `scripts/faults.sh` runs more, and others."""

import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

from fault_machine import FAULTS, SEED, FaultMachine
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from hypothesis.stateful import run_state_machine_as_test

pytestmark = [
    pytest.mark.slow,
    pytest.mark.timeout(1200),  # where one fails, hypothesis looks for a shorter sequence
]
REPEATABLE = settings(
    derandomize=True, database=None, deadline=None, print_blob=False, suppress_health_check=list(HealthCheck)
)
EACH_ALONE, SEQUENCES, FAULTS_EACH = 1, 25, 10


@pytest.mark.parametrize("name", sorted(FAULTS))
def test_invariants_hold_whatever_goes_wrong_alone(name):
    @settings(REPEATABLE, max_examples=EACH_ALONE, phases=[Phase.generate])  # it is short already
    @given(seed=SEED, arguments=st.fixed_dictionaries(FAULTS[name][1]))
    def once(seed, arguments):
        machine = FaultMachine()
        try:
            machine.begin(seed)
            machine.inject(name, moving=True, then_s=0.6, **arguments)
        finally:
            machine.teardown()

    once()


def test_invariants_hold_whatever_goes_wrong_in_a_row():
    run_state_machine_as_test(
        FaultMachine, settings=settings(REPEATABLE, max_examples=SEQUENCES, stateful_step_count=FAULTS_EACH)
    )
