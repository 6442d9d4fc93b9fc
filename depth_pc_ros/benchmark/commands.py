"""The sub-commands of E_YCB, E_generic and E_image: run, export scenes, rebuild reports."""

import argparse
import shlex
import sys
from pathlib import Path

from depth_pc_ros.benchmark import report, tables
from depth_pc_ros.benchmark.arguments import EXAMPLES, add_run_options
from depth_pc_ros.benchmark.episodes import EpisodeSource, Places, file_digest, save_episodes, spread
from depth_pc_ros.benchmark.methods import check_methods, make_method
from depth_pc_ros.benchmark.photos import photos_digest
from depth_pc_ros.benchmark.results import Results, ResultsError, ResultsWriter, read_results
from depth_pc_ros.benchmark.runner import run, run_facts
from depth_pc_ros.benchmark.settings import E_GENERIC, E_IMAGE, E_YCB, Settings
from depth_pc_ros.config import LEARNED_MATCHERS
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.provenance import git_commit
from depth_pc_ros.sim.gl_renderer import egl_works
from depth_pc_ros.sim.ycb import ycb_names


def add_commands(commands) -> None:
    """Add the sub-commands to the parser's `add_subparsers` object."""
    for name, help in (
        ("e_ycb", "servo in simulated scenes of YCB objects (paper, IV-A, Table I)"),
        ("e_generic", "the same with PyBullet's own models: needs no meshes, compares with nothing"),
        ("e_image", "servo above photographs on a plane (paper, Table II)"),
    ):
        command = commands.add_parser(
            name, help=help, description=help[0].upper() + help[1:] + ".", epilog=EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        add_run_options(command, name)
        command.set_defaults(run=_run, environment={"e_ycb": E_YCB, "e_generic": E_GENERIC, "e_image": E_IMAGE}[name])
    command = commands.add_parser(
        "report",
        help="tables and one HTML page from folders of results",
        description="Rebuild summary.md and report.html from raw results. Several folders are compared on one page.",
    )
    command.add_argument("folders", type=Path, nargs="+", metavar="DIR", help="Folders that hold trials.jsonl.")
    command.add_argument(
        "--output", type=Path, metavar="DIR",
        help="Where to write. Default: the folder itself; for several, out/benchmark/report.",
    )  # fmt: skip
    command.set_defaults(run=_report)


def settings_and_places(arguments: argparse.Namespace) -> tuple[Settings, Places]:
    """What the arguments of a run say. Raises ConfigError, SceneError."""
    values = {name: getattr(arguments, name) for name in Settings.__dataclass_fields__ if hasattr(arguments, name)}
    values["raft_weights"] = str(arguments.raft_weights or "")
    values["hand_eye_mm"], values["hand_eye_deg"] = arguments.hand_eye_error
    ycb_root, images = getattr(arguments, "ycb_root", None), getattr(arguments, "images", None)
    if arguments.environment == E_IMAGE:
        values["renderer"] = "homography"
        values["source"] = photos_digest(images)
    elif arguments.renderer == "auto":
        values["renderer"] = "egl" if egl_works() else "tiny"
    if arguments.environment == E_YCB:
        if ycb_root is None:
            print(
                "E_generic: no --ycb-root was given, so PyBullet's own models stand in; not comparable with E_YCB",
                flush=True,
            )
            values["environment"] = E_GENERIC
            if arguments.scene != "standard":
                raise ConfigError(f"scene: {arguments.scene!r} needs YCB objects; give --ycb-root")
        else:
            ycb_names(ycb_root)  # a missing folder is better named now than by a worker
    if arguments.scenes is not None:
        values["source"] = file_digest(arguments.scenes)
    weights = [Path(text) if text else None for text in (arguments.matcher_weights, arguments.lightglue_weights)]
    if arguments.matcher in LEARNED_MATCHERS:  # that a file is missing is for the matcher to say
        values["matcher_digest"] = ".".join(
            file_digest(path) for path in weights if path is not None and path.is_file()
        )
    return Settings(**values), Places(ycb_root, images, arguments.scenes, *weights)


def _levels(text: str | None, known: tuple[str, ...]) -> list[str]:
    levels = list(known) if text is None else text.upper().split(",")
    for level in levels:
        if level not in known:
            raise ConfigError(f"levels: expected some of {','.join(known)}, got {level!r}")
    return sorted(set(levels), key=known.index)


def _run(arguments: argparse.Namespace) -> None:
    methods = check_methods(arguments.methods.split(","))
    settings, places = settings_and_places(arguments)
    for method in methods:
        make_method(method, settings, places)  # a missing package or file is better named now than by a worker
    chosen = spread(arguments.episodes, _levels(getattr(arguments, "levels", None), settings.levels))
    if arguments.export_scenes is not None:
        source = EpisodeSource(settings, places)
        save_episodes(arguments.export_scenes, [source.episode(*each) for each in chosen], settings)
        print(f"{len(chosen)} episodes written to {arguments.export_scenes}")
        return
    folder = arguments.output or Path("out", "benchmark", default_name(settings))
    with ResultsWriter(folder, settings) as writer:
        for warning in writer.warnings:
            print(f"benchmark: {warning}", file=sys.stderr)
        command = shlex.join(["python", "-m", "depth_pc_ros.benchmark", *arguments.words])
        run(settings, places, methods, chosen, writer, arguments.workers, run_facts(command, git_commit(), places))
    _write_report([read_results(folder)], folder, places)


def _report(arguments: argparse.Namespace) -> None:
    folders = arguments.folders
    results = [read_results(folder) for folder in folders]
    for each in results:
        for number, _ in each.broken:
            print(f"benchmark: {each.path}, line {number}: corrupt, left out", file=sys.stderr)
        if not each.trials:
            raise ResultsError(f"results: {each.path} has no trials")
    output = arguments.output or (folders[0] if len(folders) == 1 else Path("out", "benchmark", "report"))
    _write_report(results, output, None)


def _write_report(results: list[Results], folder: Path, places: Places | None) -> None:
    """Print the tables and write them to `folder` as Markdown and as one HTML page. places: None: as in the runs."""
    for each in results:
        print(tables.terminal(each), end="\n\n")
    if len(results) > 1:
        print(tables.terminal_overview(results), end="\n\n")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "summary.md").write_text(tables.markdown(results), encoding="utf-8")
        (folder / "report.html").write_text(report.html(results, places), encoding="utf-8")
    except OSError as error:
        raise ResultsError(f"output: cannot write in {folder}: {error.strerror or error}") from None
    print(f"written: {folder}/summary.md and report.html")


def default_name(settings: Settings) -> str:
    """A folder name that tells runs of different settings apart at a glance."""
    words = [settings.environment.lower(), settings.split, settings.speed, f"seed{settings.seed}"]
    if settings.variant != "clean":
        words.append(settings.variant.replace(", ", "+").replace(" ", "-"))
    return "-".join(words)
