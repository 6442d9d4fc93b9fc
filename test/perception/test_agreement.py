import cv2
import numpy as np
import pytest

from depth_pc_ros.perception.agreement import ALIKE, UNLIKE, correlation, small_homography, small_texture


@pytest.fixture
def grey(plane, intrinsics, T_world_goal):
    return cv2.cvtColor(plane.view(T_world_goal, intrinsics), cv2.COLOR_RGB2GRAY)


def test_another_light_noise_and_blur_still_agree(grey):
    light = 255 * (cv2.GaussianBlur(grey, (0, 0), 1.5) / 255.0) ** 1.8
    live = np.clip(light + np.random.default_rng(0).normal(0, 4, grey.shape), 0, 255).astype(np.uint8)
    goal = small_texture(grey)
    zncc = correlation(goal, small_texture(live))
    assert np.mean(goal.textured) > 0.9
    assert np.mean(zncc[goal.textured] > ALIKE) > 0.99


def test_another_place_a_plain_one_and_noise_contradict(grey):
    goal = small_texture(grey)
    rng = np.random.default_rng(0)
    for other in (np.roll(grey, 60, axis=1), np.full_like(grey, 90), rng.integers(0, 255, grey.shape, dtype=np.uint8)):
        zncc = correlation(goal, small_texture(other))
        assert np.mean(zncc[goal.textured] < UNLIKE) > 0.8


def test_a_plain_image_has_no_texture_despite_noise():
    noise = np.random.default_rng(0).normal(100, 4, (480, 640)).astype(np.uint8)
    assert not small_texture(noise).textured.any()


def test_a_homography_between_images_becomes_one_between_small_images(grey):
    H = np.array([[0.99, -0.05, 20.0], [0.05, 0.99, -10.0], [1e-5, 0, 1]])
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    moved = cv2.warpPerspective(grey, np.linalg.inv(H), grey.shape[::-1], flags=flags)  # H: from grey to moved
    back = small_texture(moved).warped(small_homography(H, grey.shape[::-1]))
    middle = (slice(30, -30), slice(30, -30))
    assert np.mean(np.abs(back.image - small_texture(grey).image)[middle]) < 3
    assert np.mean(np.abs(small_texture(moved).image - small_texture(grey).image)[middle]) > 10
