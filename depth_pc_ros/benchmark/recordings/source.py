"""A recording of a scene: its sequences, whatever their format, and which of them are for `dev` or `test`."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from depth_pc_ros.benchmark.recordings import apc, bop, folder, rosbag, seven_scenes, transforms, tum
from depth_pc_ros.benchmark.recordings.frames import Frame, RecordingError, Sequence

# In the order in which they are tried on a folder: a format of one file first.
FORMATS: dict[str, ModuleType] = {
    "folder": folder,
    "transforms": transforms,
    "bop": bop,
    "apc": apc,
    "tum": tum,
    "7scenes": seven_scenes,
    "rosbag": rosbag,
}
AUTO = "auto"
SHORT = 40  # a lone sequence of fewer frames is not cut: all of it is dev


@dataclass(frozen=True)
class Recording:
    """The frames of a split, by sequence and then as they were recorded. problems: of frames that were left out."""

    frames: list[Frame]
    problems: list[str]

    @property
    def digest(self) -> str:
        """Short hash of which frames there are, with their poses."""
        text = hashlib.sha256()
        for frame in self.frames:
            text.update(f"{frame.name} {frame.T_world_cam.round(6).tolist()} {frame.intrinsics}".encode())
        return text.hexdigest()[:12]


def open_recording(root: Path, split: str, format: str = AUTO) -> Recording:
    """Read the lists of frames and poses below `root`. Raises RecordingError where there is no frame of the split."""
    sequences = read_sequences(root, format)
    problems = [line for sequence in sequences for line in sequence.problems]
    frames = frames_of(split, sequences)
    if not frames:
        count = sum(len(sequence.frames) for sequence in sequences)
        reason = f" (first of {len(problems)} problems: {problems[0]})" if problems else ""
        raise RecordingError(f"root: expected frames of the split {split} in {root}; it has {count} in all{reason}")
    return Recording(frames, problems)


def read_sequences(root: Path, format: str = AUTO) -> list[Sequence]:
    """All sequences below `root`, by name. Raises RecordingError."""
    root = Path(root)
    if not root.is_dir():
        raise RecordingError(f"root: no such folder: {root}")
    if format not in (AUTO, *FORMATS):
        raise RecordingError(f"format: expected one of {AUTO}, {', '.join(FORMATS)}, got {format!r}")
    tried = FORMATS if format == AUTO else {format: FORMATS[format]}
    sequences, pending = [], [root]
    while pending:
        here = pending.pop(0)
        found = next((module for module in tried.values() if any(any(here.glob(mark)) for mark in module.MARKS)), None)
        if found is None:
            try:
                pending += sorted(path for path in here.iterdir() if path.is_dir() and not path.name.startswith("."))
            except OSError as error:
                raise RecordingError(f"root: cannot read {here}: {error.strerror or error}") from None
            continue
        name = here.relative_to(root).as_posix()
        sequences.append(found.read(here, root.name if name == "." else name))
    if not sequences:
        marks = ", ".join(mark for module in tried.values() for mark in module.MARKS)
        raise RecordingError(f"root: expected a recording in {root}: one of {marks}")
    return sorted(_parted(sequences), key=lambda sequence: sequence.name)


def _parted(sequences: list[Sequence]) -> list[Sequence]:
    """Sequences by the names that their frames have: a file may hold several."""
    parted: dict[str, Sequence] = {}
    for sequence in sequences:
        for frame in sequence.frames:
            parted.setdefault(frame.sequence, Sequence(frame.sequence)).frames.append(frame)
        parted.setdefault(sequence.name, Sequence(sequence.name)).problems += sequence.problems
    return list(parted.values())


def frames_of(split: str, sequences: list[Sequence]) -> list[Frame]:
    """Every other sequence is for `dev`, the rest for `test`. A lone one is cut in two halves, unless it is short."""
    sequences = [sequence for sequence in sequences if sequence.frames]
    if len(sequences) == 1:
        frames = sequences[0].frames
        half = len(frames) if len(frames) < SHORT else len(frames) // 2
        return frames[:half] if split == "dev" else frames[half:]
    return [frame for sequence in sequences[0 if split == "dev" else 1 :: 2] for frame in sequence.frames]
