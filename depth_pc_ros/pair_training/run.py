"""A whole training run of a network on pairs of images, in one folder.

last.pt          state to resume from       model/   the averaged weights, in float16
metrics.jsonl    one line per validation    log/     TensorBoard
"""

import json
import time
from pathlib import Path

import numpy as np
import torch
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from depth_pc_ros.benchmark.photos import photos_digest
from depth_pc_ros.errors import CheckpointError
from depth_pc_ros.networks.pair_networks import PAIR_NETWORKS, save_pair_network, standardised
from depth_pc_ros.pair_training.config import PairTrainConfig
from depth_pc_ros.pair_training.losses import flow_loss, pose_errors, pose_loss, true_flow
from depth_pc_ros.pair_training.samples import Draws, PairBatches, batch_of, load_pictures, make_pair
from depth_pc_ros.training.interrupt import interrupt_waits
from depth_pc_ros.training.loading import batches_ahead
from depth_pc_ros.training.optimisation import Optimisation
from depth_pc_ros.training.state import read_state, restoring, write_state

_SAVE_EVERY = 100  # updates
_HELD_OUT_SEED = 2**31
_AT_ONCE = 16  # pairs of a validation


class PairTrainingRun:
    """See the module. photographs: their folder, None: those that come with two packages. Every other one is trained
    on (`seen`), the rest is only validated on (`unseen`).

    validate_every: updates between validations, each on `validation_pairs` pairs. max_hours: stop and save then; the
    same call resumes. workers: processes that draw pairs. facts: kept with the weights. Raises CheckpointError and,
    where there are no photographs, SceneError.
    """

    def __init__(
        self,
        folder: str | Path,
        config: PairTrainConfig,
        photographs: str | Path | None,
        *,
        workers: int = 1,
        device: str = "cpu",
        validate_every: int = 500,
        validation_pairs: int = 64,
        max_hours: float = float("inf"),
        facts: dict | None = None,
    ):
        self.folder, self.config, self.device = Path(folder), config, device
        self._photographs, self._data, self._workers = photographs, photos_digest(photographs), workers
        self._validate_every, self._max_hours, self._facts = validate_every, max_hours, facts or {}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"output: cannot write in {self.folder}: {error}") from None
        torch.manual_seed(config.seed)
        self.net = PAIR_NETWORKS[config.network]().to(device, memory_format=torch.channels_last)
        self._is_flow = config.network == "compact_flow"
        self._autocasts = device != "cpu" or torch.backends.cpu.get_cpu_capability().startswith("AVX512")
        self.course = Optimisation(
            self.net, learning_rate=config.learning_rate, warm_up=config.warm_up, updates=config.updates,
            weight_decay=0.02, average=config.average,
        )  # fmt: skip
        self.seconds = 0.0
        if (self.folder / "last.pt").exists():
            self._resume()
        self._validation = {
            name: _validation_pairs(
                load_pictures(photographs, split, self.net.size[0]), self.net.size, validation_pairs
            )
            for name, split in (("seen", "dev"), ("unseen", "test"))
        }

    def train(self) -> bool:
        """Run until the last update, `max_hours` or Ctrl-C; True after the last update."""
        config, begin, first = self.config, time.monotonic(), self.course.update
        writer = SummaryWriter(str(self.folder / "log"), purge_step=first)
        bar = tqdm(total=config.updates, initial=first, unit="update", dynamic_ncols=True, mininterval=10)
        with writer, bar, interrupt_waits() as interrupted:
            for batch in self._batches():
                numbers = self._one_update(*(part.to(self.device) for part in batch))
                bar.update(1)
                if self.course.update % 10 == 0:
                    bar.set_postfix({name: f"{value:.4f}" for name, value in numbers.items()}, refresh=False)
                    for name, value in numbers.items():
                        writer.add_scalar(f"training/{name}", value, self.course.update)
                if self.course.update % self._validate_every == 0 or self.course.done:
                    self._validate(writer)
                elif self.course.update % _SAVE_EVERY == 0:
                    self._save()
                if interrupted() or time.monotonic() - begin > 3600 * self._max_hours:
                    self._save()
                    break
        spent, made = time.monotonic() - begin, self.course.update - first
        bar.write(f"{made} updates in {spent / 60:.1f} min, {spent / max(made, 1):.3f} s each")
        return self.course.done

    def _batches(self):
        """Batches number `update`, ..., drawn ahead by the workers."""
        config, size = self.config, self.net.size
        pictures = load_pictures(self._photographs, "dev", size[0], config.drawn, config.seed)
        return batches_ahead(PairBatches(pictures, size, config), self.course.update, config.updates, self._workers)

    def _one_update(self, live, goal, T_cam_goal, goal_to_live) -> dict[str, float]:
        begin = time.monotonic()
        live, goal = standardised(live), standardised(goal)
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self._autocasts):
            if self._is_flow:
                terms = flow_loss(self.net, live, goal, goal_to_live)
            else:
                terms = pose_loss(self.net, live, goal, T_cam_goal)
        self.course.step(terms["loss"])
        self.seconds += time.monotonic() - begin
        return {name: float(value.detach()) for name, value in terms.items()}

    def _validate(self, writer: SummaryWriter) -> None:
        """Measure on every set of validation pairs; keep the model."""
        net = self.course.averaged.eval()
        row = {"update": self.course.update, "minutes": round(self.seconds / 60, 1)}
        for name, batches in self._validation.items():
            parts = [self._measure(net, *(part.to(self.device) for part in batch)) for batch in batches]
            for key in parts[0]:
                row[f"{name}_{key}"] = round(float(torch.cat([part[key] for part in parts]).median()), 5)
        net.train()
        for key, value in row.items():
            writer.add_scalar(f"validation/{key}", value, self.course.update)
        tqdm.write(", ".join(f"{key} {value}" for key, value in row.items()))
        with (self.folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        training = {**self._facts, "config": self.config.to_mapping(), "data": self._data, "validation": row}
        save_pair_network(self.folder / "model", self.config.network, net, training)
        self._save()

    @torch.inference_mode()
    def _measure(self, net, live, goal, T_cam_goal, goal_to_live) -> dict[str, torch.Tensor]:
        """Per pair. left: the share of the pose error that is left after the network's motion, rotation and
        translation together."""
        live, goal = standardised(live), standardised(goal)
        if self._is_flow:
            truth, seen = true_flow(goal_to_live, goal.shape[-2:])
            error = (net(goal, live)[0] - truth).norm(dim=1)
            return {"end_point_px": torch.stack([e[s].mean() for e, s in zip(error, seen)])}
        translation, rotation = pose_errors(net.pose_of(net(live, goal)), T_cam_goal)
        before = pose_errors(torch.eye(4, device=live.device).expand_as(T_cam_goal), T_cam_goal)
        left = (translation + torch.deg2rad(rotation)) / (before[0] + torch.deg2rad(before[1]))
        return {"translation": translation, "rotation_deg": rotation, "left": left}

    @property
    def _made_with(self) -> dict:
        return {**self.config.to_mapping(), "data": self._data}

    def _save(self) -> None:
        """Write everything needed to resume."""
        write_state(self.folder / "last.pt", self._made_with, {**self.course.state(), "seconds": self.seconds})

    def _resume(self) -> None:
        state = read_state(self.folder / "last.pt", self._made_with, self.device)
        with restoring(self.folder / "last.pt"):
            self.course.restore(state)
            self.seconds = state["seconds"]


def _validation_pairs(pictures: list[np.ndarray], size: tuple[int, int], count: int) -> list:
    """Always the same batches: the picture as E_image shows it, half of the pairs nearer together, undisturbed."""
    rng = np.random.default_rng([_HELD_OUT_SEED, 62])
    pairs = [make_pair(rng, pictures, size, Draws(0.5, 0.0, 0.0), varied=False) for _ in range(count)]
    return [batch_of(pairs[k : k + _AT_ONCE]) for k in range(0, count, _AT_ONCE)]
