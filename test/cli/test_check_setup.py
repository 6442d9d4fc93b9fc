import importlib.util
import os

import pytest

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.check_report import Check, table
from depth_pc_ros.cli import check_setup

REAL = {"image": "/i", "camera_info": "/c", "tool_frame": "tool0"}


def test_report_marks_what_is_there_missing_and_not_needed():
    checks = [Check("a", True, "3 Hz"), Check("long name", False, "start it"), Check("b", False, "", needed=False)]
    assert table(checks) == "OK      a          3 Hz\nMISSING long name  start it\n-       b"


def test_modules_depend_on_the_driver(monkeypatch):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    simulated = {check.what: check for check in check_setup.modules(BringupConfig())}
    assert simulated["module pybullet"].missing
    assert simulated["module moderngl"].missing
    assert "module moveit_msgs" not in simulated
    assert simulated["module torch"].missing
    assert simulated["module transformers"].missing
    classical = {check.what for check in check_setup.modules(BringupConfig(controller="pbvs"))}
    assert not {"module torch", "module transformers"} & classical
    estimating = {check.what for check in check_setup.modules(BringupConfig(controller="pbvs", depth="estimated"))}
    assert {"module torch", "module transformers"} <= estimating
    real = {check.what: check for check in check_setup.modules(BringupConfig(driver="moveit_servo", **REAL))}
    assert real["module moveit_msgs"].missing
    assert real["module tf2_ros"].missing
    assert "camera-in-tool" in real["module tf2_ros"].detail
    assert "module pybullet" not in real


def test_without_ros_it_says_so_and_checks_no_nodes(monkeypatch, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name == "rclpy" else object())
    assert check_setup.main([]) == 1
    output = capsys.readouterr().out
    assert "MISSING module rclpy" in output
    assert output.endswith("\n1 needed thing(s) missing\n")


def test_a_wrong_option_is_named(capsys):
    assert check_setup.main(["--driver", "ur"]) == 1
    assert "driver: expected one of pybullet, moveit_servo, twist" in capsys.readouterr().err


def test_the_model_of_a_learned_law_is_needed(monkeypatch):
    assert not check_setup.weights(BringupConfig()).missing  # ships
    monkeypatch.setattr(check_setup, "local_model", lambda name: None)
    assert check_setup.weights(BringupConfig()).missing
    assert not check_setup.weights(BringupConfig(controller="ibvs")).missing


def test_a_parameter_file_counts(tmp_path):
    path = tmp_path / "my_robot.yaml"
    path.write_text("controller: {model: /opt/typo}\ndepth: {model: /opt/other}\n")
    config = BringupConfig(params=str(path))
    assert check_setup.weights(config) == Check("model", False, "/opt/typo is in none of the models/ folders")
    assert check_setup.depth_model(config).missing
    path.write_text("controller: {controller: pbvs}\n")
    config = BringupConfig(params=str(path))
    assert not check_setup.weights(config).missing
    assert "module torch" not in {check.what for check in check_setup.modules(config)}


def test_it_takes_every_option_of_bringup(capsys, tmp_path):
    path = tmp_path / "my_robot.yaml"
    path.write_text("controller: {gian: 1.0}\n")
    assert check_setup.main(["--seed", "3", "--max-linear", "0.1", "--params", str(path)]) == 1
    assert "unknown key 'gian' (did you mean gain?)" in capsys.readouterr().err


def test_the_depth_model_that_ships_is_needed_to_estimate(monkeypatch):
    assert not check_setup.depth_model(BringupConfig()).missing
    monkeypatch.setattr(check_setup, "local_model", lambda name: None)
    assert check_setup.depth_model(BringupConfig()).missing
    assert not check_setup.depth_model(BringupConfig(depth="none")).missing
    assert check_setup.depth_model(BringupConfig(depth_model="/opt/typo")).missing
    from_hub = check_setup.depth_model(BringupConfig(depth_model="someone/model"))
    assert not from_hub.missing
    assert "Hugging Face" in from_hub.detail


@pytest.mark.ros
def test_with_nothing_running_everything_live_is_missing(monkeypatch, capsys):
    pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")
    elsewhere = (int(os.environ.get("ROS_DOMAIN_ID", "0")) + 50) % 101  # a domain of no other test process
    monkeypatch.setenv("ROS_DOMAIN_ID", str(elsewhere))
    assert check_setup.main(["--seconds", "0.5", "--depth", "camera", "--namespace", "/left"]) == 1
    output = capsys.readouterr().out
    for line in (
        "MISSING topic /left/bridge/image ", "MISSING topic /left/bridge/camera_info", "MISSING intrinsics",
        "-       topic /left/bridge/depth_image", "MISSING node /left/controller",
        "MISSING service /left/controller/enable", "MISSING output /left/bridge/command",
    ):  # fmt: skip
        assert line in output
