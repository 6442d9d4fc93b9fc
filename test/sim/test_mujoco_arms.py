"""Arms in MuJoCo: the Panda moves as PyBullet's does, the UR5e comes from the files of robosuite."""

import sys

import numpy as np
import pytest

from depth_pc_ros.errors import MissingExtraError, SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.arm_models import ARM_MODELS
from depth_pc_ros.sim.arm_poses import sample_arm_pair
from depth_pc_ros.sim.light import Light
from depth_pc_ros.sim.panda import PandaArm
from depth_pc_ros.sim.scenes import SCENE_CENTRE

# A UR5e without meshes, laid out as robosuite lays it out: bodies, joints and the offsets between them.
_LINKS = (
    ("shoulder_pan", "0 0 0.163", "1 0 0 0", "0 0 1"),
    ("shoulder_lift", "0 0.138 0", "1 0 1 0", "0 1 0"),
    ("elbow", "0 -0.131 0.425", "1 0 0 0", "0 1 0"),
    ("wrist_1", "0 0 0.392", "1 0 1 0", "0 1 0"),
    ("wrist_2", "0 0.127 0", "1 0 0 0", "0 0 1"),
    ("wrist_3", "0 0 0.1", "1 0 0 0", "0 1 0"),
)


@pytest.fixture
def robosuite(tmp_path, monkeypatch):
    """A stand-in for the package: its folder, found as an installed one would be."""
    folder = tmp_path / "robosuite/models/assets/robots/ur5e"
    folder.mkdir(parents=True)
    body = '<body name="right_hand" pos="0 0.098 0" quat="1 -1 0 0"><geom size="0.02"/></body>'
    for name, pos, quat, axis in reversed(_LINKS):
        joint = f'<joint name="{name}_joint" axis="{axis}"/>'
        body = f'<body pos="{pos}" quat="{quat}">{joint}<geom size="0.02"/>{body}</body>'
    (folder / "robot.xml").write_text(f'<mujoco model="ur5e"><worldbody><body>{body}</body></worldbody></mujoco>')
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.delitem(sys.modules, "robosuite", raising=False)
    return folder


@pytest.fixture
def make_arm(mujoco):
    def make(name: str):
        from depth_pc_ros.sim.mujoco_arms import MujocoArm, attach_arm
        from depth_pc_ros.sim.mujoco_gl import mujoco
        from depth_pc_ros.sim.mujoco_model import scene_spec

        spec = scene_spec([], Light())
        attach_arm(spec, name)
        model = spec.compile()
        return MujocoArm(name, model, mujoco.MjData(model))

    return make


@pytest.mark.filterwarnings("ignore:obj_decoder")
def test_the_panda_has_the_kinematics_of_pybullet(make_arm):
    ours, theirs = make_arm("panda"), PandaArm()
    assert ours.joint_names == theirs.joint_names
    for spread in np.random.default_rng(0).uniform(-0.6, 0.6, (10, 7)):
        q = ours.model.home_rad + spread
        for a, b in zip(ours._chain.solve(q), theirs._chain.solve(q), strict=True):
            np.testing.assert_allclose(a, b, atol=1e-6)


def test_the_jacobian_of_the_ur5e_is_the_derivative_of_its_pose(make_arm, robosuite):
    chain, home = make_arm("ur5e")._chain, ARM_MODELS["ur5e"].home_rad
    for spread in np.random.default_rng(0).uniform(-0.6, 0.6, (5, 6)):
        T, J = chain.solve(home + spread)
        for k in range(6):
            T_moved, _ = chain.solve(home + spread + 1e-6 * np.eye(6)[k])
            np.testing.assert_allclose(se3.log(se3.inverse(T) @ T_moved) / 1e-6, J[:, k], atol=1e-5)


def test_the_ur5e_stands_before_the_scene_and_obeys_twists_of_its_tool(make_arm, robosuite, intrinsics):
    arm = make_arm("ur5e")
    assert len(arm.joint_names) == 6
    np.testing.assert_allclose(arm.camera_pose[:3, :3], [[0, -1, 0], [-1, 0, 0], [0, 0, -1]], atol=1e-6)
    assert 0.2 < arm.camera_pose[2, 3] < 0.6
    T_world_goal, T_world_start = sample_arm_pair(0, SCENE_CENTRE, intrinsics, arm)
    np.testing.assert_allclose(arm.camera_pose, T_world_start, atol=1e-5)
    T_start, twist = arm.tool_pose, np.array([0.05, -0.1, 0.08, 0.1, 0.2, -0.3])
    for _ in range(10):
        arm.step(twist, 0.02)
    error_m, error_deg = se3.pose_error(T_start @ se3.exp(0.2 * twist), arm.tool_pose)
    assert error_m < 1e-5
    assert error_deg < 1e-3
    arm.reset(T_world_goal)
    np.testing.assert_allclose(arm.camera_pose, T_world_goal, atol=1e-5)


def test_a_ur5e_that_is_not_installed_is_one_line(make_arm, monkeypatch):
    monkeypatch.setitem(sys.modules, "robosuite", None)
    with pytest.raises(MissingExtraError, match=r"^arm_model: .*pip install --no-deps 'robosuite>=1\.5,<1\.6'[^\n]*$"):
        make_arm("ur5e")


def test_another_layout_of_robosuite_is_named(make_arm, robosuite):
    (robosuite / "robot.xml").unlink()
    with pytest.raises(SceneError, match=r"robosuite 1\.5, found no .*robot\.xml"):
        make_arm("ur5e")
