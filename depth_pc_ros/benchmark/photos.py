"""Photographs for E_image, and the poses from which the camera looks at them.

Poses follow the published E_image of CNS (ICRA 2024), which evaluates the networks of Bateux et al. (ICRA 2018) and
Felton et al. (ICRA 2021) too: goal at 0.6-0.9 m, elevation 70-90 deg, roll +-15 deg; start at 0.6-0.9 m, elevation
60-90 deg, roll +-60 deg, tilts +-5 deg, with the rotation about the optical axis reduced to at most
37 deg. A photograph fills 640 x 480 pixels from 1.08 m straight above its centre.
"""

import hashlib
import importlib.util
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.errors import SceneError
from depth_pc_ros.files.image_file import read_image
from depth_pc_ros.geometry import se3

MAX_SIZE_M = (1.28, 0.96)  # width and height, at least one of which a photograph fills
MAX_SIZE_PX = 1280
DISTANCE_M = (0.6, 0.9)
GOAL_ELEVATION_DEG, START_ELEVATION_DEG = (70.0, 90.0), (60.0, 90.0)
GOAL_ROLL_DEG, START_ROLL_DEG, START_TILT_DEG = 15.0, 60.0, 5.0
MAX_ROLL_DEG = 37.0

# What comes inside the packages (nothing is downloaded): package, folder in it, files.
_SHIPPED = (
    (
        "skimage", "data",
        "astronaut.png brick.png camera.png chelsea.png coffee.png coins.png gravel.png hubble_deep_field.jpg "
        "motorcycle_left.png rocket.jpg",
    ),
    ("sklearn", "datasets/images", "china.jpg flower.jpg"),
)  # fmt: skip
_SUFFIXES = (".jpg", ".jpeg", ".png")


@dataclass(frozen=True)
class Photo:
    """A photograph on the plane z = 0, its centre at the origin. name: see `list_photos`. width_m: its width."""

    name: str
    width_m: float
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)


def list_photos(folder: str | Path | None) -> dict[str, Path]:
    """Names and files of the photographs in `folder`, or (None) of those that scikit-image and scikit-learn ship.

    Raises SceneError when there are none.
    """
    if folder is None:
        return _shipped_photos()
    folder = Path(folder)
    if not folder.is_dir():
        raise SceneError(f"images: no such folder: {folder}")
    found = {path.name: path for path in sorted(folder.iterdir()) if path.suffix.lower() in _SUFFIXES}
    if not found:
        raise SceneError(f"images: expected files ending in {', '.join(_SUFFIXES)} in {folder}, found none")
    return found


def _shipped_photos() -> dict[str, Path]:
    found = {}
    for package, folder, names in _SHIPPED:
        spec = importlib.util.find_spec(package)
        if spec is None:
            raise SceneError(
                "images: the default photographs come with two packages that are not installed "
                "(pip install 'depth_pc_ros[benchmark]'); or give a folder with --images"
            )
        for name in names.split():
            path = Path(spec.origin).parent / folder / name
            if path.is_file():
                found[f"{package}/{name}"] = path
    if not found:
        raise SceneError("images: scikit-image and scikit-learn have none of the expected photographs; give --images")
    return found


def photos_digest(folder: str | Path | None) -> str:
    """Short hash of the names and sizes of the photographs: differs between collections."""
    rows = [f"{name} {path.stat().st_size}" for name, path in list_photos(folder).items()]
    return hashlib.sha256("\n".join(rows).encode()).hexdigest()[:12]


def photos_of(split: str, folder: str | Path | None) -> list[str]:
    """Names of a split's photographs: every other one is for `dev`, the rest for `test` (a single one for both)."""
    names = list(list_photos(folder))
    return names[0 if split == "dev" else 1 :: 2] or names


def read_photo(photo: Photo, folder: str | Path | None) -> np.ndarray:
    """The picture (H, W, 3) uint8 RGB, at most MAX_SIZE_PX wide or high."""
    path = list_photos(folder).get(photo.name)
    if path is None:
        raise SceneError(f"images: cannot read {photo.name!r} in {folder or 'the installed packages'}: no such file")
    picture = read_image(path, "images", SceneError)
    scale = MAX_SIZE_PX / max(picture.shape)
    if scale < 1:
        picture = cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    return picture


def sample_photo(rng: np.random.Generator, split: str, folder) -> tuple[Photo, np.ndarray, np.ndarray]:
    """A photograph, `T_world_goal` and `T_world_start` (4, 4)."""
    names = photos_of(split, folder)
    name = names[int(rng.integers(len(names)))]
    height, width = read_photo(Photo(name, 1.0), folder).shape[:2]
    photo = Photo(name, photo_width_m(width, height))
    return photo, *sample_views(rng)


def photo_width_m(width: int, height: int) -> float:
    """Width in metres, on the plane, of a photograph of so many pixels."""
    return float(min(MAX_SIZE_M[0], MAX_SIZE_M[1] * width / height))


def sample_views(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """`T_world_goal` and `T_world_start` (4, 4) above the centre of a photograph."""
    T_world_goal = _look(rng, GOAL_ELEVATION_DEG, GOAL_ROLL_DEG, 0.0)
    T_world_start = _look(rng, START_ELEVATION_DEG, START_ROLL_DEG, START_TILT_DEG)
    rotation = se3.log_so3(T_world_start[:3, :3].T @ T_world_goal[:3, :3])[2]
    excess = rotation - np.clip(rotation, -np.radians(MAX_ROLL_DEG), np.radians(MAX_ROLL_DEG))
    T_world_start[:3, :3] = T_world_start[:3, :3] @ se3.exp_so3(np.array([0.0, 0.0, excess]))
    return T_world_goal, T_world_start


def _look(rng: np.random.Generator, elevation_deg, roll_deg: float, tilt_deg: float) -> np.ndarray:
    """A pose (4, 4) that looks at the origin, the photograph about upright."""
    azimuth = rng.uniform(-np.pi, np.pi)
    elevation = np.radians(rng.uniform(*elevation_deg))
    away = np.array([np.cos(elevation) * np.cos(azimuth), np.cos(elevation) * np.sin(azimuth), np.sin(elevation)])
    T = se3.look_at(rng.uniform(*DISTANCE_M) * away, np.zeros(3), np.array([0.0, 1.0, 0.0]))
    tilt_and_roll = np.radians(rng.uniform(-1, 1, 3) * (tilt_deg, tilt_deg, roll_deg))
    T[:3, :3] = T[:3, :3] @ se3.exp_so3(tilt_and_roll)
    return T
