"""The fault campaign: many random sequences of faults for each control law, and a table of what was seen."""

import argparse
import contextlib
import gc
import io
import math
import sys
import time
import traceback
import tracemalloc
import warnings
from collections import Counter
from typing import ClassVar

import processes
from fault_machine import FaultMachine, Tally
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from invariants import INVARIANTS

LAWS = ("pbvs", "ibvs", "depth_pc", "depth_pc_geo")
FAULTS_EACH, SEQUENCES = 15, 60  # of a sequence; of a batch, which ends at its first violation
LONG_LIFE, WARM_UP, GROWTH_MB = (
    300,
    100,
    2.0,
)  # faults of one servo; those before the memory counts; what it may grow by
GENERATE, SHRINK = (Phase.generate,), (Phase.generate, Phase.shrink)


def run_batch(number: int, phases, machine=FaultMachine, sequences=SEQUENCES, faults_each=FAULTS_EACH) -> str:
    """One batch of sequences; what failed, with its steps, or ""."""
    machine = seed(number)(type("FaultMachine", (machine,), {}))
    options = settings(
        max_examples=sequences,
        stateful_step_count=faults_each,
        phases=phases,
        database=None,
        deadline=None,
        print_blob=False,
        suppress_health_check=list(HealthCheck),
        verbosity=Verbosity.normal,
    )
    try:
        with contextlib.redirect_stdout(io.StringIO()), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            run_state_machine_as_test(machine, settings=options)
    except Exception as error:
        return "".join(traceback.format_exception_only(error)) + "\n".join(getattr(error, "__notes__", []))
    return ""


class LongLife(FaultMachine):
    """One servo that all faults of a sequence happen to. memory_mb: of all Python objects, by number of faults."""

    memory_mb: ClassVar[dict[int, float]] = {}

    def check(self):
        super().check()
        if self.injected and len(self.injected) % 20 == 0:
            gc.collect()
            self.memory_mb[len(self.injected)] = tracemalloc.get_traced_memory()[0] / 2**20


def memory_growth_mb(number: int) -> tuple[float, int]:
    """Growth of the memory of one servo, from the end of its warm-up on; and after how many faults it was measured."""
    LongLife.memory_mb.clear()
    tracemalloc.start()
    try:
        run_batch(number, GENERATE, LongLife, 1, LONG_LIFE)
    finally:
        tracemalloc.stop()
    memory_mb = LongLife.memory_mb
    faults = max(memory_mb, default=0)
    if faults <= WARM_UP:
        return math.nan, faults
    return memory_mb[faults] - max(each for count, each in memory_mb.items() if count <= WARM_UP), faults


def run_law(law: str, faults: int, first_seed: int, shrink: bool = True) -> Tally:
    """Batches until so many faults were injected. shrink: find a shorter sequence for the first of each violation."""
    tally = FaultMachine.tally = Tally()
    FaultMachine.law = law
    shrunk, begin_s, number = set(), time.monotonic(), first_seed * 1_000_000
    while tally.faults.total() < faults:
        before = Counter(tally.violations)
        tally.counting = True
        failure = run_batch(number, GENERATE)
        new = {invariant for _, invariant in tally.violations - before}
        if failure and not new:
            raise RuntimeError(f"the campaign itself failed:\n{failure}")
        if new - shrunk:
            shrunk |= new
            tally.counting = False
            print(f"\n{law}, batch {number}: {', '.join(sorted(new))}\n{failure}", flush=True)
            if shrink:
                print(f"in short:\n{run_batch(number, SHRINK)}", flush=True)
        number += 1
        print(
            f"{law}: {tally.faults.total()} of {faults} faults, {tally.violations.total()} violations, "
            f"{time.monotonic() - begin_s:.0f} s",
            end="\r",
            file=sys.stderr,
            flush=True,
        )
    tally.counting = False
    grown_mb, life = memory_growth_mb(number)
    if grown_mb > GROWTH_MB:
        tally.violations["one long life", "memory"] += 1
    print(
        f"\n{law}: {tally.faults.total()} faults in {time.monotonic() - begin_s:.0f} s; one servo's memory after "
        f"{life} faults: {grown_mb:+.2f} MB"
    )
    return tally


def table(tally: Tally) -> str:
    """A row for every kind of fault, a column for every invariant."""
    names = [name for name in INVARIANTS if name not in ("memory",)]
    lines = [f"{'fault':30s} {'count':>6s} " + " ".join(f"{name:>12s}" for name in names) + "   itself  a person"]
    for fault in sorted(tally.faults):
        counts = " ".join(f"{tally.violations[fault, name] or '-':>12}" for name in names)
        ends = tally.ends[fault]
        lines.append(f"{fault:30s} {tally.faults[fault]:6d} {counts} {ends['by itself']:8d} {ends['a person']:9d}")
    return "\n".join(lines)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=10_000, help="faults for each law")
    parser.add_argument("--seed", type=int, default=0, help="of the random sequences")
    parser.add_argument("--law", default=",".join(LAWS), help="laws, with commas between them")
    parser.add_argument("--as-found", action="store_true", help="don't look for shorter sequences (minutes each)")
    parser.add_argument("--processes", action="store_true", help="real processes, stopped and killed, instead")
    parser.add_argument("--events", type=int, default=40, help="with --processes: how many stops and kills")
    return parser


def main() -> int:
    options = parser().parse_args()
    if options.processes:
        return processes.run(options.events, options.seed)
    failed = False
    for law in options.law.split(","):
        tally = run_law(law, options.faults, options.seed, not options.as_found)
        print(table(tally), flush=True)
        failed |= bool(tally.violations)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
