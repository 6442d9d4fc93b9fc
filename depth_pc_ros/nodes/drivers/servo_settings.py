"""What MoveIt Servo's parameters say about the twists that it takes. No ROS import."""

import math
from dataclasses import dataclass, field

import numpy as np

PREFIX = "moveit_servo."  # of the parameters, whatever the node is called
COMMON = (
    "command_in_type",
    "scale.linear",
    "scale.rotational",
    "incoming_command_timeout",
    "cartesian_command_in_topic",
)
ABOUT_TIP = "apply_twist_commands_about_ee_frame"  # Jazzy and later; Humble always does
UNITS = ("speed_units", "unitless")


@dataclass(frozen=True)
class Fault:
    """Why the settings do not fit. detail: what is wrong. mend: the command that mends it; "": none does."""

    detail: str
    mend: str = ""

    def __str__(self) -> str:
        return f"{self.detail}: {self.mend}" if self.mend else self.detail


@dataclass(frozen=True)
class ServoSettings:
    """Settings of the MoveIt Servo node `node`.

    command_in_type: `speed_units` (m/s, rad/s) or `unitless` (shares of the scale). linear, rotational: its `scale`,
    m/s and rad/s. timeout_s: age from which a command is not obeyed. topic: of the twists. about_tip: whether a twist
    in the tip frame is taken about the tip. clamps: whether speeds above the scale are cut, linear and angular apart;
    so it is from Jazzy on.
    """

    node: str
    command_in_type: str
    linear: float
    rotational: float
    timeout_s: float
    topic: str = "~/delta_twist_cmds"
    about_tip: bool = True
    clamps: bool = True
    unitless: bool = field(init=False)

    def __post_init__(self):
        object.__setattr__(self, "unitless", self.command_in_type == "unitless")

    @classmethod
    def from_values(cls, node: str, values: dict[str, object]) -> "ServoSettings":
        """values: of the parameters named in `names`. Raises ValueError where one is missing or of another type."""
        for name in names(ABOUT_TIP in values):
            kind = str if name in ("command_in_type", "cartesian_command_in_topic") else float
            kind = bool if name == ABOUT_TIP else kind
            if not isinstance(values.get(name), kind):
                raise ValueError(f"{PREFIX}{name}: expected {kind.__name__}, got {values.get(name)!r}")
        first = (values[name] for name in COMMON)
        return cls(node, *first, values.get(ABOUT_TIP, True), ABOUT_TIP in values)

    def fault(self) -> Fault | None:
        """The first reason why twists cannot be sent; None: they can."""
        if self.command_in_type not in UNITS:
            return self._fault("command_in_type", f"{self.command_in_type!r} is none of {', '.join(UNITS)}", UNITS[0])
        for name, scale, default in (("scale.linear", self.linear, 0.4), ("scale.rotational", self.rotational, 0.8)):
            if self.unitless and not (math.isfinite(scale) and scale > 0):
                return self._fault(name, f"{scale:g} moves nothing", default)
        if not self.about_tip:
            return self._fault(ABOUT_TIP, "false turns the tool about the base instead of its own origin", "true")
        if not self.timeout_s > 0:
            return self._fault("incoming_command_timeout", f"{self.timeout_s:g} s makes every command too old", 0.1)
        own = f"{self.node}/delta_twist_cmds"
        if self.topic not in ("~/delta_twist_cmds", own):
            return Fault(
                f"{PREFIX}cartesian_command_in_topic is {self.topic}: set it to ~/delta_twist_cmds in MoveIt Servo's "
                "parameter file and start MoveIt Servo again"
            )
        return None

    def _fault(self, name: str, detail: str, value: object) -> Fault:
        return Fault(f"{PREFIX}{name}: {detail}", f"ros2 param set {self.node} {PREFIX}{name} {value}")

    def limits(self) -> tuple[float, float]:
        """Speeds, m/s and rad/s, above which MoveIt Servo would not carry a twist out as it is."""
        if not (self.clamps or self.unitless):
            return np.inf, np.inf
        return self.linear if self.linear > 0 else np.inf, self.rotational if self.rotational > 0 else np.inf

    def to_command(self, twist: np.ndarray) -> np.ndarray:
        """The numbers (6,) that make MoveIt Servo move the tip with this twist (6,), m/s and rad/s."""
        return twist / np.repeat([self.linear, self.rotational], 3) if self.unitless else twist


def names(about_tip: bool) -> tuple[str, ...]:
    """The parameters to read, without PREFIX. about_tip: whether this Servo has ABOUT_TIP."""
    return (*COMMON, ABOUT_TIP) if about_tip else COMMON
