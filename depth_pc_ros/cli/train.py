"""`train`: trains a policy on simulated point clouds."""

import argparse
import os
import shlex
import sys
from pathlib import Path

EXAMPLES = """examples:
  # the shipped policy, on YCB meshes; Ctrl-C stops it, the same command goes on
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
    from depth_pc_ros.config import add_fields
    from depth_pc_ros.training.config import TrainConfig

    parser = argparse.ArgumentParser(
        prog="train", description="Train a policy on simulated point clouds; no image is ever seen.",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    group = parser.add_argument_group("data")
    group.add_argument("--ycb-root", type=Path, metavar="DIR", help="YCB models, NAME/model.urdf.")
    group.add_argument("--meshes", type=Path, metavar="DIR", help="Any folder of .obj meshes, in metres, instead.")
    group.add_argument(
        "--exclude", default="", metavar="A,B", help="YCB objects to leave out of training and validate on."
    )
    group = parser.add_argument_group("what to train")
    add_fields(group, TrainConfig, TrainConfig.__dataclass_fields__)
    group = parser.add_argument_group("how to run")
    group.add_argument("--output", type=Path, required=True, metavar="DIR", help="Folder of the run; goes on there.")
    group.add_argument("--workers", type=int, default=1, metavar="N", help="Processes that prepare scenes. Default: 1.")
    group.add_argument("--threads", type=int, default=0, metavar="N", help="Threads of torch. Default: all cores.")
    group.add_argument("--device", default="cpu", help="cpu, or cuda where there is one. Default: cpu.")
    group.add_argument("--validate-every", type=int, default=1000, metavar="N", help="Updates. Default: 1000.")
    group.add_argument("--validation-scenes", type=int, default=64, metavar="N", help="Default: 64.")
    group.add_argument("--max-hours", type=float, default=float("inf"), metavar="H", help="Stop then; may go on later.")
    return parser


def main(argv: list[str] | None = None) -> int:
    words = sys.argv[1:] if argv is None else argv
    arguments = parser().parse_args(words)

    import torch

    from depth_pc_ros.errors import ConfigError, DepthPcError
    from depth_pc_ros.provenance import git_commit
    from depth_pc_ros.sim.world import default_cache_dir
    from depth_pc_ros.training.clouds import load_clouds
    from depth_pc_ros.training.config import TrainConfig
    from depth_pc_ros.training.run import TrainingRun

    try:
        config = TrainConfig(**{name: getattr(arguments, name) for name in TrainConfig.__dataclass_fields__})
        if arguments.ycb_root and arguments.meshes:
            raise ConfigError("meshes: expected either --ycb-root or --meshes, got both")
        if arguments.device != "cpu" and not torch.cuda.is_available():
            raise ConfigError(f"device: {arguments.device!r} is not there; this torch sees only the CPU")
        torch.set_num_threads(arguments.threads or os.cpu_count())
        source, cache = arguments.ycb_root or arguments.meshes, default_cache_dir()
        exclude = tuple(filter(None, arguments.exclude.split(",")))
        clouds = load_clouds(source, cache, exclude=exclude)
        others = load_clouds(source, cache)
        held_out = [cloud for cloud in others if cloud.name in exclude] or load_clouds(None, seed=1)
        run = TrainingRun(
            arguments.output, config, clouds, held_out, workers=arguments.workers, device=arguments.device,
            validate_every=arguments.validate_every, validation_scenes=arguments.validation_scenes,
            max_hours=arguments.max_hours,
            facts={"command": shlex.join(["python", "-m", "depth_pc_ros.cli.train", *words]), "commit": git_commit()},
        )  # fmt: skip
        return 0 if run.train() else 3
    except DepthPcError as error:
        print(f"train: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
