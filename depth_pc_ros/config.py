"""Configuration: frozen dataclasses whose every field carries its help text and its range.

The same fields become keyword overrides of `ServoPipeline.from_config`, keys of a YAML file, and ROS parameters.
"""

import argparse
import dataclasses
import difflib
import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import yaml

from depth_pc_ros.errors import ConfigError

T = TypeVar("T", bound="Config")


def option(default, help: str, low=None, high=None, choices=None):
    """A dataclass field with its help text and its inclusive range, or its allowed values."""
    return dataclasses.field(default=default, metadata={"help": help, "low": low, "high": high, "choices": choices})


def _check_value(name: str, value: Any, field: dataclasses.Field) -> Any:
    """Return `value` with ints widened to float where the default is one; raise ConfigError if it does not fit."""
    expected = type(field.default)
    if expected is float and type(value) is int:
        value = float(value)
    if type(value) is not expected:
        raise ConfigError(f"{name}: expected {expected.__name__}, got {type(value).__name__} {value!r}")
    if isinstance(value, float) and not math.isfinite(value):
        raise ConfigError(f"{name}: expected a finite number, got {value}")
    low, high, choices = (field.metadata.get(key) for key in ("low", "high", "choices"))
    if choices is not None and value not in choices:
        raise ConfigError(f"{name}: expected one of {', '.join(map(str, choices))}, got {value!r}")
    if (low is not None and value < low) or (high is not None and value > high):
        raise ConfigError(f"{name}: expected a value in [{low}, {high}], got {value}")
    return value


@dataclass(frozen=True)
class Config:
    """Base of all configurations: checks every field when built."""

    def __post_init__(self):
        for field in dataclasses.fields(self):
            object.__setattr__(self, field.name, _check_value(field.name, getattr(self, field.name), field))

    @classmethod
    def from_mapping(cls: type[T], values: dict[str, Any], where: str = "configuration") -> T:
        """Build from a mapping; an unknown key raises ConfigError and names the nearest known one."""
        known = [field.name for field in dataclasses.fields(cls)]
        for key in values:
            if key not in known:
                near = difflib.get_close_matches(str(key), known, n=1)
                hint = f" (did you mean {near[0]}?)" if near else ""
                raise ConfigError(f"{where}: unknown key {key!r}{hint}; known keys: {', '.join(known)}")
        try:
            return cls(**values)
        except ConfigError as error:
            raise ConfigError(f"{where}: {error}") from None

    @classmethod
    def load(cls: type[T], path: str | Path | None = None, **overrides: Any) -> T:
        """Read a YAML mapping (none when path is None), then apply keyword overrides."""
        values: dict[str, Any] = {}
        if path is not None:
            try:
                values = yaml.safe_load(Path(path).read_text(encoding="utf-8")) or {}
            except (OSError, yaml.YAMLError) as error:
                raise ConfigError(f"config file {path}: {error}") from None
            if not isinstance(values, dict):
                raise ConfigError(f"config file {path}: expected a mapping of keys, got {type(values).__name__}")
        return cls.from_mapping({**values, **overrides}, str(path) if path else "configuration")

    def to_mapping(self) -> dict[str, Any]:
        return dataclasses.asdict(self)


def at_least(low: int):
    """A type for argparse: an integer of at least `low`."""

    def number(text: str) -> int:
        value = int(text)
        if value < low:
            raise argparse.ArgumentTypeError(f"expected a number of at least {low}, got {text}")
        return value

    return number


def add_fields(group, config: type[Config], names) -> None:
    """Add fields of a configuration to an argparse group, with their help and their choices.

    Ranges are checked when the configuration is built. A bool that is False becomes a switch, one that is True `--no-`.
    """
    for name in names:
        field = config.__dataclass_fields__[name]
        flag = name.replace("_", "-")
        help = field.metadata["help"].replace("%", "%%")
        if field.default is False:
            group.add_argument(f"--{flag}", action="store_true", help=help)
        elif field.default is True:
            group.add_argument(f"--no-{flag}", dest=name, action="store_false", help=f"Do not: {help}")
        else:
            group.add_argument(
                f"--{flag}", type=type(field.default), default=field.default, choices=field.metadata["choices"],
                metavar=None if field.metadata["choices"] else type(field.default).__name__.upper(),
                help=f"{help} Default: {field.default}.",
            )  # fmt: skip


LEARNED_MATCHERS = ("disk", "aliked")  # need kornia, and weights that do not ship


@dataclass(frozen=True)
class MatcherConfig(Config):
    """Keypoints and how they are matched with the goal."""

    matcher: str = option(
        "akaze", "Keypoint detector and descriptor; disk and aliked are networks, matched by LightGlue.",
        choices=("akaze", "sift", "orb", "brisk", *LEARNED_MATCHERS),
    )  # fmt: skip
    matcher_weights: str = option("", "File with the weights of disk or aliked.")
    lightglue_weights: str = option("", "File with the weights of the LightGlue that belongs to disk or aliked.")
    max_keypoints: int = option(1500, "Keep this many of the strongest keypoints per image.", 16, 5000)
    min_keypoints: int = option(20, "A goal image with fewer keypoints is refused.", 4, 5000)
    ratio: float = option(0.9, "Lowe's ratio test: best distance over second best; LightGlue has none.", 0.1, 1.0)
    refine: bool = option(True, "Align matched patches with the goal to sub-pixel accuracy (Lucas-Kanade).")
    track: bool = option(True, "Follow matches from image to image, and detect only now and then.")
    ransac_px: float = option(1.5, "Inlier distance of the MAGSAC geometric check, in pixels.", 0.1, 20.0)


CLASSICAL_LAWS = ("ibvs", "pbvs")  # need no model, and read no relative depth


@dataclass(frozen=True)
class ControlConfig(Config):
    """Control law, velocity law, limits and stopping rule."""

    controller: str = option(
        "depth_pc_geo", "Control law.", choices=("ibvs", "pbvs", "depth_pc", "depth_pc_geo")
    )  # fmt: skip
    model: str = option("", "Weights of a learned law: a folder, or the name of one that ships; empty: the law's own.")
    default_distance: float = option(
        0.6, "Camera to scene centre at the goal, m, where the goal does not say.", 0.05, 20.0
    )  # fmt: skip
    freeze_depth: bool = option(
        True, "Near the goal, freeze the depths that the path has told: steadier poses (laws that solve for the pose)."
    )  # fmt: skip
    find_scale: bool = option(
        True,
        "Find the true scale of the distance from commanded and seen motion (pbvs, depth_pc_geo). Not where something "
        "behind the adapter slows the arm down.",
    )
    max_relative_depth_age_s: float = option(1.0, "Estimated depth older than this is not used, s.", 0.0, 60.0)
    min_matches: int = option(8, "Fewer matched keypoints than this is LOST.", 4, 1000)
    speed: str = option(
        "swift",
        "Velocity law: `paper` doubles the unit-gain twist, without limits; `limited` uses the gain and limits below; "
        "`swift` goes as fast as these limits allow and brakes in time.",
        choices=("paper", "limited", "swift"),
    )
    gain: float = option(2.5, "Gain of the `limited` law, 1/s.", 0.05, 10.0)
    swift_gain: float = option(8.0, "Gain of the `swift` law near the goal, 1/s.", 0.05, 20.0)
    max_linear: float = option(0.25, "Speed limit, m/s.", 0.001, 2.0)
    max_angular: float = option(0.9948, "Angular speed limit, rad/s (57 deg/s).", 0.001, 6.3)
    max_linear_acceleration: float = option(1.0, "Acceleration limit, m/s^2.", 0.01, 50.0)
    max_angular_acceleration: float = option(4.0, "Angular acceleration limit, rad/s^2.", 0.01, 200.0)
    jerk_time_s: float = option(
        0.05, "The full acceleration is reached and left in this time, s: so it limits the jerk.", 0.001, 0.05
    )  # fmt: skip
    stop_error: float = option(
        0.01, "Mean keypoint error (normalised plane) under which the servo may stop.", 1e-5, 1.0
    )  # fmt: skip
    stop_precision: float = option(
        5e-4, "Mean keypoint error (normalised plane) below which the servo waits for no more.", 0.0, 1.0
    )
    stop_hold_s: float = option(0.4, "Stop when the error has not improved for this long, s.", 0.0, 60.0)


@dataclass(frozen=True)
class PipelineConfig(MatcherConfig, ControlConfig):
    """Everything `ServoPipeline` needs."""
