"""Pairs of real frames: what they have in common, and which are chosen."""

import numpy as np
import pytest
from real_recordings import CAMERA, Shots, write_7scenes, write_folder

from depth_pc_ros.benchmark.real_overlap import SketchByDepth, epipolar_px, triangulated
from depth_pc_ros.benchmark.real_pairs import ROTATIONS_DEG, make_pairs, rotation_name
from depth_pc_ros.benchmark.recordings.source import open_recording
from depth_pc_ros.geometry import se3


@pytest.fixture(scope="module")
def frames(plane, tmp_path_factory):
    folder = tmp_path_factory.mktemp("pairs")
    write_7scenes(folder, Shots(plane, 7))
    return open_recording(folder, "dev").frames


def test_a_shift_by_half_the_view_leaves_half_of_it():
    depth_m = np.full((480, 640), 0.6, np.float32)
    sketch = SketchByDepth(depth_m, CAMERA)
    T = np.eye(4)
    T[0, 3] = 0.6 * 320 / CAMERA.fx
    overlap, distance_m = sketch.seen_by(sketch, T)
    assert overlap == pytest.approx(0.5, abs=0.03)
    assert distance_m == pytest.approx(0.6)


def test_what_something_hides_is_not_seen():
    far, near = np.full((480, 640), 1.0, np.float32), np.full((480, 640), 1.0, np.float32)
    near[:, :320] = 0.5
    overlap, _ = SketchByDepth(far, CAMERA).seen_by(SketchByDepth(near, CAMERA), np.eye(4))
    assert overlap == pytest.approx(0.5, abs=0.03)


def test_an_empty_depth_image_overlaps_with_nothing():
    nothing = SketchByDepth(np.full((480, 640), np.nan, np.float32), CAMERA)
    assert nothing.seen_by(nothing, np.eye(4)) == (0.0, 0.0)


def test_rays_of_a_true_match_meet_at_its_depth():
    points = np.random.default_rng(0).uniform((-0.3, -0.2, 0.5), (0.3, 0.2, 1.5), (30, 3))
    T = se3.exp(np.array([0.2, -0.1, 0.05, 0.1, -0.2, 0.4]))
    live = se3.transform(T, points)
    goal_xy, live_xy = points[:, :2] / points[:, 2:], live[:, :2] / live[:, 2:]
    np.testing.assert_allclose(triangulated(goal_xy, live_xy, T), points[:, 2], rtol=1e-9)
    assert epipolar_px(goal_xy, live_xy, T, 600.0).max() < 1e-6
    assert np.median(epipolar_px(goal_xy, live_xy[::-1], T, 600.0)) > 5


def test_pairs_are_measured_by_their_poses(frames):
    pairs, problems = make_pairs(frames, 0)
    assert not problems
    assert len(pairs) > 20
    for pair in pairs:
        T = se3.inverse(frames[pair.live].T_world_cam) @ frames[pair.goal].T_world_cam
        assert pair.rotation_deg == pytest.approx(np.degrees(se3.rotation_angle(T[:3, :3])), abs=1e-3)
        assert pair.baseline == pytest.approx(np.linalg.norm(T[:3, 3]) / pair.distance_m, abs=1e-4)
        assert 0.5 < pair.distance_m < 1.0
        assert 0.15 <= pair.overlap <= 1


def test_the_order_depends_on_the_seed_alone(frames):
    assert make_pairs(frames, 0) == make_pairs(frames, 0)
    assert make_pairs(frames, 0) != make_pairs(frames, 1)


def test_every_stratum_of_rotation_comes_early(frames):
    pairs, _ = make_pairs(frames, 0)
    names = {rotation_name(pair.rotation_deg) for pair in pairs}
    assert len(names) > 1
    assert {rotation_name(pair.rotation_deg) for pair in pairs[:10]} == names


def test_names_of_strata():
    assert [rotation_name(degrees) for degrees in (0, 9.9, 10, 49, 89.9)] == [
        "0-10°", "0-10°", "10-25°", "25-50°", "50-90°",
    ]  # fmt: skip
    assert ROTATIONS_DEG[-1] == 90.0


def test_without_depth_the_overlap_is_that_of_keypoints(plane, tmp_path):
    shots = Shots(plane, 4)
    write_folder(tmp_path, shots)
    text = (tmp_path / "poses.json").read_text()
    (tmp_path / "poses.json").write_text(text.replace('"depth":', '"ignored":'))
    pairs, _ = make_pairs(open_recording(tmp_path, "dev").frames, 0)
    assert len(pairs) >= 6
    for pair in pairs:
        assert pair.distance_m == pytest.approx(0.68, abs=0.12)


def test_an_unreadable_frame_is_left_out_and_named(plane, tmp_path):
    write_7scenes(tmp_path, Shots(plane, 4))
    (tmp_path / "frame-000002.depth.png").write_bytes(b"none")
    (tmp_path / "frame-000003.depth.png").unlink()
    pairs, problems = make_pairs(open_recording(tmp_path, "dev").frames, 0)
    assert {pair.goal for pair in pairs} | {pair.live for pair in pairs} == {0, 1}
    assert len(problems) == 2
    assert "frame-000002.depth.png" in problems[0]
    assert "frame-000003: expected depth as the other frames have" in problems[1]


def test_pairs_across_sequences(plane, tmp_path):
    shots = Shots(plane, 2)
    for name in ("a", "b", "c"):
        write_7scenes(tmp_path / name, shots)
    frames = open_recording(tmp_path, "dev").frames
    pairs, _ = make_pairs(frames, 0, across=True)
    assert pairs
    assert all(frames[pair.goal].sequence != frames[pair.live].sequence for pair in pairs)
