"""`train_pairs`: trains the networks that the benchmark compares with and that see pairs of images."""

import argparse
import sys
from pathlib import Path

from depth_pc_ros.cli.training_options import add_run_options, facts, prepare_torch
from depth_pc_ros.extras import TRAIN, one_line_where_missing, require

EXAMPLES = """networks (model cards: models/NETWORK/README.md)
  alexnet       relative pose by AlexNet's convolutions on the stacked pair (Bateux et al., ICRA 2018)
  siame_se3     relative pose in se(3) by one encoder for both images (Felton et al., ICRA 2021)
  compact_flow  optical flow by a small network after RAFT

Data: photographs on a plane, warped by the homography of two random camera poses (those of e_image), and random
pictures. Light and occlusion change; the last fifth of the updates has neither.

examples:
  # a first look, two minutes; the same command resumes it
  python -m depth_pc_ros.cli.train_pairs --network alexnet --max-hours 0.03 --output out/train/first

  # on your own photographs; every other one is kept to validate on
  python -m depth_pc_ros.cli.train_pairs --network siame_se3 --photographs ~/photos --output out/train/siame_se3

  # servo with the result
  python -m depth_pc_ros.benchmark e_image --methods siame_se3@out/train/siame_se3/model --output out/bench

  # look at the curves
  tensorboard --logdir out/train

The folder then holds model/, last.pt, metrics.jsonl (the learning curve) and log/.
`left` in the curve: the median share of the pose error that is left after the network's motion; below 1 it helps.
exit code: 0 finished, 1 refused, 2 wrong command line, 3 stopped before the end
"""


def parser() -> argparse.ArgumentParser:
    from depth_pc_ros.options import add_fields
    from depth_pc_ros.pair_training.config import PairTrainConfig

    parser = argparse.ArgumentParser(
        prog="train_pairs",
        description="Train a network that sees the live and the goal image, for comparison in the benchmark.",
        epilog=EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    group = parser.add_argument_group("data")
    group.add_argument(
        "--photographs", type=Path, metavar="DIR",
        help="Folder of photographs (jpg, png). Default: those that scikit-image and scikit-learn ship.",
    )  # fmt: skip
    add_fields(parser.add_argument_group("what to train"), PairTrainConfig, PairTrainConfig.__dataclass_fields__)
    add_run_options(parser, "draw pairs", 500, "pairs")
    return parser


def main(argv: list[str] | None = None) -> int:
    with one_line_where_missing("train_pairs"):
        require("train", *TRAIN)
    words = sys.argv[1:] if argv is None else argv
    arguments = parser().parse_args(words)

    from depth_pc_ros.errors import DepthPcError
    from depth_pc_ros.pair_training.config import PairTrainConfig
    from depth_pc_ros.pair_training.run import PairTrainingRun

    try:
        config = PairTrainConfig(**{name: getattr(arguments, name) for name in PairTrainConfig.__dataclass_fields__})
        prepare_torch(arguments)
        run = PairTrainingRun(
            arguments.output, config, arguments.photographs, workers=arguments.workers, device=arguments.device,
            validate_every=arguments.validate_every, validation_pairs=arguments.validation_pairs,
            max_hours=arguments.max_hours, facts=facts("train_pairs", words),
        )  # fmt: skip
        return 0 if run.train() else 3
    except DepthPcError as error:
        print(f"train_pairs: {error}", file=sys.stderr)
        return 1


if __name__ == "__main__":
    sys.exit(main())
