import signal
import subprocess
import sys
import time

import psutil
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


@pytest.mark.parametrize("moment", ["the first process", "all processes", "the first active node"])
def test_ctrl_c_while_it_starts_ends_all_quietly(small, moment):
    process = start("--params", str(small))
    parent = psutil.Process(process.pid)
    try:
        if moment == "the first active node":
            while ": active" not in process.stdout.readline():
                assert process.poll() is None
        else:
            while len(parent.children()) < (1 if moment == "the first process" else 5):
                assert process.poll() is None
                time.sleep(0.01)
        nodes = parent.children()
        for _ in range(2):
            process.send_signal(signal.SIGINT)
        output, _ = process.communicate(timeout=WAIT_S)
        assert process.returncode == 0
        assert output.splitlines()[-1] == "stopped"
        assert "Traceback" not in output
        assert "is killed" not in output
        assert not [node for node in nodes if node.is_running() and node.status() != psutil.STATUS_ZOMBIE]
    finally:
        process.kill()


def test_a_later_signal_interrupts_again(monkeypatch):
    clock_s = [100.0]
    monkeypatch.setattr(bringup.time, "monotonic", lambda: clock_s[0])
    before = {number: signal.getsignal(number) for number in bringup.STOP_SIGNALS}
    bringup.interrupt_on_signals()
    try:
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGINT)
        for number in bringup.STOP_SIGNALS:
            signal.raise_signal(number)  # of the same Ctrl-C
        clock_s[0] += 6.0
        with pytest.raises(KeyboardInterrupt):
            signal.raise_signal(signal.SIGTERM)
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def test_a_node_that_dies_is_named_and_ends_all(small):
    small.write_text(small.read_text() + "controller: {model: /no/such/model}\n")
    process = start("--params", str(small))
    output, _ = process.communicate(timeout=WAIT_S)
    assert process.returncode == 1
    assert "/no/such/model" in output
    assert "bringup: node controller ended with exit code 1" in output
    assert "Traceback" not in output
