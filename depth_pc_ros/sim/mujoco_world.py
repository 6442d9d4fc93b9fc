"""A simulated workplace of MuJoCo."""

import warnings
from pathlib import Path

import numpy as np

from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim import assets
from depth_pc_ros.sim.light import Light
from depth_pc_ros.sim.mujoco_arms import MujocoArm, attach_arm
from depth_pc_ros.sim.mujoco_gl import mujoco
from depth_pc_ros.sim.mujoco_model import scene_spec
from depth_pc_ros.sim.mujoco_renderer import MujocoRenderer
from depth_pc_ros.sim.scenes import Scene, make_scene
from depth_pc_ros.sim.workplace import DEFAULT_INTRINSICS, Workplace, check_rig


class MujocoWorld(Workplace):
    """A context manager; equal arguments give equal worlds, bit for bit on one machine.

    As `SimWorld`, with the physics that settle the scene, the images and the arm's kinematics of MuJoCo. scene:
    'default' has packages and cans here. arm_model: 'panda' or 'ur5e'. The camera sees the arm, too.
    """

    def __init__(
        self,
        scene: str | Scene = "default",
        seed: int = 0,
        rig: str = "free",
        ycb_root: str | Path | None = None,
        intrinsics: Intrinsics = DEFAULT_INTRINSICS,
        level: str = "M",
        cache_dir: str | Path | None = None,
        light: Light | None = None,
        arm_model: str = "panda",
    ):
        check_rig(rig)
        if not isinstance(scene, Scene):
            scene = make_scene("printed" if scene == "default" else scene, seed, ycb_root, simulator="mujoco")
        meshes = assets.scene_meshes(scene, ycb_root, cache_dir)
        spec = scene_spec(meshes, light or Light())
        if rig == "arm":
            attach_arm(spec, arm_model)
        with warnings.catch_warnings():  # some of the Panda's meshes have no texture coordinates, and need none
            warnings.filterwarnings("ignore", "obj_decoder", UserWarning)
            model = spec.compile()
        data = mujoco.MjData(model)
        mujoco.mj_forward(model, data)
        super().__init__(scene, seed, rig, lambda: MujocoArm(arm_model, model, data), intrinsics, level)
        self._renderer = MujocoRenderer(model, data)

    def goal_view(self) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        if isinstance(self.rig, MujocoArm):  # as the arm stands there
            q = self.rig.joint_positions
            self.rig.reset(self._goal_pose)
            view = super().goal_view()
            self.rig.set_joints(q)
            return view
        return super().goal_view()
