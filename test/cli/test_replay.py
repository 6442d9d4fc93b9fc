"""`replay`: what it prints and writes, and one clear line for what it cannot replay."""

import csv
import importlib.util
import re
import subprocess
import sys

import numpy as np
import pytest
from bags import BagMaker, approach, camera_bag, write_calibration, write_video
from PIL import Image

pytest.importorskip("rosbags", reason="needs rosbags: pip install 'depth_pc_ros[rosbag]'")

from lockstep_bags import DISABLED_FRAMES, lockstep_bag

from depth_pc_ros.cli import replay

FRAMES = 12


@pytest.fixture(scope="module")
def bag(tmp_path_factory):
    return lockstep_bag(tmp_path_factory.mktemp("bags") / "run", FRAMES)


def rows(path):
    with open(path, newline="") as file:
        return list(csv.DictReader(file))


def test_a_recording_of_a_servo(bag, tmp_path, capsys):
    assert replay.main([str(bag), "--output", str(tmp_path), "--animation"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("run: a servo that ran in lockstep, control law pbvs\n")
    assert f"ok    commands      all {FRAMES - DISABLED_FRAMES} are the recorded ones\n" in out
    assert "LOOK  goal reached" in out  # the recording ends on its way
    assert "\nverdict: look at this first: goal reached\n" in out
    assert out.endswith(f"results: {tmp_path}/\n")
    frames, commands = rows(tmp_path / "frames.csv"), rows(tmp_path / "commands.csv")
    assert [row["state"] for row in frames] == ["SERVOING"] * FRAMES
    assert frames[-1]["matches"] == frames[-1]["recorded_matches"]
    assert len(commands) == FRAMES - DISABLED_FRAMES
    for row in commands:
        assert float(row["vx_m_s"]) == float(row["recorded_vx_m_s"])
    page = (tmp_path / "report.html").read_text()
    assert page.count('"image": "') == FRAMES
    assert f'type="range" min="0" max="{FRAMES - 1}"' in page
    assert not re.search(r"(src|href)=\"(?!data:)", page)  # nothing is fetched
    with Image.open(tmp_path / "replay.webp") as picture:
        assert picture.is_animated


def test_a_file_for_the_rerun_viewer(bag, tmp_path):
    pytest.importorskip("rerun", reason="needs rerun-sdk: pip install 'depth_pc_ros[rerun]'")
    path = tmp_path / "run.rrd"
    assert replay.main([str(bag), "--output", str(tmp_path), "--no-page", "--rerun", str(path)]) == 0
    words = [sys.executable, "-m", "rerun", "rrd", "print", "-v", str(path)]
    printed = subprocess.run(words, capture_output=True, text=True, check=True).stdout
    for entity in ("/goal", "/live", "/live/matches", "/error_px", "/speed/linear_m_s", "/goal_camera/path", "/state"):
        assert entity in printed


def test_without_rerun_it_says_what_to_install(bag, tmp_path, capsys, monkeypatch):
    find = importlib.util.find_spec
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "rerun" else find(name))
    assert replay.main([str(bag), "--output", str(tmp_path), "--rerun", str(tmp_path / "run.rrd")]) == 1
    assert "replay: not installed: rerun (pip install 'depth_pc_ros[rerun]')" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        replay.main([str(bag), "--rerun", "run.mp4"])
    assert "expected a file that ends in .rrd, got 'run.mp4'" in capsys.readouterr().err


def test_another_law_and_where_it_differs(bag, tmp_path, capsys):
    words = [str(bag), "--output", str(tmp_path), "--no-page", "--controller", "ibvs", "--use-matches"]
    assert replay.main(words) == 0
    out = capsys.readouterr().out
    assert "the commands that differ most:\n" in out
    assert f"0 of {FRAMES - DISABLED_FRAMES} are the recorded ones; the others differ by up to" in out
    assert not (tmp_path / "report.html").exists()


def test_the_page_of_a_bag_of_another_camera(tmp_path, capsys):
    images = approach(3)
    words = [str(camera_bag(tmp_path / "bag", images)), "--controller", "pbvs"]
    words += ["--animation", str(tmp_path / "mine.webp")]
    assert replay.main([*words, "--output", str(tmp_path)]) == 0
    assert "nothing obeyed the servo; goal: image 2 of the recording" in capsys.readouterr().out
    assert "</script>" in (tmp_path / "report.html").read_text()
    assert (tmp_path / "mine.webp").stat().st_size > 1000
    assert not (tmp_path / "replay.webp").exists()
    assert rows(tmp_path / "commands.csv") == []


def test_what_cannot_be_replayed_is_one_line(tmp_path, capsys):
    images = approach(2)
    with BagMaker(tmp_path / "words") as maker:
        maker.put("/words", "std_msgs/msg/String", 1.0, maker.kinds["std_msgs/msg/String"](data="word"))
    (tmp_path / "bad.mp4").write_bytes(b"no video")
    (tmp_path / "cut.mcap").write_bytes(b"\x89MCAP0\r\n" + bytes(5))
    video, calibration = write_video(tmp_path / "video.avi", images), write_calibration(tmp_path / "camera.yaml")
    small = write_video(tmp_path / "small.avi", [np.ascontiguousarray(image[:120]) for image in images])
    bag = camera_bag(tmp_path / "camera", images)
    for words, complaint in (
        (["absent"], "absent: no such bag"),
        ([tmp_path / "words"], "expected a topic of type sensor_msgs/msg/Image"),
        ([tmp_path / "cut.mcap"], "cut.mcap: expected a bag: "),
        ([tmp_path / "bad.mp4", "--camera-info", calibration], "expected a video that OpenCV can open"),
        ([video], "video.avi is a video: give the YAML file of its calibration"),
        ([video, "--camera-info", "absent.yaml"], "camera_info absent.yaml: no such file"),
        ([small, "--camera-info", calibration], "expected frames of 320 x 240 as .* says, got 320 x 120"),
        ([bag, "--camera-info", "/none"], "camera_info: no topic '/none' in the bag; it has /cam/camera_info"),
        ([bag, "--image", "/chatter"], "image: expected sensor_msgs/msg/Image or .*, /chatter has type"),
        ([bag, "--latency-s", "-1"], "latency_s: expected a value in"),
        ([bag, "--gain", "fast"], "command line: gain: expected float, got str 'fast'"),
    ):
        assert replay.main([str(word) for word in words] + ["--no-page", "--output", str(tmp_path / "out")]) == 1
        out, err = capsys.readouterr()
        assert re.fullmatch(f"replay: .*{complaint}.*\n", err), err
        assert out == ""


def test_without_an_end_the_rest_is_replayed(bag, tmp_path, capsys):
    cut = tmp_path / "cut.mcap"
    data = next(bag.glob("*.mcap")).read_bytes()
    cut.write_bytes(data[: len(data) - 1000])
    assert replay.main([str(cut), "--no-page", "--use-matches", "--output", str(tmp_path / "out")]) == 0
    out = capsys.readouterr().out
    assert "note: the bag has no end: its recorder was killed, or the disk was full; the rest is read" in out


def test_it_needs_no_ros():
    code = (
        "import sys; sys.modules['rclpy'] = sys.modules['sensor_msgs'] = None\n"
        "from depth_pc_ros.cli import replay, replay_page\n"
        "assert not {'torch', 'transforms3d'} & set(sys.modules)\n"
        "replay.parser()"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
