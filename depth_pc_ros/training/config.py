"""Every choice of a training run."""

from dataclasses import dataclass

from depth_pc_ros.config import option, same_as
from depth_pc_ros.networks.encoder import EncoderConfig
from depth_pc_ros.training.plans import DisturbanceConfig
from depth_pc_ros.training.scene_config import SceneConfig
from depth_pc_ros.training.schedule_config import ScheduleConfig


@dataclass(frozen=True)
class TrainConfig(ScheduleConfig, EncoderConfig):
    """Which policy, how long, how fast. The defaults train the shipped policy."""

    policy: str = option("depth_pc_geo", "Which network.", choices=("depth_pc", "depth_pc_geo"))
    context_blocks: int = same_as(
        EncoderConfig, "context_blocks", 4, help="Context-normalised layers on the points; 0 in the paper's network."
    )
    use_hpr: bool = same_as(SceneConfig, "use_hpr")
    max_points: int = same_as(SceneConfig, "max_points", help="Most keypoints of a training scene.", low=12)
    max_mismatch: float = same_as(DisturbanceConfig, "max_mismatch")
    frames: int = option(3, "Frames per update, through which the memory is trained.", 1, 100)
    segments: int = option(12, "Updates on one roll-out, before the cameras are placed again.", 1, 1000)
    placements: int = option(1, "Roll-outs on one batch of scenes.", 1, 1000)

    @property
    def encoder(self) -> EncoderConfig:
        """The part that the network is built from."""
        return EncoderConfig(**{name: getattr(self, name) for name in EncoderConfig.__dataclass_fields__})

    @property
    def updates_per_scenes(self) -> int:
        """Updates made on one batch of scenes."""
        return self.segments * self.placements
