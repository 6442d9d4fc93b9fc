"""What kinds of training scenes there are, how often, and how large."""

from dataclasses import dataclass

from depth_pc_ros.config import Config, option
from depth_pc_ros.errors import ConfigError


@dataclass(frozen=True)
class SceneConfig(Config):
    """Distribution of the training scenes; broader than the benchmark's."""

    min_points: int = option(6, "Fewest keypoints; so many are seen by both cameras at the start.", 3, 1000)
    max_points: int = option(256, "Most keypoints; the number is log-uniform.", 3, 2000)
    uniform_share: float = option(0.1, "Share of scenes of points anywhere in the cylinder.", 0.0, 1.0)
    planar_share: float = option(0.15, "Share of scenes of points on one plane.", 0.0, 1.0)
    table_share: float = option(0.6, "Share of object scenes with keypoints on the table, too.", 0.0, 1.0)
    clump_share: float = option(0.5, "Share of scenes whose keypoints gather around a few places.", 0.0, 1.0)
    near_share: float = option(0.25, "Share of scenes that start less than 10 deg and 5 cm from the goal.", 0.0, 1.0)
    use_hpr: bool = option(True, "Hide occluded points in the training scenes (hidden point removal).")
    dense_points: int = option(3000, "Points of the dense cloud that decides on visibility.", 200, 20000)
    max_objects: int = option(12, "Most objects in a scene.", 1, 50)
    radius_m: float = option(0.2, "Radius of the cylinder of the objects' centroids, m.", 0.01, 2.0)
    height_m: float = option(0.1, "Height of the cylinder, m.", 0.0, 2.0)
    max_plane_tilt_deg: float = option(20.0, "Largest tilt of a planar scene, deg.", 0.0, 60.0)
    min_distance_m: float = option(0.4, "Smallest distance of a camera to the scene centre, m.", 0.1, 10.0)
    max_distance_m: float = option(1.1, "Largest distance of a camera to the scene centre, m.", 0.1, 10.0)
    max_turn_deg: float = option(180.0, "Largest rotation about the optical axis from start to goal, deg.", 0.0, 180.0)
    max_translation_m: float = option(0.6, "Largest translation from start to goal, m.", 0.05, 10.0)
    min_focal_px: float = option(400.0, "Smallest focal length of the 640 x 480 image, px.", 100.0, 5000.0)
    max_focal_px: float = option(700.0, "Largest focal length, px.", 100.0, 5000.0)

    def __post_init__(self):
        super().__post_init__()
        for name in ("points", "distance_m", "focal_px"):
            low, high = getattr(self, f"min_{name}"), getattr(self, f"max_{name}")
            if low > high:
                raise ConfigError(f"max_{name}: expected at least min_{name} = {low}, got {high}")
        rest = 1 - self.uniform_share
        if self.planar_share > rest + 1e-9:
            raise ConfigError(f"planar_share: expected at most 1 - uniform_share = {rest:g}, got {self.planar_share}")
