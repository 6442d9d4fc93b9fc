"""Random sequences of faults: a state machine for `hypothesis`, which shrinks what fails and prints it as steps."""

from collections import Counter, defaultdict

import action_faults  # noqa: F401  (puts its faults into the catalogue)
import message_faults  # noqa: F401
from fault_catalogue import FAULTS
from fault_world import World
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule
from invariants import Monitor, recover

# Not 0: a run of hypothesis begins with the simplest example, always the same one, and that is left out.
SEED = st.integers(0, 99).filter(bool)
THEN_S = st.sampled_from([0.02, 0.2, 0.6])


class Tally:
    """What a campaign has seen. faults: count of each kind. violations: (fault, invariant) -> count, where the fault is
    the newest one. ends: fault -> how the servo was brought back after sequences that it was in.
    """

    def __init__(self):
        self.faults: Counter[str] = Counter()
        self.violations: Counter[tuple[str, str]] = Counter()
        self.ends: dict[str, Counter[str]] = defaultdict(Counter)
        self.counting = True


class FaultMachine(RuleBasedStateMachine):
    """One servo and what happens to it. Violations raise AssertionError."""

    law = "pbvs"
    tally = Tally()
    world: World | None = None

    @initialize(seed=SEED)
    def begin(self, seed):
        self.world = World(self.law, seed)
        self.monitor = Monitor(self.world)
        self.injected: list[str] = []
        self.world.servo()
        self.check()

    def inject(self, name, /, moving, then_s, **arguments):
        """moving: the servo is brought to move before, where it does not."""
        if moving and self.world.state not in ("SERVOING", "LIMITED"):
            self.world.start_again()
            self.world.run(0.3)
        self.injected.append(name)
        if self.tally.counting:
            self.tally.faults[name] += 1
        FAULTS[name][0](self.world, **arguments)
        self.world.run(then_s)
        self.check()

    def check(self):
        violations = self.monitor.violations
        if violations and self.tally.counting:
            self.tally.counting = False  # what comes now is the search for a shorter sequence
            newest = self.injected[-1] if self.injected else "start"
            for invariant in {invariant for invariant, _ in violations}:
                self.tally.violations[newest, invariant] += 1
        assert not violations, "\n".join(f"{invariant}: {what}" for invariant, what in violations[:3])

    def teardown(self):
        if self.world is None:
            return
        try:
            if not self.monitor.violations:
                done = recover(self.world, self.monitor)
                if self.tally.counting:
                    for name in set(self.injected):
                        self.tally.ends[name]["a person" if done else "by itself"] += 1
                self.check()
        finally:
            self.world.close()


def _add_rules() -> None:
    """One rule per fault, of its name."""
    for name, (_function, strategies) in FAULTS.items():

        def step(self, _fault=name, **arguments):
            self.inject(_fault, **arguments)

        step.__name__ = name
        setattr(FaultMachine, name, rule(moving=st.booleans(), then_s=THEN_S, **strategies)(step))


_add_rules()
