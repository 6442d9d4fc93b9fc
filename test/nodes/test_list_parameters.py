"""Lists given to numeric parameters, by `-p` and by YAML: one clear line, whatever is in the list."""

import subprocess
import sys

import pytest
from rclpy.parameter import Parameter
from waits import WAIT_S

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.twist_adapter import TwistAdapter

pytestmark = pytest.mark.ros
NAME = "camera_in_tool_xyz"


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        (NAME, ["a", "b", "c"], f"{NAME}: expected numbers, got str 'a'"),
        (NAME, [True, False, True], f"{NAME}: expected numbers, got bool True"),
        (NAME, [b"\x01", b"\x02", b"\x03"], f"{NAME}: expected numbers, got bytes"),
        (NAME, [1.0, 2.0], f"{NAME}: expected 3 finite numbers"),
        (NAME, "1 2 3", f"{NAME}: expected tuple, got str '1 2 3'"),
        ("max_linear", ["a", "b"], "max_linear: expected float, got list ['a', 'b']"),
        ("max_linear", [True], "max_linear: expected float, got list [True]"),
        ("max_linear", [0.1], "max_linear: expected float, got list [0.1]"),
        ("profile", ["twist"], "profile: expected str, got list ['twist']"),
        ("autostart", [True], "autostart: expected bool, got list [True]"),
    ],
)
def test_a_list_of_something_else_is_named(runner, name, value, words):
    with pytest.raises(ConfigError) as error:
        runner.make(TwistAdapter, **{name: value})
    assert words in str(error.value)
    assert "\n" not in str(error.value)


def test_whole_numbers_are_numbers(runner):
    node = runner.make(TwistAdapter, camera_in_tool_xyz=[1, 2, 3], autostart=False)
    assert node.config.camera_in_tool_xyz == (1.0, 2.0, 3.0)
    (answer,) = node.set_parameters([Parameter(NAME, value=[True, False, True])])
    assert not answer.successful
    (answer,) = node.set_parameters([Parameter(NAME, value=[0.5, 0.0, 0.0])])
    assert answer.successful
    assert node.config.camera_in_tool_xyz == (0.5, 0.0, 0.0)


def test_the_process_ends_with_one_line():
    command = [sys.executable, "-m", "depth_pc_ros.nodes.twist_adapter", "--ros-args", "-p", f"{NAME}:=[a, b, c]"]
    done = subprocess.run(command, capture_output=True, text=True, timeout=WAIT_S, check=False)
    assert done.returncode == 1
    assert done.stderr.count("\n") == 1
    assert f"{NAME}: expected numbers, got str 'a'" in done.stderr
