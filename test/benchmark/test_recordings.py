"""Readers of recordings: what was written in every format comes back."""

import json

import cv2
import numpy as np
import pytest
from PIL import Image
from real_recordings import (
    CAMERA,
    WRITERS,
    Shots,
    write_7scenes,
    write_bag,
    write_folder,
    write_folder_text,
)

from depth_pc_ros.benchmark.recordings.frames import Camera, RecordingError, camera_of, rigid
from depth_pc_ros.benchmark.recordings.source import FORMATS, open_recording, read_sequences
from depth_pc_ros.benchmark.settings import RECORDING_FORMATS


@pytest.fixture(scope="module")
def shots(plane):
    return Shots(plane, 4)


def check(frames, shots, depth_step_m=0.001):
    assert len(frames) == len(shots.poses)
    for frame, T, image, depth_m in zip(frames, shots.poses, shots.images, shots.depths_m):
        assert frame.intrinsics == CAMERA
        np.testing.assert_allclose(frame.T_world_cam, T, atol=1e-6)
        got, got_m = frame.load()
        np.testing.assert_array_equal(got, image)
        assert np.isnan(got_m[:39, :39]).all()
        np.testing.assert_allclose(got_m[60:, 60:], depth_m[60:, 60:], atol=depth_step_m)


@pytest.mark.parametrize("format", WRITERS)
def test_what_was_written_comes_back(format, tmp_path, shots):
    WRITERS[format](tmp_path / "one", shots)
    for asked in ("auto", format):
        check(open_recording(tmp_path, "dev", asked).frames, shots, 0.004 if format == "apc" else 0.001)


def test_a_folder_with_poses_as_text(tmp_path, shots):
    write_folder_text(tmp_path, shots)
    check(open_recording(tmp_path, "dev").frames, shots)


@pytest.mark.parametrize("storage", ["mcap", "sqlite3"])
def test_a_bag(storage, tmp_path, shots):
    pytest.importorskip("rosbags", reason="needs rosbags: pip install 'depth_pc_ros[rosbag]'")
    write_bag(tmp_path / "bag", shots, storage)
    check(open_recording(tmp_path, "dev").frames, shots)
    if storage == "mcap":  # the bare file, as a recorder may leave it
        (tmp_path / "bag" / "metadata.yaml").unlink()
        check(open_recording(tmp_path, "dev").frames, shots)
        file = next((tmp_path / "bag").glob("*.mcap"))
        (tmp_path / "bag" / "other.mcap").write_bytes(file.read_bytes())
        assert [len(sequence.frames) for sequence in read_sequences(tmp_path) if sequence.frames] == [4, 4]


def test_the_settings_know_the_readers():
    assert tuple(FORMATS) == RECORDING_FORMATS


def test_larger_images_are_scaled_with_their_intrinsics(plane):
    camera = camera_of([[1200.0, 0, 620.5], [0, 1210.0, 490.5], [0, 0, 1]], (), (1280, 960), "here")
    assert camera.working.size == (640, 480)
    assert (camera.working.fx, camera.working.fy) == (600.0, 605.0)
    assert (camera.working.cx, camera.working.cy) == (310.0, 245.0)  # (620.5 + 0.5) / 2 - 0.5
    depth_m = np.tile(np.arange(1, 1281, dtype=np.float32), (960, 1))
    np.testing.assert_array_equal(camera.depth(depth_m)[0, :3], [2, 4, 6])


def test_distortion_is_removed():
    K = np.array([[600.0, 0, 320], [0, 600.0, 240], [0, 0, 1]])
    distortion = (-0.2, 0.05, 0.0, 0.0)
    ray = np.array([[[0.3, 0.2, 1.0]]])
    (u, v), _ = cv2.projectPoints(ray, np.zeros(3), np.zeros(3), K, np.array(distortion))[0].ravel(), None
    raw = np.zeros((480, 640, 3), np.uint8)
    cv2.circle(raw, (round(u), round(v)), 4, (255, 255, 255), -1)
    rectified = Camera(K, distortion, (640, 480)).image(raw)
    rows, columns = np.nonzero(rectified[..., 0] > 127)
    assert (columns.mean(), rows.mean()) == pytest.approx((320 + 600 * 0.3, 240 + 600 * 0.2), abs=1.5)


def test_depth_of_a_kinect_is_carried_into_its_colour_camera(tmp_path, shots):
    write_7scenes(tmp_path, shots)
    np.savetxt(tmp_path / "camera-intrinsics.txt", [[585.0, 0, 320], [0, 585.0, 240], [0, 0, 1]])
    frame = open_recording(tmp_path, "dev").frames[0]
    assert frame.intrinsics.fx == 525.0
    _, depth_m = frame.load()
    u, v = 500, 400  # seen by the depth camera at:
    du, dv = round(320 + (u - 320) * 585 / 525), round(240 + (v - 240) * 585 / 525)
    assert depth_m[v, u] == pytest.approx(shots.depths_m[0][dv, du], abs=0.005)
    assert np.isnan(depth_m[5, 5])


def test_sequences_are_split_and_a_lone_short_one_is_dev(tmp_path, plane):
    few = Shots(plane, 2)
    for name in ("a", "b", "c"):
        write_7scenes(tmp_path / name, few)
    assert {f.sequence for f in open_recording(tmp_path, "dev").frames} == {"a", "c"}
    assert {f.sequence for f in open_recording(tmp_path, "test").frames} == {"b"}
    assert len(open_recording(tmp_path / "a", "dev").frames) == 2
    with pytest.raises(RecordingError, match="expected frames of the split test"):
        open_recording(tmp_path / "a", "test")


def test_a_long_lone_sequence_is_cut_in_halves(tmp_path, plane):
    few = Shots(plane, 2)
    write_folder(tmp_path, few)
    path = tmp_path / "poses.json"
    values = json.loads(path.read_text())
    values["frames"] *= 25
    path.write_text(json.dumps(values))
    assert len(open_recording(tmp_path, "dev").frames) == len(open_recording(tmp_path, "test").frames) == 25


def test_the_field_of_view_gives_the_focal_length(tmp_path, plane):
    WRITERS["transforms"](tmp_path, Shots(plane, 2))
    values = json.loads((tmp_path / "transforms.json").read_text())
    for key in ("fl_x", "fl_y", "cx", "cy", "w", "h"):
        del values[key]
    values["camera_angle_x"] = 2 * np.arctan(320 / 600)
    (tmp_path / "transforms.json").write_text(json.dumps(values))
    intrinsics = open_recording(tmp_path, "dev").frames[0].intrinsics
    assert (intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy) == pytest.approx((600, 600, 319.5, 239.5))


def test_a_scale_on_a_whole_matrix_is_that_of_homogeneous_coordinates(tmp_path, plane):
    shots = Shots(plane, 2)
    WRITERS["transforms"](tmp_path, shots)
    values = json.loads((tmp_path / "transforms.json").read_text())
    for row in values["frames"]:
        row["transform_matrix"] = (0.001 * np.array(row["transform_matrix"])).tolist()
    (tmp_path / "transforms.json").write_text(json.dumps(values))
    np.testing.assert_allclose(open_recording(tmp_path, "dev").frames[1].T_world_cam, shots.poses[1], atol=1e-9)


def test_small_rounding_of_a_rotation_is_mended():
    T = rigid(np.round(np.array([[0.8, -0.6, 0, 1], [0.6, 0.8, 0, 2], [0, 0, 1, 3], [0] * 4]) + 1e-4, 4), "here")
    np.testing.assert_allclose(T[:3, :3] @ T[:3, :3].T, np.eye(3), atol=1e-12)


def test_an_image_is_not_turned_as_its_exif_says(tmp_path, plane):
    """Intrinsics are of the image as the sensor has it."""
    shots = Shots(plane, 1)
    write_folder(tmp_path, shots)
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.fromarray(shots.images[0]).save(tmp_path / "0.png", exif=exif)
    np.testing.assert_array_equal(open_recording(tmp_path, "dev").frames[0].load()[0], shots.images[0])
