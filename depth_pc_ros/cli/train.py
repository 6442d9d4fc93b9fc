"""`train`: trains a policy on simulated point clouds."""

import argparse
import sys
from pathlib import Path

from depth_pc_ros.cli.training_options import add_data_options, add_run_options, excluded, facts, prepare_torch
from depth_pc_ros.extras import TRAIN, one_line_where_missing, require

EXAMPLES = """examples:
  # the shipped policy, on YCB meshes; Ctrl-C stops it, the same command resumes it
  python -m depth_pc_ros.cli.train --ycb-root ../shared/ycb --output out/train/geo

  # the paper's network, without any meshes (built-in shapes), for at most two hours
  python -m depth_pc_ros.cli.train --policy depth_pc --context-blocks 0 --max-hours 2 --output out/train/depth_pc

  # an ablation: CNS, which has no depth
  python -m depth_pc_ros.cli.train --policy depth_pc --fusion none --output out/train/cns

  # look at the curves
  tensorboard --logdir out/train

The folder then holds policy/ (weights and configuration), best/ (by validation), last.pt and log/.
exit code: 0 finished, 1 refused, 2 wrong command line, 3 stopped before the end
"""


def parser() -> argparse.ArgumentParser:
    from depth_pc_ros.options import add_fields
    from depth_pc_ros.training.config import TrainConfig

    parser = argparse.ArgumentParser(
        prog="train", description="Train a policy on simulated point clouds; no image is ever seen.",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    group = add_data_options(parser)
    group.add_argument("--meshes", type=Path, metavar="DIR", help="Any folder of .obj meshes, in metres, instead.")
    add_fields(parser.add_argument_group("what to train"), TrainConfig, TrainConfig.__dataclass_fields__)
    add_run_options(parser, "prepare scenes", 1000, "scenes")
    return parser


def main(argv: list[str] | None = None) -> int:
    with one_line_where_missing("train"):
        require("train", *TRAIN)
    words = sys.argv[1:] if argv is None else argv
    arguments = parser().parse_args(words)

    from depth_pc_ros.errors import ConfigError, DepthPcError
    from depth_pc_ros.files.cache import default_cache_dir
    from depth_pc_ros.training.clouds import load_clouds
    from depth_pc_ros.training.config import TrainConfig
    from depth_pc_ros.training.run import TrainingRun

    try:
        config = TrainConfig(**{name: getattr(arguments, name) for name in TrainConfig.__dataclass_fields__})
        if arguments.ycb_root and arguments.meshes:
            raise ConfigError("meshes: expected either --ycb-root or --meshes, got both")
        prepare_torch(arguments)
        source, cache = arguments.ycb_root or arguments.meshes or None, default_cache_dir()
        exclude = excluded(arguments)
        clouds = load_clouds(source, cache, exclude=exclude)
        others = load_clouds(source, cache)
        held_out = [cloud for cloud in others if cloud.name in exclude] or load_clouds(None, seed=1)
        run = TrainingRun(
            arguments.output, config, clouds, held_out, workers=arguments.workers, device=arguments.device,
            validate_every=arguments.validate_every, validation_scenes=arguments.validation_scenes,
            max_hours=arguments.max_hours,
            facts=facts("train", words),
        )  # fmt: skip
        return 0 if run.train() else 3
    except DepthPcError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
