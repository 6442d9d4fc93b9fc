import cv2
import numpy as np
import pytest
import torch

from depth_pc_ros.depth_training.samples import DepthSamples, inverse_depth, render_views, through_a_camera
from depth_pc_ros.depth_training.scenes import Stock, load_stock, sample_camera, wrapped
from depth_pc_ros.training.primitives import box


@pytest.fixture(scope="module")
def stock(tmp_path_factory):
    full = load_stock(None, tmp_path_factory.mktemp("cache"), seed=0, pictures=6)
    return Stock(full.models[:2], full.pictures)


def test_batches_depend_on_seed_and_number_alone(stock):
    samples = DepthSamples(stock, 3, (84, 56), 3, views_per_scene=2)
    images, targets = samples[5]
    again = DepthSamples(stock, 3, (84, 56), 3, views_per_scene=2)[5]
    assert images.shape == (3, 3, 56, 84)
    assert targets.shape == (3, 56, 84)
    torch.testing.assert_close((images, targets), again, rtol=0, atol=0)
    assert not torch.equal(images, samples[6][0])


def test_inverse_depth_is_positive_where_something_is(stock):
    _, targets = DepthSamples(stock, 0, (84, 56), 4)[0]
    assert ((targets > 0).float().mean((1, 2)) > 0.4).all()
    assert targets.max() < 1 / 0.1


def test_inverse_depth_lies_on_its_image():
    """Both shrink a ramp; where the image holds a value, the inverse depth holds the same, to a fraction of a step."""
    ramp = np.tile(np.linspace(1, 2, 448, dtype=np.float32), (336, 1))
    image = cv2.resize(ramp, (336, 252), interpolation=cv2.INTER_AREA)
    shift_px = (1 / inverse_depth(ramp, (336, 252)) - image)[:, 10:-10].mean() / np.diff(image[0]).mean()
    assert abs(shift_px) < 0.2


def test_views_of_one_scene_differ(stock):
    first, second = render_views(np.random.default_rng(0), stock, 2)
    assert not np.array_equal(first.depth_m, second.depth_m)


def test_camera_looks_down_at_the_table():
    rng = np.random.default_rng(0)
    for _ in range(50):
        T = sample_camera(rng)
        assert T[2, 3] > 0.1
        assert T[2, 2] < 0  # the optical axis points down
        np.testing.assert_allclose(T[:3, :3] @ T[:3, :3].T, np.eye(3), atol=1e-9)


def test_camera_effects_keep_size_and_type():
    image = np.full((30, 40, 3), 128, np.uint8)
    changed = through_a_camera(np.random.default_rng(0), image)
    assert changed.shape == image.shape
    assert changed.dtype == np.uint8
    assert not np.array_equal(changed, image)


def test_wrapped_box_has_outward_normals_among_both_sides():
    mesh = wrapped(box((0.1, 0.2, 0.3)), np.zeros((4, 4, 3), np.uint8), 0.1)
    a, b, c = (mesh.vertices[mesh.faces[:, k]] for k in range(3))
    np.testing.assert_allclose(
        np.cross(b - a, c - a) / np.linalg.norm(np.cross(b - a, c - a), axis=1, keepdims=True),
        mesh.normals[mesh.faces[:, 0]],
        atol=1e-9,
    )
    assert len(mesh.faces) == 24
    assert 0 <= mesh.uvs.min() <= mesh.uvs.max() <= 1


def test_camera_changes_light_and_colour_as_a_whole():
    image = np.repeat(np.arange(256, dtype=np.uint8)[:, None, None], 64, axis=1).repeat(3, axis=2)
    for seed in range(5):
        rows = through_a_camera(np.random.default_rng(seed), image).astype(float).mean(axis=1)
        assert (np.diff(rows[::32], axis=0) > -3).all()  # brighter stays brighter, but for noise
        assert (rows[-1] - rows[0] > 50).all()
