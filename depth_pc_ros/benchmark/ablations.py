"""The trainings of Tables IV and V: the paper's network with one thing changed, each equally long.

They run in worker processes like trials, so on other machines, too. One that was interrupted is resumed.
"""

from pathlib import Path

from tqdm import tqdm

from depth_pc_ros.benchmark.episodes import HELD_OUT, Places
from depth_pc_ros.benchmark.executors import TaskExecutor, pooled
from depth_pc_ros.benchmark.schema import ResultsError
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.benchmark.worker import in_worker
from depth_pc_ros.errors import CheckpointError
from depth_pc_ros.extras import TRAIN, require

UPDATES, QUICK_UPDATES = 6000, 240
_VALIDATION_SCENES = 16  # at the end, to be noted only
_COMMON = {
    "policy": "depth_pc", "planar": True, "context_blocks": 0, "max_points": 128, "max_mismatch": 0.3, "segments": 6,
    "placements": 4,
}  # fmt: skip
ABLATIONS = {
    "as_it_is": {},
    "no_hpr": {"use_hpr": False},
    "cns_hpr": {"fusion": "none"},
    "cns": {"fusion": "none", "use_hpr": False},
    "concat": {"fusion": "concat"},
    "cross_attention": {"fusion": "full"},
}


def weights_of(folder: Path, name: str, updates: int) -> Path:
    """Where a training keeps the weights of its last update."""
    return folder / f"{name}-{updates}" / "policy"


def ablation_of(weights: Path) -> tuple[str, str]:
    """Name and number of updates of weights that `weights_of` placed; otherwise anything."""
    name, _, updates = weights.parent.name.rpartition("-")
    return name, updates


def is_trained(folder: Path, name: str, updates: int) -> bool:
    """Whether these weights are there, and those of the last update."""
    from depth_pc_ros.networks.checkpoint import load_policy  # only now: importing torch takes a while

    try:
        header = load_policy(weights_of(folder, name, updates))[2]
    except CheckpointError:  # none yet, or cut off: the training writes it anew
        return False
    return header.get("training", {}).get("validation", {}).get("update") == updates


def train(names, updates: int, folder: Path, places: Places, executor: TaskExecutor, facts: dict) -> None:
    """Train these ablations on the objects that are not held out. facts: kept with the weights."""
    require("train", *TRAIN)
    tasks = [(name, updates, folder, facts) for name in names]
    with tqdm(total=len(tasks), unit="training", dynamic_ncols=True) as bar:
        for name in pooled(Settings(), places, tasks, executor, _train):
            bar.write(f"trained: {name}, {updates} updates")
            bar.update()


def _train(name: str, updates: int, folder: Path, facts: dict) -> str:
    """In a worker process."""
    import torch

    from depth_pc_ros.files.cache import default_cache_dir
    from depth_pc_ros.training.clouds import load_clouds
    from depth_pc_ros.training.config import TrainConfig
    from depth_pc_ros.training.run import TrainingRun

    torch.set_num_threads(1)
    source, cache = in_worker()[1].ycb_root, default_cache_dir()
    exclude = HELD_OUT if source else ()
    held_out = [cloud for cloud in load_clouds(source, cache) if cloud.name in exclude] or load_clouds(None, seed=1)
    run = TrainingRun(
        weights_of(folder, name, updates).parent,
        TrainConfig(updates=updates, **_COMMON, **ABLATIONS[name]),
        load_clouds(source, cache, exclude=exclude),
        held_out,
        validate_every=updates,
        validation_scenes=_VALIDATION_SCENES,
        facts=facts,
    )
    if not run.train():
        raise ResultsError(f"training {name}: stopped before its end; the same command resumes it")
    return name
