"""Every choice of a training run."""

from dataclasses import dataclass

from depth_pc_ros.config import option
from depth_pc_ros.networks.encoder import EncoderConfig


@dataclass(frozen=True)
class TrainConfig(EncoderConfig):
    """Which policy, how long, how fast. The defaults train the shipped policy."""

    policy: str = option("depth_pc_geo", "Which network.", choices=("depth_pc", "depth_pc_geo"))
    context_blocks: int = option(4, "Context-normalised layers on the points; 0 in the paper's network.", 0, 12)
    use_hpr: bool = option(True, "Hide occluded points in the training scenes (hidden point removal).")
    max_points: int = option(256, "Most keypoints of a training scene.", 12, 2000)
    max_mismatch: float = option(0.7, "Largest share of wrong matches in a training scene.", 0.0, 0.95)
    seed: int = option(0, "Of weights, scenes and disturbances.", 0, 2**31 - 1)
    updates: int = option(5000, "Steps of the optimiser.", 1, 10_000_000)
    batch_size: int = option(64, "Scenes per update.", 1, 4096)
    frames: int = option(3, "Frames per update, through which the memory is trained.", 1, 100)
    segments: int = option(12, "Updates on one roll-out, before the cameras are placed anew.", 1, 1000)
    placements: int = option(1, "Roll-outs on one batch of scenes.", 1, 1000)
    learning_rate: float = option(1e-3, "Largest learning rate; above 1e-3 training collapses.", 1e-7, 1e-2)
    warm_up: int = option(200, "Updates until the largest learning rate, which then falls by a cosine.", 1, 100000)
    fine_share: float = option(0.25, "Last share of the updates, with little noise and near the goal.", 0.0, 0.9)
    average: float = option(0.999, "Decay of the moving average of the weights, which is what is kept.", 0.0, 0.99999)

    @property
    def encoder(self) -> EncoderConfig:
        """The part that the network is built from."""
        return EncoderConfig(**{name: getattr(self, name) for name in EncoderConfig.__dataclass_fields__})

    @property
    def updates_per_scenes(self) -> int:
        """Updates made on one batch of scenes."""
        return self.segments * self.placements
