import types

import numpy as np
import pytest
from std_msgs.msg import Header

from depth_pc_ros.errors import DepthPcError
from depth_pc_ros.geometry import se3
from depth_pc_ros.nodes.conversions import intrinsics_to_info, rgb_to_image, seconds_to_stamp
from depth_pc_ros.nodes.hand_eye_watch import HandEyeWatch

T_TOOL_CAM = se3.from_rt(se3.exp_so3(np.array([0.2, 0.1, -0.8])), np.array([0.05, 0.02, 0.08]))
TURNS = np.radians([[0, 0, 0], [0, 0, 20], [15, 0, 0], [0, 15, -10], [-12, 0, 15]])


class Rig:
    """A camera above a textured plane on a tool that the test moves."""

    def __init__(self, plane, intrinsics, T_world_goal):
        self._plane, self._intrinsics, self._start = plane, intrinsics, T_world_goal
        self._T_cam, self._stamp_s = T_world_goal, 1.0
        node = types.SimpleNamespace(create_subscription=lambda *_: None)
        self.watch = HandEyeWatch(node, "image", "camera_info", self.tool_pose)
        self.watch._camera.update(intrinsics_to_info(intrinsics, Header()))

    def tool_pose(self):
        return self._T_cam @ se3.inverse(T_TOOL_CAM)

    def look(self, turn, images=2):
        self._T_cam = self._start @ se3.exp(np.concatenate([0.02 * turn, turn]))
        for _ in range(images):
            self._stamp_s += 0.1
            header = Header(stamp=seconds_to_stamp(self._stamp_s), frame_id="optical")
            self.watch._on_image(rgb_to_image(self._plane.view(self._T_cam, self._intrinsics), header))


@pytest.fixture
def rig(plane, intrinsics, T_world_goal):
    return Rig(plane, intrinsics, T_world_goal)


def test_a_camera_that_is_moved_by_hand_shows_its_orientation(rig):
    for turn in TURNS:
        rig.look(turn)
        rig.look(turn)  # longer at one place is no other view
    R = T_TOOL_CAM[:3, :3]
    verdict = rig.watch.verdict(R)
    assert verdict.fits, verdict
    assert "5 views" in verdict.text
    assert rig.watch.frame == "optical"
    assert "inverted" in rig.watch.verdict(R.T).text
    assert "turned by 180° about its z axis" in rig.watch.verdict(R @ np.diag([-1.0, -1.0, 1.0])).text


def test_views_in_motion_and_without_tf_are_not_used(rig, monkeypatch):
    for turn in TURNS:
        rig.look(turn, images=1)
    assert rig.watch.verdict(np.eye(3)).text.startswith("0 views")

    def lost():
        raise DepthPcError("no transform")

    monkeypatch.setattr(rig.watch, "_tool_pose", lost)
    rig.look(TURNS[0])
    assert rig.watch.problem == "no transform"
