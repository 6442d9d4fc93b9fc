import sys
import types

import numpy as np
import pytest

from depth_pc_ros.errors import ConfigError
from depth_pc_ros.nodes.hand_eye import FixedHandEye, TfHandEye
from depth_pc_ros.nodes.tf_poses import TransformError


def test_fixed_pose_from_position_and_quaternion():
    s = np.sqrt(0.5)
    T = FixedHandEye((0.1, 0.2, 0.3), (0.0, 0.0, s, s)).T_tool_cam("any")
    np.testing.assert_allclose(T[:3, :3], [[0, -1, 0], [1, 0, 0], [0, 0, 1]], atol=1e-12)
    np.testing.assert_allclose(T[:3, 3], [0.1, 0.2, 0.3])


def test_tf_is_named_when_it_is_not_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "tf2_ros", None)
    with pytest.raises(ConfigError, match=r"camera_in_tool_xyz.*tf2_ros.*missing here"):
        TfHandEye(node=None, tool_frame="tool0")


class Clocked:
    """A node at 100 s."""

    def get_clock(self):
        return types.SimpleNamespace(now=lambda: types.SimpleNamespace(nanoseconds=100_000_000_000))


@pytest.fixture
def hand_eye(tf):
    T = np.diag([1.0, -1.0, -1.0, 1.0])
    T[:3, 3] = 0.05, 0.0, -0.02
    tf.poses["tool0", "optical"] = T, 0.0
    return TfHandEye(Clocked(), "tool0")


def test_tf_gives_the_pose_of_the_camera_in_the_tool(hand_eye):
    T = hand_eye.T_tool_cam("optical")
    np.testing.assert_allclose(T[:3, :3], np.diag([1.0, -1.0, -1.0]), atol=1e-12)
    np.testing.assert_allclose(T[:3, 3], [0.05, 0.0, -0.02])
    with pytest.raises(TransformError, match=r"'elsewhere' to 'tool0'.*does not exist"):
        hand_eye.T_tool_cam("elsewhere")


def test_a_transform_that_is_old_is_refused(hand_eye, tf):
    tf.poses["tool0", "optical"] = np.eye(4), 99.2
    hand_eye.T_tool_cam("optical")
    tf.poses["tool0", "optical"] = np.eye(4), 98.5
    with pytest.raises(TransformError, match=r"'optical' to 'tool0' is 1.5 s old: has robot_state_publisher"):
        hand_eye.T_tool_cam("optical")


@pytest.mark.parametrize(
    ("position", "quat"),
    [
        ((np.nan, 0, 0), (0, 0, 0, 1)),
        ((np.inf, 0, 0), (0, 0, 0, 1)),
        ((0, 0, 0), (np.nan, 0, 0, 1)),
        ((0, 0, 0), (0, 0, 0, 0)),
    ],
)
def test_a_transform_that_is_no_pose_is_refused(hand_eye, tf, monkeypatch, position, quat):
    known = tf.Buffer.lookup_transform

    def lookup(*names):
        found = known(*names)
        p, q = found.transform.translation, found.transform.rotation
        p.x, p.y, p.z = map(float, position)
        q.x, q.y, q.z, q.w = map(float, quat)
        return found

    monkeypatch.setattr(tf.Buffer, "lookup_transform", lookup)
    with pytest.raises(TransformError, match="'optical' to 'tool0' is not usable: expected a finite position"):
        hand_eye.T_tool_cam("optical")


def test_poses_of_the_old_time_are_forgotten_when_the_clock_is_set(hand_eye):
    hand_eye.clear()
    with pytest.raises(TransformError):
        hand_eye.T_tool_cam("optical")
