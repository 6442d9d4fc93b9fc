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
    """A folder of parameters that make the simulation small and quick."""
    (tmp_path / "bridge.yaml").write_text("/depth_pc/bridge: {ros__parameters: {width: 96, height: 72}}\n")
    return tmp_path


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


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ready_and_then_stopped(small, number):
    process = start("--config-dir", str(small))
    try:
        lines = []
        for line in process.stdout:
            lines.append(line.strip())
            if line == "ready\n":
                break
        for name in ("bridge", "keypoints", "depth", "controller", "adapter"):
            assert f"{name}: active" in lines
        process.send_signal(number)
        output, _ = process.communicate(timeout=WAIT_S)
        assert process.returncode == 0
        assert "Traceback" not in output
    finally:
        process.kill()


def test_a_node_that_dies_is_named_and_ends_all(small):
    (small / "controller.yaml").write_text("/depth_pc/controller: {ros__parameters: {gian: 2.0}}\n")
    process = start("--config-dir", str(small))
    output, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert "unknown key 'gian' (did you mean gain?)" in output
    assert "bringup: node controller ended with exit code 1" in output
    assert "Traceback" not in output
