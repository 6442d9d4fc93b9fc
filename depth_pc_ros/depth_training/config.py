"""Every choice of a training run of the depth model."""

from dataclasses import dataclass

from depth_pc_ros.config import option, same_as
from depth_pc_ros.training.schedule_config import ScheduleConfig


@dataclass(frozen=True)
class DepthTrainConfig(ScheduleConfig):
    """How long, how fast, how large. The defaults train the shipped model."""

    seed: int = same_as(ScheduleConfig, "seed", help="Seed of weights and scenes.")
    updates: int = same_as(ScheduleConfig, "updates", 7000)
    batch_size: int = same_as(ScheduleConfig, "batch_size", 16, help="Images per update.", high=1024)
    learning_rate: float = same_as(ScheduleConfig, "learning_rate", help="Largest learning rate.", high=1e-1)
    warm_up: int = same_as(ScheduleConfig, "warm_up", 300)
    short_side: int = option(140, "Short side of the images in the first phase, px; a multiple of 14.", 56, 518)
    fine_share: float = same_as(
        ScheduleConfig, "fine_share", 0.1, help="Last share of the updates, at the resolution of use.", high=1.0
    )
    average: float = same_as(ScheduleConfig, "average", 0.998)
