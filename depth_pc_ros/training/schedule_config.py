"""How long and how fast a network is trained."""

from dataclasses import dataclass

from depth_pc_ros.config import CommonConfig, Config, option, same_as


@dataclass(frozen=True)
class ScheduleConfig(Config):
    """Optimiser and its schedule. The defaults are those of the shipped policy."""

    seed: int = same_as(CommonConfig, "seed", help="Seed of weights, scenes and disturbances.")
    updates: int = option(5000, "Steps of the optimiser.", 1, 10_000_000)
    batch_size: int = option(64, "Scenes per update.", 1, 4096)
    learning_rate: float = option(1e-3, "Largest learning rate; above 1e-3 training collapses.", 1e-7, 1e-2)
    warm_up: int = option(200, "Updates until the largest learning rate, which then falls by a cosine.", 1, 100000)
    fine_share: float = option(0.25, "Last share of the updates, with little noise and near the goal.", 0.0, 0.9)
    average: float = option(0.999, "Decay of the moving average of the weights, which is what is kept.", 0.0, 0.99999)
