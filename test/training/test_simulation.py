import numpy as np
import pytest
import torch

from depth_pc_ros.geometry.se3 import transform
from depth_pc_ros.networks import se3
from depth_pc_ros.training import augment, plans
from depth_pc_ros.training.clouds import load_clouds
from depth_pc_ros.training.feed import make_batch
from depth_pc_ros.training.plans import DisturbanceConfig, draw_plans
from depth_pc_ros.training.scene_config import SceneConfig
from depth_pc_ros.training.simulation import ServoBatch

CLEAN = DisturbanceConfig(
    max_mismatch=0.0, clean_share=1.0, max_omission=0.0, max_noise_px=0.0, disc_share=0.0, exact_depth_share=1.0,
    no_goal_depth_share=0.0, no_live_depth_share=0.0,
)  # fmt: skip


@pytest.fixture(scope="module")
def scenes():
    return make_batch(load_clouds(None)[:4], SceneConfig(max_points=40, dense_points=600), 6, 0, 0)


def test_the_expert_reaches_every_goal(scenes):
    world = ServoBatch(scenes, CLEAN, 0)
    far_m, far_deg = world.errors()
    for _ in range(150):
        world.move(world.expert(), 0.04)
    te_m, re_deg = world.errors()
    assert (te_m < 0.01 * far_m + 1e-4).all()
    assert (re_deg < 0.01 * far_deg + 0.05).all()


def test_clean_points_are_seen_where_they_project(scenes):
    world = ServoBatch(scenes, CLEAN, 0)
    frame, right = world.observe()
    first = 0
    for k, scene in enumerate(scenes):
        points = transform(scene.T_start_goal, scene.points_goal)
        rows = slice(first, first + len(points))
        first += len(points)
        seen = frame.seen[rows].numpy()
        truth = points[:, :2] / points[:, 2:]
        np.testing.assert_allclose(frame.current[rows][seen], truth[seen], atol=1e-5)
        pixels = truth * scene.focal_px + (319.5, 239.5)
        inside = ((pixels > 0) & (pixels < (639, 479))).all(1) & (points[:, 2] > 0.05 * scene.distance_m)
        np.testing.assert_array_equal(seen, inside & ~(scene.hidden_at_start & (world._appears[rows].numpy() > 0)))
        assert world.graph.sample[rows].unique().item() == k
    assert torch.equal(right, frame.seen)


def test_at_the_goal_everything_is_seen_in_place(scenes):
    world = ServoBatch(scenes, CLEAN, 0)
    world.place_on_path(torch.zeros(6), torch.zeros(6), torch.zeros(6, 6))
    frame, _ = world.observe()
    assert frame.seen.all()
    torch.testing.assert_close(frame.current, world.graph.goal, atol=1e-5, rtol=0)
    torch.testing.assert_close(frame.depth, world.graph.depth, atol=1e-3, rtol=0)


def test_place_on_path_is_where_the_expert_comes_by(scenes):
    walked, placed = ServoBatch(scenes, CLEAN, 0), ServoBatch(scenes, CLEAN, 0)
    for _ in range(2000):
        walked.move(walked.expert(), 1e-3)
    placed.place_on_path(torch.full((6,), (1 - 1e-3) ** 2000), torch.ones(6), torch.zeros(6, 6))
    torch.testing.assert_close(walked.T_cam_goal, placed.T_cam_goal, atol=5e-3, rtol=0)


def test_place_on_path_removes_the_rotation_about_the_optical_axis_alone(scenes):
    whole, rest = ServoBatch(scenes, CLEAN, 0), ServoBatch(scenes, CLEAN, 0)
    whole.place_on_path(torch.full((6,), 0.5), torch.ones(6), torch.zeros(6, 6))
    rest.place_on_path(torch.full((6,), 0.5), torch.zeros(6), torch.zeros(6, 6))
    position = [-T[:, :3, :3].mT @ T[:, :3, 3:] for T in (whole.T_cam_goal, rest.T_cam_goal)]
    torch.testing.assert_close(*position, atol=1e-5, rtol=0)
    R = rest.T_cam_goal[:, :3, :3]
    torch.testing.assert_close(R[:, 1, 0], R[:, 0, 1], atol=1e-5, rtol=0)  # no rotation about z
    torch.testing.assert_close(R[:, 2, :], whole.T_cam_goal[:, 2, :3], atol=1e-5, rtol=0)  # the same line of sight


def test_equal_seeds_give_equal_frames(scenes):
    def frames(seed):
        world = ServoBatch(scenes, DisturbanceConfig(), seed)
        return [world.observe()[0].current for _ in range(3)]

    for a, b, c in zip(frames(1), frames(1), frames(2), strict=True):
        assert torch.equal(a, b)
        assert not torch.equal(a, c)


def test_disturbances_come_in_the_configured_shares(scenes):
    config = DisturbanceConfig(min_mismatch=0.4, max_mismatch=0.4, clean_share=0.0, max_omission=0.0)
    world = ServoBatch(scenes * 8, config, 0)
    shares = []
    for _ in range(40):
        frame, right = world.observe()
        shares.append(1 - right.sum().item() / frame.seen.sum().item())
    assert np.mean(shares) == pytest.approx(0.4, abs=0.06)


def test_stacked_parameters_do_what_augment_says(scenes):
    config = DisturbanceConfig(clean_share=0.0, disc_share=1.0, exact_depth_share=0.0)
    stacked = draw_plans(np.random.default_rng(3), scenes, config)
    sizes = [len(scene.points_goal) for scene in scenes]
    sample = torch.repeat_interleave(torch.tensor(sizes))
    rng = np.random.default_rng(4)
    pixels, depth = rng.uniform(0, (640, 480), (sum(sizes), 2)), rng.uniform(0.5, 0.9, sum(sizes))
    as_tensor = [torch.tensor(value, dtype=torch.float32) for value in (pixels, depth)]
    for step in (0, 7):
        flicker = augment.Flicker(*stacked.wrong.numpy().T)
        np.testing.assert_array_equal(plans.off(stacked.wrong, step), flicker.at(step))
        covered = plans.covered(stacked, as_tensor[0], sample, step)
        for k in range(len(sizes)):
            own = (sample == k).numpy()
            values = (stacked.disc_centre, stacked.disc_velocity, stacked.disc_radius)
            discs = augment.Discs(*(value[k].numpy() for value in values), plans.SIZE)
            np.testing.assert_array_equal(covered[sample == k], discs.cover(pixels[own], step))


def test_distorted_depth_keeps_its_order_without_bias(scenes):
    exact = draw_plans(np.random.default_rng(0), scenes, CLEAN)
    sample = torch.repeat_interleave(torch.tensor([len(scene.points_goal) for scene in scenes]))
    depth = torch.rand(len(sample)) + 0.5
    out = plans.distorted(exact, depth, torch.zeros(len(sample), 2), sample, 0, torch.zeros(len(sample)))
    for k in range(len(scenes)):
        own = depth[sample == k]
        standard = (own - own.mean()) / own.std(correction=0)
        torch.testing.assert_close(out[sample == k], standard, atol=1e-4, rtol=0)


def test_moving_by_the_log_arrives_at_once(scenes):
    world = ServoBatch(scenes, CLEAN, 0)
    R = world.T_cam_goal[:, :3, :3]
    world.move(torch.cat([torch.zeros(6, 3), se3.log_so3(R)], dim=1), 1.0)
    assert (world.errors()[1] < 0.1).all()
