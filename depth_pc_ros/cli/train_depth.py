"""`train_depth`: trains the small relative depth model on rendered scenes."""

import argparse
import os
import shlex
import sys
from pathlib import Path

EXAMPLES = """examples:
  # the shipped model, on YCB meshes; Ctrl-C stops it, the same command goes on
  python -m depth_pc_ros.cli.train_depth --ycb-root ../shared/ycb --output out/train/depth

  # without YCB meshes (PyBullet's models and built-in shapes), for at most two hours
  python -m depth_pc_ros.cli.train_depth --max-hours 2 --output out/train/depth_generic

  # look at the curves
  tensorboard --logdir out/train

The folder then holds model/ (to be given as `depth_model`), last.pt, metrics.jsonl and log/.
exit code: 0 finished, 1 refused, 2 wrong command line, 3 stopped before the end
"""


def parser() -> argparse.ArgumentParser:
    from depth_pc_ros.config import add_fields
    from depth_pc_ros.depth_training.config import DepthTrainConfig

    parser = argparse.ArgumentParser(
        prog="train_depth", description="Train the small relative depth model on rendered scenes.",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    group = parser.add_argument_group("data")
    group.add_argument("--ycb-root", type=Path, metavar="DIR", help="YCB models, NAME/model.urdf.")
    group.add_argument(
        "--exclude", default="", metavar="A,B", help="YCB objects to leave out of training and validate on."
    )
    group = parser.add_argument_group("what to train")
    add_fields(group, DepthTrainConfig, DepthTrainConfig.__dataclass_fields__)
    group = parser.add_argument_group("how to run")
    group.add_argument("--output", type=Path, required=True, metavar="DIR", help="Folder of the run; goes on there.")
    group.add_argument("--workers", type=int, default=1, metavar="N", help="Processes that render. Default: 1.")
    group.add_argument("--threads", type=int, default=0, metavar="N", help="Threads of torch. Default: all cores.")
    group.add_argument("--device", default="cpu", help="cpu, or cuda where there is one. Default: cpu.")
    group.add_argument("--validate-every", type=int, default=500, metavar="N", help="Updates. Default: 500.")
    group.add_argument("--validation-images", type=int, default=64, metavar="N", help="Default: 64.")
    group.add_argument("--max-hours", type=float, default=float("inf"), metavar="H", help="Stop then; may go on later.")
    return parser


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    arguments = parser().parse_args(words)

    import torch

    from depth_pc_ros.depth_training.config import DepthTrainConfig
    from depth_pc_ros.depth_training.run import DepthTrainingRun
    from depth_pc_ros.depth_training.scenes import load_stock
    from depth_pc_ros.errors import ConfigError, DepthPcError
    from depth_pc_ros.provenance import git_commit
    from depth_pc_ros.sim.world import default_cache_dir
    from depth_pc_ros.sim.ycb import ycb_names

    try:
        config = DepthTrainConfig(**{name: getattr(arguments, name) for name in DepthTrainConfig.__dataclass_fields__})
        if arguments.device != "cpu" and not torch.cuda.is_available():
            raise ConfigError(f"device: {arguments.device!r} is not there; this torch sees only the CPU")
        exclude = tuple(filter(None, arguments.exclude.split(",")))
        names = ycb_names(arguments.ycb_root) if arguments.ycb_root else []
        unknown = sorted(set(exclude) - set(names))
        if unknown:
            raise ConfigError(f"exclude: expected names of objects in --ycb-root, got {', '.join(unknown)}")
        torch.set_num_threads(arguments.threads or os.cpu_count())
        cache = default_cache_dir()
        stock = load_stock(arguments.ycb_root, cache, config.seed, exclude=exclude)
        held_out = load_stock(arguments.ycb_root if exclude else None, cache, 2**31, only=exclude, pictures=40)
        data = ",".join(["pybullet", *(name for name in names if name not in exclude)])
        run = DepthTrainingRun(
            arguments.output, config, stock, held_out, data, workers=arguments.workers, device=arguments.device,
            validate_every=arguments.validate_every, validation_images=arguments.validation_images,
            max_hours=arguments.max_hours, facts={
                "command": shlex.join(["python", "-m", "depth_pc_ros.cli.train_depth", *words]), "commit": git_commit(),
            },
        )  # fmt: skip
        return 0 if run.train() else 3
    except DepthPcError as error:
        print(f"train_depth: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
