"""Each disturbance does what its option says, repeatably, and leaves the others alone."""

import numpy as np
import pytest

from depth_pc_ros.benchmark import disturbances
from depth_pc_ros.benchmark.disturbances import Blur, CameraNoise, DepthCamera, Disturber, Light, Occlusion, stream
from depth_pc_ros.benchmark.settings import Settings
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import Matches

SIZE = (640, 480)
GREY = np.full((480, 640, 3), 120, np.uint8)
TWIST = np.array([0.1, -0.05, 0.2, 0.3, 0.0, -0.4])


def matches(n: int = 200) -> Matches:
    points = np.random.default_rng(0).uniform((0, 0), SIZE, (n, 2))
    matched = np.arange(n) % 4 > 0
    current = np.where(matched[:, None], points + 3.0, np.nan)
    return Matches(current, matched, matched.astype(np.float32))


def test_clean_settings_change_nothing():
    disturber = Disturber(Settings(), 1, SIZE)
    seen, depth = matches(), np.ones((480, 640), np.float32)
    assert disturber.image(GREY) is GREY
    assert disturber.depth(depth) is depth
    assert disturber.matches(seen) is seen
    np.testing.assert_array_equal(disturber.command(TWIST), TWIST)
    assert disturber.pending_commands() == []


def test_equal_seeds_disturb_alike_and_variants_do_not_change_each_other():
    both = Settings(occlude=0.3, light=True, mismatch=0.2, pixel_noise=1.0)
    first, again = (Disturber(both, 5, SIZE) for _ in range(2))
    alone = Disturber(Settings(mismatch=0.2, pixel_noise=1.0), 5, SIZE)
    for _ in range(5):
        np.testing.assert_array_equal(first.image(GREY), again.image(GREY))
        ours, theirs = first.matches(matches()), alone.matches(matches())
        np.testing.assert_array_equal(ours.current_points, theirs.current_points)
    other = Disturber(both, 6, SIZE)
    assert not np.array_equal(first.image(GREY), other.image(GREY))


@pytest.mark.parametrize("share", [0.1, 0.3, 0.6])
def test_the_blob_covers_its_share_moves_and_comes_in_bursts(share):
    small = GREY[:240, :320]
    occlusion = Occlusion(stream(3, "occlude"), share, (320, 240))
    masks = [(occlusion(small) != small).any(axis=2) for _ in range(120)]
    covered = np.array([mask.mean() for mask in masks])
    assert np.median(covered) == pytest.approx(share, abs=0.02)
    assert covered.min() == pytest.approx(share, abs=0.03)
    assert 0.02 < np.mean(covered > share + 0.02) < 0.5 or share > 0.5  # bursts; large blobs overlap
    assert (masks[0] != masks[30]).mean() > 0.02


def test_light_stays_within_its_gammas_and_drifts():
    for seed in range(20):
        light = Light(stream(seed, "light"))
        values = [light(GREY[:1, :1])[0, 0, 0] / 255 for _ in range(500)]
        low, high = (120 / 255) ** 2.2 * 0.8, min(1.0, (120 / 255) ** 0.45 * 1.2)
        assert low - 0.01 <= min(values) < max(values) <= high + 0.01
        assert max(values) > 1.2 * min(values)


def test_blur_keeps_the_brightness_and_spreads_a_point():
    point = np.zeros((480, 640, 3), np.uint8)
    point[235:245, 315:325] = 200
    blurred = Blur(stream(0, "blur"))(point)
    assert blurred.sum() == pytest.approx(point.sum(), rel=0.02)
    assert (blurred > 0).sum() > 1.3 * (point > 0).sum()


def test_camera_noise_is_two_grey_levels_and_an_exposure_that_jitters():
    camera = CameraNoise(stream(0, "camera_noise"))
    images = [camera(GREY).astype(float) for _ in range(40)]
    assert np.median([image.std() for image in images]) == pytest.approx(2.0, abs=0.1)
    means = np.array([image.mean() for image in images])
    assert means.mean() == pytest.approx(120, rel=0.01)
    assert means.std() / 120 == pytest.approx(0.02, abs=0.008)


def test_camera_noise_blurs_little_and_shifts_nothing():
    point = np.zeros((41, 41, 3), np.uint8)
    point[20, 20] = 255
    camera = CameraNoise(stream(0, "camera_noise"))
    camera.READ = 0.0
    mean = np.mean([camera(point)[..., 0] for _ in range(200)], axis=0)
    assert mean[20, 20] > 0.2 * 255
    rows, columns = np.indices(mean.shape)
    assert (mean * rows).sum() / mean.sum() == pytest.approx(20, abs=0.05)
    assert (mean * columns).sum() / mean.sum() == pytest.approx(20, abs=0.05)


def test_the_goal_image_has_camera_noise_but_no_other_disturbance():
    disturber = Disturber(Settings(camera_noise=True, occlude=0.3, light=True), 1, SIZE)
    assert np.abs(disturber.goal_image(GREY).astype(float) - 120).max() < 25
    assert Disturber(Settings(occlude=0.3, light=True), 1, SIZE).goal_image(GREY) is GREY


def test_the_share_of_mismatches_is_exact():
    seen = matches()
    got = Disturber(Settings(mismatch=0.3), 2, SIZE).matches(seen)
    moved = np.linalg.norm(got.current_points - seen.current_points, axis=1) > 1e-9
    assert np.count_nonzero(moved) == round(0.3 * seen.num_matched)
    assert not moved[~seen.matched].any()


def test_pixel_noise_has_its_standard_deviation():
    seen = matches(4000)
    got = Disturber(Settings(pixel_noise=0.7), 2, SIZE).matches(seen)
    difference = (got.current_points - seen.current_points)[seen.matched]
    assert difference.std() == pytest.approx(0.7, rel=0.05)
    assert np.isnan(got.current_points[~seen.matched]).all()


def test_delayed_commands_come_later_and_none_is_lost():
    disturber = Disturber(Settings(delay_ms=60), 0, SIZE)
    sent = [TWIST * k for k in range(1, 6)]
    got = [disturber.command(twist) for twist in sent] + disturber.pending_commands()
    np.testing.assert_allclose(got[:3], 0)
    np.testing.assert_allclose(got[3:], sent)


def test_a_hand_eye_error_moves_the_frame_by_its_size():
    T = disturbances._hand_eye_error(stream(4, "hand_eye"), Settings(hand_eye_mm=5.0, hand_eye_deg=2.0))
    metres, degrees = se3.pose_error(T, np.eye(4))
    assert metres == pytest.approx(0.005)
    assert degrees == pytest.approx(2.0)
    got = Disturber(Settings(hand_eye_mm=5.0, hand_eye_deg=2.0), 4, SIZE).command(TWIST)
    np.testing.assert_allclose(got, se3.adjoint(T) @ TWIST)


def test_a_depth_camera_measures_nothing_far_away_and_at_edges_and_has_small_errors_elsewhere():
    depth = np.full((480, 640), 0.7, np.float32)
    depth[:, 300:] = 0.6
    depth[:20] = 0.2
    depth[460:] = 4.0
    depth[:, :5] = 0.0
    got = DepthCamera(stream(0, "depth"))(depth)
    assert (got[:20] == 0).all()
    assert (got[460:] == 0).all()
    assert (got[:, :5] == 0).all()
    assert (got[100:400, 298:302] == 0).all()
    flat = got[100:400, 50:250] - 0.7
    assert (got[100:400, 50:250] > 0).all()
    assert 0.0005 < flat.std() < 0.004
    assert abs(flat.mean()) < 0.001
    assert np.allclose(1000 * got, np.round(1000 * got), atol=1e-3)
