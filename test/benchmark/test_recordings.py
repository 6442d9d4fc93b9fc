"""Readers of recordings: what was written in every format comes back; what is wrong is named."""

import json

import cv2
import numpy as np
import pytest
from real_recordings import CAMERA, WRITERS, Shots, write_7scenes, write_bag, write_folder, write_folder_text, write_tum

from depth_pc_ros.benchmark.recordings.frames import Camera, RecordingError, camera_of, rigid
from depth_pc_ros.benchmark.recordings.source import FORMATS, open_recording, read_sequences
from depth_pc_ros.benchmark.settings import RECORDING_FORMATS


@pytest.fixture(scope="module")
def shots(plane):
    return Shots(plane, 4)


def put(folder, kind, picture):
    cv2.imwrite(str(folder / f"frame-000000.{kind}.png"), picture)


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
    pytest.importorskip("rosbags")
    write_bag(tmp_path / "bag", shots, storage)
    check(open_recording(tmp_path, "dev").frames, shots)
    if storage == "mcap":  # the bare file, as a recorder may leave it
        (tmp_path / "bag" / "metadata.yaml").unlink()
        check(open_recording(tmp_path, "dev").frames, shots)
        file = next((tmp_path / "bag").glob("*.mcap"))
        (tmp_path / "bag" / "other.mcap").write_bytes(file.read_bytes())
        assert [len(sequence.frames) for sequence in read_sequences(tmp_path) if sequence.frames] == [4, 4]


def test_a_bag_without_poses_says_so(tmp_path, shots):
    pytest.importorskip("rosbags")
    write_bag(tmp_path / "bag", shots, "mcap", static_hand=True)
    with pytest.raises(RecordingError, match="tf: expected transforms that move the camera"):
        open_recording(tmp_path, "dev")


def test_no_bag_is_named(tmp_path):
    pytest.importorskip("rosbags")
    (tmp_path / "a.mcap").write_bytes(b"no bag")
    with pytest.raises(RecordingError, match=r"a\.mcap: expected a bag"):
        open_recording(tmp_path, "dev")


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


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda d: np.savetxt(d / "frame-000001.pose.txt", np.diag([1, 1, 2, 1.0])), "expected a rigid pose"),
        (lambda d: np.savetxt(d / "frame-000001.pose.txt", np.diag([1, 1, -1, 1.0])), "expected a rigid pose"),
        (lambda d: np.savetxt(d / "frame-000001.pose.txt", np.full((4, 4), np.nan)), "4 x 4 finite numbers"),
        (lambda d: np.savetxt(d / "frame-000001.pose.txt", np.full((4, 4), -np.inf)), "4 x 4 finite numbers"),
        (lambda d: (d / "frame-000001.pose.txt").write_text("1 2 3"), "expected 4 x 4 numbers"),
        (lambda d: (d / "frame-000001.pose.txt").write_text("one"), "expected 4 x 4 numbers"),
        (lambda d: (d / "frame-000001.color.png").unlink(), "no such image"),
    ],
)
def test_a_bad_frame_is_left_out_and_named(spoil, complaint, tmp_path, plane):
    write_7scenes(tmp_path, Shots(plane, 3))
    spoil(tmp_path)
    recording = open_recording(tmp_path, "dev")
    assert [frame.name for frame in recording.frames] == ["frame-000000", "frame-000002"]
    assert len(recording.problems) == 1
    assert complaint in recording.problems[0]
    assert "frame-000001" in recording.problems[0]


@pytest.mark.parametrize(
    ("spoil", "complaint"),
    [
        (lambda d: (d / "frame-000000.color.png").write_bytes(b"no image"), "expected an image"),
        (lambda d: (d / "frame-000000.depth.png").write_bytes(b"no image"), "expected a depth image"),
        (
            lambda d: cv2.imwrite(str(d / "frame-000000.depth.png"), np.ones((480, 640, 3), np.uint8)),
            "one 16-bit channel",
        ),
        (lambda d: put(d, "depth", np.ones((400, 640), np.uint16)), "registered"),
        (
            lambda d: cv2.imwrite(str(d / "frame-000000.color.png"), np.ones((400, 640, 3), np.uint8)),
            "as its intrinsics",
        ),
    ],
)
def test_an_image_that_cannot_be_used_is_named_when_it_is_read(spoil, complaint, tmp_path, plane):
    write_7scenes(tmp_path, Shots(plane, 2))
    frame = open_recording(tmp_path, "dev").frames[0]
    spoil(tmp_path)
    with pytest.raises(RecordingError, match=complaint):
        frame.load()


@pytest.mark.parametrize(
    ("write", "spoil", "complaint"),
    [
        (write_7scenes, lambda d: (d / "camera-intrinsics.txt").write_text("600 600"), "expected 3 x 3 numbers"),
        (write_7scenes, lambda d: np.savetxt(d / "camera-intrinsics.txt", np.diag([-1, 1, 1])), "focal length > 0"),
        (write_7scenes, lambda d: np.savetxt(d / "camera-intrinsics.txt", [[600, 0, 1900], [0, 600, 240], [0, 0, 1]]),
         "principal point inside"),
        (write_tum, lambda d: (d / "camera.json").unlink(), "not named after one of freiburg1"),
        (write_tum, lambda d: (d / "rgb.txt").write_text("# none\n"), "expected lines of"),
        (write_tum, lambda d: (d / "groundtruth.txt").write_text("0 1 2\n"), "line 1: expected 8 words"),
        (write_tum, lambda d: (d / "depth.txt").write_text("noon depth/0.png\n"), "begin with a time in s, got 'noon'"),
        (write_folder, lambda d: (d / "poses.json").write_text("[]"), "expected a mapping"),
        (write_folder, lambda d: (d / "poses.json").write_text('{"frames": []}'), "expected a camera with"),
    ],
)  # fmt: skip
def test_a_recording_that_is_none_is_named(write, spoil, complaint, tmp_path, plane):
    write(tmp_path, Shots(plane, 2))
    spoil(tmp_path)
    with pytest.raises(RecordingError, match=complaint):
        open_recording(tmp_path, "dev")


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("fl_x", "long", "fl_x: expected a number, got 'long'"), ("camera_model", "OPENCV_FISHEYE", "a pinhole camera"),
        ("w", 1280, "as its intrinsics say"), ("fl_y", -1.0, "focal length > 0"), ("k1", None, "k1: expected a number"),
    ],
)  # fmt: skip
def test_intrinsics_that_do_not_fit_are_named(key, value, complaint, tmp_path, plane):
    WRITERS["transforms"](tmp_path, Shots(plane, 2))
    values = json.loads((tmp_path / "transforms.json").read_text())
    (tmp_path / "transforms.json").write_text(json.dumps({**values, key: value}))

    def use():
        recording = open_recording(tmp_path, "dev")
        recording.frames[0].load()

    with pytest.raises(RecordingError, match=complaint):
        use()


def test_the_field_of_view_gives_the_focal_length(tmp_path, plane):
    WRITERS["transforms"](tmp_path, Shots(plane, 2))
    values = json.loads((tmp_path / "transforms.json").read_text())
    for key in ("fl_x", "fl_y", "cx", "cy", "w", "h"):
        del values[key]
    values["camera_angle_x"] = 2 * np.arctan(320 / 600)
    (tmp_path / "transforms.json").write_text(json.dumps(values))
    intrinsics = open_recording(tmp_path, "dev").frames[0].intrinsics
    assert (intrinsics.fx, intrinsics.fy, intrinsics.cx, intrinsics.cy) == pytest.approx((600, 600, 319.5, 239.5))


def test_poses_apart_in_time_are_not_those_of_an_image(tmp_path, plane):
    write_tum(tmp_path, Shots(plane, 2))
    lines = (tmp_path / "groundtruth.txt").read_text().splitlines()
    (tmp_path / "groundtruth.txt").write_text("\n".join(lines[:2]) + "\n")
    recording = open_recording(tmp_path, "dev")
    assert len(recording.frames) == 1
    assert "expected a pose within 0.03 s" in recording.problems[0]


def test_bop_without_poses_of_the_camera_says_so(tmp_path, plane):
    WRITERS["bop"](tmp_path, Shots(plane, 2))
    rows = json.loads((tmp_path / "scene_camera.json").read_text())
    del rows["1"]["cam_R_w2c"]
    (tmp_path / "scene_camera.json").write_text(json.dumps(rows))
    recording = open_recording(tmp_path, "dev")
    assert [frame.name for frame in recording.frames] == ["000000"]
    assert "image 1: expected cam_R_w2c with 3 x 3 numbers" in recording.problems[0]


def test_a_scale_on_a_whole_matrix_is_that_of_homogeneous_coordinates(tmp_path, plane):
    shots = Shots(plane, 2)
    WRITERS["transforms"](tmp_path, shots)
    values = json.loads((tmp_path / "transforms.json").read_text())
    for row in values["frames"]:
        row["transform_matrix"] = (0.001 * np.array(row["transform_matrix"])).tolist()
    (tmp_path / "transforms.json").write_text(json.dumps(values))
    np.testing.assert_allclose(open_recording(tmp_path, "dev").frames[1].T_world_cam, shots.poses[1], atol=1e-9)


@pytest.mark.parametrize(("folder", "complaint"), [("none", "no such folder"), (".", "expected a recording in")])
def test_no_recording_at_all(folder, complaint, tmp_path):
    with pytest.raises(RecordingError, match=f"root: {complaint}"):
        read_sequences(tmp_path / folder)


def test_small_rounding_of_a_rotation_is_mended():
    T = rigid(np.round(np.array([[0.8, -0.6, 0, 1], [0.6, 0.8, 0, 2], [0, 0, 1, 3]]) + 1e-4, 4), "here")
    np.testing.assert_allclose(T[:3, :3] @ T[:3, :3].T, np.eye(3), atol=1e-12)
