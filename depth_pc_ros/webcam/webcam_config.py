"""Options of the webcam guide."""

from dataclasses import dataclass

from depth_pc_ros.config import Config, ControlConfig, MatcherConfig, option, same_as


@dataclass(frozen=True)
class WebcamConfig(Config):
    """The camera as far as it is known, and how it is calibrated."""

    fov: float = option(60.0, "Assumed horizontal field of view, degrees, of a camera without a file.", 10.0, 140.0)
    board_columns: int = option(9, "Inner corners of the chessboard along its longer side.", 3, 40)
    board_rows: int = option(6, "Inner corners along its shorter side.", 3, 40)
    board_views: int = option(15, "Different views of the chessboard that are taken.", 5, 100)
    matcher: str = same_as(MatcherConfig, "matcher", choices=("akaze", "sift", "orb", "brisk"))
    controller: str = same_as(ControlConfig, "controller", choices=("pbvs", "depth_pc_geo"))
