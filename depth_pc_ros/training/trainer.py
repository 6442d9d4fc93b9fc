"""Imitation of the expert on the policy's own roll-outs, with checkpoints that resume exactly.

A batch of scenes serves `placements` roll-outs of `segments` updates; an update sees `frames` frames. Everything random
is drawn from (seed, number of the batch), so a run that was stopped between two batches continues exactly.
"""

import math
import time
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from depth_pc_ros.networks.checkpoint import make_policy
from depth_pc_ros.training.config import TrainConfig
from depth_pc_ros.training.graph_operators import use_torch_geometric
from depth_pc_ros.training.losses import policy_loss
from depth_pc_ros.training.optimisation import Optimisation
from depth_pc_ros.training.plans import DisturbanceConfig
from depth_pc_ros.training.simulation import ServoBatch
from depth_pc_ros.training.state import read_state, restoring, write_state

_STEPS = (0.03, 0.25)  # share of the velocity carried out between two frames: slow and fast cameras


@dataclass
class Clock:
    """Seconds by activity."""

    seconds: dict[str, float] = field(default_factory=lambda: {"scenes": 0.0, "simulation": 0.0, "network": 0.0})

    def add(self, name: str, since: float) -> float:
        now = time.perf_counter()
        self.seconds[name] += now - since
        return now


class Trainer:
    """Network and course of a training; `train_batch` makes the updates of one batch of scenes.

    data: names what the scenes are made of; a run resumes with the same only.
    """

    def __init__(self, config: TrainConfig, data: str = "", device: str = "cpu"):
        torch.manual_seed(config.seed)
        self.config, self.data, self.device = config, data, device
        self.net: nn.Module = use_torch_geometric(make_policy(config.policy, config.encoder)).to(device)
        self.course = Optimisation(
            self.net, learning_rate=config.learning_rate, warm_up=config.warm_up, updates=config.updates,
            weight_decay=1e-4, average=config.average,
        )  # fmt: skip
        self.batch = 0
        self.clock = Clock()

    @property
    def fine(self) -> bool:
        """Whether the last phase has begun."""
        return self.course.update >= (1 - self.config.fine_share) * self.config.updates

    @property
    def _disturbances(self) -> DisturbanceConfig:
        most = self.config.max_mismatch
        if self.fine:
            return DisturbanceConfig(max_mismatch=min(most, 0.6), max_noise_px=0.6, max_omission=0.6)
        return DisturbanceConfig(max_mismatch=most)

    @property
    def expert_share(self) -> float:
        """Share of the motions that the expert makes: falls from 1 to 0.1 over the first half."""
        return max(0.1, 1 - 1.8 * self.course.update / self.config.updates)

    def train_batch(self, scenes) -> dict[str, float]:
        """All updates of one batch of scenes; returns the mean of each logged number."""
        rng = np.random.default_rng([self.config.seed, 31, self.batch])
        sums: dict[str, float] = {}
        count = 0
        for placement in range(self.config.placements):
            if self.course.done:
                break
            begin = time.perf_counter()
            seed = [self.config.seed, 32, self.batch, placement]
            world = ServoBatch(scenes, self._disturbances, seed, self.device)
            self._place(world, rng)
            memory = self.net.start(world.graph)
            T_warm = torch.eye(4, device=self.device).expand(world.num_samples, 4, 4)
            self.clock.add("simulation", begin)
            for _ in range(self.config.segments):
                if self.course.done:
                    break
                numbers, memory, T_warm = self._one_update(world, memory.detach(), T_warm.detach(), rng)
                for name, value in numbers.items():
                    sums[name] = sums.get(name, 0.0) + value
                count += 1
        self.batch += 1
        return {name: value / count for name, value in sums.items()}

    def _place(self, world: ServoBatch, rng: np.random.Generator) -> None:
        """Cameras along the expert's path: many on its first part, the others evenly over the log of the rest.

        For half of them less remains of the rotation about the optical axis than of the rest.
        """
        num = world.num_samples
        remaining = np.exp(-rng.uniform(0, 5.0 if self.fine else 4.0, num))
        early = rng.random(num) < 0.4
        remaining[early] = rng.uniform(0.3, 1.0, np.count_nonzero(early))
        noise = rng.normal(0, 0.15, (num, 6)) * remaining[:, None] * rng.random((num, 1))
        roll_share = np.where(rng.random(num) < 0.5, 1.0, np.exp(-rng.uniform(0, 5.0, num)))
        world.place_on_path(self._tensor(remaining), self._tensor(roll_share), self._tensor(noise))

    def _tensor(self, array: np.ndarray) -> Tensor:
        return torch.from_numpy(array.astype(np.float32)).to(self.device)

    def _one_update(self, world: ServoBatch, memory, T_warm, rng):
        num = world.num_samples
        step = self._tensor(np.exp(rng.uniform(*np.log(_STEPS), (num, 1))))
        by_expert = self._tensor(rng.random((num, 1))) < self.expert_share
        losses, sums = [], {}
        for _ in range(self.config.frames):
            begin = time.perf_counter()
            frame, right = world.observe()
            begin = self.clock.add("simulation", begin)
            loss, velocity, memory, T_warm, numbers = policy_loss(
                self.net, world.graph, frame, right, memory, T_warm, world.T_cam_goal, world.median_depth
            )
            losses.append(loss)
            begin = self.clock.add("network", begin)
            limited = velocity * (2.0 / velocity.norm(dim=1, keepdim=True).clamp_min(2.0))
            world.move(torch.where(by_expert, world.expert(), limited) * step, 1.0)
            self.clock.add("simulation", begin)
            for name, value in numbers.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach()) / self.config.frames
        begin = time.perf_counter()
        loss = torch.stack(losses).mean()
        norm = self.course.step(loss)
        self.clock.add("network", begin)
        sums |= {"loss": float(loss.detach()), "gradient": norm, "skipped": float(not math.isfinite(norm))}
        return sums, memory, T_warm

    @property
    def _made_with(self) -> dict:
        return {**self.config.to_mapping(), "data": self.data}

    def save(self, path: str | Path) -> None:
        """Write everything needed to resume."""
        state = {**self.course.state(), "batch": self.batch, "seconds": self.clock.seconds}
        write_state(Path(path), self._made_with, state)

    @classmethod
    def resume(cls, path: str | Path, config: TrainConfig, data: str = "", device: str = "cpu") -> "Trainer":
        """Resume from `save`'s file. CheckpointError when it cannot be read or was made with another configuration."""
        trainer = cls(config, data, device)
        state = read_state(path, trainer._made_with, device)
        with restoring(path):
            trainer.course.restore(state)
            trainer.batch, trainer.clock.seconds = state["batch"], state["seconds"]
        return trainer
