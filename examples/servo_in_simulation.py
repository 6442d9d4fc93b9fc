"""Visual servoing in 30 lines: a simulated camera flies to the view of a goal image. No ROS, no robot.

    python examples/servo_in_simulation.py --seed 3

`SimWorld` is the simulator: textured objects on a table, a camera, a goal pose and a start pose, all drawn from a seed.
`ServoPipeline` is the servo: it gets one image of the goal, then one live image per step, and answers a camera twist.
Only the simulator knows the true poses; they give the error at the end.

On a robot, `world.render` is your camera and `world.step` is your arm; the rest of `servo` stays as it is.
"""

import argparse
import sys

from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.pipeline import ServoPipeline
from depth_pc_ros.types import ServoState, StepResult

try:
    from depth_pc_ros.sim.world import SimWorld
except ImportError as error:
    sys.exit(f"this example needs the simulator ({error}): install the extra `sim`, pip install '.[sim]'")

PERIOD_S = 0.04  # between two images: 25 Hz
GOOD_MM, GOOD_DEG = 3.0, 0.3  # a run that stops within these bounds of the goal pose has succeeded


def servo(pipeline: ServoPipeline, world: SimWorld, max_steps: int = 400) -> tuple[StepResult, int]:
    """Servo from the start pose until the pipeline says CONVERGED, or stops for another reason.

    Returns the last result, and how many images it took.
    """
    goal_image, _, _ = world.goal_view()
    pipeline.set_goal(goal_image, world.intrinsics.matrix, distance=world.scene_distance)
    world.reset_to_start()
    for step in range(1, max_steps + 1):
        image, _ = world.render()
        # The world waits for the twist: no time passes from the image to the motion (age_s).
        result = pipeline.step(image, step * PERIOD_S, age_s=0.0)
        if result.state is not ServoState.SERVOING:
            break
        world.step(result.twist, PERIOD_S)
    return result, step


def report(world: SimWorld, result: StepResult, steps: int) -> int:
    """Print how the run ended; the exit code: 0 when it converged at the goal, else 1."""
    translation_m, rotation_deg = world.pose_error()
    print(
        f"{result.state.name} after {steps} images: {1e3 * translation_m:.3f} mm and {rotation_deg:.4f} degrees from "
        f"the goal, {result.num_matches} matches {result.message}".rstrip()
    )
    return 0 if result.converged and 1e3 * translation_m <= GOOD_MM and rotation_deg <= GOOD_DEG else 1


def arguments(description: str) -> argparse.ArgumentParser:
    """Flags of an example that runs in the simulator."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--seed", type=int, default=0, help="Scene, goal and start. Default: 0.")
    parser.add_argument("--level", choices=("S", "M", "L"), default="M", help="Rotation to the goal. Default: M.")
    return parser


def main() -> int:
    parser = arguments("Servo a simulated camera to a goal image.")
    laws = PipelineConfig.__dataclass_fields__["controller"].metadata["choices"]
    parser.add_argument("--controller", choices=laws, default="pbvs", help="Control law. Default: pbvs.")
    flags = parser.parse_args()
    with SimWorld(seed=flags.seed, level=flags.level) as world:
        pipeline = ServoPipeline.from_config(controller=flags.controller)
        return report(world, *servo(pipeline, world))


if __name__ == "__main__":
    raise SystemExit(main())
