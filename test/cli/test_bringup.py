import signal
import subprocess
import sys

import pytest
from waits import WAIT_S

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

from depth_pc_ros.cli import bringup

pytestmark = pytest.mark.ros


def start(*words) -> subprocess.Popen:
    command = [sys.executable, "-m", "depth_pc_ros.cli.bringup", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@pytest.fixture
def small(tmp_path):
    """A parameter file that makes the simulation small and quick."""
    path = tmp_path / "small.yaml"
    path.write_text("bridge: {width: 96, height: 72}\n")
    return path


def test_help_teaches_with_examples(capsys):
    with pytest.raises(SystemExit) as stop:
        bringup.main(["--help"])
    assert stop.value.code == 0
    text = capsys.readouterr().out
    assert "--rig arm --seed 3" in text
    assert "set_goal goal.png --distance 0.6 --enable" in text


def test_a_wrong_option_is_one_line_and_exit_code_1():
    process = start("--rig", "ur5")
    output, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert output == "bringup: command line: rig: expected one of free, arm, got 'ur5'\n"


def test_a_wrong_parameter_file_is_one_line_and_exit_code_1(small):
    small.write_text("controller: {gian: 2.0}\n")
    process = start("--params", str(small))
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 1
    assert output == f"bringup: params {small}: section 'controller': unknown key 'gian' (did you mean gain?)\n"


def test_an_old_flag_names_the_new_one(capsys):
    with pytest.raises(SystemExit) as stop:
        bringup.main(["--config-dir", "/my/folder"])
    assert stop.value.code == 2
    assert "--config-dir is now called --params" in capsys.readouterr().err


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ready_and_then_stopped(small, number):
    process = start("--params", str(small), "--controller", "pbvs")
    try:
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if line == "ready\n":
                break
        for name in ("bridge", "keypoints", "depth", "controller", "adapter"):
            assert f"{name}: active" in lines
        if number == signal.SIGINT:
            second = start("--params", str(small))
            output, _ = second.communicate(timeout=WAIT_S)
            assert second.returncode == 1
            assert "running already in ROS domain" in output  # a busy machine may not find all of them in time
            assert "/depth_pc/" in output
            assert output.startswith("bringup: running already in ROS domain ")
        process.send_signal(number)
        output, _ = process.communicate(timeout=WAIT_S)
        assert process.returncode == 0
        assert "Traceback" not in output
    finally:
        process.kill()


def test_a_node_that_dies_is_named_and_ends_all(small):
    small.write_text(small.read_text() + "controller: {model: /no/such/model}\n")
    process = start("--params", str(small))
    output, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert "/no/such/model" in output
    assert "bringup: node controller ended with exit code 1" in output
    assert "Traceback" not in output
