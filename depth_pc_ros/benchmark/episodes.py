"""Episodes: scene, start pose, goal pose. Seeded one by one, exported, reloaded.

Episode k of a level depends on the seed, the split, the level and k only: not on how many are run, by how many workers
or in which order. `dev` and `test` differ in seed and in objects: HELD_OUT never appears in `dev`, and is at least half
of every `test` scene.
"""

import hashlib
import json
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np

from depth_pc_ros.benchmark.chessboard import Chessboard
from depth_pc_ros.benchmark.photos import Photo, sample_photo
from depth_pc_ros.benchmark.real_places import RealEpisodes, RealPlace
from depth_pc_ros.benchmark.scene_schema import FILE_VERSION, check_episodes
from depth_pc_ros.benchmark.settings import E_GENERIC, E_IMAGE, E_MUJOCO, E_REAL, LEVELS, PHOTO_LEVEL, SPLITS, Settings
from depth_pc_ros.errors import SceneError, shown
from depth_pc_ros.files.json_file import read_json
from depth_pc_ros.files.raw import read_bytes
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim.poses import DISTANCE_M, sample_pair
from depth_pc_ros.sim.scenes import Body, Scene, make_scene
from depth_pc_ros.sim.workplace import DEFAULT_INTRINSICS
from depth_pc_ros.sim.ycb import ycb_names

HELD_OUT = (
    "005_tomato_soup_can",
    "009_gelatin_box",
    "019_pitcher_base",
    "025_mug",
    "035_power_drill",
    "052_extra_large_clamp",
    "061_foam_brick",
)
# Fewest and most objects of a scene, and pedestals under them.
_OBJECTS = {"standard": (8, 12, 0), "easy": (12, 12, 0), "hard": (3, 5, 0), "depth": (8, 8, 5)}
_MAX_DIGESTED_BYTES = 4_000_000_000
_BASE_M = {"standard": DISTANCE_M, "low": (0.4, 0.55), "high": (0.85, 1.1)}


@dataclass(frozen=True)
class Episode:
    """One run to make.

    id: 'split/level/index'. seed: of the disturbances. T_world_goal, T_world_start: (4, 4) camera poses.
    place: the scene, the photograph or the chessboard on a plane, or a recorded frame. goal_place: the same as it was
    when the goal image was taken; None: as it is.
    """

    id: str
    level: str
    seed: int
    T_world_goal: np.ndarray
    T_world_start: np.ndarray
    place: Scene | Photo | Chessboard | RealPlace
    goal_place: Scene | RealPlace | None = None
    intrinsics: Intrinsics = DEFAULT_INTRINSICS

    @property
    def distance_m(self) -> float:
        """Goal camera to the centre of the place."""
        return float(np.linalg.norm(self.T_world_goal[:3, 3] - self.place.centre))


@dataclass(frozen=True)
class Places:
    """Where things are, or None: YCB models, photographs, exported episodes, weights of a learned matcher, a recording
    of a real camera and the mask of what is not to be matched in it."""

    ycb_root: Path | None = None
    photo_dir: Path | None = None
    scenes: Path | None = None
    matcher_weights: Path | None = None
    lightglue_weights: Path | None = None
    recording: Path | None = None
    mask: Path | None = None


def spread(count: int, levels) -> list[tuple[str, int]]:
    """`count` episodes evenly over the levels, as (level, index) in the order S0, M0, L0, S1, ..."""
    return [(levels[k % len(levels)], k // len(levels)) for k in range(count)]


class EpisodeSource:
    """Gives the episodes of these settings, generated from the seed, or read from `places.scenes` if there is one."""

    def __init__(self, settings: Settings, places: Places):
        self.settings, self.places = settings, places
        self._stored = None
        self._real: RealEpisodes | None = None
        if places.scenes is not None:
            self._stored = {episode.id: episode for episode in load_episodes(places.scenes, settings)}

    def episode(self, level: str, index: int) -> Episode:
        """Raises SceneError where the file has no such episode, or the scene cannot be built."""
        settings = self.settings
        if level not in settings.levels:
            raise SceneError(f"level: expected one of {', '.join(settings.levels)}, got {shown(level)}")
        name = f"{settings.split}/{level}/{index:03d}"
        if settings.environment == E_REAL:
            return self._real_episode(name, level, index)
        if self._stored is not None:
            if name not in self._stored:
                raise SceneError(f"scenes: the file has no episode {name} (it has {len(self._stored)})")
            return self._stored[name]
        rng = np.random.default_rng(
            [settings.seed, SPLITS.index(settings.split), (*LEVELS, PHOTO_LEVEL).index(level), index]
        )
        scene_seed, pose_seed, seed = (int(value) for value in rng.integers(2**31, size=3))
        if settings.environment == E_IMAGE:
            place, T_world_goal, T_world_start = sample_photo(rng, settings.split, self.places.photo_dir)
        else:
            place = self._scene(rng, scene_seed)
            base_m = _BASE_M[settings.base]
            T_world_goal, T_world_start = sample_pair(
                pose_seed, place.centre, DEFAULT_INTRINSICS, level, base_m, oblique=settings.elevation == "low"
            )
        return Episode(name, level, seed, T_world_goal, T_world_start, place)

    def _real_episode(self, name: str, level: str, index: int) -> Episode:
        if self._real is None:
            self._real = RealEpisodes(self.settings, self.places.recording)
        T_world_goal, T_world_start, place, goal_place = self._real.views(level, index)
        seed = int(np.random.default_rng([self.settings.seed, LEVELS.index(level), index]).integers(2**31))
        return Episode(name, level, seed, T_world_goal, T_world_start, place, goal_place, self._real.intrinsics(place))

    def _scene(self, rng: np.random.Generator, seed: int) -> Scene:
        if self.settings.environment == E_GENERIC:
            return make_scene("default", seed)
        simulator = self.settings.simulator
        if self.settings.environment == E_MUJOCO:
            return make_scene("printed", seed, simulator=simulator)
        low, high, pedestals = _OBJECTS[self.settings.scene]
        count = int(rng.integers(low, high + 1))
        names = ycb_names(self.places.ycb_root)
        familiar = [name for name in names if name not in HELD_OUT]
        if self.settings.split == "dev":
            chosen = rng.permutation(familiar)[:count].tolist()
        else:
            held_out = int(rng.integers((count + 1) // 2, min(count, len(HELD_OUT)) + 1))
            chosen = rng.permutation(HELD_OUT)[:held_out].tolist()
            chosen += rng.permutation(familiar)[: count - held_out].tolist()
            chosen = rng.permutation(chosen).tolist()
        return make_scene("ycb", seed, self.places.ycb_root, chosen, pedestals, simulator)


def save_episodes(path: str | Path, episodes, settings: Settings) -> None:
    """Write episodes as JSON, readable by `load_episodes`."""
    rows = [
        {
            "id": e.id, "level": e.level, "seed": e.seed, "T_world_goal": e.T_world_goal.tolist(),
            "T_world_start": e.T_world_start.tolist(), "place": asdict(e.place),
        }
        for e in episodes
    ]  # fmt: skip
    keys = ("environment", "split", "seed", "scene", "base")
    header = {"version": FILE_VERSION, **{key: getattr(settings, key) for key in keys}}
    if settings.elevation != "standard":  # came later: files without it are older ones, too
        header["elevation"] = settings.elevation
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({**header, "episodes": rows}, indent=1) + "\n", encoding="utf-8")


def load_episodes(path: str | Path, settings: Settings) -> list[Episode]:
    """Read exported episodes. SceneError: unreadable, made for other settings, or not as `scene_schema` says."""
    data = read_json(path, "scenes", SceneError)
    check_episodes(data, f"scenes: {path}", settings)
    return [_episode(row) for row in data["episodes"]]


def _episode(row: dict) -> Episode:
    place = row["place"]
    if "bodies" in place:
        bodies = tuple(Body(**{key: _tuples(value) for key, value in body.items()}) for body in place["bodies"])
        place = Scene(**{**{key: _tuples(value) for key, value in place.items()}, "bodies": bodies})
    else:
        place = Photo(**{key: _tuples(value) for key, value in place.items()})
    poses = [np.array(row[key], dtype=np.float64).reshape(4, 4) for key in ("T_world_goal", "T_world_start")]
    return Episode(row["id"], row["level"], row["seed"], *poses, place)


def _tuples(value):
    """Lists as tuples: what JSON reads, as the dataclasses hold it."""
    return tuple(value) if isinstance(value, list) else value


def file_digest(path: str | Path) -> str:
    """Short hash of a file's content, which differs between files. SceneError when it cannot be read."""
    data = read_bytes(path, f"scenes: cannot read {path}", _MAX_DIGESTED_BYTES, SceneError)
    return hashlib.sha256(data).hexdigest()[:12]
