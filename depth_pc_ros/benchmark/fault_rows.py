"""The rows of `e_fault`: each a fault, how it is run, and what the servo may answer."""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from depth_pc_ros.benchmark import fault_places, faults
from depth_pc_ros.benchmark.faults import Fault
from depth_pc_ros.errors import ConfigError

# A servo that is misled must stop within this commanded motion.
PATH_LIMIT_M, TURN_LIMIT_DEG = 0.03, 3.0


@dataclass(frozen=True)
class Row:
    """One row of the suite.

    what: for a person. make: called with a random stream and the image's size. safe: outcomes of a trial, besides
    arriving, that name the true cause; its message must match the pattern `says`. misled: after the fault began only
    PATH_LIMIT_M and TURN_LIMIT_DEG may be commanded. end_mm: of a moving target, the largest distance that counts as
    followed. settings: of `Settings`, options: of `PipelineConfig`, in place of the run's.
    """

    what: str
    make: Callable[..., Fault] = Fault
    safe: tuple[str, ...] = ()
    says: str = ""
    misled: bool = False
    end_mm: float | None = None
    settings: dict[str, Any] = field(default_factory=dict)
    options: dict[str, Any] = field(default_factory=dict)

    def names_cause(self, outcome: str, message: str) -> bool:
        """Whether a trial's outcome and last message say what is wrong."""
        return outcome in self.safe and re.search(self.says, message, re.IGNORECASE) is not None


NO_FAULT = Row("nothing is wrong")


def _rows() -> dict[str, Row]:
    rows = {}
    for percent in (10, 20, 30, 40):
        what = f"gripper fixed in {percent} % of goal and live image"
        for texture in ("plain", "moderate", "rich"):
            make = partial(faults.Gripper, share=percent / 100, texture=texture)
            rows[f"gripper_{percent}_{texture}"] = Row(f"{what}, {texture} texture", make, ("ambiguous", "lost"))
            rows[f"gripper_{percent}_{texture}_masked"] = Row(
                f"{what}, {texture} texture, mask given", partial(make, known=True)
            )
    short = {"max_steps": 150}
    rows["frozen"] = Row("the image freezes, stamps go on", faults.Frozen, ("frozen",), misled=True, settings=short)
    rows["frozen_noisy"] = Row(
        "the image freezes but for the camera's noise", partial(faults.Frozen, noisy=True),
        ("frozen", "not_following"), misled=True, settings=short,
    )  # fmt: skip
    rows["deaf"] = Row(
        "the arm does not move", partial(faults.Executed, matrix=faults.DEAF), ("not_following",), misled=True,
        settings=short,
    )  # fmt: skip
    frames = {
        "frame_180x": ("camera frame turned by 180° about x", faults.turned("x", 180), r"180.*\bx\b"),
        "frame_180y": ("camera frame turned by 180° about y", faults.turned("y", 180), r"180.*\by\b"),
        "frame_180z": ("camera frame turned by 180° about z", faults.turned("z", 180), r"180.*\bz\b"),
        "frame_90z": ("camera frame turned by 90° about z", faults.turned("z", 90), r"90.*\bz\b"),
        "frame_link": ("twist obeyed in camera_link axes", faults.camera_link(), "camera_link|optical"),
        "frame_mirrored": ("left and right exchanged", faults.mirrored(), "mirror"),
    }
    for name, (what, matrix, says) in frames.items():
        make = partial(faults.Executed, matrix=matrix)
        rows[name] = Row(what, make, ("contradicted",), says, misled=True, settings=short)
    for factor in (10, 1000, 0.001):
        for given in ("both", "goal", "live"):
            images = "goal and live image" if given == "both" else f"{given} image only"
            rows[f"depth_x{factor:g}_{given}"] = Row(
                f"measured depth × {factor:g}, of {images}; no distance given",
                partial(faults.DepthUnits, factor=factor, given=given),
                settings={"depth": "camera", "distance_prior": 0.0},
            )  # fmt: skip
    for percent in (15, 30, 45, 60):
        rows[f"board_{percent}"] = Row(
            f"a textured board that fills {percent} % was moved since the goal was taken",
            partial(fault_places.MovedBoard, share=percent / 100), ("ambiguous", "lost"),
        )  # fmt: skip
    for percent in (30, 50, 70):
        safe = ("ambiguous", "lost") if percent > 50 else ("lost",)
        rows[f"hand_{percent}"] = Row(
            f"a hand hides {percent} % of the live image", partial(faults.Hand, share=percent / 100), safe
        )
    for mm_s in (1, 5, 10, 20):
        rows[f"target_{mm_s}mm_s"] = Row(
            f"the target moves at {mm_s} mm/s", partial(faults.MovingTarget, speed_m_s=1e-3 * mm_s), ("lost",),
            end_mm=max(2.0, 0.2 * mm_s), settings={"max_steps": faults.MovingTarget.RUN_STEPS},
            options={"after_goal": "track"},
        )  # fmt: skip
    for mm in (1, 5):
        rows[f"target_jump_{mm}mm"] = Row(
            f"the target moves by {mm} mm after arrival",
            partial(faults.MovedAfterArrival, distance_m=1e-3 * mm), end_mm=0.5, settings={"max_steps": 550},
        )  # fmt: skip
    for factor in (0.2, 0.5):
        rows[f"speed_x{factor:g}"] = Row(
            f"the arm moves at {factor:g} of the command",
            partial(faults.Executed, matrix=faults.slowed(factor)), settings={"max_steps": round(300 / factor)},
        )  # fmt: skip
    rows["speed_changing"] = Row(
        "the arm moves at 0.2 to 1 of the command, changing", faults.ChangingSpeed, settings={"max_steps": 600}
    )
    for ms in (100, 300):
        what = f"{ms} ms from image to motion"
        delay = {"delay_ms": float(ms)}
        rows[f"lag_{ms}ms"] = Row(f"{what}, which the servo is not told", settings=delay)
        told = partial(faults.ToldLag, age_s=1e-3 * ms)
        rows[f"lag_{ms}ms_told"] = Row(f"{what}, which the servo is told", told, settings=delay)
    for rate_hz in (5, 2):
        rows[f"camera_{rate_hz}hz"] = Row(
            f"{rate_hz} images a second; a command acts for 0.25 s at most",
            partial(faults.SlowCamera, rate_hz=rate_hz), settings={"max_steps": 3000 // rate_hz},
        )  # fmt: skip
    rows["drop_outs"] = Row("no images for 0.2 to 1 s, again and again", faults.DropOuts, settings={"max_steps": 600})
    periodic = ("ambiguous", "lost")
    rows["repeated"] = Row("six equal packages", fault_places.Repeated, periodic)
    for name, edge, what in (("full", False, "fills the image"), ("edge", True, "has its edge in view")):
        rows[f"chessboard_{name}"] = Row(
            f"a bare chessboard, which {what}; start one period off",
            partial(fault_places.OnePeriodOff, edge=edge), periodic,
        )  # fmt: skip
    rows["pure_roll"] = Row("the start is turned by 150 to 180° about the optical axis alone", fault_places.PureRoll)
    return rows


ROWS = _rows()


def row_of(name: str) -> Row:
    """The row of a name, '' for none. Raises ConfigError."""
    if name and name not in ROWS:
        raise ConfigError(f"fault: unknown row {name!r}; known: {', '.join(ROWS)}")
    return ROWS[name] if name else NO_FAULT
