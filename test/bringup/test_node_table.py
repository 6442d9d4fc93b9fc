import importlib.util
import json
import os

import numpy as np
import pytest
import yaml

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.discovery import use_discovery
from depth_pc_ros.bringup.node_table import NodeSpec, nodes, nodes_here, watch_alone
from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.node_configs import NAMESPACE
from depth_pc_ros.sim.arm_models import PANDA

REAL = {"image": "/camera/image", "camera_info": "/camera/info"}
CAMERA_IN_TOOL = "0.07 0 0.05 0 0 0.6 0.8"


def table(**options) -> dict[str, NodeSpec]:
    return {spec.name: spec for spec in nodes(BringupConfig(**options))}


def test_default_is_the_simulation_on_simulated_time():
    specs = table()
    assert list(specs) == ["bridge", "keypoints", "depth", "controller", "adapter"]
    assert {spec.namespace for spec in specs.values()} == {"/depth_pc"}
    assert "use_sim_time" not in specs["bridge"].parameters
    assert all(specs[name].parameters["use_sim_time"] for name in specs if name != "bridge")
    assert specs["adapter"].parameters["camera_in_tool_xyz"] == [0.0, 0.0, 0.0]
    assert specs["adapter"].parameters["camera_in_tool_quat"] == [0.0, 0.0, 0.0, 1.0]


def test_every_input_is_some_nodes_output():
    outputs = {
        "bridge/image", "bridge/camera_info", "bridge/command", "bridge/at_limit",
        "keypoints/matches", "keypoints/goal", "keypoints/set_goal_image", "keypoints/status", "depth/metric_depth",
        "depth/relative_depth", "depth/goal_relative_depth",
        "controller/twist_cmd", "adapter/status",
    }  # fmt: skip
    wired = {target for spec in table().values() for target in spec.remappings.values()}
    assert wired == outputs
    with_camera = {target for spec in table(depth="camera").values() for target in spec.remappings.values()}
    assert with_camera - wired == {"bridge/depth_image"}


def test_the_live_view_is_one_more_node_that_listens():
    plain, viewed = table(), table(view=True, view_port=9000)
    assert list(viewed) == [*plain, "watch"]
    watch = viewed["watch"]
    assert (watch.parameters["address"], watch.parameters["port"]) == ("127.0.0.1", 9000)
    assert not watch.essential
    known = {target for spec in plain.values() for target in spec.remappings.values()}
    assert set(watch.remappings.values()) - known == {
        "controller/status", "controller/enable", "keypoints/capture_goal",
    }  # fmt: skip


def test_the_live_view_sees_the_camera_as_the_keypoints_do(tmp_path):
    path = tmp_path / "my_robot.yaml"
    path.write_text("keypoints: {max_width: 1280, rectified: true}\n")
    options = {"driver": "twist", "camera_in_tool": CAMERA_IN_TOOL, "params": str(path), **REAL}
    for watch in (table(view=True, **options)["watch"], watch_alone(BringupConfig(**options))):
        assert (watch.parameters["max_width"], watch.parameters["rectified"]) == (1280, True)
        assert (watch.remappings["image"], watch.remappings["camera_info"]) == ("/camera/image", "/camera/info")
        assert watch.parameters["use_sim_time"] is False


@pytest.mark.parametrize(("options", "names"), [
    ({"only": "depth"}, ["depth"]), ({"only": "controller keypoints"}, ["keypoints", "controller"]),
    ({"without": "depth bridge"}, ["keypoints", "controller", "adapter"]),
    ({}, ["bridge", "keypoints", "depth", "controller", "adapter"]),
])  # fmt: skip
def test_a_machine_starts_its_part_of_the_chain(options, names):
    config = BringupConfig(**options)
    assert [spec.name for spec in nodes_here(config)] == names
    whole = {spec.name: spec for spec in nodes(config)}
    assert all(spec == whole[spec.name] for spec in nodes_here(config))


@pytest.mark.parametrize(("options", "words"), [
    ({"only": "dpth"}, r"only: unknown node 'dpth' \(did you mean depth\?\)"),
    ({"without": "dead_man"}, "without: unknown node 'dead_man'"),  # the simulation has none
    ({"without": "bridge keypoints depth controller adapter"}, "expected to leave a node to start"),
])  # fmt: skip
def test_a_part_that_does_not_exist_is_named(options, words):
    with pytest.raises(ConfigError, match=words):
        nodes_here(BringupConfig(**options))


def test_discovery_is_left_to_the_environment_unless_it_is_given(monkeypatch):
    names = "ROS_AUTOMATIC_DISCOVERY_RANGE", "ROS_STATIC_PEERS"
    for name in names:
        monkeypatch.setenv(name, "as it was")
    use_discovery(BringupConfig())
    assert [os.environ[name] for name in names] == ["as it was"] * 2
    use_discovery(BringupConfig(discovery_range="SUBNET", peers="10.0.0.2 robot.local;10.0.0.3"))
    assert [os.environ[name] for name in names] == ["SUBNET", "10.0.0.2;robot.local;10.0.0.3"]


def test_every_name_of_a_simulation_follows_the_namespace():
    specs = table(namespace="/cell_1/left", driver="pybullet", view=True)
    assert {spec.full_name for spec in specs.values()} == {
        f"/cell_1/left/{name}" for name in ("bridge", "keypoints", "depth", "controller", "adapter", "watch")
    }
    targets = {target for spec in specs.values() for target in spec.remappings.values()}
    assert not any(target.startswith("/") for target in targets)
    assert all(spec.remappings["/clock"] == "clock" for spec in specs.values())
    assert not any("/clock" in spec.remappings for spec in table(driver="pybullet").values())  # the usual place


def test_each_arm_has_its_own_driver():
    options = {"camera_in_tool": CAMERA_IN_TOOL, "tool_frame": "tool0", **REAL}
    adapter = table(driver="moveit_servo", servo_node="/left/servo_node", **options)["adapter"]
    assert adapter.remappings["delta_twist_cmds"] == "/left/servo_node/delta_twist_cmds"
    assert adapter.remappings["servo_parameters"] == "/left/servo_node/get_parameters"
    assert adapter.remappings["speed_scaling"] == "/speed_scaling_state_broadcaster/speed_scaling"
    names = set(adapter.remappings.values()) - {"controller/twist_cmd", adapter.remappings["speed_scaling"]}
    assert all(name.startswith("/left/servo_node/") for name in names)
    assert table(driver="twist", **options)["adapter"].remappings["cmd_vel"] == "cmd_vel"


def test_each_kind_of_driver_gets_its_topic_and_options():
    options = {"camera_in_tool": CAMERA_IN_TOOL, "tool_frame": "tool0", "base_frame": "base_link", **REAL}
    kortex = table(driver="kortex", **options)["adapter"]
    assert kortex.remappings["cmd_vel"] == "/twist_controller/commands"
    assert table(driver="kortex", cmd_vel="/left/twist", **options)["adapter"].remappings["cmd_vel"] == "/left/twist"
    assert table(driver="twist_stamped", **options)["adapter"].remappings["twist"] == "cmd_vel"
    pose = table(driver="cartesian_pose", **options)["adapter"]
    assert pose.remappings["target_pose"] == "/cartesian_motion_controller/target_frame"
    joints = table(driver="joint_velocity", joints="a b", joint_states="/left/joint_states", **options)
    assert joints["adapter"].remappings["arm_joint_states"] == "/left/joint_states"
    assert joints["dead_man"].remappings["joint_commands"] == "/forward_velocity_controller/commands"
    assert joints["dead_man"].parameters["joints"] == "a b"  # so many zeros
    twist = table(driver="twist", command_frame="base", angular_unit="deg", **options)
    for node in ("adapter", "dead_man"):
        wanted = {"base_frame": "base_link", "command_frame": "base", "angular_unit": "deg", "tool_frame": "tool0"}
        assert wanted.items() <= twist[node].parameters.items()


def test_depth_is_estimated_unless_there_is_a_camera_for_it():
    assert table()["depth"].parameters["source"] == "estimated"
    assert table(depth_image="/camera/depth")["depth"].parameters["source"] == "camera"
    assert table(depth="none")["depth"].parameters["source"] == "none"


def test_the_classical_laws_get_metric_depth_or_none():
    assert table(controller="pbvs")["depth"].parameters["source"] == "camera"
    assert table(controller="pbvs", depth="estimated")["depth"].parameters["source"] == "estimated"
    real = table(driver="twist", camera_in_tool=CAMERA_IN_TOOL, controller="ibvs", **REAL)
    assert real["depth"].parameters["source"] == "none"


def test_the_simulated_arm_brings_its_own_hand_eye():
    parameters = table(rig="arm")["adapter"].parameters
    np.testing.assert_allclose(parameters["camera_in_tool_xyz"], PANDA.T_tool_cam[:3, 3])
    x, y, z, w = parameters["camera_in_tool_quat"]
    np.testing.assert_allclose([1 - 2 * (y * y + z * z), 2 * (x * y + z * w)], PANDA.T_tool_cam[:2, 0], atol=1e-12)


def test_the_simulator_is_the_bridge_s_and_is_imported_ahead():
    assert table()["bridge"].preload == ("depth_pc_ros.sim.world",)
    bridge = table(simulator="mujoco", rig="arm", arm_model="ur5e")["bridge"]
    assert (bridge.executable, bridge.preload) == ("simulation_bridge", ("depth_pc_ros.sim.mujoco_world",))
    assert {name: bridge.parameters[name] for name in ("simulator", "rig", "arm_model")} == {
        "simulator": "mujoco", "rig": "arm", "arm_model": "ur5e"
    }  # fmt: skip


def test_a_real_driver_has_no_simulation_and_runs_on_wall_time():
    specs = table(driver="twist", camera_in_tool=CAMERA_IN_TOOL, cmd_vel="/arm/twist", **REAL)
    assert list(specs) == ["keypoints", "depth", "controller", "adapter", "dead_man"]
    assert not any(spec.parameters["use_sim_time"] for spec in specs.values())
    assert "/clock" not in specs["adapter"].remappings
    assert specs["keypoints"].remappings == {"image": "/camera/image", "camera_info": "/camera/info"}
    assert specs["depth"].parameters["source"] == "estimated"
    adapter = specs["adapter"]
    assert adapter.parameters["profile"] == "twist"
    assert adapter.parameters["camera_in_tool_xyz"] == [0.07, 0.0, 0.05]
    assert adapter.parameters["camera_in_tool_quat"] == [0.0, 0.0, 0.6, 0.8]
    assert adapter.remappings["cmd_vel"] == "/arm/twist"


@pytest.mark.parametrize("options", [{"driver": "twist"}, {"driver": "moveit_servo", "servo_node": "/left/servo_node"}])
def test_a_real_driver_has_a_dead_man_that_sends_where_the_adapter_does(options):
    specs = table(camera_in_tool=CAMERA_IN_TOOL, tool_frame="tool0", cmd_vel="/arm/twist", **REAL, **options)
    dead_man, adapter = specs["dead_man"], specs["adapter"]
    assert set(dead_man.remappings) - {"adapter_status"} == set(adapter.remappings) - {"twist_cmd", "speed_scaling"}
    assert dead_man.remappings.items() - adapter.remappings.items() == {("adapter_status", "adapter/status")}
    assert dead_man.remappings["adapter_status"] == specs["controller"].remappings["adapter_status"]
    assert dead_man.parameters["profile"] == adapter.parameters["profile"] == options["driver"]
    assert dead_man.parameters["tool_frame"] == adapter.parameters["tool_frame"] == "tool0"
    assert not dead_man.essential  # started again when it ends


def test_in_lockstep_the_nodes_are_as_patient_as_the_simulation():
    specs = table(lockstep=True)
    assert specs["controller"].parameters["adapter_timeout_s"] == 5.0
    assert specs["adapter"].parameters["lockstep"] is True
    assert specs["adapter"].parameters["command_timeout_s"] == 5.0
    assert "adapter_timeout_s" not in table()["controller"].parameters


@pytest.mark.parametrize(
    ("text", "rate_hz"),
    [
        ("controller: {max_linear: 0.1}", None),
        ("controller: {rate_hz: 20}", 20.0),
        ("controller: {rate_hz: 20}\nadapter: {command_rate_hz: 25}", 25.0),
    ],
)
def test_the_adapter_knows_the_rate_of_its_commands(tmp_path, text, rate_hz):
    (tmp_path / "params.yaml").write_text(text)
    assert table(params=str(tmp_path / "params.yaml"))["adapter"].parameters.get("command_rate_hz") == rate_hz


def test_estimated_depth_needs_no_depth_topic_and_keeps_metres_out():
    specs = table(depth="estimated", depth_model="my/folder")
    assert specs["depth"].parameters["source"] == "estimated"
    assert specs["depth"].parameters["model"] == "my/folder"
    assert specs["depth"].remappings["image"] == "bridge/image"
    assert "depth_image" not in specs["keypoints"].remappings
    assert "model" not in table(depth="estimated")["depth"].parameters


def test_camera_depth_without_a_topic_is_refused():
    with pytest.raises(ConfigError, match="depth: `camera` needs a depth_image topic"):
        table(driver="twist", camera_in_tool="0 0 0 0 0 0 1", depth="camera", **REAL)


def test_a_depth_topic_is_used_and_hand_eye_comes_from_tf():
    specs = table(driver="moveit_servo", tool_frame="tool0", depth_image="/camera/depth", **REAL)
    assert specs["depth"].parameters["source"] == "camera"
    assert specs["depth"].remappings["depth_image"] == specs["keypoints"].remappings["depth_image"] == "/camera/depth"
    assert specs["adapter"].parameters["hand_eye"] == "tf"
    assert specs["adapter"].parameters["tool_frame"] == "tool0"


@pytest.mark.parametrize("given", ["/camera/image", "/camera/image/compressed"])
def test_compressed_images_have_the_topics_of_image_transport(given):
    options = {"driver": "twist", "camera_in_tool": "0 0 0 0 0 0 1", "camera_info": "/camera/info", "image": given}
    specs = table(**options, depth_image="/camera/depth", image_transport="compressed")
    for name in ("keypoints", "depth"):
        assert specs[name].remappings["image"] == "/camera/image/compressed"
        assert specs[name].remappings["depth_image"] == "/camera/depth/compressedDepth"
    assert table(**options)["keypoints"].remappings["image"] == given


def test_the_depth_node_sees_the_camera_as_the_keypoint_node_does(tmp_path):
    params = tmp_path / "own.yaml"
    text = "keypoints: {ros__parameters: {rectified: true, max_width: 1280}}\n"
    params.write_text(text)
    assert table(params=str(params))["depth"].parameters.items() >= {"rectified": True, "max_width": 1280}.items()
    given = table(params=str(params), max_width=640)
    for name in ("keypoints", "depth"):
        assert given[name].parameters.items() >= {"rectified": True, "max_width": 640}.items()
    params.write_text(text + "depth: {ros__parameters: {max_width: 320}}\n")
    assert table(params=str(params))["depth"].parameters["max_width"] == 320
    assert not {"rectified", "max_width"} & table()["depth"].parameters.keys()


def test_options_not_given_are_left_to_the_parameter_files():
    assert "controller" not in table()["controller"].parameters
    specs = table(controller="ibvs", matcher="orb", speed="paper", lockstep=True)
    assert specs["controller"].parameters["controller"] == "ibvs"
    assert specs["controller"].parameters["speed"] == "paper"
    assert specs["controller"].parameters["lockstep"] is True
    assert specs["keypoints"].parameters["matcher"] == "orb"
    assert not {"matcher_weights", "lightglue_weights"} & specs["keypoints"].parameters.keys()
    learned = table(matcher="disk", matcher_weights="a.pth", lightglue_weights="b.pth")["keypoints"].parameters
    assert (learned["matcher_weights"], learned["lightglue_weights"]) == ("a.pth", "b.pth")


@pytest.mark.parametrize(
    ("options", "named"),
    [
        ({"driver": "twist", "camera_in_tool": "1 2 3", **REAL}, "7 numbers"),
        ({"driver": "twist", "camera_in_tool": "1 2 3 a b c d", **REAL}, "7 numbers"),
    ],
)
def test_a_wrong_option_is_named(options, named):
    with pytest.raises(ConfigError, match=named):
        table(**options)


def test_a_command_line_carries_everything():
    spec = NodeSpec("bridge", "simulation_bridge", {"seed": 3, "scene": "", "xyz": [0.5, 1.0]}, {"image": "/a"})
    words = spec.command()
    assert words[1:4] == ["-m", "depth_pc_ros.nodes.simulation_bridge", "--ros-args"]
    pairs = list(zip(words[4::2], words[5::2], strict=True))
    assert pairs == [
        ("-r", "__node:=bridge"), ("-r", f"__ns:={NAMESPACE}"), ("-p", "seed:=3"), ("-p", 'scene:=""'),
        ("-p", f"xyz:={json.dumps([0.5, 1.0])}"), ("-r", "image:=/a"),
    ]  # fmt: skip


def test_each_node_has_its_yaml():
    for name, spec in table().items():
        assert yaml.safe_load(spec.params_file.read_text())[f"/**/{name}"]["ros__parameters"]


def test_what_every_robot_must_set_is_a_start_up_option():
    given = {
        "default_distance": 0.4, "max_linear": 0.1, "max_angular": 0.5, "actuation_delay_s": 0.08, "find_scale": False,
    }  # fmt: skip
    assert not given.keys() & table()["controller"].parameters.keys()
    parameters = table(**given)["controller"].parameters
    assert {name: parameters[name] for name in given} == given


def test_a_parameter_file_overrides_the_defaults_but_not_the_options(tmp_path):
    path = tmp_path / "my_robot.yaml"
    path.write_text(
        "controller: {max_linear: 0.1, gain: 2, find_scale: false}\n"
        "adapter: {max_linear: 0.2}\n"
        "/**: {rectified: true}\n"
    )
    specs = table(params=str(path), max_linear=0.3)
    controller = specs["controller"].parameters
    assert (controller["max_linear"], controller["gain"], controller["find_scale"]) == (0.3, 2.0, False)
    assert specs["adapter"].parameters["max_linear"] == 0.2
    assert specs["keypoints"].parameters["rectified"] is specs["depth"].parameters["rectified"] is True
    assert "gain:=2.0" in specs["controller"].command()


def test_a_wrong_parameter_file_starts_nothing(tmp_path):
    with pytest.raises(ConfigError, match=r"params /no/such/file\.yaml"):
        table(params="/no/such/file.yaml")
    path = tmp_path / "my_robot.yaml"
    path.write_text("controller: {gian: 2.0}\n")
    with pytest.raises(ConfigError, match=r"my_robot.yaml: section 'controller': unknown key 'gian'.*gain"):
        table(params=str(path))


def test_the_dead_man_waits_longer_than_the_users_adapter(tmp_path):
    def timeouts(text):
        path = tmp_path / "mine.yaml"
        path.write_text(text)
        return table(driver="twist", image="i", camera_info="c", tool_frame="t", params=str(path))[
            "dead_man"
        ].parameters

    assert timeouts("adapter: {command_timeout_s: 1.0}")["adapter_timeout_s"] == pytest.approx(1.1)
    both = "adapter: {command_timeout_s: 1.0}\ndead_man: {adapter_timeout_s: 2.0}"
    assert timeouts(both)["adapter_timeout_s"] == 2.0
    assert "adapter_timeout_s" not in timeouts("adapter: {max_linear: 0.2}")


def test_the_servo_is_ready_without_the_network_of_estimated_depth():
    assert {name for name, spec in table().items() if spec.late} == {"depth"}
    assert not any(spec.late for spec in table(depth="camera").values())
    assert not any(spec.late for spec in table(controller="pbvs").values())


def test_a_held_process_imports_what_its_law_needs():
    preloads = {
        law: table(controller=law)["controller"].preload for law in ("pbvs", "ibvs", "depth_pc", "depth_pc_geo")
    }
    assert preloads["pbvs"] == preloads["ibvs"] == ()
    for name in preloads["depth_pc"] + preloads["depth_pc_geo"]:
        assert importlib.util.find_spec(name)
    assert preloads["depth_pc"]
