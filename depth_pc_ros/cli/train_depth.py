"""`train_depth`: trains the small relative depth model on rendered scenes."""

import argparse
import sys

from depth_pc_ros.cli.training_options import add_data_options, add_run_options, excluded, facts, prepare_torch
from depth_pc_ros.extras import TRAIN_DEPTH, one_line_where_missing, require

EXAMPLES = """examples:
  # the shipped model, on YCB meshes; Ctrl-C stops it, the same command resumes it
  python -m depth_pc_ros.cli.train_depth --ycb-root ../shared/ycb --output out/train/depth

  # without YCB meshes (PyBullet's models and built-in shapes), for at most two hours
  python -m depth_pc_ros.cli.train_depth --max-hours 2 --output out/train/depth_generic

  # look at the curves
  tensorboard --logdir out/train

The folder then holds model/ (to be given as `depth_model`), last.pt, metrics.jsonl and log/.
exit code: 0 finished, 1 refused, 2 wrong command line, 3 stopped before the end
"""


def parser() -> argparse.ArgumentParser:
    from depth_pc_ros.depth_training.config import DepthTrainConfig
    from depth_pc_ros.options import add_fields

    parser = argparse.ArgumentParser(
        prog="train_depth",
        description="Train the small relative depth model on rendered scenes. Validation is on the objects of "
        "--exclude, and always on pictures that were never trained on.",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    add_data_options(parser)
    add_fields(parser.add_argument_group("what to train"), DepthTrainConfig, DepthTrainConfig.__dataclass_fields__)
    add_run_options(parser, "render", 500, "images")
    return parser


def main(argv: list[str] | None = None) -> int:
    with one_line_where_missing("train_depth"):
        require("train", *TRAIN_DEPTH)
    words = sys.argv[1:] if argv is None else argv
    arguments = parser().parse_args(words)

    from depth_pc_ros.depth_training.config import DepthTrainConfig
    from depth_pc_ros.depth_training.run import DepthTrainingRun
    from depth_pc_ros.depth_training.scenes import load_stock
    from depth_pc_ros.errors import ConfigError, DepthPcError
    from depth_pc_ros.files.cache import default_cache_dir
    from depth_pc_ros.sim.ycb import ycb_names

    try:
        config = DepthTrainConfig(**{name: getattr(arguments, name) for name in DepthTrainConfig.__dataclass_fields__})
        prepare_torch(arguments)
        exclude = excluded(arguments)
        ycb_root = arguments.ycb_root or None
        names = ycb_names(ycb_root) if ycb_root else []
        unknown = sorted(set(exclude) - set(names))
        if unknown:
            raise ConfigError(f"exclude: expected names of objects in --ycb-root, got {', '.join(unknown)}")
        cache = default_cache_dir()
        stock = load_stock(ycb_root, cache, config.seed, exclude=exclude)
        held_out = load_stock(ycb_root if exclude else None, cache, 2**31, only=exclude, pictures=40)
        data = ",".join(["pybullet", *(name for name in names if name not in exclude)])
        run = DepthTrainingRun(
            arguments.output, config, stock, held_out, data, workers=arguments.workers, device=arguments.device,
            validate_every=arguments.validate_every, validation_images=arguments.validation_images,
            max_hours=arguments.max_hours, facts=facts("train_depth", words),
        )  # fmt: skip
        return 0 if run.train() else 3
    except DepthPcError as error:
        print(f"train_depth: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
