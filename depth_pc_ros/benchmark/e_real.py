"""The sub-command `e_real`: first answers on pairs of real images, and closed loops on views of real RGB-D frames."""

import argparse
import sys
from pathlib import Path

from depth_pc_ros.benchmark.arguments import add_workers, executor_from
from depth_pc_ros.benchmark.commands import levels_from
from depth_pc_ros.benchmark.episodes import Places, file_digest
from depth_pc_ros.benchmark.first_answers import check_answering, run_answers
from depth_pc_ros.benchmark.methods import METHODS, check_methods, make_method
from depth_pc_ros.benchmark.real_places import RealEpisodes, mask_for, run_pairs, run_recording
from depth_pc_ros.benchmark.report_commands import write_report
from depth_pc_ros.benchmark.results import read_results
from depth_pc_ros.benchmark.results_writer import results_in
from depth_pc_ros.benchmark.runner import command_of, run, run_facts
from depth_pc_ros.benchmark.settings import E_REAL, RECORDING_FORMATS, Settings
from depth_pc_ros.benchmark.worst_pairs import write_page
from depth_pc_ros.config import LEARNED_MATCHERS, MatcherConfig
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.options import add_fields, at_least
from depth_pc_ros.provenance import git_commit

PAIRS = 150
DEPTHS = ("none", "estimated", "measured", "oracle")
_SHOWN = 5  # problems of frames that are printed

_EXAMPLES = """examples:
  # 150 pairs of your own RGB-D recording; Ctrl-C stops it, the same command resumes
  python -m depth_pc_ros.benchmark e_real --root ~/recording --methods pbvs,depth_pc_geo

  # with the recording's own depth, and with a mask of the tool in view
  python -m depth_pc_ros.benchmark e_real --root ~/recording --depth measured --mask ~/tool.png

  # closed loops too: live views are rendered from another frame than the goal
  python -m depth_pc_ros.benchmark e_real --root ~/recording --pairs 0 --loops 30 --goal-frame other

  # CNS with its public weights, from your checkout of its repository
  python -m depth_pc_ros.benchmark e_real --root ~/recording --methods pbvs,cns@~/CNS
"""


def add_command(commands) -> None:
    """Add the sub-command to the parser's `add_subparsers` object."""
    command = commands.add_parser(
        "e_real",
        help="first answers and closed loops on recordings of real cameras",
        description="Ask every method for its first answer on pairs of real images with known poses: right, off, wrong "
        "way, or lost. With --loops, servo on views that are rendered from real RGB-D frames.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    group = command.add_argument_group("what to run")
    group.add_argument("--root", type=Path, required=True, metavar="DIR", help="Folder of the recording.")
    group.add_argument(
        "--format", dest="recording_format", default="auto", choices=("auto", *RECORDING_FORMATS),
        help="Its format. Default: auto, by the files that are there.",
    )  # fmt: skip
    group.add_argument(
        "--methods", default="pbvs,depth_pc_geo", metavar="A,B",
        help=f"Methods, separated by commas: {', '.join(METHODS)} (cns@CHECKOUT). Default: pbvs,depth_pc_geo.",
    )  # fmt: skip
    group.add_argument(
        "--pairs", type=at_least(0), default=PAIRS, metavar="N",
        help=f"Pairs for first answers. Default: {PAIRS}. The first N are always the same.",
    )  # fmt: skip
    group.add_argument(
        "--loops", type=at_least(0), default=0, metavar="N",
        help="Closed loops, evenly over the levels. Default: 0. They need recorded depth.",
    )  # fmt: skip
    group.add_argument("--levels", metavar="S,M,L", help="Rotations of the closed loops. Default: all.")
    group.add_argument(
        "--name", default="", metavar="NAME", help="Of the recording, for the tables. Default: the folder's."
    )
    add_fields(
        group, Settings,
        ("split", "seed", "goal_frame", "across", "depth", "depth_model", "matcher", "track", "wide_baseline",
         "freeze_depth", "find_scale", "max_steps", "distance_prior", "camera_noise"),
    )  # fmt: skip
    add_fields(group, MatcherConfig, ("mask", "matcher_weights", "lightglue_weights"))
    group = command.add_argument_group("how to run")
    add_workers(group)
    group.add_argument(
        "--output", type=Path, metavar="DIR",
        help="Folder of the results; finished answers and trials in it are kept. Default: "
        "out/benchmark/NAME-OF-THE-VARIANT.",
    )  # fmt: skip
    command.set_defaults(run=_run, speed="swift")


def settings_and_places(arguments: argparse.Namespace) -> tuple[Settings, Places]:
    """What the arguments say. Raises ConfigError, SceneError, ImageError, RecordingError."""
    root = arguments.root.expanduser().resolve()
    weights = [Path(text) if text else None for text in (arguments.matcher_weights, arguments.lightglue_weights)]
    values = {name: getattr(arguments, name) for name in Settings.__dataclass_fields__ if hasattr(arguments, name)}
    values |= {"environment": E_REAL, "renderer": "recording", "recording": arguments.name or root.name}
    if arguments.depth not in DEPTHS:
        raise ConfigError(f"depth: expected one of {', '.join(DEPTHS)} for a recording, got {arguments.depth!r}")
    mask = Path(arguments.mask).expanduser().resolve() if arguments.mask else None
    places = Places(None, None, None, *weights, recording=root, mask=mask)
    recording = run_recording(Settings(**values), root)
    values["source"] = recording.digest
    if mask is not None:
        mask_for(recording.frames[0].camera, mask)
        values["mask_digest"] = file_digest(mask)
    if arguments.matcher in LEARNED_MATCHERS:  # the matcher reports a missing file
        values["matcher_digest"] = ".".join(file_digest(p) for p in weights if p is not None and p.is_file())
    return Settings(**values), places


def _run(arguments: argparse.Namespace) -> None:
    if not arguments.pairs and not arguments.loops:
        raise ConfigError("pairs: expected some pairs or loops, got none of both")
    names = check_methods(arguments.methods.split(","))
    settings, places = settings_and_places(arguments)
    for name in names:  # report a missing package or file here, not in a worker
        method = make_method(name, settings, places)
        if arguments.pairs:
            check_answering(method, name)
    pairs, problems = run_pairs(settings, places.recording)
    _tell([*run_recording(settings, places.recording).problems, *problems])
    if not pairs:
        raise ConfigError("pairs: expected frames that see the same, with some motion between them; found no such pair")
    frames = run_recording(settings, places.recording).frames
    if settings.depth in ("measured", "oracle") and not any(frames[pair.goal].has_depth for pair in pairs):
        raise ConfigError(f"depth: {settings.depth} needs recorded depth; the recording has none")
    count = min(arguments.pairs, len(pairs))
    if count < arguments.pairs:
        print(f"e_real: the recording has {len(pairs)} pairs, {arguments.pairs} were asked for", flush=True)
    loops = _loops(arguments, settings, places)
    executor = executor_from(arguments)
    folder = arguments.output or Path("out", "benchmark", default_name(settings))
    facts = run_facts(command_of(arguments), git_commit(), places)
    with results_in(folder, settings) as writer:
        run_answers(settings, places, names, count, writer, executor, facts)
        run(settings, places, names, loops, writer, executor, facts)
    results = read_results(folder)
    write_report([results], folder, places)
    page = write_page(results, places, folder)
    if page is not None:
        print(f"written: {page}")


def _tell(problems: list[str]) -> None:
    """Say which frames were left out: the first few, then how many more."""
    for line in problems[:_SHOWN]:
        print(f"e_real: left out: {line}", file=sys.stderr)
    if len(problems) > _SHOWN:
        print(f"e_real: left out: {len(problems) - _SHOWN} more frames", file=sys.stderr)


def _loops(arguments: argparse.Namespace, settings: Settings, places: Places) -> list[tuple[str, int]]:
    """The closed loops to run, as (level, number)."""
    if not arguments.loops:
        return []
    levels = levels_from(arguments.levels, settings.levels)
    episodes = RealEpisodes(settings, places.recording)
    available = [(level, k) for k in range(arguments.loops) for level in levels if k < episodes.available(level)]
    chosen = available[: arguments.loops]
    if not chosen:
        raise ConfigError("loops: expected pairs of frames that see at least half of the same, found none")
    if len(chosen) < arguments.loops:
        print(f"e_real: the recording has {len(chosen)} closed loops, {arguments.loops} were asked for", flush=True)
    return chosen


def default_name(settings: Settings) -> str:
    """A folder name that shows in which settings runs differ."""
    words = ["e_real", settings.split, f"seed{settings.seed}", settings.variant.replace(", ", "+").replace(" ", "-")]
    return "-".join(words).replace("/", "-")
