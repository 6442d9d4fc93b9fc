"""A video as of a camera in a hand: it comes to the view of a goal, trembling, and rests there. No camera, no ROS.

    python examples/hand_held_video.py walk.mp4 --seed 3
    python -m depth_pc_ros.cli.webcam --video walk.mp4 --goal last --fov 61.3 --output annotated.mp4

Objects on a table, the start and the goal are drawn from the seed. The camera has a focal length of 540 px at 640 px:
its field of view is 61.3 degrees.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.files.video_file import VideoWriter
from depth_pc_ros.geometry import se3

try:
    from depth_pc_ros.sim.world import SimWorld
except ImportError as error:
    sys.exit(f"this example needs the simulator ({error}): install the extra `sim`, pip install '.[sim]'")

RATE_HZ = 12.5
TREMOR = np.array([3e-3, 3e-3, 3e-3, 5e-3, 5e-3, 5e-3])  # m and rad, standard deviation far from the goal
REST = 0.25  # share of the video in which the camera rests at the goal


def walk(T_world_start: np.ndarray, T_world_goal: np.ndarray, count: int, seed: int) -> Iterator[np.ndarray]:
    """So many poses (4, 4) from the start to the goal; the last ones are the goal, but for a fifth of the tremor."""
    steps = np.clip(np.linspace(0, 1 / (1 - REST), count), 0, 1)
    shares = steps * steps * (3 - 2 * steps)  # slow at both ends
    way = se3.log(se3.inverse(T_world_start) @ T_world_goal)
    noise = gaussian_filter1d(np.random.default_rng(seed).normal(size=(count, 6)), 3, axis=0)
    noise *= TREMOR / noise.std()
    noise[-1] = 0  # the last picture is the goal
    for share, off in zip(shares, noise, strict=True):
        yield T_world_start @ se3.exp(share * way) @ se3.exp((1 - 0.8 * share) * off)


def parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description="Write a video of a simulated camera in a hand.")
    parser.add_argument("output", type=Path, help="Video file: .mp4, .avi or .mkv.")
    parser.add_argument("--seed", type=int, default=0, help="Scene, goal, start and tremor. Default: 0.")
    parser.add_argument("--seconds", type=float, default=8.0, help="Length of the video. Default: 8.")
    return parser


def main() -> int:
    flags = parser().parse_args()
    try:
        writer = VideoWriter(flags.output, RATE_HZ)
        with SimWorld(seed=flags.seed, level="S") as world:
            for T_world_cam in walk(world.start_pose, world.goal_pose, round(RATE_HZ * flags.seconds), flags.seed):
                writer.add(world.view(T_world_cam)[0])
            distance_m = world.scene_distance
        writer.close()
    except DepthPcError as error:
        sys.exit(f"{Path(__file__).name}: {error}")
    print(f"{flags.output}: {writer.count} pictures; the goal is {distance_m:.2f} m from the scene")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
