"""The fault campaign: many random sequences of faults for each control law and seed, and tables of what was seen."""

import argparse
import contextlib
import gc
import io
import math
import os
import subprocess
import sys
import time
import traceback
import tracemalloc
import warnings
from pathlib import Path
from typing import ClassVar

import processes
from campaign_results import Chunk, Life, ProcessRun, Results
from fault_machine import FaultMachine, Tally
from hypothesis import HealthCheck, Phase, Verbosity, seed, settings
from hypothesis.stateful import run_state_machine_as_test

LAWS = ("pbvs", "ibvs", "depth_pc", "depth_pc_geo")
FAULTS_EACH, SEQUENCES = 15, 30  # of a sequence; of a chunk, which ends at its first violation
# Faults of one servo; those before the memory counts; what it may grow by.
LONG_LIFE, WARM_UP, GROWTH_MB = 300, 100, 2.0
GENERATE, SHRINK = (Phase.generate,), (Phase.generate, Phase.shrink)


def run_sequences(number: int, phases, machine=FaultMachine, sequences=SEQUENCES, faults_each=FAULTS_EACH) -> str:
    """Some sequences; what failed, with its steps, or ""."""
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
        run_sequences(number, GENERATE, LongLife, 1, LONG_LIFE)
    finally:
        tracemalloc.stop()
    memory_mb = LongLife.memory_mb
    faults = max(memory_mb, default=0)
    if faults <= WARM_UP:
        return math.nan, faults
    return memory_mb[faults] - max(each for count, each in memory_mb.items() if count <= WARM_UP), faults


def run_law(law: str, faults: int, first: int, results: Results, shrink: bool = True) -> None:
    """Chunks of this law and seed until so many faults were injected; those in `results` are not run again.

    shrink: find a shorter sequence for the first violation of each invariant.
    """
    FaultMachine.law, commit = law, commit_now()
    shrunk, done, number = set(), 0, 0
    while done < faults:
        if (chunk := results.chunk(law, first, number)) is None:
            tally, begin_s = Tally(), time.monotonic()
            FaultMachine.tally = tally
            failure = run_sequences(first * 1_000_000 + number, GENERATE)
            violated = {invariant for _, invariant in tally.violations}
            if failure and not violated:
                raise RuntimeError(f"the campaign itself failed:\n{failure}")
            if violated - shrunk:
                shrunk |= violated
                tally.counting = False
                print(f"\n{law}, seed {first}, chunk {number}: {', '.join(sorted(violated))}\n{failure}", flush=True)
                if shrink:
                    print(f"in short:\n{run_sequences(first * 1_000_000 + number, SHRINK)}", flush=True)
            seconds = round(time.monotonic() - begin_s, 1)
            chunk = Chunk.of(tally, law=law, seed=first, number=number, commit=commit, seconds=seconds)
            results.add(chunk)
            print(f"{law}, seed {first}, chunk {number}: {chunk.faults} faults, {seconds:.0f} s", flush=True)
        done += chunk.faults
        number += 1


def live_long(law: str, first: int, results: Results) -> None:
    """One servo of this law that hundreds of faults happen to: what it needs of memory. Not again where it is known."""
    if results.life(law, first) is None:
        FaultMachine.law, FaultMachine.tally = law, Tally()
        grown_mb, faults = memory_growth_mb(first)
        results.add(Life(law, first, commit_now(), faults, round(grown_mb, 2)))


def run_processes(count: int, seed: int, results: Results) -> None:
    """Real processes, stopped and killed."""
    commit = commit_now()
    events, commands, problems = processes.run(count, seed)
    print(*problems, sep="\n")
    results.add(ProcessRun(seed, commit, events, commands, len(problems), round(os.getloadavg()[2], 1)))


def commit_now() -> str:
    """Short name of the commit that is checked out."""
    here = Path(__file__).parent
    return subprocess.check_output(["git", "rev-parse", "--short", "HEAD"], cwd=here, text=True).strip()


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--faults", type=int, default=10_000, help="faults for each law and seed")
    parser.add_argument("--seed", default="0", help="of the random sequences; several with commas between them")
    parser.add_argument("--law", default=",".join(LAWS), help="laws, with commas between them")
    parser.add_argument("--results", type=Path, help="folder of results: they are added, and what it has is not run")
    parser.add_argument("--table", action="store_true", help="run nothing: print the tables of --results")
    parser.add_argument("--as-found", action="store_true", help="don't look for shorter sequences (minutes each)")
    parser.add_argument("--processes", action="store_true", help="real processes, stopped and killed, instead")
    parser.add_argument(
        "--events", type=int, default=230, help="with --processes: how many stops, kills and busy times"
    )
    return parser


def main() -> int:
    options = parser().parse_args()
    seeds = [int(each) for each in options.seed.split(",")]
    results = Results(options.results)
    if options.processes:
        run_processes(options.events, seeds[0], results)
    elif not options.table:
        for law in options.law.split(","):
            for number in seeds:
                run_law(law, options.faults, number, results, not options.as_found)
        for law in options.law.split(","):
            live_long(law, seeds[0], results)
    print(*results.tables(), sep="\n\n")
    return int(not results.all_well(GROWTH_MB))


if __name__ == "__main__":
    sys.exit(main())
