"""The command of the live view: its link, its token, and what ends it."""

import os
import re
import signal
import socket
import subprocess
import sys
import urllib.error
import urllib.request

import pytest
from ports import free_port
from waits import WAIT_S

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")
pytest.importorskip("aiohttp", reason="needs aiohttp: pip install 'depth_pc_ros[view]'")

from depth_pc_ros.cli import watch

pytestmark = pytest.mark.ros


def start(*words):
    command = [sys.executable, "-m", "depth_pc_ros.cli.watch", *words]
    environment = {**os.environ, "ROS_AUTOMATIC_DISCOVERY_RANGE": "LOCALHOST"}
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment)


def test_the_page_is_served_until_ctrl_c():
    port = free_port()
    process = start("--view-port", str(port))
    line = process.stdout.readline()
    assert line == f"watch: open http://127.0.0.1:{port}/\n", process.stderr.read()
    with urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=WAIT_S) as answer:
        assert b"STOP" in answer.read()
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out, err) == (0, "", "")


def test_for_other_machines_a_token_is_printed_once():
    port = free_port()
    process = start("--view-address", "0.0.0.0", "--view-port", str(port))
    token = re.fullmatch(rf"watch: open http://[^/]+:{port}/\?token=(\S{{32}})\n", process.stdout.readline())[1]
    with pytest.raises(urllib.error.HTTPError, match="401"):
        urllib.request.urlopen(f"http://127.0.0.1:{port}/", timeout=WAIT_S)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0
    assert token not in out + err


def test_a_port_in_use_is_one_clear_line():
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        process = start("--view-port", str(port))
        out, err = process.communicate(timeout=WAIT_S)
    assert (process.returncode, out) == (1, "")
    last = err.splitlines()[-1]
    assert last == f"WatchNode: port: {port} of 127.0.0.1 is in use, give another one"


@pytest.mark.parametrize(
    "words", [["--view-port", "0"], ["--namespace", "left"], ["--params", "/no.yaml"], ["--max-width", "wide"]]
)
def test_a_wrong_option_is_one_clear_line(words, capsys):
    assert watch.main(words) == 1
    out, err = capsys.readouterr()
    name = words[0].lstrip("-").replace("-", "_")
    assert out == ""
    assert re.fullmatch(rf"watch: [^\n]*{name}[^\n]*\n", err)
