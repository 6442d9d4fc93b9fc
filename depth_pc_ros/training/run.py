"""A whole training run in one folder: scenes ahead of use, checkpoints, validation, logs, and the finished policy.

last.pt      state to resume from      best/    best policy by validation, `networks.checkpoint` format
log/         TensorBoard               policy/  the policy at the end
metrics.jsonl                          one line per validation
"""

import hashlib
import json
import math
import time
from pathlib import Path

import numpy as np
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from depth_pc_ros.errors import CheckpointError, FileError
from depth_pc_ros.files.json_file import parse_json
from depth_pc_ros.files.raw import read_text
from depth_pc_ros.files.schema import AMOUNT, COUNT, Schema, object_of
from depth_pc_ros.networks.checkpoint import save_policy
from depth_pc_ros.training.clouds import Cloud
from depth_pc_ros.training.config import TrainConfig
from depth_pc_ros.training.feed import SceneFeed, make_batch
from depth_pc_ros.training.interrupt import interrupt_waits
from depth_pc_ros.training.scene_config import SceneConfig
from depth_pc_ros.training.trainer import Trainer
from depth_pc_ros.training.validation import MISMATCHES, closed_loop

_HELD_OUT_SEED = 2**31  # of the validation scenes: larger than any training seed
_LOG_EVERY = 5  # batches of scenes
_MIN_POINTS = 12  # keypoints of a goal
_MAX_METRICS_BYTES = 16_000_000
_METRICS = Schema(
    object_of({
        "update": COUNT,
        **{f"success_{level:g}": AMOUNT for level in MISMATCHES},
        **{f"{name}_{level:g}": {"type": ["number", "null"]} for name in ("te_mm", "re_deg") for level in MISMATCHES},
    })
)  # fmt: skip


class TrainingRun:
    """See the module. clouds, held_out: of the training scenes and of the validation's. facts: kept with the weights.

    validate_every: updates between validations, each on `validation_scenes` scenes. max_hours: stop and save then;
    the same call resumes. workers: processes that prepare scenes.
    """

    def __init__(
        self,
        folder: str | Path,
        config: TrainConfig,
        clouds: list[Cloud],
        held_out: list[Cloud],
        *,
        workers: int = 1,
        device: str = "cpu",
        validate_every: int = 1000,
        validation_scenes: int = 64,
        max_hours: float = float("inf"),
        facts: dict | None = None,
    ):
        self.folder = Path(folder)
        self.config = config
        self._clouds, self._workers = clouds, workers
        self._validate_every, self._max_hours = validate_every, max_hours
        self._facts = facts or {}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"output: cannot write in {self.folder}: {error}") from None
        checkpoint = self.folder / "last.pt"
        data = clouds_digest(clouds)
        resumed = checkpoint.exists()
        self.trainer = Trainer.resume(checkpoint, config, data, device) if resumed else Trainer(config, data, device)
        self._scene_config = SceneConfig(
            use_hpr=config.use_hpr, min_points=_MIN_POINTS, max_points=config.max_points
        )  # fmt: skip
        # Always with hidden point removal, so that ablations are validated on the same scenes.
        scene_config = SceneConfig(near_share=0.0, min_points=_MIN_POINTS)
        self._held_out = make_batch(held_out, scene_config, validation_scenes, _HELD_OUT_SEED, 0)
        rows = self._read_metrics()
        self._best = max(map(_score, rows), default=float("-inf"))
        self._validated = max((row["update"] for row in rows), default=0)

    def train(self) -> bool:
        """Run until the last update, `max_hours` or Ctrl-C (after the batch in hand); True after the last update."""
        trainer, course, config = self.trainer, self.trainer.course, self.config
        begin, first = time.monotonic(), course.update
        writer = SummaryWriter(str(self.folder / "log"), purge_step=course.update)
        feed = SceneFeed(self._clouds, self._scene_config, config.batch_size, config.seed, self._workers,
                         start=trainer.batch)  # fmt: skip
        bar = tqdm(total=config.updates, initial=course.update, unit="update", dynamic_ncols=True)
        with feed, writer, bar, interrupt_waits() as interrupted:
            while not course.done and not interrupted() and time.monotonic() - begin < 3600 * self._max_hours:
                waiting = time.perf_counter()
                scenes = next(feed)
                trainer.clock.add("scenes", waiting)
                before = course.update
                numbers = trainer.train_batch(scenes)
                bar.update(course.update - before)
                if trainer.batch % _LOG_EVERY == 0:
                    for name, value in numbers.items():
                        writer.add_scalar(f"training/{name}", value, course.update)
                    bar.set_postfix({name: f"{value:.3f}" for name, value in numbers.items()})
                    trainer.save(self.folder / "last.pt")
                if before // self._validate_every < course.update // self._validate_every or course.done:
                    self._validate(writer)
            if course.done and self._validated < course.update:  # it was ended during its last validation
                self._validate(writer)
        if not course.done:
            self._keep("policy", {"update": course.update})
            trainer.save(self.folder / "last.pt")
        spent = time.monotonic() - begin
        made = course.update - first
        shares = trainer.clock.seconds
        bar.write(
            f"{made} updates in {spent / 60:.1f} min, {spent / max(made, 1):.3f} s each; "
            + ", ".join(f"{name} {value / max(sum(shares.values()), 1e-9):.0%}" for name, value in shares.items())
        )
        return course.done

    def _validate(self, writer: SummaryWriter) -> None:
        """Closed loop on held-out scenes; keeps the policy if it is the best so far, and the state to resume from."""
        trainer, course = self.trainer, self.trainer.course
        net = course.averaged.eval()
        levels = {
            level: closed_loop(net, self._held_out, level, self.config.seed, trainer.device) for level in MISMATCHES
        }
        net.train()
        row = {"update": course.update}
        for level, result in levels.items():
            for name in ("success", "te_mm", "re_deg"):
                value = getattr(result, name)
                row[f"{name}_{level:g}"] = round(value, 5) if math.isfinite(value) else None
                writer.add_scalar(f"validation/{name}_{level:g}", value, course.update)
        tqdm.write(
            f"update {course.update}: "
            + "; ".join(
                f"{level:.0%} wrong: SR {r.success:.0%}, TE {r.te_mm:.2f} mm, RE {r.re_deg:.3f} deg"
                for level, r in levels.items()
            )
        )
        self._keep("policy", row)
        score = _score(row)
        if score > self._best:
            self._best = score
            self._keep("best", row)
        with (self.folder / "metrics.jsonl").open("a") as file:  # last: what is in it is complete
            file.write(json.dumps(row) + "\n")
        self._validated = course.update
        trainer.save(self.folder / "last.pt")

    def _keep(self, name: str, row: dict) -> None:
        facts = {**self._facts, "config": self.config.to_mapping(), "validation": row,
                 "seconds": {key: round(value, 1) for key, value in self.trainer.clock.seconds.items()}}  # fmt: skip
        save_policy(self.folder / name, self.config.policy, self.trainer.course.averaged, facts)

    def _read_metrics(self) -> list[dict]:
        """The folder's metrics, up to the update that the run resumes from."""
        path = self.folder / "metrics.jsonl"
        if not path.exists():
            return []
        rows = []
        where = f"metrics: cannot read {path}"
        lines = read_text(path, where, _MAX_METRICS_BYTES, CheckpointError).splitlines()
        for number, line in enumerate(lines, start=1):
            try:
                rows.append(parse_json(line))
            except FileError as error:
                raise CheckpointError(f"{where}: line {number}: {error}") from None
            _METRICS.check(rows[-1], f"{where}: line {number}", CheckpointError)
        return [row for row in rows if row["update"] <= self.trainer.course.update]


def clouds_digest(clouds: list[Cloud]) -> str:
    """Short hash of the clouds, which differs between sources of training data."""
    digest = hashlib.sha256()
    for cloud in clouds:
        digest.update(cloud.name.encode())
        digest.update(np.ascontiguousarray(cloud.points).tobytes())
    return digest.hexdigest()[:12]


def _score(row: dict) -> float:
    """Mean success over the levels, less the median error at the first level: 1 mm counts as 0.5 %."""
    success = [row[f"success_{level:g}"] for level in MISMATCHES]
    te_mm = row[f"te_mm_{MISMATCHES[0]:g}"]
    return float("-inf") if te_mm is None else sum(success) / len(success) - 0.005 * te_mm
