"""The seven tables of Depth-PC (arXiv 2411.17195): their rows, what runs for each row here, the published numbers.

Published numbers are SR %, TE mm, RE degrees, and time in the unit of the table. Those of simulation (Tables I, IV, V)
are from the authors' own scenes, those of a real robot (Tables III, VI, VII) have simulated stand-ins here.
"""

from dataclasses import dataclass

from depth_pc_ros.benchmark.settings import E_IMAGE, E_YCB

STEPS, STEP_MS, SECONDS = "TS", "mTT ms", "mTT s"  # steps to the stop; time of a step; time to the stop


@dataclass(frozen=True, eq=False)
class Row:
    """One system of a table.

    system: as the paper calls it. method: of `methods.METHODS`. ablation: the weights of `ablations.ABLATIONS` that it
    has; "": its own. published: None for what the paper does not have. setting: where a table has several. parts: the
    settings of its runs, besides those of the table; trials of all are taken together.
    """

    system: str
    method: str
    published: tuple[float, float, float, float] | None = None
    ablation: str = ""
    setting: str = ""
    parts: tuple[dict, ...] = ({},)


@dataclass(frozen=True, eq=False)
class Table:
    """A table. time: of the last column. episodes, quick_episodes: of each part, in full and with --quick."""

    title: str
    environment: str
    time: str
    settings: dict
    episodes: int
    quick_episodes: int
    rows: tuple[Row, ...]
    note: str


_PAPER_LAW = {"depth": "renderer", "speed": "paper"}
_ROBOT = {"depth": "estimated", "speed": "swift", "camera_noise": True}
_STAND_IN = (
    "Simulated stand-in: the published numbers are of a real robot. Here: YCB scenes in simulation, a camera's noise, "
    "relative depth of the model that ships, velocity law swift. mTT is simulated time from start to stop."
)
_IN_SIMULATION = (
    "As in the paper: scenes of YCB objects, no noise, the renderer's depth, the paper's velocity law. Published "
    "numbers are from scenes of their authors."
)
_SCENES, _BASES = ("easy", "hard", "depth"), ("low", "high")


def _five(published: dict[str, tuple], setting: str, parts: tuple[dict, ...]) -> tuple[Row, ...]:
    """The rows of one setting of a real robot's table."""
    return (
        Row("IBVS", "ibvs", published["IBVS"], "", setting, parts),
        Row("CNS, public weights", "cns", published["CNS"], "", setting, parts),
        Row("CNS, own ablation", "depth_pc", None, "cns", setting, parts),
        Row("Depth-PC", "depth_pc", published["Depth-PC"], "", setting, parts),
        Row("ours", "depth_pc_geo", None, "", setting, parts),
    )


TABLES: dict[int, Table] = {
    1: Table(
        "E_YCB", E_YCB, STEPS, _PAPER_LAW, 150, 6,
        (
            Row("IBVS", "ibvs", (85.33, 1.602, 0.136, 253.9)),
            Row("RAFT + IBVS", "flow_ibvs", (100, 2.336, 0.164, 358.3)),
            Row("small flow + IBVS", "compact_flow"),
            Row("CNS, public weights", "cns", (100, 1.592, 0.134, 207.8)),
            Row("CNS, own ablation", "depth_pc", None, "cns"),
            Row("Depth-PC", "depth_pc", (100, 1.426, 0.124, 178.5)),
            Row("ours", "depth_pc_geo"),
            Row("ours, not learned", "pbvs"),
        ),
        _IN_SIMULATION + " RAFT runs with --raft-weights; without, DIS is in its place, as the method's name says.",
    ),
    2: Table(
        "E_image", E_IMAGE, STEP_MS, _PAPER_LAW, 150, 6,
        (
            Row("AlexNet-based", "alexnet", (93.20, 28.854, 2.365, 401.0)),
            Row("Siame-se(3)", "siame_se3", (92.67, 54.084, 6.758, 401.0)),
            Row("CNS, public weights", "cns", (100, 0.708, 0.037, 32.32)),
            Row("CNS, own ablation", "depth_pc", None, "cns"),
            Row("Depth-PC", "depth_pc", (99.33, 0.626, 0.124, 32.06)),
            Row("ours", "depth_pc_geo"),
        ),
        "Photographs on a plane, the renderer's depth, the paper's velocity law. The paper's photographs are those of "
        "PASCAL VOC 2012 (--images). mTT is the time of one step: compare it within one column only.",
    ),
    3: Table(
        "real robot, by scene", E_YCB, SECONDS, _ROBOT, 50, 3,
        (
            *_five(
                {"IBVS": (38, 22.141, 3.699, 6.010), "CNS": (42, 21.716, 3.296, 6.743),
                 "Depth-PC": (60, 18.945, 1.981, 4.021)}, "Scene-Easy", ({"scene": "easy"},),
            ),
            *_five(
                {"IBVS": (32, 26.617, 6.987, 8.002), "CNS": (38, 23.132, 5.967, 8.409),
                 "Depth-PC": (58, 19.449, 2.179, 4.874)}, "Scene-Hard", ({"scene": "hard"},),
            ),
        ),
        _STAND_IN + " Scene-Easy has 12 objects, Scene-Hard 3 to 5.",
    ),
    4: Table(
        "data processing", E_YCB, STEPS, _PAPER_LAW, 150, 6,
        (
            Row("CNS + HPR", "depth_pc", (99.33, 1.603, 0.132, 200.7), "cns_hpr"),
            Row("CNS", "depth_pc", (100, 1.592, 0.134, 207.8), "cns"),
            Row("Depth-PC without HPR", "depth_pc", (99.33, 1.592, 0.137, 185.1), "no_hpr"),
            Row("Depth-PC", "depth_pc", (100, 1.426, 0.124, 178.5), "as_it_is"),
        ),
        _IN_SIMULATION + " HPR is hidden point removal. All rows are trained here, equally long.",
    ),
    5: Table(
        "feature fusion", E_YCB, STEPS, _PAPER_LAW, 150, 6,
        (
            Row("Depth-PC, concatenation", "depth_pc", (92.67, 2.656, 0.366, 293.4), "concat"),
            Row("Depth-PC, cross attention", "depth_pc", (96.67, 1.794, 0.147, 228.2), "cross_attention"),
            Row("Depth-PC", "depth_pc", (100, 1.426, 0.124, 178.5), "as_it_is"),
        ),
        _IN_SIMULATION + " All rows are trained here, equally long.",
    ),
    6: Table(
        "real robot, by source of depth", E_YCB, SECONDS, _ROBOT, 50, 3,
        tuple(
            Row(system, "depth_pc", published, "", "", tuple(
                {"scene": scene, "base": base, "depth": depth} for base in _BASES for scene in _SCENES
            ))
            for system, depth, published in (
                ("Depth-PC, camera", "camera", (42.32, 27.067, 6.456, 9.856)),
                ("Depth-PC", "estimated", (59.67, 18.720, 3.156, 6.006)),
            )
        ),
        _STAND_IN + " Over three scenes, from near and far; `camera` is a depth camera's, with its range limits, holes "
        "and steps.",
    ),
    7: Table(
        "real robot, by distance", E_YCB, SECONDS, _ROBOT, 50, 2,
        (
            *_five(
                {"IBVS": (38.67, 21.108, 4.085, 6.893), "CNS": (43.33, 21.062, 3.679, 6.632),
                 "Depth-PC": (62, 17.876, 2.076, 5.136)}, "Base-Low",
                tuple({"scene": scene, "base": "low"} for scene in _SCENES),
            ),
            *_five(
                {"IBVS": (31.33, 25.817, 7.852, 9.658), "CNS": (36.67, 24.587, 6.031, 8.974),
                 "Depth-PC": (57.33, 19.563, 4.235, 6.876)}, "Base-High",
                tuple({"scene": scene, "base": "high"} for scene in _SCENES),
            ),
        ),
        _STAND_IN + " Over three scenes; the camera is 0.40 to 0.55 m from the scene's centre (Base-Low) or 0.85 to "
        "1.10 m (Base-High).",
    ),
}  # fmt: skip


def part_name(part: dict) -> str:
    """The name of the folder of a part's results."""
    return "-".join(part.values()) or "standard"


def parts_of(table: Table) -> dict[str, dict]:
    """The different parts of a table's rows, by name."""
    return {part_name(part): part for row in table.rows for part in row.parts}
