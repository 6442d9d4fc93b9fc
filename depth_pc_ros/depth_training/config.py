"""Every choice of a training run of the depth model."""

from dataclasses import dataclass

from depth_pc_ros.config import Config, option


@dataclass(frozen=True)
class DepthTrainConfig(Config):
    """How long, how fast, how large. The defaults train the shipped model."""

    seed: int = option(0, "Of weights and scenes.", 0, 2**31 - 1)
    updates: int = option(7000, "Steps of the optimiser.", 1, 10_000_000)
    batch_size: int = option(16, "Images per update.", 1, 1024)
    learning_rate: float = option(1e-3, "Largest learning rate.", 1e-7, 1e-1)
    warm_up: int = option(300, "Updates until the largest learning rate, which then falls by a cosine.", 1, 100000)
    short_side: int = option(140, "Short side of the images in the first phase, px; a multiple of 14.", 56, 518)
    fine_share: float = option(0.1, "Last share of the updates, at the resolution of use.", 0.0, 1.0)
    average: float = option(0.998, "Decay of the moving average of the weights, which is what is kept.", 0.0, 0.99999)
