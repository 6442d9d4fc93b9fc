"""What the arguments of gazebo.launch.py mean for the servo."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.gazebo_config import OPTICAL_IN_BODY, OPTICAL_IN_FLANGE, GazeboConfig
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.errors import ConfigError


@pytest.mark.parametrize("text", [OPTICAL_IN_BODY, OPTICAL_IN_FLANGE])
def test_the_camera_looks_along_x_with_its_right_to_the_right(text):
    quaternion = [float(word) for word in text.split()][3:]
    right, down, forward = Rotation.from_quat(quaternion).as_matrix().T
    np.testing.assert_allclose(forward, [1, 0, 0], atol=1e-12)
    np.testing.assert_allclose(right, [0, -1, 0], atol=1e-12)  # y is to the left
    np.testing.assert_allclose(down, [0, 0, -1], atol=1e-12)


@pytest.mark.parametrize(("rig", "driver"), [("free", "twist"), ("arm", "joint_velocity")])
def test_the_servo_is_started_for_the_rig_in_simulated_time(rig, driver):
    config = BringupConfig.from_text(GazeboConfig(rig=rig).servo_arguments())
    assert config.driver == driver
    table = {spec.name: spec for spec in nodes(config)}
    assert set(table) == {"keypoints", "depth", "controller", "adapter", "dead_man"}
    assert all(spec.parameters["use_sim_time"] for spec in table.values())
    assert table["keypoints"].remappings["image"] == "/depth_pc/bridge/image"
    assert table["adapter"].parameters["hand_eye"] == "parameters"


@pytest.mark.parametrize(
    ("release", "distribution", "fortress"),
    [("auto", "humble", True), ("auto", "jazzy", False), ("auto", "", False), ("fortress", "jazzy", True),
     ("harmonic", "humble", False)],
)  # fmt: skip
def test_the_release_is_that_of_the_distribution_unless_it_is_given(monkeypatch, release, distribution, fortress):
    monkeypatch.setenv("ROS_DISTRO", distribution)
    assert GazeboConfig(release=release).fortress is fortress


def test_arguments_of_the_servo_pass_and_wrong_ones_are_named():
    config = GazeboConfig.from_launch({"rig": "arm", "seed": "3", "gui": "false", "controller": "pbvs"})
    assert config == GazeboConfig(rig="arm", seed=3, gui=False)
    with pytest.raises(ConfigError, match="arguments: release: expected one of auto, fortress, harmonic, got 'garden'"):
        GazeboConfig.from_launch({"release": "garden"})
