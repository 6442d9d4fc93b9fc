import dataclasses

import pytest

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.options import as_text, describe

REAL = {"image": "/camera/image", "camera_info": "/camera/info"}
CAMERA_IN_TOOL = "0.07 0 0.05 0 0 0.6 0.8"


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"driver": "ur"}, "driver: expected one of pybullet"),
        ({"seed": -1}, "seed"),
        *(
            ({"namespace": wrong}, f"namespace: expected words .* such as /left .* got '{wrong}'")
            for wrong in ("left", "/", "", "/left/", "/2", "//left", "/le-ft", "/größe", "~/left")
        ),
        ({"max_linear": 3.0}, r"max_linear: expected a value in \[0.001, 2.0\], got 3.0"),
        ({"driver": "twist"}, r"image: driver twist needs one, such as image:="),
        ({"only": "depth", "without": "depth"}, "only, without: expected one of them, got 'depth' and 'depth'"),
        ({"discovery_range": "WORLD"}, "discovery_range: expected one of unchanged, LOCALHOST, SUBNET"),
        ({"image_transport": "compressed"}, "image_transport: the simulated camera sends raw images"),
        ({"driver": "moveit_servo", **REAL}, "tool_frame"),
        (
            {"driver": "cartesian_pose", **REAL},
            r"base_frame: driver cartesian_pose needs one, such as base_frame:=base",
        ),
        ({"driver": "twist", "command_frame": "base", "base_frame": "b", **REAL}, "tool_frame: driver twist needs one"),
        ({"driver": "twist", "command_frame": "world", **REAL}, "command_frame: expected one of tool, base"),
        ({"driver": "joint_velocity", "tool_frame": "t", **REAL}, r"joints: driver joint_velocity needs one, such as"),
        ({"driver": "twist", "angular_unit": "turns", **REAL}, "angular_unit: expected one of rad, deg"),
        ({"driver": "twist", **REAL}, "camera_in_tool"),
        (
            {"driver": "twist", "camera_in_tool": CAMERA_IN_TOOL, "simulator": "mujoco", **REAL},
            "simulator: 'mujoco' needs",
        ),
        ({"simulator": "gazebo"}, "simulator: expected one of pybullet, mujoco"),
        ({"simulator": "mujoco", "arm_model": "ur5e"}, "arm_model: 'ur5e' needs rig 'arm' and simulator 'mujoco'"),
        ({"rig": "arm", "arm_model": "ur5e"}, "arm_model: 'ur5e' needs .* got rig 'arm' and simulator 'pybullet'"),
        ({"driver": "twist", "camera_in_tool": CAMERA_IN_TOOL, "lockstep": True, **REAL}, "lockstep"),
    ],
)
def test_a_wrong_option_is_named(options, named):
    with pytest.raises(ConfigError, match=named):
        BringupConfig(**options)


def test_options_from_text():
    config = BringupConfig.from_text({"seed": "3", "lockstep": "True", "rig": "arm"})
    assert (config.seed, config.lockstep, config.rig) == (3, True, "arm")
    assert config.max_linear is None
    config = BringupConfig.from_text(
        {"max_linear": "0.1", "max_angular": "1", "default_distance": "", "actuation_delay_s": "8e-2",
         "find_scale": "false", "controller": ""}
    )  # fmt: skip
    assert (config.max_linear, config.max_angular, config.default_distance) == (0.1, 1.0, None)
    assert (config.actuation_delay_s, config.find_scale, config.controller) == (0.08, False, None)


@pytest.mark.parametrize(
    ("texts", "words"),
    [
        ({"seed": "3.5"}, "seed: expected int, got str '3.5'"),
        ({"lockstep": "maybe"}, "lockstep: expected bool, got str 'maybe'"),
        ({"find_scale": "maybe"}, "find_scale: expected bool, got str 'maybe'"),
        ({"max_linear": "fast"}, "max_linear: expected float, got str 'fast'"),
        ({"max_linear": "nan"}, "max_linear: expected a finite number, got nan"),
        ({"max_linear": "9"}, r"max_linear: expected a value in \[0.001, 2.0\], got 9.0"),
        ({"speed": "warp"}, "speed: expected one of paper, limited, swift, got 'warp'"),
        ({"sede": "1"}, r"unknown key 'sede' \(did you mean seed\?\)"),
        ({"config_dir": "/f"}, "'config_dir' is now called 'params'"),
    ],
)
def test_a_wrong_text_is_named(texts, words):
    with pytest.raises(ConfigError, match=f"^command line: {words}"):
        BringupConfig.from_text(texts, "command line")


def test_the_default_texts_of_a_launch_are_the_defaults():
    texts = {field.name: as_text(field.default) for field in dataclasses.fields(BringupConfig)}
    assert BringupConfig.from_launch(texts) == BringupConfig()


def test_a_launch_may_have_names_of_other_launch_files_but_no_old_ones():
    config = BringupConfig.from_launch({"seed": "4", "robot_ip": "10.0.0.1", "terminal": "true"})
    assert config == BringupConfig(seed=4)
    with pytest.raises(ConfigError, match=r"^arguments: 'config_dir' is now called 'params'"):
        BringupConfig.from_launch({"seed": "4", "config_dir": "/f"})


def test_every_option_is_described():
    for field in dataclasses.fields(BringupConfig):
        text = describe(field)
        assert text.endswith(".")
        assert all(choice in text for choice in field.metadata["choices"] or ())


def test_the_law_and_its_depth_follow_the_parameter_file_unless_given(tmp_path):
    path = tmp_path / "my_robot.yaml"
    path.write_text("controller: {controller: pbvs}\n")
    assert (BringupConfig().law, BringupConfig().depth_source) == ("depth_pc_geo", "estimated")
    config = BringupConfig(params=str(path))
    assert (config.law, config.depth_source) == ("pbvs", "camera")
    config = BringupConfig(params=str(path), controller="depth_pc")
    assert (config.law, config.depth_source) == ("depth_pc", "estimated")


def test_a_parameter_is_that_of_start_up_or_of_the_file(tmp_path):
    path = tmp_path / "my_robot.yaml"
    path.write_text("controller: {find_scale: true}\n")
    config = BringupConfig(params=str(path))
    assert config.parameter("controller", "find_scale") is True
    assert config.parameter("controller", "find_scale", False) is False
    assert config.parameter("controller", "model") is None
    assert BringupConfig().parameter("controller", "find_scale") is None
