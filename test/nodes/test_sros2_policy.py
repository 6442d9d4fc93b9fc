"""`config/sros2_policy.xml` allows what the nodes do, and nothing else."""

import dataclasses
import importlib
import types
import xml.etree.ElementTree as ElementTree
from collections import defaultdict
from pathlib import Path

import pytest
from rclpy.action import get_action_client_names_and_types_by_node, get_action_server_names_and_types_by_node
from rclpy.parameter import Parameter
from sensor_msgs.msg import CameraInfo, Image

from depth_pc_ros import perception
from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.node_table import nodes

pytestmark = pytest.mark.ros

POLICY = Path(__file__).parents[2] / "config" / "sros2_policy.xml"
CAMERA = "/camera/camera/color"
DEPTH = "/camera/camera/aligned_depth_to_color/image_raw"
SIMULATION = BringupConfig(controller="pbvs", depth="camera", rig="arm")
# As docs/robots/ur.md has it, but for TF, which needs tf2_ros.
ARM = BringupConfig(
    driver="moveit_servo", tool_frame="tool0", image=f"{CAMERA}/image_raw", camera_info=f"{CAMERA}/camera_info",
    depth_image=DEPTH, controller="pbvs", camera_in_tool="0 0 0 0 0 0 1",
)  # fmt: skip
TF = {("adapter", "subscribe"): {"/tf", "/tf_static"}}
OPERATOR = "servo_client"  # commands such as set_goal and check_setup


def allowed() -> dict[tuple[str, str], set[str]]:
    """(node, permission) -> names, of the policy's one enclave. permission: publish, subscribe, reply, request, ..."""
    (enclave,) = ElementTree.parse(POLICY).getroot().findall("enclaves/enclave")
    assert enclave.get("path") == "/depth_pc"
    found = defaultdict(set)
    for profile in enclave.findall("profiles/profile"):
        assert profile.get("ns") == "/depth_pc"
        for group in profile:
            ((permission, allow),) = group.attrib.items()
            assert allow == "ALLOW"
            assert all(entry.tag + "s" == group.tag for entry in group)
            found[profile.get("node"), permission] |= {entry.text for entry in group}
    return dict(found)


def used(runner, specs) -> dict[tuple[str, str], set[str]]:
    """(node, permission) -> names, of these nodes while they run, as in the usual namespace."""
    found = defaultdict(set)
    look = runner.node
    for spec in specs:
        words = ["--ros-args", "-r", f"__ns:={spec.namespace}"]
        for name, target in spec.remappings.items():
            words += ["-r", f"{name}:={target}"] if name != "/clock" else []  # in the usual namespace it has no own one
        module = importlib.import_module(f"depth_pc_ros.nodes.{spec.executable}")
        own = (each for each in vars(module).values() if getattr(each, "__module__", "") == module.__name__)
        node_class = next(each for each in own if hasattr(each, "build"))
        overrides = [Parameter(name, value=value) for name, value in spec.parameters.items()]
        node = node_class(context=runner.context, cli_args=words, parameter_overrides=overrides)
        node.start()
        runner._nodes.append(node)
        runner.executor.add_node(node)
        place = spec.name, spec.namespace
        unused = "image" if spec.parameters.get("source") == "camera" else "depth_image"  # of the depth node
        names = [name for name in ("image", "camera_info", "depth_image") if name in spec.remappings]
        names = [name for name in names if spec.name != "depth" or name != unused]
        topics = {node.resolve_topic_name(name) for name in names}
        for name in names:
            kind = CameraInfo if name == "camera_info" else Image
            runner.node.create_publisher(kind, node.resolve_topic_name(name), 1)

        def is_subscribed(place=place, topics=topics):  # cameras are, as soon as they are known
            return topics <= {name for name, _ in look.get_subscriber_names_and_types_by_node(*place)}

        runner.wait(is_subscribed, f"{topics} of {spec.name}")
        lists = {
            "publish": look.get_publisher_names_and_types_by_node(*place),
            "subscribe": look.get_subscriber_names_and_types_by_node(*place),
            "reply": look.get_service_names_and_types_by_node(*place),
            "request": look.get_client_names_and_types_by_node(*place),
            "execute": get_action_server_names_and_types_by_node(look, *place),
            "call": get_action_client_names_and_types_by_node(look, *place),
        }
        for permission, names in lists.items():
            own = (name for name, _ in names if "/_action/" not in name)
            found[spec.name, permission] |= {name.replace(spec.namespace, "/depth_pc") for name in own}
        runner.remove(node)
    return {key: names for key, names in found.items() if names}


@pytest.fixture
def in_use(runner, monkeypatch):
    """The union over the simulation and an arm with MoveIt Servo, and TF."""
    pytest.importorskip("moveit_msgs.srv", reason="needs moveit_msgs: run scripts/setup.sh")
    union = defaultdict(set)
    network = types.SimpleNamespace(
        RelativeDepth=lambda *_: types.SimpleNamespace(choice=""), lower_priority=lambda: None
    )
    monkeypatch.setattr(perception, "relative_depth", network, raising=False)  # importing the real one takes seconds
    estimated = [dataclasses.replace(config, depth="estimated") for config in (SIMULATION, ARM)]
    for number, config in enumerate((SIMULATION, ARM, *estimated)):
        specs = nodes(dataclasses.replace(config, namespace=f"{runner.namespace}/of_{number}"))
        specs = [spec for spec in specs if spec.name == "depth"] if config in estimated else specs
        for key, names in used(runner, specs).items():
            union[key] |= names
    for key, names in TF.items():
        union[key] |= names
    return dict(union)


def test_the_policy_allows_what_the_nodes_use_and_nothing_else(in_use):
    policy = {key: names for key, names in allowed().items() if key[0] != OPERATOR}
    assert policy == in_use


def test_the_policy_lets_an_operator_call_what_the_nodes_offer():
    policy = allowed()
    own = [names for (node, permission), names in policy.items() if permission == "reply" and node != OPERATOR]
    offered = {name for names in own for name in names if not name.endswith(PARAMETERS)}
    assert policy[OPERATOR, "request"] == offered
    assert policy[OPERATOR, "call"] == policy["controller", "execute"]
    published = {name for (_, permission), names in policy.items() if permission == "publish" for name in names}
    assert policy[OPERATOR, "subscribe"] <= published | {
        "/clock",
        f"{CAMERA}/image_raw",
        f"{CAMERA}/camera_info",
        DEPTH,
    }


PARAMETERS = ("_parameters", "_parameter_types", "_parameters_atomically", "get_type_description")
