"""Configuration: frozen dataclasses whose every field carries its help text and its range.

The same fields become keyword overrides of `ServoPipeline.from_config`, keys of a YAML file, and ROS parameters.
"""

import dataclasses
import difflib
import math
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from depth_pc_ros.errors import ConfigError, shown
from depth_pc_ros.files.yaml_file import read_yaml

T = TypeVar("T", bound="Config")


# Keys, launch arguments and flags that were renamed: old name -> new name. The old one is refused by an error.
RENAMED = {"terminal": "freeze_depth", "config_dir": "params"}
_UNCHANGED = object()


def option(default, help: str, low=None, high=None, choices=None):
    """A dataclass field with its help text and its inclusive range, or its allowed values.

    `metadata["kind"]` is the type of a value: that of the default.
    """
    metadata = {"help": help, "low": low, "high": high, "choices": choices, "kind": type(default)}
    return dataclasses.field(default=default, metadata=metadata)


def same_as(
    config: "type[Config]", name: str, default=_UNCHANGED, help: str = "", low=None, high=None, choices=None,
    extra_choices=(),
):  # fmt: skip
    """A dataclass field that takes help, range, choices and type from the option `name` of another configuration.

    What is given here replaces what is there. default None: "not given here", which a value of None then says.
    extra_choices: allowed beside the choices of the other option.
    """
    field = config.__dataclass_fields__[name]
    changes = {"help": help or None, "low": low, "high": high, "choices": choices}
    metadata = {**field.metadata, **{key: value for key, value in changes.items() if value is not None}}
    if extra_choices:
        metadata["choices"] = (*metadata["choices"], *extra_choices)
    metadata["same_as"] = (config, name)
    return dataclasses.field(default=field.default if default is _UNCHANGED else default, metadata=metadata)


def _check_value(name: str, value: Any, field: dataclasses.Field) -> Any:
    """Return `value` with ints widened to float where the option is one; raise ConfigError if it does not fit."""
    if value is None and field.default is None:
        return None
    expected = field.metadata["kind"]
    if expected is float and type(value) is int:
        value = _as_float(name, value)
    if expected is tuple and type(value) is list:
        value = tuple(value)
    if type(value) is not expected:
        raise ConfigError(f"{name}: expected {expected.__name__}, got {type(value).__name__} {shown(value)}")
    if expected is tuple:
        value = tuple(_as_float(name, each) for each in value)
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{name}: expected a finite number, got {value}")
    low, high, choices = (field.metadata.get(key) for key in ("low", "high", "choices"))
    if choices is not None and value not in choices:
        raise ConfigError(f"{name}: expected one of {', '.join(map(str, choices))}, got {shown(value)}")
    if (low is not None and value < low) or (high is not None and value > high):
        raise ConfigError(f"{name}: expected a value in [{low}, {high}], got {shown(value)}")
    return value


def _as_float(name: str, value: Any) -> float:
    """A number, or one in a list of numbers; a bool is none."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ConfigError(f"{name}: expected numbers, got {type(value).__name__} {shown(value)}")
    try:
        return float(value)
    except OverflowError:
        raise ConfigError(f"{name}: expected a finite number, got {shown(value)}") from None


def unknown_name(what: str, key: Any, known: Iterable[str]) -> str:
    """The error for an unknown key or another name: it gives the new name, the nearest known one, or all."""
    known = list(known)
    if isinstance(key, str) and RENAMED.get(key) in known:
        return f"{key!r} is now called {RENAMED[key]!r}"
    near = difflib.get_close_matches(shown(key).strip("'"), known, n=1)
    hint = f"did you mean {near[0]}?" if near else f"known: {', '.join(known)}"
    return f"unknown {what} {shown(key)} ({hint})"


@dataclass(frozen=True)
class Config:
    """Base of all configurations: checks every field when built."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _check_value(field.name, getattr(self, field.name), field))

    @classmethod
    def from_mapping(cls: type[T], values: dict[str, Any], where: str = "configuration") -> T:
        """Build from a mapping; an unknown key raises ConfigError and names the nearest known one, or its new name."""
        known = [field.name for field in dataclasses.fields(cls)]
        for key in values:
            if key not in known:
                raise ConfigError(f"{where}: {unknown_name('key', key, known)}")
        try:
            return cls(**values)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None

    @classmethod
    def load(cls: type[T], path: str | Path | None = None, **overrides: Any) -> T:
        """Read a YAML mapping (none when path is None), then apply keyword overrides."""
        values = {} if path is None else read_yaml(path, "config file", ConfigError)
        return cls.from_mapping({**values, **overrides}, str(path) if path else "configuration")

    def to_mapping(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


@dataclass(frozen=True)
class CommonConfig(Config):
    """Options that several configurations and commands have in common; they take them from here."""

    seed: int = option(0, "Seed of every random choice.", 0, 2**31 - 1)
    ycb_root: str = option("", "Folder of the YCB models, which holds NAME/model.urdf for every object.")
    device: str = option("cpu", "Where the network runs: cpu, or cuda where there is one.")


LEARNED_MATCHERS = ("disk", "aliked")  # need kornia, and weights that do not ship


@dataclass(frozen=True)
class MatcherConfig(Config):
    """Keypoints and how they are matched with the goal."""

    matcher: str = option(
        "akaze",
        "Keypoints: akaze (most accurate), sift, orb (fastest), brisk; disk and aliked are networks with LightGlue.",
        choices=("akaze", "sift", "orb", "brisk", *LEARNED_MATCHERS),
    )  # fmt: skip
    matcher_weights: str = option(
        "", "Matcher disk or aliked: file with its weights; else ALIKED's, for wide_baseline."
    )
    lightglue_weights: str = option("", "The same: file with the weights of its LightGlue.")
    max_keypoints: int = option(1500, "Keep this many of the strongest keypoints per image.", 16, 5000)
    min_keypoints: int = option(20, "A goal image with fewer keypoints is refused.", 4, 5000)
    ratio: float = option(
        0.9,
        "Lowe's ratio test, best distance over second best; smaller keeps fewer but better matches. Not for LightGlue.",
        0.1,
        1.0,
    )
    refine: bool = option(True, "Align matched patches with the goal to sub-pixel accuracy (Lucas-Kanade).")
    track: bool = option(
        True, "Track matches from image to image, and detect keypoints only every few images (needs refine)."
    )
    wide_baseline: str = option(
        "auto",
        "Other keypoints where the matcher's own match too little, at the start and after LOST (needs track): sift; "
        "learned (SIFT, then ALIKED with LightGlue); auto (learned where kornia and weights are there, else sift); "
        "none.",
        choices=("auto", "none", "sift", "learned"),
    )
    ransac_px: float = option(1.5, "Inlier distance of the geometric check (MAGSAC), px.", 0.1, 20.0)
    mask: str = option("", "Image file, of the camera's size: black where nothing is to be matched, such as a gripper.")
    roi: str = option("", "Match only in this region of the image, `x y width height` in px; empty: everywhere.")


CLASSICAL_LAWS = ("ibvs", "pbvs")  # need no model, and read no relative depth


@dataclass(frozen=True)
class ControlConfig(Config):
    """Control law, velocity law, limits and stopping rule."""

    controller: str = option(
        "depth_pc_geo",
        "Control law: depth_pc_geo and depth_pc are learned, pbvs and ibvs classical.",
        choices=("ibvs", "pbvs", "depth_pc", "depth_pc_geo"),
    )  # fmt: skip
    model: str = option("", "Weights of a learned law: a folder, or the name of one that ships; empty: the law's own.")
    default_distance: float = option(
        0.6, "Distance from camera to scene centre at the goal, m, where the goal has none.", 0.05, 20.0
    )  # fmt: skip
    freeze_depth: bool = option(
        True,
        "Near the goal, freeze the keypoint depths that were estimated on the path: poses are less noisy (pbvs, "
        "depth_pc_geo).",
    )  # fmt: skip
    find_scale: bool = option(
        True,
        "Find the true scale of the distance from commanded and observed motion (pbvs, depth_pc_geo). Set it to false "
        "where something that the adapter does not know of slows the arm down.",
    )
    check_motion: bool = option(
        True,
        "Hold the motion of the image against the commands, and stop where they contradict. Set it to false only where "
        "nothing obeys the commands, as with recorded images.",
    )
    max_relative_depth_age_s: float = option(1.0, "Estimated depth older than this is not used, s.", 0.0, 60.0)
    min_matches: int = option(8, "With fewer matched keypoints than this the state is LOST.", 4, 1000)
    speed: str = option(
        "swift",
        "Velocity law: `swift` is the braking law: at the limits, and slower in time to stop at the goal; "
        "`limited` is proportional (`gain`) within the same limits; `paper` doubles the unit-gain twist, without "
        "limits (simulation only).",
        choices=("paper", "limited", "swift"),
    )
    gain: float = option(2.5, "Gain of the velocity law `limited`, 1/s.", 0.05, 10.0)
    swift_gain: float = option(8.0, "Gain of the braking law `swift` near the goal, 1/s.", 0.05, 20.0)
    max_linear: float = option(0.25, "Speed limit, m/s.", 0.001, 2.0)
    max_angular: float = option(0.9948, "Angular speed limit, rad/s (57 deg/s).", 0.001, 6.3)
    max_linear_acceleration: float = option(1.0, "Acceleration limit, m/s^2.", 0.01, 50.0)
    max_angular_acceleration: float = option(4.0, "Angular acceleration limit, rad/s^2.", 0.01, 200.0)
    jerk_time_s: float = option(
        0.05, "Time to reach the full acceleration, s: it limits the jerk.", 0.001, 0.05
    )  # fmt: skip
    stop_error: float = option(
        0.01, "The servo may stop when the mean keypoint error (normalised plane) is below this.", 1e-5, 1.0
    )  # fmt: skip
    stop_precision: float = option(
        5e-4,
        "The servo does not wait for the mean keypoint error (normalised plane) to fall further below this.",
        0.0,
        1.0,
    )
    stop_hold_s: float = option(0.4, "Stop when the error has not improved for this long, s.", 0.0, 60.0)
    after_goal: str = option(
        "hold",
        "At the goal: `hold` corrects a drift of the view, `track` also follows a moving target, by its velocity; "
        "`done` stays at rest until the servo is enabled again.",
        choices=("hold", "track", "done"),
    )
    wake_px: float = option(0.5, "At the goal: drift of the view that is corrected, px.", 0.1, 100.0)


@dataclass(frozen=True)
class PipelineConfig(MatcherConfig, ControlConfig):
    """Everything `ServoPipeline` needs."""
