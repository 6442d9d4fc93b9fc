import numpy as np
import pytest

pytest.importorskip("rclpy", reason="needs rclpy: run scripts/setup.sh, or source a ROS 2 environment")

from sensor_msgs.msg import CameraInfo, Image, JointState
from std_msgs.msg import Header

from depth_pc_ros.bringup.client import ServoClient
from depth_pc_ros.cli import repeat, teach
from depth_pc_ros.files.route_file import MANIFEST, read_route
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.nodes.conversions import depth_to_image, intrinsics_to_info, rgb_to_image

INTRINSICS = Intrinsics(50.0, 50.0, 31.5, 23.5, 64, 48)


@pytest.fixture
def no_client(monkeypatch):
    """The nodes must not be asked."""

    def fail(*_):
        pytest.fail("the nodes were asked")

    for command in (teach, repeat):
        monkeypatch.setattr(command, "ServoClient", fail)


@pytest.mark.parametrize("manifest", [None, "[]"])
def test_a_folder_without_a_route_is_one_line_and_nothing_moves(no_client, tmp_path, capsys, manifest):
    if manifest:
        (tmp_path / MANIFEST).write_text(manifest)
    assert repeat.main([str(tmp_path)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("repeat: route: ")
    assert error.count("\n") == 1


def test_a_damaged_route_gets_no_more_views(no_client, tmp_path, capsys):
    (tmp_path / MANIFEST).write_text("[]")
    assert teach.main([str(tmp_path), "--once"]) == 1
    assert "expected version 1" in capsys.readouterr().err


@pytest.fixture
def camera():
    """A camera with depth and joints in the namespace /test_teach; they say everything ten times a second."""
    rgb = np.random.default_rng(0).integers(0, 255, (48, 64, 3), dtype=np.uint8)
    with ServoClient(namespace="/test_teach") as client:
        kinds = {"image": Image, "camera_info": CameraInfo, "depth_image": Image, "joint_states": JointState}
        publishers = {name: client.node.create_publisher(kind, name, 1) for name, kind in kinds.items()}

        def say():
            header = Header(stamp=client.node.get_clock().now().to_msg(), frame_id="optical")
            publishers["camera_info"].publish(intrinsics_to_info(INTRINSICS, header))
            publishers["depth_image"].publish(depth_to_image(np.full((48, 64), 0.6), header))
            publishers["joint_states"].publish(JointState(name=["j1", "j2"], position=[0.1, float("nan")]))
            publishers["image"].publish(rgb_to_image(rgb, header))

        client.node.create_timer(0.1, say)
        yield rgb


def test_views_are_stored_one_after_another(camera, tmp_path, monkeypatch, capsys):
    answers = iter(["", "", "q"])
    monkeypatch.setattr("builtins.input", lambda _: next(answers))
    topics = ["--image", "image", "--camera-info", "camera_info", "--depth-image", "depth_image"]
    topics += ["--joint-states", "joint_states"]
    words = [str(tmp_path), "--namespace", "/test_teach", *topics, "--timeout", "60"]
    assert teach.main([*words, "--pause", "2", "--distance", "0.6"]) == 0
    assert "view 2 stored: 64 x 48, with depth, 1 joints" in capsys.readouterr().out
    assert teach.main([*words, "--once"]) == 0
    assert capsys.readouterr().out.startswith(f"{tmp_path} holds 2 views; new ones are appended\nview 3 stored")
    first, _, third = read_route(tmp_path)
    np.testing.assert_array_equal(first.image, camera)
    assert (first.pause_s, first.distance_m, first.joints) == (2.0, 0.6, {"j1": 0.1})
    assert (third.pause_s, third.distance_m) == (0.0, 0.0)
    assert first.depth_m[5, 5] == np.float32(0.6)


def test_a_silent_camera_is_named(tmp_path, capsys):
    assert teach.main([str(tmp_path), "--once", "--namespace", "/test_silent", "--timeout", "0.2"]) == 1
    assert capsys.readouterr().err == "teach: bridge/camera_info: nothing came within 0.2 s\n"
    assert not list(tmp_path.iterdir())
