"""Everything that decides the numbers of a benchmark run, apart from which methods and episodes run.

Two runs with equal settings give equal numbers; results made with other settings are never mixed in one folder.
"""

import hashlib
import json
import math
from dataclasses import dataclass

from depth_pc_ros.config import CommonConfig, Config, ControlConfig, MatcherConfig, option, same_as
from depth_pc_ros.package_files import SHIPPED_DEPTH

E_YCB, E_GENERIC, E_IMAGE, E_REAL = "E_YCB", "E_generic", "E_image", "E_real"
E_MUJOCO, E_MUJOCO_YCB = "E_mujoco", "E_mujoco_YCB"
SPLITS = ("dev", "test")
LEVELS = ("S", "M", "L")
PHOTO_LEVEL = "P"  # E_image has one level: the published perturbations
# The names in `recordings.source.FORMATS`; here, so that settings can be read without the readers.
RECORDING_FORMATS = ("folder", "transforms", "bop", "apc", "tum", "7scenes", "rosbag")
_LATER = ("fault", "recording", "recording_format", "goal_frame", "across", "mask_digest", "wide_baseline", "elevation")
DT_S = 0.02  # one step; the paper's evaluation integrates 1/50 s


@dataclass(frozen=True)
class Disturbance(Config):
    """What is made worse than in a clean run. All may be combined; each has its own random stream."""

    light: bool = option(False, "Other light than at the goal: gamma 0.45-2.2 per episode, and a drifting exposure.")
    blur: bool = option(False, "Defocus of 0.5-2 px per episode, and motion blur of up to 9 px per image.")
    camera_noise: bool = option(
        False, "Read noise of 2 grey levels, slight defocus and motion blur, exposure jitter; in the goal image, too."
    )
    occlude: float = option(
        0.0, "A moving blob hides this share of the image; in bursts a second one does too.", 0.0, 0.7
    )  # fmt: skip
    mismatch: float = option(0.0, "This share of the matches is replaced by random ones.", 0.0, 1.0)
    pixel_noise: float = option(0.0, "Gaussian noise on matched pixels, standard deviation in px.", 0.0, 50.0)
    delay_ms: float = option(0.0, "Latency from image to motion, ms.", 0.0, 2000.0)
    hand_eye_mm: float = option(0.0, "Offset of the assumed camera frame, mm.", 0.0, 1000.0)
    hand_eye_deg: float = option(0.0, "Rotation of the assumed camera frame, degrees.", 0.0, 180.0)
    distance_prior: float = option(
        1.0,
        "Distance prior of the methods, as a factor of the true goal distance; 0: none, only the default.",
        0.0,
        100.0,
    )


@dataclass(frozen=True)
class Settings(Disturbance):
    """All settings of a run. `renderer` is the one in use, `source` says which scenes or photographs were used.

    fault: the row of `e_fault`; its own settings are already among these.
    """

    environment: str = option(
        E_YCB,
        "Where the camera moves.",
        choices=(E_YCB, E_GENERIC, E_IMAGE, E_REAL, E_MUJOCO, E_MUJOCO_YCB),
    )
    split: str = option("dev", "Episodes to tune on (dev) or to report (test).", choices=SPLITS)
    seed: int = same_as(CommonConfig, "seed")
    speed: str = same_as(
        ControlConfig,
        "speed",
        "paper",
        help=ControlConfig.__dataclass_fields__["speed"].metadata["help"]
        + " `paper_peaks` is `swift` with speed limits of this episode: twice the straight path per second, in metres "
        "and radians.",
        extra_choices=("paper_peaks",),
    )
    depth: str = option(
        "none",
        "Depth given to the methods, of goal and live image: none (only the goal distance), the renderer's in metres, "
        "a depth camera's (range limits, holes at edges, quantised), or a network's relative depth. Of recordings: "
        "none, estimated, measured (the recording's own), oracle (fused from the neighbouring frames by true poses).",
        choices=("none", "renderer", "camera", "estimated", "measured", "oracle"),
    )
    depth_model: str = option(
        SHIPPED_DEPTH, "Model of `estimated` depth: one that ships, a folder, or a name on the hub."
    )
    matcher: str = same_as(MatcherConfig, "matcher")
    matcher_digest: str = option("", "Of the weights of disk or aliked and its LightGlue.")
    track: bool = same_as(MatcherConfig, "track")
    wide_baseline: str = same_as(MatcherConfig, "wide_baseline", "sift")
    freeze_depth: bool = same_as(ControlConfig, "freeze_depth")
    find_scale: bool = same_as(ControlConfig, "find_scale")
    scene: str = option(
        "standard",
        "YCB objects of a scene: standard (8-12), easy (12), hard (3-5), depth (8 dropped over pedestals of 5-20 cm).",
        choices=("standard", "easy", "hard", "depth"),
    )
    base: str = option(
        "standard",
        "Camera to scene centre: standard (0.5-0.9 m), low (0.4-0.55 m), high (0.85-1.1 m).",
        choices=("standard", "low", "high"),
    )
    elevation: str = option(
        "standard",
        "Views of goal and start from above the horizontal: standard (70-90°), low (15-35°, depths of 0.3 to 3 m).",
        choices=("standard", "low"),
    )
    max_steps: int = option(600, "Steps of 1/50 s after which an episode is a timeout.", 1, 100000)
    renderer: str = option(
        "egl", "What draws the images.", choices=("egl", "tiny", "mujoco", "homography", "recording")
    )
    source: str = option("", "Digest of the scene file or the photographs, if any were given.")
    raft_weights: str = option(
        "", "Weights of RAFT for flow_ibvs, of torchvision or ptlflow; empty: OpenCV's DIS flow."
    )
    fault: str = option("", "Row of e_fault; empty: none.")
    recording: str = option("", "Name of the recording of e_real, for the tables; empty: that of its folder.")
    recording_format: str = option("auto", "Format of the recording.", choices=("auto", *RECORDING_FORMATS))
    goal_frame: str = option(
        "own",
        "Closed loops of e_real: the goal is the frame that live views are rendered from (own), or another one.",
        choices=("own", "other"),
    )
    across: bool = option(
        False, "Goal and live frame come from different sequences of the recording, whose poses are in one world."
    )
    mask_digest: str = option("", "Of the mask of what is not to be matched.")

    def to_mapping(self) -> dict:
        """As a mapping. What came later is left out where it is not in use: so it equals that of an older run."""
        values = super().to_mapping()
        for name in _LATER:
            if values[name] == self.__dataclass_fields__[name].default:
                del values[name]
        return values

    @property
    def levels(self) -> tuple[str, ...]:
        """The levels of this environment."""
        return (PHOTO_LEVEL,) if self.environment == E_IMAGE else LEVELS

    @property
    def simulator(self) -> str:
        """The simulator that scenes settle in and are seen in: 'pybullet' or 'mujoco'."""
        return "mujoco" if self.environment in (E_MUJOCO, E_MUJOCO_YCB) else "pybullet"

    @property
    def digest(self) -> str:
        """Short hash of all settings."""
        return hashlib.sha256(json.dumps(self.to_mapping(), sort_keys=True).encode()).hexdigest()[:12]

    @property
    def variant(self) -> str:
        """What differs from a clean run of this environment, split and speed; 'clean' if nothing does."""
        words = []
        names = (
            "depth",
            "depth_model",
            "matcher",
            "track",
            "wide_baseline",
            "freeze_depth",
            "find_scale",
            "scene",
            "base",
            "elevation",
        )
        of_recording = ("recording", "goal_frame", "across")
        for name in ("fault", *of_recording, *names, *Disturbance.__dataclass_fields__):
            value = getattr(self, name)
            if value != self.__dataclass_fields__[name].default:
                words.append(_word(name, value))
        if self.mask_digest:
            words.append("masked")
        return ", ".join(words) or "clean"

    @property
    def velocity_law(self) -> str:
        """The velocity law in words, for the tables."""
        if self.speed == "paper":
            return "paper (dt 1/50 s, velocity doubled, no limits: 4 % a step)"
        if self.speed == "limited":
            gain = f"gain {ControlConfig.gain:g} /s"
        else:
            gain = f"braking law, gain {ControlConfig.swift_gain:g} /s at the end"
        speeds = f"{ControlConfig.max_linear:g} m/s, {math.degrees(ControlConfig.max_angular):.0f} °/s"
        if self.speed == "paper_peaks":
            speeds = "at most twice the straight path per second"
        linear, angular = ControlConfig.max_linear_acceleration, ControlConfig.max_angular_acceleration
        return f"{self.speed} (dt 1/50 s, {gain}, {speeds}, {linear:g} m/s², {angular:g} rad/s²)"


def _word(name: str, value) -> str:
    if name == "distance_prior" and value == 0:
        return "no distance_prior"
    if isinstance(value, bool):
        return name if value else f"no {name}"
    return f"{name} {value:g}" if isinstance(value, float) else f"{name} {value}"
