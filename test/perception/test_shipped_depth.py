"""The depth model that ships, on the default scenes of the simulator."""

import cv2
import numpy as np
import pytest

from depth_pc_ros.depth_training.metrics import measure
from depth_pc_ros.package_files import SHIPPED_DEPTH, find_model
from depth_pc_ros.perception.relative_depth import RelativeDepth
from depth_pc_ros.sim.world import SimWorld


@pytest.fixture(scope="module")
def estimate():
    return RelativeDepth()


def goal_view(seed: int):
    """Image, and metric depth with 0 where it is unknown."""
    with SimWorld(scene="default", seed=seed) as world:
        image, depth_m, _ = world.goal_view()
    return image, np.nan_to_num(depth_m)


def rank_at_keypoints(image, depth_m, relative) -> float:
    keypoints = cv2.AKAZE_create().detect(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY))
    return measure(relative, depth_m, cv2.KeyPoint.convert(keypoints)).rank


def test_it_fits_in_the_repository():
    assert (find_model(SHIPPED_DEPTH) / "model.safetensors").stat().st_size <= 16e6


def test_it_separates_near_from_far(estimate):
    ranks = []
    for seed in range(3):
        image, depth_m = goal_view(seed)
        ranks.append(rank_at_keypoints(image, depth_m, estimate(image)))
    assert np.mean(ranks) > 0.45  # 0.60 of the weights that ship; chance is 0


def test_another_exposure_changes_little(estimate):
    image, _ = goal_view(seed=1)
    darker = cv2.convertScaleAbs(image, alpha=0.7)
    assert np.corrcoef(estimate(image).ravel(), estimate(darker).ravel())[0, 1] > 0.9


def test_portrait_and_grey_images_are_estimated_too(estimate):
    image, depth_m = goal_view(seed=1)
    rotated = np.ascontiguousarray(np.rot90(image))
    assert rank_at_keypoints(rotated, np.rot90(depth_m), estimate(rotated)) > 0.3
    grey = cv2.cvtColor(cv2.cvtColor(image, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    assert rank_at_keypoints(grey, depth_m, estimate(grey)) > 0.3
