"""A whole training run of the depth model in one folder.

last.pt          state to resume from       model/   the averaged weights, as `RelativeDepth` loads them
metrics.jsonl    one line per validation    log/     TensorBoard
"""

import json
import time
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn
from torch.utils.tensorboard import SummaryWriter
from tqdm import tqdm

from depth_pc_ros.depth_training.config import DepthTrainConfig
from depth_pc_ros.depth_training.loss import depth_loss
from depth_pc_ros.depth_training.metrics import DepthMetrics, mean, measure
from depth_pc_ros.depth_training.network import make_network
from depth_pc_ros.depth_training.samples import DepthSamples, View, render_views, through_a_camera
from depth_pc_ros.depth_training.scenes import RENDERED, Stock
from depth_pc_ros.errors import CheckpointError
from depth_pc_ros.perception.relative_depth import SHORT_SIDE, network_input, network_size
from depth_pc_ros.training.interrupt import interrupt_waits
from depth_pc_ros.training.loading import batches_ahead
from depth_pc_ros.training.optimisation import Optimisation
from depth_pc_ros.training.state import read_state, restoring, write_state

_SAVE_EVERY = 50  # updates
_HELD_OUT_SEED = 2**31


class DepthTrainingRun:
    """See the module. stock: of the training scenes; held_out: of the validation's. data: names what stock is made of.

    validate_every: updates between validations, each on `validation_images` images. max_hours: stop and save then; the
    same call resumes. workers: processes that render. facts: kept with the weights.
    """

    def __init__(
        self,
        folder: str | Path,
        config: DepthTrainConfig,
        stock: Stock,
        held_out: Stock,
        data: str,
        *,
        workers: int = 1,
        device: str = "cpu",
        validate_every: int = 500,
        validation_images: int = 64,
        max_hours: float = float("inf"),
        facts: dict | None = None,
    ):
        self.folder, self.config, self.device = Path(folder), config, device
        self._stock, self._data, self._workers = stock, data, workers
        self._validate_every, self._max_hours, self._facts = validate_every, max_hours, facts or {}
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise CheckpointError(f"output: cannot write in {self.folder}: {error}") from None
        torch.manual_seed(config.seed)
        self.net: nn.Module = make_network().to(device, memory_format=torch.channels_last)
        self.net.backbone.set_attn_implementation("eager")  # in bfloat16 on a CPU faster than the fused one
        self._autocasts = device != "cpu" or torch.backends.cpu.get_cpu_capability().startswith("AVX512")
        self.course = Optimisation(
            self.net, learning_rate=config.learning_rate, warm_up=config.warm_up, updates=config.updates,
            weight_decay=0.02, average=config.average,
        )  # fmt: skip
        self.net.head.conv3.forward = _in_float32(self.net.head.conv3.forward)  # not of the average, copied above
        self.seconds = 0.0
        if (self.folder / "last.pt").exists():
            self._resume()
        self._validation = _validation_views(held_out, validation_images)

    def train(self) -> bool:
        """Run until the last update, `max_hours` or Ctrl-C; True after the last update."""
        config, begin = self.config, time.monotonic()
        first = self.course.update
        fine_from = round((1 - config.fine_share) * config.updates)
        writer = SummaryWriter(str(self.folder / "log"), purge_step=self.course.update)
        bar = tqdm(total=config.updates, initial=self.course.update, unit="update", dynamic_ncols=True)
        with writer, bar, interrupt_waits() as interrupted:
            for short_side, end in ((config.short_side, fine_from), (SHORT_SIDE, config.updates)):
                for images, targets in self._batches(short_side, end):
                    images = images.to(self.device, memory_format=torch.channels_last)
                    numbers = self._one_update(images, targets.to(self.device))
                    bar.update(1)
                    if self.course.update % 10 == 0:
                        bar.set_postfix({name: f"{value:.3f}" for name, value in numbers.items()})
                        for name, value in numbers.items():
                            writer.add_scalar(f"training/{name}", value, self.course.update)
                    if self.course.update % self._validate_every == 0 or self.course.update == config.updates:
                        self._validate(writer)
                    elif self.course.update % _SAVE_EVERY == 0:
                        self._save()
                    if interrupted() or time.monotonic() - begin > 3600 * self._max_hours:
                        break
                else:
                    continue
                self._save()
                break
        spent, made = time.monotonic() - begin, self.course.update - first
        bar.write(f"{made} updates in {spent / 60:.1f} min, {spent / max(made, 1):.3f} s each")
        return self.course.done

    def _batches(self, short_side: int, end: int):
        """Batches number `update`, ..., end - 1 at this resolution, rendered ahead by the workers."""
        if self.course.update >= end:
            return iter(())
        size = network_size(*RENDERED, short_side)
        samples = DepthSamples(self._stock, self.config.seed, size, self.config.batch_size)
        return batches_ahead(samples, self.course.update, end, self._workers)

    def _one_update(self, images: torch.Tensor, targets: torch.Tensor) -> dict[str, float]:
        begin = time.monotonic()
        with torch.autocast(torch.device(self.device).type, torch.bfloat16, enabled=self._autocasts):
            answer = self.net(images).predicted_depth
        terms = depth_loss(answer.float(), targets)
        self.course.step(terms["loss"])
        self.seconds += time.monotonic() - begin
        return {name: float(value.detach()) for name, value in terms.items()}

    def _validate(self, writer: SummaryWriter) -> None:
        """Metrics on the held-out stock; keeps the model."""
        self.course.averaged.eval()
        result = mean([self._measure(view) for view in self._validation])
        self.course.averaged.train()
        row = {"update": self.course.update, "abs_rel": result.abs_rel, "delta1": result.delta1, "rank": result.rank}
        for name, value in row.items():
            writer.add_scalar(f"validation/{name}", value, self.course.update)
        tqdm.write(
            f"update {self.course.update}: AbsRel {result.abs_rel:.4f}, delta1 {result.delta1:.4f}, "
            f"rank {result.rank:.3f}"
        )
        with (self.folder / "metrics.jsonl").open("a") as file:
            file.write(json.dumps(row) + "\n")
        self.course.averaged.save_pretrained(self.folder / "model")
        training = {**self._facts, "config": self.config.to_mapping(), "data": self._data, "validation": row,
                    "network_seconds": round(self.seconds, 1)}  # fmt: skip
        (self.folder / "model" / "training.json").write_text(json.dumps(training, indent=2) + "\n")
        self._save()

    @torch.inference_mode()
    def _measure(self, view: View) -> DepthMetrics:
        pixels = network_input(view.image, network_size(*RENDERED)).to(self.device)
        inverse = self.course.averaged(pixels).predicted_depth[0].cpu().numpy()
        keypoints = cv2.AKAZE_create().detect(cv2.cvtColor(view.image, cv2.COLOR_RGB2GRAY))
        return measure(-cv2.resize(inverse, RENDERED), view.depth_m, cv2.KeyPoint.convert(keypoints))

    @property
    def _made_with(self) -> dict:
        return {**self.config.to_mapping(), "data": self._data, "rendered": list(RENDERED)}

    def _save(self) -> None:
        """Write everything needed to resume."""
        state = {**self.course.state(), "seconds": self.seconds}
        write_state(self.folder / "last.pt", self._made_with, state)

    def _resume(self) -> None:
        state = read_state(self.folder / "last.pt", self._made_with, self.device)
        with restoring(self.folder / "last.pt"):
            self.course.restore(state)
            self.seconds = state["seconds"]


def _in_float32(forward):
    """forward(x) of a layer, out of autocast: in bfloat16 an output near LEVEL has steps of 1/64."""

    def run(x: torch.Tensor) -> torch.Tensor:
        with torch.autocast(x.device.type, enabled=False):
            return forward(x.float())

    return run


def _validation_views(stock: Stock, count: int) -> list[View]:
    """Always the same views, two of a scene, through a camera."""
    views = []
    for k in range((count + 1) // 2):
        rng = np.random.default_rng([_HELD_OUT_SEED, 52, k])
        for view in render_views(rng, stock, 2):
            views.append(View(through_a_camera(rng, view.image), view.depth_m))
    return views[:count]
