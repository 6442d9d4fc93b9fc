"""A simulated workplace of PyBullet."""

from pathlib import Path

from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.sim import assets
from depth_pc_ros.sim.light import Light
from depth_pc_ros.sim.panda import PandaArm
from depth_pc_ros.sim.renderer import open_renderer
from depth_pc_ros.sim.scenes import Scene, make_scene
from depth_pc_ros.sim.workplace import DEFAULT_INTRINSICS, Workplace, check_rig


class SimWorld(Workplace):
    """A context manager; equal arguments give equal worlds, bit for bit on one machine and renderer.

    scene: 'default', 'ycb', or a `Scene`. seed: of the scene and of the poses. rig: 'free' (a flying camera) or 'arm'
    (a Franka Panda with a wrist camera). ycb_root: folder of the YCB models. level: rotation from start to goal,
    'S', 'M' or 'L' (free camera only; the arm's workspace sets its own). cache_dir: keeps light copies of meshes.
    renderer: 'auto', 'egl' or 'tiny'. light: see `Light`.
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
        renderer: str = "auto",
        light: Light | None = None,
    ):
        check_rig(rig)
        scene = scene if isinstance(scene, Scene) else make_scene(scene, seed, ycb_root)
        super().__init__(scene, seed, rig, PandaArm, intrinsics, level)
        meshes = assets.scene_meshes(scene, ycb_root, cache_dir)
        self._renderer = open_renderer(meshes, renderer, light)
