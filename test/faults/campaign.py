"""The fault campaign: many random sequences of faults for each control law, and a table of what was seen."""

import argparse
import contextlib
import io
import resource
import sys
import time
import traceback
import warnings
from collections import Counter

from fault_machine import FaultMachine, Tally
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test
from invariants import INVARIANTS

LAWS = ("pbvs", "ibvs", "depth_pc", "depth_pc_geo")
FAULTS_EACH, SEQUENCES = 10, 20  # of a sequence; of a batch, which ends at its first violation
WARM_UP, GROWTH_MB = 3, 60.0  # batches; growth of the memory that is allowed after them
GENERATE, SHRINK = (Phase.generate,), (Phase.generate, Phase.shrink)


def run_batch(number: int, phases) -> str:
    """One batch of sequences; what failed, with its steps, or ""."""
    machine = seed(number)(type("FaultMachine", (FaultMachine,), {}))
    options = settings(
        max_examples=SEQUENCES,
        stateful_step_count=FAULTS_EACH,
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


def memory_mb() -> float:
    """Resident memory of this process."""
    with open("/proc/self/statm", encoding="ascii") as statm:
        return int(statm.read().split()[1]) * resource.getpagesize() / 2**20


def run_law(law: str, faults: int, first_seed: int) -> Tally:
    """Batches until so many faults were injected."""
    tally = FaultMachine.tally = Tally()
    FaultMachine.law = law
    shrunk, begin_s, number, warm_mb = set(), time.monotonic(), first_seed * 1_000_000, None
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
            print(f"\n{law}, batch {number}: {', '.join(sorted(new))}\n{run_batch(number, SHRINK)}", flush=True)
        number += 1
        if number == first_seed * 1_000_000 + WARM_UP:
            warm_mb = memory_mb()
        print(
            f"{law}: {tally.faults.total()} of {faults} faults, {tally.violations.total()} violations, "
            f"{time.monotonic() - begin_s:.0f} s",
            end="\r",
            file=sys.stderr,
            flush=True,
        )
    grown_mb = 0.0 if warm_mb is None else memory_mb() - warm_mb
    if grown_mb > GROWTH_MB:
        tally.violations["all", "memory"] += 1
    print(f"\n{law}: {tally.faults.total()} faults in {time.monotonic() - begin_s:.0f} s, memory {grown_mb:+.0f} MB")
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


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=10_000, help="faults for each law")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--law", default=",".join(LAWS), help="laws, with commas between them")
    parser.add_argument("--processes", action="store_true", help="real processes, stopped and killed, instead")
    parser.add_argument("--events", type=int, default=40, help="with --processes: how many stops and kills")
    options = parser.parse_args()
    if options.processes:
        import processes

        return processes.run(options.events, options.seed)
    failed = False
    for law in options.law.split(","):
        tally = run_law(law, options.faults, options.seed)
        print(table(tally), flush=True)
        failed |= bool(tally.violations)
    return int(failed)


if __name__ == "__main__":
    sys.exit(main())
