"""The rows of `e_fault`: each a fault, how it is run, and what the servo may answer."""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from depth_pc_ros.benchmark import fault_places, faults
from depth_pc_ros.benchmark.faults import Fault
from depth_pc_ros.errors import ConfigError

NO_NEARER = "the picture came no nearer to the goal"  # whatever the fault, this is true, and blames nobody else
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
        """Whether a trial's outcome and last message say what is wrong, or that the servo comes no nearer."""
        if outcome == "contradicted" and NO_NEARER in message and not self.misled:
            return True
        return outcome in self.safe and re.search(self.says, message, re.IGNORECASE) is not None


NO_FAULT = Row("nothing is wrong")
_FEW_MATCHES = {"max_steps": 600}  # they are lost for a while


def _grippers() -> Iterator[tuple[str, Row]]:
    for percent in (10, 20, 30, 40):
        what = f"gripper fixed in {percent} % of goal and live image"
        for texture in ("plain", "moderate", "rich"):
            make = partial(faults.Gripper, share=percent / 100, texture=texture)
            name, what_texture = f"gripper_{percent}_{texture}", f"{what}, {texture} texture"
            yield name, Row(what_texture, make, safe=("ambiguous", "lost"), settings=_FEW_MATCHES)
            what_masked = f"{what_texture}, mask given"
            yield f"{name}_masked", Row(what_masked, partial(make, known=True), settings=_FEW_MATCHES)


def _misled() -> Iterator[tuple[str, Row]]:
    """Rows in which the servo must soon notice that it does not see what it does."""
    row = partial(Row, misled=True, settings={"max_steps": 150})
    yield "frozen", row("the image freezes, stamps go on", faults.Frozen, safe=("frozen",))
    noisy = partial(faults.Frozen, noisy=True)
    yield "frozen_noisy", row("the image freezes but for noise", noisy, safe=("frozen", "not_following"))
    deaf = partial(faults.Executed, matrix=faults.DEAF)
    yield "deaf", row("the arm does not move", deaf, safe=("not_following",))
    link = r"(body|camera_link)\b.* not .*optical"
    for name, what, matrix, says in (
        ("180x", "camera frame turned by 180° about x", faults.turned("x", 180), r"180\S* about (its )?x\b"),
        ("180y", "camera frame turned by 180° about y", faults.turned("y", 180), r"180\S* about (its )?y\b"),
        ("180z", "camera frame turned by 180° about z", faults.turned("z", 180), r"180\S* about (its )?z\b"),
        ("90z", "camera frame turned by 90° about z", faults.turned("z", 90), r"\b90\S* about (its )?z\b"),
        ("link", "twist obeyed in camera_link axes", faults.camera_link(), link),
        ("mirrored", "left and right exchanged", faults.mirrored(), r"mirrored.* x\b"),
    ):
        make = partial(faults.Executed, matrix=matrix)
        yield f"frame_{name}", row(what, make, safe=("contradicted",), says=says)


def _depths() -> Iterator[tuple[str, Row]]:
    settings = {"depth": "camera", "distance_prior": 0.0}
    for factor in (10, 1000, 0.001):
        for given in ("both", "goal", "live"):
            images = "goal and live image" if given == "both" else f"{given} image only"
            what = f"measured depth × {factor:g}, of {images}; no distance given"
            make = partial(faults.DepthUnits, factor=factor, given=given)
            yield f"depth_x{factor:g}_{given}", Row(what, make, settings=settings)


def _views() -> Iterator[tuple[str, Row]]:
    """Rows in which the goal cannot be seen as it was, or looks like other places."""
    doubtful = ("ambiguous", "lost")
    for percent in (15, 30, 45, 60):
        what = f"a textured board that fills {percent} % was moved since the goal was taken"
        make = partial(fault_places.MovedBoard, share=percent / 100)
        yield f"board_{percent}", Row(what, make, safe=doubtful, settings=_FEW_MATCHES)
    for percent in (30, 50, 70):
        what = f"a hand hides {percent} % of the live image"
        safe = doubtful if percent >= 50 else ("lost",)
        make = partial(faults.Hand, share=percent / 100)
        yield f"hand_{percent}", Row(what, make, safe=safe, settings=_FEW_MATCHES)
    yield "repeated", Row("six equal packages", fault_places.Repeated, safe=doubtful)
    for name, edge, where in (("full", False, "fills the image"), ("edge", True, "has its edge in view")):
        what = f"a bare chessboard, which {where}; start one period off"
        make, steps = partial(fault_places.OnePeriodOff, edge=edge), {"max_steps": 900}
        yield f"chessboard_{name}", Row(what, make, safe=doubtful, settings=steps)
    yield "pure_roll", Row("the start is turned by 150 to 180° about the optical axis alone", fault_places.PureRoll)


def _targets() -> Iterator[tuple[str, Row]]:
    for mm_s in (1, 5, 10, 20):
        yield (
            f"target_{mm_s}mm_s",
            Row(
                f"the target moves at {mm_s} mm/s",
                partial(faults.MovingTarget, speed_m_s=1e-3 * mm_s),
                safe=("lost",),
                end_mm=max(2.0, 0.2 * mm_s),
                settings={"max_steps": faults.MovingTarget.RUN_STEPS},
                options={"after_goal": "track"},
            ),
        )
    for mm in (1, 5):
        yield (
            f"target_jump_{mm}mm",
            Row(
                f"the target moves by {mm} mm after arrival",
                partial(faults.MovedAfterArrival, distance_m=1e-3 * mm),
                end_mm=0.5,
                settings={"max_steps": 550},
            ),
        )


def _times() -> Iterator[tuple[str, Row]]:
    """Slow arms and cameras: no reason to stop."""
    for factor in (0.2, 0.5):
        make = partial(faults.Executed, matrix=faults.slowed(factor))
        steps = {"max_steps": round(300 / factor)}
        yield f"speed_x{factor:g}", Row(f"the arm moves at {factor:g} of the command", make, settings=steps)
    what = "the arm moves at 0.2 to 1 of the command, changing"
    yield "speed_changing", Row(what, faults.ChangingSpeed, settings={"max_steps": 600})
    for ms in (100, 300):
        what, delay = f"{ms} ms from image to motion", {"delay_ms": float(ms)}
        untold = {**delay, "max_steps": 900}
        yield f"lag_{ms}ms", Row(f"{what}, which the servo is not told", settings=untold)
        told = partial(faults.ToldLag, age_s=1e-3 * ms)
        yield f"lag_{ms}ms_told", Row(f"{what}, which the servo is told", told, settings=delay)
    for rate_hz in (5, 2):
        what = f"{rate_hz} images a second; a command acts for 0.25 s at most"
        make = partial(faults.SlowCamera, rate_hz=rate_hz)
        yield f"camera_{rate_hz}hz", Row(what, make, settings={"max_steps": 3000 // rate_hz})
    what = "no images for 0.2 to 1 s, again and again"
    yield "drop_outs", Row(what, faults.DropOuts, settings={"max_steps": 600})


ROWS = dict([*_grippers(), *_misled(), *_depths(), *_views(), *_targets(), *_times()])


def row_of(name: str) -> Row:
    """The row of a name, '' for none. Raises ConfigError."""
    if name and name not in ROWS:
        raise ConfigError(f"fault: unknown row {name!r}; known: {', '.join(ROWS)}")
    return ROWS[name] if name else NO_FAULT
