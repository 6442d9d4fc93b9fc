import sys
import types

import numpy as np
import pytest
from geometry_msgs.msg import TransformStamped

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.hand_eye import FixedHandEye, TfHandEye, TransformError


def test_fixed_pose_from_position_and_quaternion():
    s = np.sqrt(0.5)
    T = FixedHandEye((0.1, 0.2, 0.3), (0.0, 0.0, s, s)).T_tool_cam("any")
    np.testing.assert_allclose(T[:3, :3], [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)
    np.testing.assert_allclose(T[:3, 3], [0.1, 0.2, 0.3])


def test_tf_is_named_when_it_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2_ros", None)
    with pytest.raises(ConfigError, match=r"tf2_ros.*not installed.*camera_in_tool_xyz"):
        TfHandEye(node=None, tool_frame="tool0")


class FakeTf(types.ModuleType):
    """The three names of tf2_ros that are used; knows one transform."""

    class TransformException(Exception):
        pass

    class Buffer:
        cleared = False

        def clear(self):
            self.cleared = True

        def lookup_transform(self, target, source, time):
            if (target, source) != ("tool0", "optical") or self.cleared:
                raise FakeTf.TransformException(f"{source!r} does not exist")
            found = TransformStamped()
            found.transform.translation.x, found.transform.translation.z = 0.05, -0.02
            found.transform.rotation.x, found.transform.rotation.w = 1.0, 0.0
            return found

    class TransformListener:
        def __init__(self, buffer, node):
            pass


def test_tf_gives_the_pose_of_the_camera_in_the_tool(monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2_ros", FakeTf("tf2_ros"))
    hand_eye = TfHandEye(node=None, tool_frame="tool0")
    T = hand_eye.T_tool_cam("optical")
    np.testing.assert_allclose(T[:3, :3], np.diag([1.0, -1.0, -1.0]), atol=1e-12)
    np.testing.assert_allclose(T[:3, 3], [0.05, 0.0, -0.02])
    with pytest.raises(TransformError, match=r"'elsewhere' to 'tool0'.*does not exist"):
        hand_eye.T_tool_cam("elsewhere")


@pytest.mark.parametrize(
    ("position", "quat"),
    [
        ((np.nan, 0, 0), (0, 0, 0, 1)),
        ((np.inf, 0, 0), (0, 0, 0, 1)),
        ((0, 0, 0), (np.nan, 0, 0, 1)),
        ((0, 0, 0), (0, 0, 0, 0)),
    ],
)
def test_a_transform_that_is_no_pose_is_refused(monkeypatch, position, quat):
    def lookup(_buffer, _target, _source, _time):
        found = TransformStamped()
        p, q = found.transform.translation, found.transform.rotation
        p.x, p.y, p.z = map(float, position)
        q.x, q.y, q.z, q.w = map(float, quat)
        return found

    monkeypatch.setattr(FakeTf.Buffer, "lookup_transform", lookup)
    monkeypatch.setitem(sys.modules, "tf2_ros", FakeTf("tf2_ros"))
    with pytest.raises(TransformError, match="'optical' to 'tool0' is not usable: expected a finite position"):
        TfHandEye(node=None, tool_frame="tool0").T_tool_cam("optical")


def test_poses_of_the_old_time_are_forgotten_when_the_clock_is_set(monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2_ros", FakeTf("tf2_ros"))
    hand_eye = TfHandEye(node=None, tool_frame="tool0")
    hand_eye.clear()
    with pytest.raises(TransformError):
        hand_eye.T_tool_cam("optical")
