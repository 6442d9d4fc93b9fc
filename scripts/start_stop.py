#!/usr/bin/env python3
"""How long all nodes take to start, and how they end when they are interrupted at random moments.

    source scripts/env.sh
    scripts/start_stop.py --starts 5                           # seconds until ready, CPU seconds of each process
    scripts/start_stop.py --starts 5 --other ../older_checkout # the same of two checkouts in turn, and their ratio
    scripts/start_stop.py --interrupts 20 --seed 1             # SIGINT at random moments, also while models load

Words after `--` go to `bringup`: `scripts/start_stop.py -- --controller pbvs`. The exit code is 1 where an end was not
clean: later than 2 s, a process left or killed, a traceback, another exit code than 0, or a file left in the temporary
folder.
"""

import argparse
import os
import random
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
END_WITHIN_S = 2.0
_START_WITHIN_S = 120.0
_BAD_WORDS = ("Traceback", "died", "killed", "SIGKILL", "did not end", "Aborted", "Segmentation")
_TICKS_PER_S = os.sysconf("SC_CLK_TCK")


@dataclass
class Start:
    """One start. ready_s, all_s: until the servo is ready, and until all nodes are active; None: interrupted before.

    cpu_s: by process, until all nodes were active.
    """

    ready_s: float | None = None
    all_s: float | None = None
    cpu_s: dict[str, float] = field(default_factory=dict)
    end_s: float = float("nan")
    last: str = ""  # the nodes that were the last to end, and when
    problems: list[str] = field(default_factory=list)


def processes_of(parent: int) -> dict[int, str]:
    """Process -> its program, of all that a process has started."""
    found = {}
    for word in _read(f"/proc/{parent}/task/{parent}/children").split():
        command = _read(f"/proc/{word}/cmdline").split("\0")
        module = command[command.index("-m") + 1] if "-m" in command else command[0]
        found[int(word)] = module.rpartition(".")[2]
        found |= processes_of(int(word))
    return found


def cpu_s(process: int) -> float:
    """CPU seconds of a process so far, of user and system."""
    words = _read(f"/proc/{process}/stat").rpartition(")")[2].split()
    return (int(words[11]) + int(words[12])) / _TICKS_PER_S if words else float("nan")


def _is_dead(process: int) -> bool:
    return _read(f"/proc/{process}/stat").rpartition(")")[2].split()[:1] in ([], ["Z"])


def _read(path: str) -> str:
    try:
        return Path(path).read_text()
    except OSError:
        return ""


def start(checkout: Path, words: list[str], interrupt_after_s: float | None = None) -> Start:
    """Start `bringup` of a checkout, and interrupt it: once all nodes are active, or after so many seconds."""
    result = Start()
    with tempfile.TemporaryDirectory() as folder:
        temporary, log = Path(folder, "tmp"), Path(folder, "log")
        temporary.mkdir()
        environment = {**os.environ, "TMPDIR": str(temporary)}
        environment["PYTHONPATH"] = f"{checkout}:{environment.get('PYTHONPATH', '')}"
        with open(log, "wb") as output:
            begin_s = time.monotonic()
            bringup = subprocess.Popen(
                [sys.executable, "-m", "depth_pc_ros.cli.bringup", *words],
                cwd=folder, env=environment, stdout=output, stderr=output, start_new_session=True,
            )  # fmt: skip
        until_s = begin_s + (_START_WITHIN_S if interrupt_after_s is None else interrupt_after_s)
        while time.monotonic() < until_s and bringup.poll() is None:
            said = _read(str(log))
            if result.ready_s is None and "\nready\n" in said:
                result.ready_s = time.monotonic() - begin_s
            if result.ready_s is not None and result.all_s is None and "depth: active\n" in said:
                result.all_s = time.monotonic() - begin_s
                names = processes_of(bringup.pid)
                result.cpu_s = {name: cpu_s(process) for process, name in names.items()}
                result.cpu_s["bringup"] = cpu_s(bringup.pid)
                if interrupt_after_s is None:
                    break
            time.sleep(0.01)
        started = processes_of(bringup.pid)
        end_s = time.monotonic()
        bringup.send_signal(signal.SIGINT)
        while (code := bringup.poll()) is None:
            if alive := [name for process, name in started.items() if cpu_s(process) >= 0 and not _is_dead(process)]:
                result.last, nodes_end_s = ", ".join(alive), time.monotonic() - end_s
                result.last += f" {nodes_end_s:.2f} s"
            time.sleep(0.01)
        result.end_s = time.monotonic() - end_s
        left = [name for process, name in started.items() if Path(f"/proc/{process}").exists()]
        text, files = _read(str(log)), [path.name for path in temporary.rglob("*")]
    if result.end_s > END_WITHIN_S:
        result.problems.append(f"ended after {result.end_s:.2f} s")
    if code != 0:
        result.problems.append(f"exit code {code}: {text.strip().splitlines()[-1:]}")
    if left:
        result.problems.append(f"still running: {', '.join(left)}")
    if files:
        result.problems.append(f"left in the temporary folder: {', '.join(files[:5])}")
    result.problems += [line for line in text.splitlines() if any(word in line for word in _BAD_WORDS)]
    if interrupt_after_s is None and result.all_s is None:
        result.problems.append(f"not ready: {text[-500:]}")
    return result


def report_starts(name: str, starts: list[Start]) -> float:
    """Print the medians of one checkout; returns the seconds until the servo was ready."""
    starts = [each for each in starts if each.all_s is not None]
    ready_s = statistics.median(each.ready_s for each in starts)
    all_s = statistics.median(each.all_s for each in starts)
    cpu = {key: statistics.median(each.cpu_s.get(key, 0.0) for each in starts) for key in starts[0].cpu_s}
    print(f"{name}: ready after {ready_s:.2f} s, all nodes active after {all_s:.2f} s, {sum(cpu.values()):.1f} CPU s")
    print("   " + ", ".join(f"{key} {value:.2f}" for key, value in sorted(cpu.items())), flush=True)
    return ready_s


def measure_starts(count: int, checkouts: list[Path], words: list[str]) -> list[str]:
    starts: dict[Path, list[Start]] = {checkout: [] for checkout in checkouts}
    for number in range(count):
        for checkout in checkouts[:: 1 if number % 2 else -1]:  # in turn, and neither always first
            starts[checkout].append(start(checkout, words))
    ready_s = [report_starts(str(checkout), starts[checkout]) for checkout in checkouts]
    if len(ready_s) == 2:
        print(f"ratio of the first to the second: {ready_s[0] / ready_s[1]:.2f}")
    print(f"load average {os.getloadavg()[0]:.1f} on {os.cpu_count()} cores")
    return [problem for each in starts[checkouts[0]] for problem in each.problems]


def measure_interrupts(count: int, seed: int, words: list[str]) -> list[str]:
    ready_s = start(ROOT, words).ready_s or _START_WITHIN_S
    rng = random.Random(seed)
    ends_s, problems = [], []
    for number in range(1, count + 1):
        # Evenly over the start, and for a while after it.
        after_s = 1.3 * ready_s * (number - rng.random()) / count
        result = start(ROOT, words, after_s)
        ends_s.append(result.end_s)
        problems += [f"interrupted after {after_s:.2f} s: {problem}" for problem in result.problems]
        ended = f"ended after {result.end_s:.2f} s (last nodes: {result.last or 'none'})"
        print(f"{number:3d}: SIGINT after {after_s:5.2f} s, {ended}", *result.problems, flush=True)
    print(f"{count} interrupts in {1.3 * ready_s:.1f} s: ended after {statistics.median(ends_s):.2f} s (median), "
          f"{max(ends_s):.2f} s (longest), {len(problems)} problems")  # fmt: skip
    return problems


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--starts", type=int, default=0, metavar="N", help="measure so many starts")
    parser.add_argument("--other", type=Path, help="another checkout, to compare with")
    parser.add_argument("--interrupts", type=int, default=0, metavar="N", help="interrupt so many starts")
    parser.add_argument("--seed", type=int, default=0, help="of the moments of the interrupts")
    parser.add_argument("words", nargs="*", metavar="-- ...", help="options of bringup")
    return parser


def main() -> int:
    options = parser().parse_args()
    problems = []
    if options.starts:
        others = [options.other.resolve()] if options.other else []
        problems += measure_starts(options.starts, [ROOT, *others], options.words)
    if options.interrupts:
        problems += measure_interrupts(options.interrupts, options.seed, options.words)
    print(*problems, sep="\n")
    return int(bool(problems))


if __name__ == "__main__":
    sys.exit(main())
