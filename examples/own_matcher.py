"""A keypoint matcher of your own: RootSIFT in place of the matchers that the package names.

    python examples/own_matcher.py --seed 3

A matcher extracts the goal's keypoints once, then gives their positions in every live image. `ServoPipeline` takes
any object with the interface of `depth_pc_ros.perception.matchers.Matcher`:

    set_goal(image, intrinsics) -> number of keypoints     goal_points -> (N, 2) px
    detect(image) -> features                              match_features(features) -> Matches
    match(image) -> Matches, both at once                  forget() -> None, before the camera jumps

Most often only the features are new. Then subclass `Matcher`, or one of its subclasses as here, and replace `detect`:
the ratio test, the vote, the geometric check and the sub-pixel alignment stay. `detect` answers `OrientedFeatures`;
a detector without angles and sizes gives constants (0 rad and one size; works where the camera hardly rotates).

`TrackingMatcher` around it follows the matches from image to image, so that `detect` runs only every few images.

RootSIFT: R. Arandjelovic, A. Zisserman, "Three things everyone should know to improve object retrieval", CVPR 2012.
"""

import dataclasses

import numpy as np
from servo_in_simulation import SimWorld, arguments, report, servo

from depth_pc_ros.config import PipelineConfig
from depth_pc_ros.perception.matchers import OrientedFeatures, SiftMatcher
from depth_pc_ros.perception.tracking import TrackingMatcher
from depth_pc_ros.pipeline import ServoPipeline


class RootSiftMatcher(SiftMatcher):
    """SIFT whose descriptors are compared by the Hellinger kernel: large bins no longer outweigh the small ones."""

    def detect(self, image: np.ndarray) -> OrientedFeatures:
        """Keypoints of an image (H, W, 3) uint8 RGB; descriptors (N, 128) float32 of unit length."""
        features = super().detect(image)
        if len(features.points) == 0:
            return features
        total = features.descriptors.sum(axis=1, keepdims=True)
        return dataclasses.replace(features, descriptors=np.sqrt(features.descriptors / np.maximum(total, 1e-9)))


def main() -> int:
    flags = arguments("Servo a simulated camera with a matcher of your own.").parse_args()
    config = PipelineConfig(controller="pbvs", matcher="sift")
    matcher = TrackingMatcher(RootSiftMatcher(config))
    with SimWorld(seed=flags.seed, level=flags.level) as world:
        pipeline = ServoPipeline(config, matcher)
        return report(world, *servo(pipeline, world))


if __name__ == "__main__":
    raise SystemExit(main())
