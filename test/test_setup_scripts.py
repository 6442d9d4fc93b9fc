"""The set-up scripts, run for real in a copy of the repository with stand-ins for Python, pip and colcon."""

import importlib.util
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
COPIED = ["scripts", "depth_pc_interfaces", "test/interfaces", "resource", "setup.py", "setup.cfg", "package.xml"]
TOOLS = "bash cat cksum cp cut dirname find flock grep mkdir rm sha256sum sort tail touch xargs".split()

# Notes every call, and fails where $FAIL_ON says so after printing $FAIL_OUTPUT.
STAND_IN = """#!/bin/bash
echo "$*" >> "$CALLS"
if [ -n "$FAIL_ON" ] && [[ "$*" == *$FAIL_ON* ]]; then echo "$FAIL_OUTPUT"; exit 1; fi
case "$*" in
    --version) echo "Python 3.11.0" ;;
    *realpath*) echo "$0" ;;
    *numpy.__version__*) echo "numpy==1.26.4" ;;
    *"import cv2"*) ;;
    "-c "*) exec "$REAL_PYTHON" "$@" ;;
    "-m venv "*) mkdir -p "${@: -1}/bin"; cp "$0" "${@: -1}/bin/python" ;;
    "-m colcon "*) mkdir -p install; echo "export PYTHONPATH=built" > install/local_setup.bash ;;
esac
"""


class Sandbox:
    """A copy of the repository, a folder of commands that is its whole PATH, and an empty home."""

    def __init__(self, folder: Path):
        self.repo, self.bin, self.home = folder / "repo", folder / "bin", folder / "home"
        self.calls_file = folder / "calls"
        for path in (self.repo, self.bin, self.home):
            path.mkdir()
        for name in COPIED:
            copy = shutil.copytree if (ROOT / name).is_dir() else shutil.copy
            copy(ROOT / name, self.repo / name)
        for tool in TOOLS:
            (self.bin / tool).symlink_to(shutil.which(tool))
        for tool in ("cmake", "make", "cc", "c++"):
            (self.bin / tool).symlink_to(shutil.which("true"))
        self.python = self.bin / "python3"
        self.python.write_text(STAND_IN)
        self.python.chmod(0o755)

    def bash(self, command: str, **variables: str) -> subprocess.CompletedProcess:
        self.calls_file.write_text("")
        environment = {
            "PATH": str(self.bin),
            "HOME": str(self.home),
            "CALLS": str(self.calls_file),
            "REAL_PYTHON": sys.executable,
            "LD_LIBRARY_PATH": os.environ.get("LD_LIBRARY_PATH", ""),
            "_ROS_WHEELS_BOOTSTRAP_COMPLETE": "1",
            "PYTHON": "python3",
            **variables,
        }
        return subprocess.run(
            [self.bin / "bash", "-c", command], env=environment, cwd=self.home, capture_output=True, text=True
        )

    def setup(self, **variables: str) -> subprocess.CompletedProcess:
        return self.bash(f"bash {self.repo}/scripts/setup.sh", **variables)

    @property
    def calls(self) -> list[str]:
        """The calls of Python in the last run, without checks: environments, installs and builds."""
        calls = self.calls_file.read_text().splitlines()
        return [call for call in calls if call.startswith("-m ") or "relocate" in call]


@pytest.fixture
def sandbox(tmp_path):
    return Sandbox(tmp_path)


@pytest.mark.parametrize(
    ("tool", "package"), [("cmake", "cmake"), ("make", "make"), ("cc", "gcc"), ("c++", "g++")], ids=lambda value: value
)
def test_a_missing_tool_is_named_with_its_apt_line(sandbox, tool, package):
    (sandbox.bin / tool).unlink()
    result = sandbox.setup()
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "is missing" in line
    assert line.endswith(f"sudo apt install {package}")
    assert sandbox.calls == []


def test_several_missing_tools_are_all_named(sandbox):
    for tool in ("cmake", "cc"):
        (sandbox.bin / tool).unlink()
    lines = sandbox.setup().stderr.splitlines()
    assert len(lines) == 3
    assert lines[-1].endswith("all at once: sudo apt install cmake gcc")


def test_missing_python_parts_are_named_with_the_package_of_that_version(sandbox):
    version = f"python3.{sys.version_info.minor}"
    assert f"sudo apt install {version}-venv" in sandbox.setup(FAIL_ON="ensurepip").stderr
    assert f"sudo apt install {version}-dev" in sandbox.setup(FAIL_ON="Python.h").stderr


def test_another_python_version_is_refused(sandbox):
    sandbox.python.write_text('#!/bin/bash\n[ "$1" = --version ] && echo "Python 3.9.2" || exit 1\n')
    result = sandbox.setup()
    assert result.returncode == 1
    assert "Python 3.10, 3.11 or 3.12 is missing (python3 is Python 3.9.2)" in result.stderr
    assert "sudo apt install python3" in result.stderr


def test_first_run_installs_and_builds_and_the_second_does_nothing(sandbox):
    first = sandbox.setup()
    assert first.returncode == 0, first.stderr
    venv, torch, others, relocate, colcon = sandbox.calls
    assert venv.startswith("-m venv")
    assert "torch==2.13.0+cpu" in torch
    assert "--extra-index-url" not in torch
    assert "requirements.txt" in others
    assert "requirements-ros.txt" in others
    assert relocate.endswith("relocate_ros_wheels.py")
    assert "colcon build" in colcon

    second = sandbox.setup()
    assert (second.returncode, second.stdout, sandbox.calls) == (0, "", [])
    assert list(sandbox.home.iterdir()) == []


def test_only_what_changed_is_redone(sandbox):
    sandbox.setup()

    with (sandbox.repo / "depth_pc_interfaces/msg/ServoStatus.msg").open("a") as message:
        message.write("uint8 extra\n")
    sandbox.setup()
    assert [call.split()[1] for call in sandbox.calls] == ["colcon"]

    (sandbox.repo / "config").mkdir()
    (sandbox.repo / "config/node.yaml").touch()
    sandbox.setup()
    assert [call.split()[1] for call in sandbox.calls] == ["colcon"]

    with (sandbox.repo / "scripts/requirements.txt").open("a") as requirements:
        requirements.write("rich\n")
    sandbox.setup()
    assert sandbox.calls[0].startswith("-m venv")
    assert "colcon" in sandbox.calls[-1]


@pytest.mark.parametrize(
    "interrupted_at", ["-m venv", "torch==", "requirements.txt", "relocate", "colcon", "import cv2"]
)
def test_an_interrupted_setup_is_redone(sandbox, interrupted_at):
    assert sandbox.setup(FAIL_ON=interrupted_at, FAIL_OUTPUT="the reason").returncode == 1
    assert sandbox.setup().returncode == 0
    assert "colcon" in sandbox.calls[-1]
    assert sandbox.setup().returncode == 0
    assert sandbox.calls == []


def test_a_failure_shows_the_end_of_the_log_and_its_path(sandbox):
    result = sandbox.setup(FAIL_ON="colcon", FAIL_OUTPUT="no such message type")
    assert "no such message type" in result.stderr
    assert str(sandbox.repo / "log/setup.log") in result.stderr


def test_no_package_index_is_said_in_one_line(sandbox):
    result = sandbox.setup(FAIL_ON="torch==", FAIL_OUTPUT="WARNING: Retrying (Retry(total=0, connect=None))")
    assert result.returncode == 1
    (line,) = result.stderr.splitlines()
    assert "pip reaches no package index" in line
    assert sum("torch==" in call for call in sandbox.calls) == 1


def test_torch_is_looked_for_in_the_cpu_index_when_the_usual_one_lacks_it(sandbox):
    sandbox.setup(FAIL_ON="torch==", FAIL_OUTPUT="ERROR: No matching distribution found")
    first, second = (call for call in sandbox.calls if "torch==" in call)
    assert second.startswith(first)
    assert "--extra-index-url https://download.pytorch.org/whl/cpu" in second


def test_an_environment_of_the_users_own_is_left_alone(sandbox):
    (sandbox.repo / ".venv").mkdir()
    (sandbox.repo / ".venv/mine").touch()
    result = sandbox.setup()
    assert result.returncode == 1
    assert "was not made by this script" in result.stderr
    assert (sandbox.repo / ".venv/mine").exists()


def test_a_sourced_ros_is_used_instead_of_the_wheels(sandbox):
    result = sandbox.setup(ROS_DISTRO="jazzy")
    assert result.returncode == 0, result.stderr
    venv, _, others, _ = sandbox.calls
    assert "--system-site-packages" in venv
    assert "requirements-ros.txt" not in others
    assert f"-c {sandbox.repo}/.venv/constraints.txt" in others
    assert (sandbox.repo / ".venv/constraints.txt").read_text() == "numpy==1.26.4\n"

    without_ros = sandbox.bash(f"source {sandbox.repo}/scripts/env.sh")
    assert without_ros.returncode == 1
    assert "jazzy" in without_ros.stderr


def test_a_sourced_ros_without_rclpy_is_refused(sandbox):
    result = sandbox.setup(ROS_DISTRO="jazzy", FAIL_ON="import rclpy")
    assert result.returncode == 1
    assert "sudo apt install ros-jazzy-rclpy" in result.stderr


def test_env_needs_a_setup_first(sandbox):
    result = sandbox.bash(f"source {sandbox.repo}/scripts/env.sh")
    assert result.returncode == 1
    assert "scripts/setup.sh" in result.stderr


def test_env_keeps_ros_on_this_machine_and_can_be_sourced_twice(sandbox):
    sandbox.setup()
    show = 'echo "$PATH|$PYTHONPATH|$ROS_AUTOMATIC_DISCOVERY_RANGE|$RMW_IMPLEMENTATION|$ROS_DOMAIN_ID|$ROS_LOG_DIR"'
    source = f"set -eu; source {sandbox.repo}/scripts/env.sh"
    result = sandbox.bash(f"{source}; {show}; {source}; {show}")
    once, twice = result.stdout.splitlines()
    assert once == twice
    path, python_path, discovery, middleware, domain, logs = once.split("|")
    assert path == f"{sandbox.repo}/.venv/bin:{sandbox.bin}"
    assert python_path == f"{sandbox.repo}:built"
    assert (discovery, middleware) == ("LOCALHOST", "rmw_fastrtps_cpp")
    assert 1 <= int(domain) <= 100
    assert logs.startswith(str(sandbox.repo))


def test_env_keeps_the_users_own_values(sandbox):
    sandbox.setup()
    result = sandbox.bash(
        f'source {sandbox.repo}/scripts/env.sh; echo "$ROS_DOMAIN_ID $ROS_AUTOMATIC_DISCOVERY_RANGE"',
        ROS_DOMAIN_ID="7",
        ROS_AUTOMATIC_DISCOVERY_RANGE="SUBNET",
    )
    assert result.stdout == "7 SUBNET\n"


def test_cmake_paths_of_the_wheels_become_the_environments():
    spec = importlib.util.spec_from_file_location("relocate_ros_wheels", ROOT / "scripts/relocate_ros_wheels.py")
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    baked = (
        'INCLUDE "/opt/python/cp311-cp311/include/python3.11;'
        '/opt/python/cp311-cp311/lib/python3.11/site-packages/numpy/_core/include"'
    )
    relocated = module.relocate(baked, headers="/usr/include/python3.11", site_packages="/env/site-packages")
    assert relocated == 'INCLUDE "/usr/include/python3.11;/env/site-packages/numpy/_core/include"'
    assert module.relocate(relocated, "/other", "/other") == relocated
