"""Pairs of warped photographs fit their poses and homographies."""

import cv2
import numpy as np
import pytest
import torch

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.pair_training.config import PairTrainConfig
from depth_pc_ros.pair_training.losses import true_flow
from depth_pc_ros.pair_training.samples import Draws, PairBatches, load_pictures, make_pair
from depth_pc_ros.sim.workplace import DEFAULT_INTRINSICS

SIZE = (160, 120)


@pytest.fixture(scope="module")
def pictures(photographs):
    return load_pictures(photographs, "dev", SIZE[0])


@pytest.mark.parametrize("varied", [False, True])
def test_the_homography_brings_the_goal_image_to_the_live_one(pictures, varied):
    rng = np.random.default_rng(1)
    for _ in range(5):
        pair = make_pair(rng, pictures, SIZE, Draws(1.0, 0.0, 0.0), varied)
        warped = cv2.warpPerspective(pair.goal, pair.goal_to_live, SIZE)
        inside = cv2.warpPerspective(np.full_like(pair.goal, 255), pair.goal_to_live, SIZE) == 255
        inside = cv2.erode(inside.astype(np.uint8), np.ones((5, 5))) > 0
        assert np.median(np.abs(warped.astype(int) - pair.live)[inside]) <= 4


def test_the_pose_fits_the_homography(pictures):
    """A homography of a plane decomposes into the pose; its translation comes in units of the plane's distance."""
    rng = np.random.default_rng(2)
    K = DEFAULT_INTRINSICS.scaled(*SIZE).matrix
    pair = make_pair(rng, pictures, SIZE, Draws(0.0, 0.0, 0.0))
    _, rotations, translations, _ = cv2.decomposeHomographyMat(pair.goal_to_live, K)
    apart = [np.degrees(np.linalg.norm(se3.log_so3(R.T @ pair.T_cam_goal[:3, :3]))) for R in rotations]
    best = int(np.argmin(apart))
    assert apart[best] < 0.01
    found, true = translations[best].ravel(), pair.T_cam_goal[:3, 3]
    assert abs(found @ true) / np.linalg.norm(found) / np.linalg.norm(true) == pytest.approx(1, abs=1e-4)
    # The plane is at most as far away as its point on the optical axis, and looks at most 20 degrees from aside.
    assert 1.0 <= np.linalg.norm(found) / np.linalg.norm(true) < 1.07


def test_pairs_drawn_nearer_together_are_nearer(pictures):
    def median(near):
        rng = np.random.default_rng(3)
        pairs = [make_pair(rng, pictures, SIZE, Draws(near, 0.0, 0.0)) for _ in range(40)]
        return np.median([np.linalg.norm(se3.log(pair.T_cam_goal)) for pair in pairs])

    assert median(1.0) < 0.3 * median(0.0)


def test_light_and_occlusion_change_the_live_image_only(pictures):
    plain, changed = (
        make_pair(np.random.default_rng(4), pictures, SIZE, draws, varied=False)
        for draws in (Draws(0.0, 0.0, 0.0), Draws(0.0, 1.0, 1.0))
    )
    assert np.median(np.abs(plain.goal.astype(int) - changed.goal)) <= 4  # noise
    assert np.mean(np.abs(plain.live.astype(int) - changed.live) > 8) > 0.2
    np.testing.assert_array_equal(plain.T_cam_goal, changed.T_cam_goal)


def test_a_batch_depends_on_seed_and_number_alone(pictures):
    config = PairTrainConfig(updates=10, batch_size=2, fine_share=0.5)
    batches = PairBatches(pictures, SIZE, config)
    live, goal, T, H = batches[3]
    assert (live.shape, goal.shape) == ((2, 1, 120, 160),) * 2
    assert (live.dtype, T.shape, H.shape) == (torch.uint8, (2, 4, 4), (2, 3, 3))
    again = PairBatches(pictures, SIZE, config)[3]
    assert all(torch.equal(a, b) for a, b in zip((live, goal, T, H), again))
    assert not torch.equal(live, batches[4][0])


def test_the_true_flow_is_that_of_the_homography():
    H = torch.tensor([[[1.0, 0.0, 5.0], [0.0, 1.0, -2.0], [0.0, 0.0, 1.0]]])
    flow, seen = true_flow(H, (10, 20))
    assert flow.shape == (1, 2, 10, 20)
    assert flow[0, 0].unique().tolist() == [5.0]
    assert flow[0, 1].unique().tolist() == [-2.0]
    assert seen.sum() == (20 - 5) * (10 - 2)


def test_seen_and_unseen_photographs_differ_and_drawn_pictures_come_on_top(photographs):
    seen, unseen = (load_pictures(photographs, split, 160) for split in ("dev", "test"))
    assert len(seen) == len(unseen) == 2
    assert (seen[0] != unseen[0]).any()
    assert len(load_pictures(photographs, "dev", 160, drawn=3, seed=1)) == 5


def test_a_folder_without_photographs_is_named(tmp_path):
    with pytest.raises(SceneError, match=r"images: expected files ending in .jpg.*found none"):
        load_pictures(tmp_path, "dev", 160)
    with pytest.raises(SceneError, match="images: no such folder"):
        load_pictures(tmp_path / "nowhere", "dev", 160)
