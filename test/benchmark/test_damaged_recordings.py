"""Recordings that are damaged: a bad frame is left out and named, and so is a recording that is none."""

import json

import cv2
import numpy as np
import pytest
from real_recordings import CAMERA, WRITERS, Shots, write_7scenes, write_apc, write_bag, write_folder, write_tum

from depth_pc_ros.benchmark.recordings.frames import RecordingError
from depth_pc_ros.benchmark.recordings.source import open_recording, read_sequences


@pytest.fixture(scope="module")
def shots(plane):
    return Shots(plane, 2)


def cut(path):
    """Leave out the second half of a file."""
    data = path.read_bytes()
    path.write_bytes(data[: len(data) // 2])


def camera(**changed):
    keys = ("fx", "fy", "cx", "cy", "width", "height")
    return json.dumps({**{key: getattr(CAMERA, key) for key in keys}, **changed})


def spoil_apc(folder, old):
    """Damage a number, or the heading, of the first matrix."""
    path = folder / "cam.info.txt"
    path.write_text(path.read_text().replace(old, "x\n", 1))


def put(folder, kind, picture):
    cv2.imwrite(str(folder / f"frame-000000.{kind}.png"), picture)


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
        (lambda d: (d / "frame-000000.color.png").write_bytes(b"no image"), "color.png: not an image"),
        (lambda d: (d / "frame-000000.depth.png").write_bytes(b"no image"), "depth.png: not an image"),
        (lambda d: cut(d / "frame-000000.color.png"), "image: cannot read .*color.png: not a whole image"),
        (lambda d: cut(d / "frame-000000.depth.png"), "depth: cannot read .*depth.png: not a whole image"),
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
        (write_folder, lambda d: (d / "poses.json").write_text("[]"), r"poses.json: expected object, got \[\]"),
        (write_folder, lambda d: (d / "poses.json").write_text('{"frames": []}'), "missing key 'camera'"),
        (write_folder, lambda d: (d / "poses.json").write_text("{"), "poses.json: expected JSON"),
        (write_folder, lambda d: (d / "poses.json").write_bytes(b'"\xff"'), "poses.json: line 1: expected UTF-8"),
        (write_tum, lambda d: (d / "groundtruth.txt").write_bytes(b"\xff"), "groundtruth.txt: line 1: expected UTF-8"),
        (write_tum, lambda d: (d / "groundtruth.txt").write_text("nan 0 0 0 0 0 0 1\n"), "time in s, got 'nan'"),
        (write_tum, lambda d: (d / "camera.json").write_text(camera(width=10**9)), "1 to 8192 px a side"),
        (write_tum, lambda d: (d / "camera.json").write_text(camera(width=8000)), "at most 8 to 1"),
        (write_tum, lambda d: (d / "camera.json").write_text(camera(distortion=["a"])), r"distortion\[0\]: expected"),
        (write_tum, lambda d: (d / "camera.json").write_text(camera(distortion=[0.1])), "expected 0, 4, 5, 8, 12 or"),
        (write_tum, lambda d: (d / "camera.json").write_text(camera(zoom=2)), "unknown key 'zoom'"),
        (write_apc, lambda d: spoil_apc(d, "e+02"), "line 4: expected numbers, got .6.000000000x"),
        (write_apc, lambda d: spoil_apc(d, "\n6.000000000e+02 "), "Color camera intrinsic: expected a matrix"),
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
        ("fl_x", "long", "fl_x: expected number, got .long"),
        ("camera_model", "OPENCV_FISHEYE", "expected one of OPENCV"),
        ("w", 1280, "as its intrinsics say"), ("fl_y", -1.0, "focal length > 0"),
        ("k1", None, "k1: expected number"),
        ("depth_unit_scale_factor", 0, "expected exclusiveMinimum 0"), ("frames", {}, "frames: expected array"),
        ("w", 10**9, "1 to 8192 px a side"), ("camera_angle_x", [1], "camera_angle_x: expected number"),
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
    assert "image 1: missing key 'cam_R_w2c'" in recording.problems[0]


@pytest.mark.parametrize(("folder", "complaint"), [("none", "no such folder"), (".", "expected a recording in")])
def test_no_recording_at_all(folder, complaint, tmp_path):
    with pytest.raises(RecordingError, match=f"root: {complaint}"):
        read_sequences(tmp_path / folder)


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("image", 5, "frames[1]: image: expected string, got 5"), ("image", "../none.png", "none.png: no such image"),
        ("image", "a\x1b\n.png", "expected a name of at most 200 printable"), ("image", "x" * 500, "name of"),
        ("depth", ["a"], "frames[1]: depth: expected string or null"), ("depth", "a\n", "printable characters"),
        ("sequence", "a\nb", "printable characters"), ("sequence", 3, "sequence: expected string or null, got 3"),
        ("T_world_cam", None, "T_world_cam: expected array, got null"),
        ("T_world_cam", [[1, 2], [3]], "expected minItems 4"),
        ("T_world_cam", (1e200 * np.eye(4)).tolist(), "at most 1e+06"),
    ],
)  # fmt: skip
def test_a_bad_line_of_a_list_of_poses_is_left_out_and_named(key, value, complaint, tmp_path, plane):
    write_folder(tmp_path, Shots(plane, 2))
    path = tmp_path / "poses.json"
    values = json.loads(path.read_text())
    values["frames"][1][key] = value
    path.write_text(json.dumps(values))
    recording = open_recording(tmp_path, "dev")
    assert len(recording.frames) == 1
    assert len(recording.problems) == 1
    assert complaint in recording.problems[0]
    assert recording.problems[0].isprintable()


def test_a_bag_without_poses_says_so(tmp_path, shots):
    pytest.importorskip("rosbags", reason="needs rosbags: pip install 'depth_pc_ros[rosbag]'")
    write_bag(tmp_path / "bag", shots, "mcap", static_hand=True)
    with pytest.raises(RecordingError, match="tf: expected transforms that move the camera"):
        open_recording(tmp_path, "dev")


def test_no_bag_is_named(tmp_path):
    pytest.importorskip("rosbags", reason="needs rosbags: pip install 'depth_pc_ros[rosbag]'")
    (tmp_path / "a.mcap").write_bytes(b"no bag")
    with pytest.raises(RecordingError, match=r"a\.mcap: expected a bag"):
        open_recording(tmp_path, "dev")


def test_a_cut_off_bag_is_named(tmp_path, shots):
    pytest.importorskip("rosbags", reason="needs rosbags: pip install 'depth_pc_ros[rosbag]'")
    write_bag(tmp_path / "bag", shots, "mcap")
    (file,) = (tmp_path / "bag").glob("*.mcap")
    cut(file)
    with pytest.raises(RecordingError, match="bag: "):
        open_recording(tmp_path, "dev")
