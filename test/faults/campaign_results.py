"""What campaigns have seen, as JSON lines: a run that was stopped goes on, several share the work, tables are made."""

import dataclasses
import json
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path

from fault_machine import Tally


@dataclass
class Chunk:
    """A part of the work: sequences of one law and seed.

    kinds: fault -> [count, sequences with it that came back by themselves, those that needed a person]. violations:
    [fault, invariant, count]. commit: of the code that ran.
    """

    law: str
    seed: int
    number: int
    commit: str
    seconds: float
    kinds: dict[str, list[int]]
    violations: list[list] = field(default_factory=list)

    @classmethod
    def of(cls, tally: Tally, **fields) -> "Chunk":
        kinds = {
            name: [count, tally.ends[name]["by itself"], tally.ends[name]["a person"]]
            for name, count in sorted(tally.faults.items())
        }
        return cls(kinds=kinds, violations=[[*key, count] for key, count in sorted(tally.violations.items())], **fields)

    @property
    def faults(self) -> int:
        return sum(count for count, _itself, _person in self.kinds.values())


@dataclass
class Life:
    """One servo that `faults` faults happened to, and by how much its memory grew, MB."""

    law: str
    seed: int
    commit: str
    faults: int
    grown_mb: float


@dataclass
class ProcessRun:
    """Real processes: how many events of each kind, commands at the driver, load of the machine (15 minutes' mean)."""

    seed: int
    commit: str
    events: dict[str, int]
    commands: int
    problems: int
    load: float


class Results:
    """Chunks, lives and process runs in a folder, a file per law and seed. None: they are kept in memory only.

    Of two chunks of one number the newer one counts: where code was mended, the chunk runs again.
    """

    def __init__(self, folder: Path | None = None):
        self._folder = folder
        self._chunks: dict[tuple[str, int, int], Chunk] = {}
        self._lives: dict[tuple[str, int], Life] = {}
        self._process_runs: dict[int, ProcessRun] = {}
        for path in sorted(folder.glob("*.jsonl")) if folder else ():
            for line in path.read_text(encoding="utf-8").splitlines():
                self._take(json.loads(line))

    def _take(self, row: dict) -> None:
        if "kinds" in row:
            chunk = Chunk(**row)
            self._chunks[chunk.law, chunk.seed, chunk.number] = chunk
        elif "events" in row:
            self._process_runs[row["seed"]] = ProcessRun(**row)
        else:
            life = Life(**row)
            self._lives[life.law, life.seed] = life

    def add(self, part: Chunk | Life | ProcessRun) -> None:
        row = dataclasses.asdict(part)
        self._take(row)
        if self._folder:
            self._folder.mkdir(parents=True, exist_ok=True)
            name = "processes" if isinstance(part, ProcessRun) else f"{part.law}_{part.seed}"
            with open(self._folder / f"{name}.jsonl", "a", encoding="utf-8") as file:
                file.write(json.dumps(row) + "\n")

    @property
    def runs(self) -> list[tuple[str, int]]:
        """Law and seed of all that ran."""
        return sorted({(law, seed) for law, seed, _number in self._chunks})

    def chunks(self, law: str | None = None, seed: int | None = None) -> list[Chunk]:
        """Those of a law and a seed; None: of all."""
        return [each for each in self._chunks.values() if law in (None, each.law) and seed in (None, each.seed)]

    def chunk(self, law: str, seed: int, number: int) -> Chunk | None:
        """None where it has not run, or has to run again because something was violated."""
        chunk = self._chunks.get((law, seed, number))
        return None if chunk is None or chunk.violations else chunk

    def life(self, law: str, seed: int) -> Life | None:
        return self._lives.get((law, seed))

    def all_well(self, most_mb: float) -> bool:
        """Nothing was violated, and no servo's memory grew by more than this, MB."""
        violated = any(chunk.violations for chunk in self._chunks.values())
        grown = any(not life.grown_mb <= most_mb for life in self._lives.values())
        return not violated and not grown and not any(run.problems for run in self._process_runs.values())

    def tables(self) -> list[str]:
        """All that there is, as Markdown."""
        tables = [table_of_runs(self), table_of_faults(self.chunks())] if self._chunks else []
        return tables + ([table_of_processes(list(self._process_runs.values()))] if self._process_runs else [])


def table_of_runs(results: Results) -> str:
    """Markdown: a row for every law and seed."""
    lines = ["| law | seed | faults | violations | memory | commit |", "|---|---:|---:|---:|---:|---|"]
    for law, seed in results.runs:
        chunks, life = results.chunks(law, seed), results.life(law, seed)
        violations = sum(count for chunk in chunks for _fault, _invariant, count in chunk.violations)
        memory = f"{life.grown_mb:+.2f} MB after {life.faults}" if life else "-"
        commits = ", ".join(dict.fromkeys(chunk.commit for chunk in chunks))
        faults = sum(chunk.faults for chunk in chunks)
        lines.append(f"| {law} | {seed} | {faults} | {violations} | {memory} | {commits} |")
    return "\n".join(lines)


def table_of_faults(chunks: list[Chunk]) -> str:
    """Markdown: a row for every kind of fault, with what it violated."""
    kinds, violated = Counter(), Counter()
    for chunk in chunks:
        for fault, counts in chunk.kinds.items():
            for column, count in enumerate(counts):
                kinds[fault, column] += count
        for fault, invariant, count in chunk.violations:
            violated[fault, invariant] += count
    lines = ["| fault | count | itself | a person | violations |", "|---|---:|---:|---:|---|"]
    for fault in sorted({*(fault for fault, _ in kinds), *(fault for fault, _ in violated)}):
        what = ", ".join(f"{name}: {count}" for (where, name), count in sorted(violated.items()) if where == fault)
        counts = " | ".join(str(kinds[fault, column]) for column in range(3))
        lines.append(f"| {fault.replace('_', ' ')} | {counts} | {what or '-'} |")
    return "\n".join(lines)


def table_of_processes(runs: list[ProcessRun]) -> str:
    """Markdown: a row for every run."""
    kinds = sorted({kind for run in runs for kind in run.events})
    lines = [
        f"| seed | {' | '.join(kinds)} | commands | problems | load | commit |",
        "|---:" * (len(kinds) + 4) + "|---|",
    ]
    for run in sorted(runs, key=lambda run: run.seed):
        counts = " | ".join(str(run.events.get(kind, 0)) for kind in kinds)
        lines.append(f"| {run.seed} | {counts} | {run.commands} | {run.problems} | {run.load:.0f} | {run.commit} |")
    return "\n".join(lines)
