"""The moving picture of a run: whole, in the time of the run, and below its size limit."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from depth_pc_ros.cli.run_animation import MAX_BYTES, View, ViewRecorder, draw_animation, small, spaced
from depth_pc_ros.cli.run_report import Frame, RunRecord
from depth_pc_ros.errors import ConfigError, ImageError
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import ServoState

GOAL_POSE = se3.look_at(np.array([0.1, -0.1, 0.6]), np.zeros(3), np.array([0.0, 1.0, 0.0]))


def pattern(shift) -> np.ndarray:
    """A smooth picture (300, 400, 3), moved by `shift` px."""
    u, v = np.meshgrid(np.arange(400) + shift, np.arange(300))
    wave = 127 + 60 * np.sin(u / 9) + 60 * np.cos(v / 7)
    return np.repeat(wave[..., None], 3, axis=2).astype(np.uint8)


def run(count, image=pattern):
    """Record and views of a run of `count` frames, 25 a second, whose error falls to nothing."""
    frames, views = [], []
    for k in range(count):
        left = 0.8**k
        T = GOAL_POSE @ se3.exp(left * np.array([0.1, 0.05, -0.1, 0.1, 0.2, 0.3]))
        frames.append(Frame(0.04 * k, ServoState.SERVOING, 90, 100 * left, np.full(6, 0.1 * left), T))
        views.append(View(image(40 * left), np.array([[200.0, 150.0], [-5.0, 500.0]])))
    return RunRecord(GOAL_POSE, frames), views


def opened(path):
    """Pictures (N, H, W, 3) and durations (N,) in ms of an animation."""
    pictures, durations = [], []
    with Image.open(path) as animation:
        for k in range(animation.n_frames):
            animation.seek(k)
            pictures.append(np.asarray(animation.convert("RGB")))
            durations.append(animation.info["duration"])
    return np.array(pictures), durations


def test_animation_shows_every_second_image_in_the_time_of_the_run(tmp_path):
    record, views = run(25)
    count = draw_animation(tmp_path / "demo.webp", record, views, pattern(0))
    pictures, durations = opened(tmp_path / "demo.webp")
    assert count == len(pictures) == 13
    assert pictures.shape[2] == 800
    assert durations[1:-1] == [80] * 11
    assert durations[0] > 80 < durations[-1]
    assert (tmp_path / "demo.webp").stat().st_size < MAX_BYTES
    live, goal = pictures[:, 30:300, :400].astype(int), pictures[:, 30:300, 404:].astype(int)
    difference = np.abs(live[:, :, 4:] - goal).mean(axis=(1, 2, 3))
    assert difference[0] > 20
    assert difference[-1] < 8
    green = pictures[:, 149:152, 199:202].reshape(len(pictures), -1, 3).mean(axis=1)
    assert (green[:, 1] > green[:, 0] + 60).all()  # a match is marked
    curve = pictures[:, 335:420, 60:785]
    coloured = (curve.max(axis=3).astype(int) - curve.min(axis=3) > 80).any(axis=1).sum(axis=1)
    assert coloured[0] < 20
    assert coloured[-1] > 650  # columns that the curves have reached


def test_an_animation_that_is_too_large_loses_quality_then_pictures(tmp_path):
    noise = np.random.default_rng(0).integers(0, 256, (24, 32, 400, 3), dtype=np.uint8)
    record, _ = run(24)
    views = [View(image) for image in noise]
    path = tmp_path / "demo.webp"
    whole = draw_animation(path, record, views, noise[0], max_bytes=10**8)
    best = path.stat().st_size
    assert draw_animation(path, record, views, noise[0], max_bytes=int(0.8 * best)) == whole
    assert path.stat().st_size <= 0.8 * best
    limit = best // 6
    assert 1 < draw_animation(path, record, views, noise[0], max_bytes=limit) <= (whole + 1) // 2
    assert path.stat().st_size <= limit
    assert len(opened(path)[0]) <= (whole + 1) // 2
    with pytest.raises(ImageError, match="at most 100 are allowed"):
        draw_animation(path, record, views, noise[0], max_bytes=100)


def test_frames_without_a_view_or_a_pose_are_no_problem(tmp_path):
    record, views = run(20)
    views[0] = views[7] = None
    for k in (3, 19):
        record.frames[k] = Frame(0.04 * k, ServoState.LOST, 0, np.nan, np.zeros(6), None)
    draw_animation(tmp_path / "demo.webp", record, views, pattern(0))
    assert len(opened(tmp_path / "demo.webp")[0]) >= 9
    with pytest.raises(ImageError, match="no image"):
        draw_animation(tmp_path / "none.webp", record, [None] * 20, pattern(0))


def test_spaced_keeps_both_ends():
    times = np.array([0.0, 0.04, 0.08, 0.12, 0.16, 0.2])
    assert spaced(times, 0.08) == [0, 2, 5]
    assert spaced(times[:5], 0.08) == [0, 2, 4]
    assert spaced(times, 1.0) == [0, 5]
    assert spaced(times[:1], 0.08) == [0]


def test_recorder_joins_small_images_with_their_matches():
    recorder = ViewRecorder()
    image = np.full((480, 640, 3), 90, np.uint8)
    recorder.on_image(0.04, image)
    recorder.on_image(0.08, image)
    recorder.on_matches(0.08, np.array([[320.0, 240.0]]))
    recorder.on_matches(9.0, np.zeros((0, 2)))
    first, second, none = recorder.views([0.04, 0.08, 0.12])
    assert first.rgb.shape == small(image).shape == (300, 400, 3)
    assert first.points is None
    np.testing.assert_array_equal(second.points, [[200.0, 150.0]])
    assert none is None


def test_recorder_stays_small():
    recorder = ViewRecorder()
    image = np.zeros((32, 32, 3), np.uint8)
    stamps = [0.04 * k for k in range(1200)]
    for stamp_s in stamps:
        recorder.on_image(stamp_s, image)
    kept = [view is not None for view in recorder.views(stamps)]
    assert 320 <= sum(kept) <= 640
    assert kept[0]
    assert kept[-1]


def test_pillow_without_webp_is_named(monkeypatch):
    monkeypatch.setattr("PIL.features.check", lambda name: False)
    with pytest.raises(ConfigError, match="WebP"):
        ViewRecorder()


def test_the_shipped_animation_is_whole_and_small():
    path = Path(__file__).parents[2] / "docs" / "demo.webp"
    assert path.stat().st_size < 1_000_000
    pictures, durations = opened(path)
    assert len(pictures) > 20
    assert pictures.shape[2] == 800
    assert 2 < 1e-3 * sum(durations) < 20
