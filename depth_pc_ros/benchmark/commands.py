"""The sub-commands of E_YCB, E_generic, E_mujoco and E_image: run them, or export their scenes."""

import argparse
from pathlib import Path

from depth_pc_ros.benchmark.arguments import EXAMPLES, add_run_options, executor_from, ycb_root_of
from depth_pc_ros.benchmark.episodes import EpisodeSource, Places, file_digest, save_episodes, spread
from depth_pc_ros.benchmark.methods import check_methods, make_method
from depth_pc_ros.benchmark.photos import photos_digest
from depth_pc_ros.benchmark.report_commands import write_report
from depth_pc_ros.benchmark.results import read_results
from depth_pc_ros.benchmark.results_writer import results_in
from depth_pc_ros.benchmark.runner import command_of, run, run_facts
from depth_pc_ros.benchmark.settings import E_GENERIC, E_IMAGE, E_MUJOCO, E_MUJOCO_YCB, E_YCB, Settings
from depth_pc_ros.config import LEARNED_MATCHERS
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.extras import require_simulator
from depth_pc_ros.provenance import git_commit
from depth_pc_ros.sim.gl_renderer import egl_works
from depth_pc_ros.sim.ycb import ycb_names

_ENVIRONMENTS = {"e_ycb": E_YCB, "e_generic": E_GENERIC, "e_mujoco": E_MUJOCO_YCB, "e_image": E_IMAGE}
# What runs where there are no YCB objects.
_WITHOUT_YCB = {E_YCB: (E_GENERIC, "PyBullet's own models"), E_MUJOCO_YCB: (E_MUJOCO, "printed packages and cans")}


def add_commands(commands) -> None:
    """Add the sub-commands to the parser's `add_subparsers` object."""
    for name, help in (
        ("e_ycb", "servo in simulated scenes of YCB objects (paper, IV-A, Table I)"),
        ("e_generic", "the same with PyBullet's own models: needs no meshes, compares with nothing"),
        ("e_mujoco", "the same in MuJoCo: YCB objects, or printed packages and cans"),
        ("e_image", "servo above photographs on a plane (paper, Table II)"),
    ):
        command = commands.add_parser(
            name, help=help, description=help[0].upper() + help[1:] + ".", epilog=EXAMPLES,
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        add_run_options(command, name)
        command.set_defaults(run=_run, environment=_ENVIRONMENTS[name])


def settings_and_places(arguments: argparse.Namespace) -> tuple[Settings, Places]:
    """What the arguments of a run say. Raises ConfigError, SceneError."""
    if arguments.depth in ("measured", "oracle"):
        raise ConfigError(f"depth: {arguments.depth!r} is of recordings (e_real); of a scene it is called 'renderer'")
    values = {name: getattr(arguments, name) for name in Settings.__dataclass_fields__ if hasattr(arguments, name)}
    values["hand_eye_mm"], values["hand_eye_deg"] = arguments.hand_eye_error
    ycb_root, images = ycb_root_of(arguments), getattr(arguments, "images", None)
    if arguments.environment == E_IMAGE:
        values["renderer"] = "homography"
        values["source"] = photos_digest(images)
    elif arguments.environment == E_MUJOCO_YCB:
        require_simulator("mujoco")
        values["renderer"] = "mujoco"
    elif arguments.renderer == "auto":
        values["renderer"] = "egl" if egl_works() else "tiny"
    if arguments.environment in _WITHOUT_YCB:
        if ycb_root is None:
            values["environment"], objects = _WITHOUT_YCB[arguments.environment]
            print(
                f"{values['environment']}: no --ycb-root was given, so {objects} are used; not comparable with E_YCB",
                flush=True,
            )
            if arguments.scene != "standard":
                raise ConfigError(f"scene: {arguments.scene!r} needs YCB objects; give --ycb-root")
        else:
            ycb_names(ycb_root)  # report a missing folder here, not in a worker
    if arguments.scenes is not None:
        values["source"] = file_digest(arguments.scenes)
    weights = [Path(text) if text else None for text in (arguments.matcher_weights, arguments.lightglue_weights)]
    if arguments.matcher in LEARNED_MATCHERS:  # the matcher reports a missing file
        values["matcher_digest"] = ".".join(
            file_digest(path) for path in weights if path is not None and path.is_file()
        )
    return Settings(**values), Places(ycb_root, images, arguments.scenes, *weights)


def levels_from(text: str | None, known: tuple[str, ...]) -> list[str]:
    """The levels that a text such as 'S,L' names, in the order of `known`; None: all. Raises ConfigError."""
    levels = list(known) if text is None else text.upper().split(",")
    for level in levels:
        if level not in known:
            raise ConfigError(f"levels: expected some of {','.join(known)}, got {level!r}")
    return sorted(set(levels), key=known.index)


def _run(arguments: argparse.Namespace) -> None:
    methods = check_methods(arguments.methods.split(","))
    settings, places = settings_and_places(arguments)
    for method in methods:
        make_method(method, settings, places)  # report a missing package or file here, not in a worker
    chosen = spread(arguments.episodes, levels_from(getattr(arguments, "levels", None), settings.levels))
    if arguments.export_scenes is not None:
        source = EpisodeSource(settings, places)
        save_episodes(arguments.export_scenes, [source.episode(*each) for each in chosen], settings)
        print(f"{len(chosen)} episodes written to {arguments.export_scenes}")
        return
    executor = executor_from(arguments)
    folder = arguments.output or Path("out", "benchmark", default_name(settings))
    with results_in(folder, settings) as writer:
        facts = run_facts(command_of(arguments), git_commit(), places)
        run(settings, places, methods, chosen, writer, executor, facts)
    write_report([read_results(folder)], folder, places)


def default_name(settings: Settings) -> str:
    """A folder name that shows in which settings runs differ."""
    words = [settings.environment.lower(), settings.split, settings.speed, f"seed{settings.seed}"]
    if settings.variant != "clean":
        words.append(settings.variant.replace(", ", "+").replace(" ", "-"))
    return "-".join(words)
