"""Every choice of a training run on pairs of images."""

from dataclasses import dataclass

from depth_pc_ros.config import option, same_as
from depth_pc_ros.networks.pair_networks import PAIR_NETWORKS
from depth_pc_ros.training.schedule_config import ScheduleConfig


@dataclass(frozen=True)
class PairTrainConfig(ScheduleConfig):
    """Which network, how long, how fast, on what pairs."""

    network: str = option("alexnet", "Network to train.", choices=tuple(PAIR_NETWORKS))
    seed: int = same_as(ScheduleConfig, "seed", help="Seed of weights and pairs.")
    updates: int = same_as(ScheduleConfig, "updates", 5000)
    batch_size: int = same_as(ScheduleConfig, "batch_size", 64, help="Pairs of images per update.")
    learning_rate: float = same_as(ScheduleConfig, "learning_rate", help="Largest learning rate.")
    fine_share: float = same_as(
        ScheduleConfig, "fine_share", 0.2, help="Last share of the updates, without occlusion and changes of light."
    )
    closer_share: float = option(0.5, "Share of the pairs that are nearer together, as late in a servo run.", 0, 1)
    occluded_share: float = option(0.3, "Share of the live images that something is in front of.", 0, 1)
    lit_share: float = option(0.7, "Share of the live images in other light than the goal's.", 0, 1)
    drawn: int = option(400, "Random pictures besides the photographs.", 0, 10000)
