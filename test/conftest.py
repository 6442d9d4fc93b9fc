"""What several test folders share: a camera, a textured plane seen from any pose, and the YCB meshes."""

import os
from pathlib import Path

import cv2
import numpy as np
import pytest

from depth_pc_ros.errors import SceneError
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics

# Where tests run in several processes, each has a ROS domain of its own: their nodes do not meet.
WORKER = os.environ.get("PYTEST_XDIST_WORKER", "").removeprefix("gw")
if WORKER:
    os.environ["ROS_DOMAIN_ID"] = str((int(os.environ.get("ROS_DOMAIN_ID", "0")) + int(WORKER)) % 101)

pytest_plugins = ["ros_runner", "chromium"]  # test/support is on the path, see pyproject.toml


class TexturedPlane:
    """The plane z = 0 of the world, 1.2 m x 1.2 m, with corners at several scales; exact by a homography."""

    SIDE_M = 1.2

    def __init__(self, seed: int = 0):
        rng = np.random.default_rng(seed)
        texture = np.zeros((1200, 1200, 3), np.float32)
        for cells in (12, 30, 75, 150):
            noise = rng.uniform(0, 255, (cells, cells, 3)).astype(np.float32)
            texture += cv2.resize(noise, (1200, 1200), interpolation=cv2.INTER_NEAREST) / 4
        self.texture = cv2.GaussianBlur(texture, (0, 0), 1.5).clip(0, 255).astype(np.uint8)
        scale = self.SIDE_M / 1200
        self._world_from_texture = np.array([[scale, 0, -0.6], [0, -scale, 0.6], [0, 0, 1]])

    def view(self, T_world_cam: np.ndarray, intrinsics: Intrinsics) -> np.ndarray:
        """(H, W, 3) uint8 RGB seen from a pose."""
        T_cam_world = se3.inverse(T_world_cam)
        plane_to_pixels = intrinsics.matrix @ T_cam_world[:3][:, [0, 1, 3]]
        H = plane_to_pixels @ self._world_from_texture
        return cv2.warpPerspective(self.texture, H, (intrinsics.width, intrinsics.height), flags=cv2.INTER_LINEAR)

    def depth(self, T_world_cam: np.ndarray, intrinsics: Intrinsics) -> np.ndarray:
        """(H, W) float32 depth z in metres seen from a pose."""
        u, v = np.meshgrid(np.arange(intrinsics.width), np.arange(intrinsics.height))
        rays = intrinsics.unproject(np.stack([u, v], -1), np.ones(u.shape)) @ T_world_cam[:3, :3].T
        return (-T_world_cam[2, 3] / rays[..., 2]).astype(np.float32)

    @staticmethod
    def true_pixels(goal_points, T_world_goal, T_world_cam, intrinsics: Intrinsics) -> np.ndarray:
        """Where points of the plane seen at goal_points (N, 2) px from one pose are seen from another, (N, 2) px."""
        rays = np.column_stack([intrinsics.normalise(goal_points), np.ones(len(goal_points))]) @ T_world_goal[:3, :3].T
        points = T_world_goal[:3, 3] - rays * (T_world_goal[2, 3] / rays[:, 2:])
        T_cam_world = se3.inverse(T_world_cam)
        return intrinsics.project(se3.transform(T_cam_world, points))


@pytest.fixture(scope="session")
def plane() -> TexturedPlane:
    return TexturedPlane()


@pytest.fixture(scope="session")
def intrinsics() -> Intrinsics:
    return Intrinsics(540.0, 540.0, 319.5, 239.5, 640, 480)


@pytest.fixture(scope="session")
def T_world_goal() -> np.ndarray:
    """A goal pose 0.6 m above the plane, looking down with a small tilt."""
    return se3.look_at(np.array([0.05, -0.04, 0.6]), np.zeros(3), np.array([0.0, 1.0, 0.0]))


def moved(T_world_cam: np.ndarray, translation, roll_deg: float = 0.0, tilt_deg: float = 0.0) -> np.ndarray:
    """A pose shifted in the world by `translation` (3,) m, rolled and tilted in its own frame."""
    R = se3.exp_so3(np.radians([tilt_deg, 0, 0])) @ se3.exp_so3(np.radians([0, 0, roll_deg]))
    out = T_world_cam @ se3.from_rt(R, np.zeros(3))
    out[:3, 3] += translation
    return out


@pytest.fixture(scope="session")
def move():
    return moved


@pytest.fixture(scope="session")
def ycb_root() -> Path:
    """Folder of the YCB meshes; skips where this machine has none."""
    root = Path(os.environ.get("DEPTH_PC_YCB_ROOT") or Path(__file__).resolve().parents[1].parent / "shared" / "ycb")
    if not root.is_dir():
        pytest.skip(f"no YCB meshes: {root} is missing (set DEPTH_PC_YCB_ROOT)")
    return root


@pytest.fixture(scope="session")
def depth_config():
    """Makes configurations of Depth Anything networks, tiny by default."""
    from transformers import DepthAnythingConfig, Dinov2Config

    def make(hidden=12, layers=4, heads=2, **options):
        backbone = Dinov2Config(
            hidden_size=hidden,
            num_hidden_layers=layers,
            num_attention_heads=heads,
            image_size=518,
            patch_size=14,
            out_indices=[layers // 4, layers // 2, 3 * layers // 4, layers],
            reshape_hidden_states=False,
        )
        defaults = {"neck_hidden_sizes": [4, 8, 8, 8], "fusion_hidden_size": 8, "head_hidden_size": 4}
        return DepthAnythingConfig(backbone_config=backbone, reassemble_hidden_size=hidden, **{**defaults, **options})

    return make


@pytest.fixture(scope="session")
def tiny_depth_model(tmp_path_factory, depth_config) -> Path:
    """A folder with a tiny Depth Anything network of random weights."""
    import torch
    from transformers import DepthAnythingForDepthEstimation

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("tiny")
    DepthAnythingForDepthEstimation(depth_config()).save_pretrained(folder)
    return folder


@pytest.fixture(scope="session")
def mujoco() -> str:
    pytest.importorskip("mujoco", reason="MuJoCo is not installed (pip install 'depth_pc_ros[mujoco]')")
    from depth_pc_ros.sim.mujoco_gl import drawing_thread

    try:
        drawing_thread()
    except SceneError as problem:
        pytest.skip(str(problem))
    return "mujoco"


@pytest.fixture(params=["pybullet", "mujoco"])
def simulator(request) -> str:
    """The simulators that are installed."""
    return "pybullet" if request.param == "pybullet" else request.getfixturevalue(request.param)
