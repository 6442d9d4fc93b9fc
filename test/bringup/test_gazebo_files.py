"""The files of a start in Gazebo, as libsdformat, ros_gz_bridge and the servo read them."""

import shutil
import subprocess
import xml.etree.ElementTree as ElementTree

import numpy as np
import pytest
import yaml
from scipy.spatial.transform import Rotation

from depth_pc_ros.bringup.bringup_config import BringupConfig
from depth_pc_ros.bringup.gazebo_config import OPTICAL_IN_FLANGE, GazeboConfig
from depth_pc_ros.bringup.gazebo_files import OBJECTS, RADIUS_M, in_names_of, write_files
from depth_pc_ros.bringup.node_table import nodes
from depth_pc_ros.files.image_file import read_image
from depth_pc_ros.nodes.node_configs import GAZEBO_ARM_JOINTS
from depth_pc_ros.package_files import config_file

START = [(rig, release) for rig in ("free", "arm") for release in ("fortress", "harmonic")]
OLD = ("ignition", "ign_ros2")
# What ros_gz_bridge of Humble and Jazzy converts: type of ROS -> type of Gazebo, after gz.msgs.
CONVERTED = {
    "rosgraph_msgs/msg/Clock": "Clock",
    "sensor_msgs/msg/Image": "Image",
    "sensor_msgs/msg/CameraInfo": "CameraInfo",
    "geometry_msgs/msg/PoseStamped": "Pose",
    "geometry_msgs/msg/Twist": "Twist",
}


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    folders = {}
    for rig, release in START:
        folders[rig, release] = tmp_path_factory.mktemp(f"{rig}_{release}")
        write_files(GazeboConfig(release=release, rig=rig), folders[rig, release])
    return folders


def rig_file(rig):
    return "arm.urdf" if rig == "arm" else "free_camera.sdf"


@pytest.mark.parametrize(("rig", "release"), START)
def test_the_names_are_those_of_the_release(made, rig, release):
    texts = [path.read_text() for path in made[rig, release].glob("*.*")]
    assert len(texts) == 3
    for text in texts:
        assert ("gz-sim-" not in text and "gz.msgs" not in text) if release == "fortress" else "ignition" not in text
        assert "$" not in text
        assert in_names_of(text, fortress=False) == text


def sdf(*words):
    """What libsdformat says of a file; the test is skipped where its command is not installed."""
    program = next((name for name in ("gz", "ign") if shutil.which(name)), None)
    if program is None or subprocess.run([program, "sdf", "--versions"], capture_output=True).returncode:
        pytest.skip("needs `gz sdf` or `ign sdf`: sudo apt install ignition-tools libsdformat-dev, or Gazebo")
    return subprocess.run([program, "sdf", *words], capture_output=True, text=True, check=True)


@pytest.mark.parametrize(("rig", "release"), START)
def test_libsdformat_takes_the_files(made, rig, release):
    folder = made[rig, release]
    for name in ("world.sdf", rig_file(rig)):
        assert "Valid." in sdf("--check", str(folder / name)).stdout
    model = ElementTree.fromstring(sdf("--print", str(folder / rig_file(rig))).stdout)
    assert model.find(".//sensor[@name='camera']/topic").text == "depth_pc/camera"


def test_libsdformat_leaves_the_camera_of_the_arm_where_it_is(made):
    """Gazebo joins links that are fixed to each other; the camera looks along the flange all the same."""
    model = ElementTree.fromstring(sdf("--print", str(made["arm", "harmonic"] / "arm.urdf")).stdout)
    (link,) = [link for link in model.iter("link") if link.find("sensor") is not None]
    assert link.get("name") == "flange"
    numbers = [float(word) for word in link.find("sensor/pose").text.split()]
    np.testing.assert_allclose(numbers, [0.03, 0, 0.07, 0, 0, 0], atol=1e-9)


def test_the_world_has_a_picture_for_every_object(made):
    folder = made["free", "harmonic"]
    world = ElementTree.parse(folder / "world.sdf").getroot().find("world")
    assert world.findtext("gravity") == "0 0 0"  # with it, VelocityControl lets the camera sink
    models = world.findall("model")
    pictures = [element.text for element in world.iter("albedo_map")]
    assert len(pictures) == len(models) == len(set(pictures))
    assert OBJECTS - 3 <= len(models) - 1 <= OBJECTS
    for name in pictures:
        image = read_image(folder / name, "picture")
        assert image.std() > 20  # grey values: it is not plain
    for model in models[1:]:
        x, y, z = map(float, model.find("pose").text.split()[:3])
        size = [float(word) for word in model.find("link/visual/geometry/box/size").text.split()]
        assert np.hypot(x, y) <= RADIUS_M
        assert z == pytest.approx(size[2] / 2, abs=1e-4)  # on the table


def test_a_seed_gives_one_world(tmp_path):
    def files(seed, name):
        write_files(GazeboConfig(release="harmonic", seed=seed), tmp_path / name)
        return {path.name: path.read_bytes() for path in (tmp_path / name).rglob("*.*")}

    first = files(3, "a")
    assert files(3, "b") == first
    other = files(4, "c")
    assert other["world.sdf"] != first["world.sdf"]
    assert other["table.png"] != first["table.png"]


@pytest.mark.parametrize(("rig", "release"), START)
def test_the_bridge_carries_what_the_nodes_need(made, rig, release):
    entries = yaml.safe_load((made[rig, release] / "bridge.yaml").read_text())
    topics = {}
    for entry in entries:
        assert set(entry) == {"ros_topic_name", "gz_topic_name", "ros_type_name", "gz_type_name", "direction"}
        prefix = "ignition.msgs." if release == "fortress" else "gz.msgs."
        assert entry["gz_type_name"] == prefix + CONVERTED[entry["ros_type_name"]]
        topics[entry["ros_topic_name"]] = entry["direction"]
    specs = {spec.name: spec for spec in nodes(BringupConfig.from_text(GazeboConfig(rig=rig).servo_arguments()))}
    wanted = {"/clock", "/depth_pc/bridge/depth_image"}
    wanted |= {specs["keypoints"].remappings[name] for name in ("image", "camera_info")}
    commands = {f"/depth_pc/{specs['adapter'].remappings['cmd_vel']}"} if rig == "free" else set()
    assert {topic for topic, direction in topics.items() if direction == "ROS_TO_GZ"} == commands
    truth = {"/depth_pc/bridge/body_pose"} if rig == "free" else set()
    assert {topic for topic, direction in topics.items() if direction == "GZ_TO_ROS"} == wanted | truth


def test_the_bridge_names_the_topics_of_the_model(made):
    folder = made["free", "harmonic"]
    model = ElementTree.parse(folder / "free_camera.sdf").getroot().find("model")
    topics = {entry["gz_topic_name"] for entry in yaml.safe_load((folder / "bridge.yaml").read_text())}
    camera, name = model.find("link/sensor/topic").text, model.get("name")
    assert topics == {
        "/clock", f"/{camera}/image", f"/{camera}/depth_image", f"/{camera}/camera_info", f"/model/{name}/pose",
        f"/model/{name}/cmd_vel",
    }  # fmt: skip


@pytest.mark.parametrize("rig", ["free", "arm"])
def test_the_cameras_angle_fits_its_intrinsics(made, rig):
    camera = ElementTree.parse(made[rig, "harmonic"] / rig_file(rig)).getroot().find(".//sensor/camera")
    intrinsics = {each.tag: float(each.text) for each in camera.find("lens/intrinsics")}
    width, height = (float(camera.find(f"image/{name}").text) for name in ("width", "height"))
    angle = float(camera.find("horizontal_fov").text)
    assert width / (2 * np.tan(angle / 2)) == pytest.approx(intrinsics["fx"], abs=1e-3)
    assert intrinsics == {"fx": 540, "fy": 540, "cx": width / 2, "cy": height / 2, "s": 0}


def test_the_arm_has_the_joints_of_its_controllers(made):
    arm = ElementTree.parse(made["arm", "harmonic"] / "arm.urdf").getroot()
    controllers = config_file("gazebo/controllers.yaml")
    parameters = yaml.safe_load(controllers.read_text())
    joints = parameters["forward_velocity_controller"]["ros__parameters"]["joints"]
    assert tuple(joints) == GAZEBO_ARM_JOINTS
    assert arm.findtext("gazebo/plugin/parameters") == str(controllers)
    for name in joints:
        joint = arm.find(f"ros2_control/joint[@name='{name}']")
        assert joint.find("command_interface").get("name") == "velocity"
        limit = arm.find(f"joint[@name='{name}']/limit")
        start = float(joint.findtext("state_interface/param"))
        assert float(limit.get("lower")) < start < float(limit.get("upper"))
    assert set(parameters["controller_manager"]["ros__parameters"]) - {"update_rate"} == {
        "joint_state_broadcaster", "forward_velocity_controller",
    }  # fmt: skip


def test_the_camera_sits_in_the_flange_where_the_servo_thinks(made):
    pytest.importorskip("pinocchio", reason="needs pinocchio: pip install pin")
    from depth_pc_ros.geometry import se3
    from depth_pc_ros.nodes.drivers.arm_kinematics import ArmKinematics

    urdf = (made["arm", "harmonic"] / "arm.urdf").read_text()
    angles = dict(zip(GAZEBO_ARM_JOINTS, np.random.default_rng(0).uniform(-1, 1, 6)))
    flange, camera = (
        ArmKinematics(urdf, GAZEBO_ARM_JOINTS, name).tool_pose(angles) for name in ("flange", "camera_optical_frame")
    )
    T_flange_camera = se3.inverse(flange) @ camera
    numbers = [float(word) for word in OPTICAL_IN_FLANGE.split()]
    np.testing.assert_allclose(T_flange_camera[:3, 3], numbers[:3], atol=1e-9)
    np.testing.assert_allclose(T_flange_camera[:3, :3], Rotation.from_quat(numbers[3:]).as_matrix(), atol=1e-9)
