import cv2
import numpy as np
import pytest
from boards import board_pictures, write_video

from depth_pc_ros.cli import webcam
from depth_pc_ros.files.camera_info_file import read_camera_info
from depth_pc_ros.files.video_file import VideoFile
from depth_pc_ros.geometry import se3
from depth_pc_ros.webcam import views as views_module
from depth_pc_ros.webcam.picture import DONE, MOVE

FAST = ["--controller", "pbvs"]
RATE_HZ = 15


@pytest.fixture(scope="session")
def views(plane, intrinsics, T_world_goal):
    """A camera of 60 degrees comes to a goal 0.6 m from the scene, from 8 cm to its right, and rests there."""
    camera = webcam.camera_of_field(60, (320, 240)).target
    shifts_m = [*np.linspace(0.08, 0, 8), *[0.0] * 10]
    poses = [T_world_goal @ se3.from_rt(np.eye(3), np.array([shift_m, 0, 0])) for shift_m in shifts_m]
    return [plane.view(T_world_cam, camera) for T_world_cam in poses]


@pytest.fixture(scope="session")
def video(views, tmp_path_factory):
    return write_video(tmp_path_factory.mktemp("video") / "walk.mp4", views, RATE_HZ)


def one_line(capsys) -> str:
    error = capsys.readouterr().err
    assert error.count("\n") == 1, error
    return error.strip()


def test_a_video_becomes_an_annotated_one(video, views, tmp_path, capsys):
    output = tmp_path / "annotated.avi"
    words = ["--video", str(video), "--goal", "last", "--output", str(output), "--distance", "0.6"]
    assert webcam.main([*words, *FAST]) == 0
    said = capsys.readouterr().out
    assert "camera: not calibrated, a field of view of 60 deg is assumed (--calibrate measures it)" in said
    assert "lengths: for a scene 0.6 m from the goal" in said
    assert "SERVOING   left 8 cm" in said
    assert said.splitlines()[-2:] == ["at the end: you are there", f"{output}: 18 pictures"]
    annotated = VideoFile(output)
    assert (annotated.size[0], annotated.count) == (640, len(views))
    assert annotated.rate_hz == pytest.approx(RATE_HZ)
    pictures = [picture.astype(int) for _, picture in annotated.frames()]
    arrow = np.abs(pictures[0][118:123, 90:150] - MOVE).max(axis=2) < 60  # from the middle to the left
    assert arrow.mean() > 0.5
    assert np.abs(pictures[-1][2, 100] - DONE).max() < 60  # the frame of one that has arrived
    np.testing.assert_allclose(pictures[-1][60:200, 400:600].mean(), views[-1][60:200, 80:280].mean(), atol=8)


def test_a_goal_image_and_a_calibrated_camera(video, views, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "goal.png"), views[-1][..., ::-1])
    camera = tmp_path / "camera.yaml"
    f = webcam.camera_of_field(60, (320, 240)).target.fx
    camera.write_text(
        "image_width: 320\nimage_height: 240\ndistortion_model: plumb_bob\n"
        f"camera_matrix: {{rows: 3, cols: 3, data: [{f}, 0, 159.5, 0, {f}, 119.5, 0, 0, 1]}}\n"
        "distortion_coefficients: {rows: 1, cols: 5, data: [0, 0, 0, 0, 0]}\n"
    )
    words = ["--video", str(video), "--goal", str(tmp_path / "goal.png"), "--camera-info", str(camera)]
    assert webcam.main([*words, "--output", str(tmp_path / "a.mp4"), *FAST]) == 0
    said = capsys.readouterr().out
    assert f"camera: as in {camera}" in said
    assert "lengths: in % of the distance to the scene (with --distance M in cm)" in said
    assert "SERVOING   left 13 %" in said


def test_the_first_picture_as_the_goal(video, tmp_path, capsys):
    words = ["--video", str(video), "--goal", "first", "--output", str(tmp_path / "a.mp4"), "--distance", "0.6"]
    assert webcam.main([*words, *FAST]) == 0
    assert "at the end: right 8 cm" in capsys.readouterr().out


def test_ctrl_c_keeps_what_was_written(video, tmp_path, monkeypatch, capsys):
    class Interrupted(views_module.FileView):
        def show(self, screen, stamp_s):
            if stamp_s > 0.15:
                raise KeyboardInterrupt
            return super().show(screen, stamp_s)

    monkeypatch.setattr(webcam, "FileView", Interrupted)
    words = ["--video", str(video), "--goal", "last", "--output", str(tmp_path / "a.mp4")]
    assert webcam.main([*words, *FAST]) == 0
    assert VideoFile(tmp_path / "a.mp4").count == 3
    assert "at the end: left" in capsys.readouterr().out


def test_a_camera_is_calibrated_from_a_video(tmp_path, capsys):
    pictures = [picture for picture in board_pictures(10) for _ in range(2)]
    video = write_video(tmp_path / "board.avi", pictures)
    camera = tmp_path / "camera.yaml"
    assert webcam.main(["--video", str(video), "--calibrate", str(camera), "--board-views", "7"]) == 0
    said = capsys.readouterr().out
    assert said.startswith("0 of 7 views: show the board elsewhere, nearer, tilted, and hold it still")
    assert said.splitlines()[-1].startswith(f"{camera}: focal length 61")
    assert said.splitlines()[-1].endswith(" px, 7 views")
    found = read_camera_info(camera)
    assert (found.width, found.height) == (640, 480)
    assert found.k[0] == pytest.approx(610, rel=0.01)


def test_too_few_views_write_no_camera(tmp_path, capsys):
    pictures = [picture for picture in board_pictures(3) for _ in range(2)]
    video = write_video(tmp_path / "board.avi", pictures)
    output = tmp_path / "views.mp4"
    words = ["--video", str(video), "--calibrate", str(tmp_path / "camera.yaml"), "--output", str(output)]
    assert webcam.main(words) == 1
    assert one_line(capsys).startswith("webcam: calibration: expected at least 5 different views")
    assert not (tmp_path / "camera.yaml").exists()
    assert VideoFile(output).count == 6


def test_bad_input_is_one_line(video, views, tmp_path, capsys):
    cv2.imwrite(str(tmp_path / "small.png"), views[-1][:, :160])
    (tmp_path / "text.mp4").write_text("no video")
    (tmp_path / "camera.yaml").write_text("image_width: 320\n")
    output = ["--output", str(tmp_path / "out.mp4")]
    with_video = ["--video", str(video), *FAST]
    for words, problem in [
        (["--camera", "97", "--goal", "x.png", *output], "camera 97: "),
        (["--video", str(tmp_path / "none.mp4"), "--goal", "last", *output], "none.mp4: no such video"),
        (["--video", str(video), "--calibrate", str(tmp_path)], "--calibrate: cannot write"),
        (["--video", str(tmp_path / "text.mp4"), "--goal", "last", *output], "text.mp4: expected a video"),
        ([*with_video, "--goal", str(tmp_path / "none.png"), *output], "goal image: cannot read"),
        (
            [*with_video, "--goal", str(tmp_path / "small.png"), *output],
            "goal image: is 160 x 240, the camera's pictures are 320 x 240: take it with the same camera",
        ),
        ([*with_video, "--goal", "last", "--output", str(tmp_path / "out.gif")], "expected a name that ends with"),
        ([*with_video, "--goal", "last", "--output", str(video)], "is the video that is read; give another name"),
        ([*with_video, "--goal", "last", *output, "--fov", "200"], "fov: expected a value in [10.0, 140.0]"),
        ([*with_video, "--goal", "last", *output, "--distance", "0"], "distance: expected metres > 0"),
        ([*with_video, "--goal", "last", *output, "--camera-info", str(tmp_path / "camera.yaml")], "camera.yaml"),
    ]:
        assert webcam.main(words) == 1, words
        error = one_line(capsys)
        assert error.startswith("webcam: ")
        assert problem in error
    assert not (tmp_path / "out.mp4").exists()
    assert VideoFile(video).count == len(views)


def test_no_screen_is_one_line_that_names_the_way_out(video, monkeypatch, capsys):
    pytest.importorskip("tkinter", reason="no tkinter: apt install python3-tk")
    monkeypatch.delenv("DISPLAY", raising=False)
    assert webcam.main(["--video", str(video), "--capture"]) == 1
    error = one_line(capsys)
    assert error.startswith("webcam: window: there is no screen to open one on")
    assert "--browser" in error
    assert "--output FILE" in error


@pytest.mark.parametrize(
    ("words", "problem"),
    [
        ([], "--goal --capture --calibrate"),
        (["--goal", "a.png", "--capture"], "not allowed with"),
        (["--capture", "--output", "a.mp4"], "--capture needs the key c in a window, or a browser"),
        (["--goal", "last"], "give --video"),
        (["--goal", "a.png", "--controller", "ibvs"], "invalid choice"),
        (["--goal", "a.png", "--fov", "60", "--camera-info", "a.yaml"], "not allowed with"),
        (["--goal", "a.png", "--camera", "0", "--video", "a.mp4"], "not allowed with"),
        (["--goal", "a.png", "--output", "a.mp4", "--browser"], "not allowed with"),
        (["--goal", "a.png", "--browser", "70000"], "expected a port from 0 to 65535, got 70000"),
    ],
)
def test_a_wrong_command_line(words, problem, capsys):
    with pytest.raises(SystemExit) as stop:
        webcam.main(words)
    assert stop.value.code == 2
    assert problem in capsys.readouterr().err
