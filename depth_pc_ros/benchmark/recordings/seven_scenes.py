"""7-Scenes, and what is kept like it: `frame-000000.color.png`, `.depth.png` (mm), `.pose.txt` (camera to world).

Intrinsics: `camera-intrinsics*.txt` (3 x 3) beside the frames or one folder up; without it the Kinect's of 7-Scenes.
Source: J. Shotton et al., "Scene Coordinate Regression Forests for Camera Relocalization in RGB-D Images", CVPR 2013.
"""

from pathlib import Path

from depth_pc_ros.benchmark.recordings.frames import (
    Frame,
    RecordingError,
    Sequence,
    camera_of,
    read_numbers,
    reader,
    rigid,
    size_of,
)  # fmt: skip

MARKS = ("frame-*.pose.txt",)
_KINECT = [[585.0, 0.0, 320.0], [0.0, 585.0, 240.0], [0.0, 0.0, 1.0]]


def read(folder: Path, name: str) -> Sequence:
    """The frames of `folder`."""
    sequence = Sequence(name)
    camera = None
    for pose in sorted(folder.glob(MARKS[0])):
        stem = pose.name.removesuffix(".pose.txt")
        try:
            colour = next((p for end in ("png", "jpg") if (p := folder / f"{stem}.color.{end}").is_file()), None)
            if colour is None:
                raise RecordingError(f"{folder / stem}.color.png: no such image")
            camera = camera or _camera(folder, colour)
            depth = folder / f"{stem}.depth.png"
            depth = depth if depth.is_file() else None
            T = rigid(read_numbers(pose, (4, 4)), str(pose))
            sequence.frames.append(Frame(name, stem, T, camera, reader(colour, depth), depth is not None))
        except RecordingError as error:
            sequence.problems.append(str(error))
    return sequence


def _camera(folder: Path, colour: Path):
    files = sorted(folder.glob("camera-intrinsics*.txt")) or sorted(folder.parent.glob("camera-intrinsics*.txt"))
    K = read_numbers(files[0], (3, 3)) if files else _KINECT
    return camera_of(K, (), size_of(colour), str(files[0] if files else folder))
