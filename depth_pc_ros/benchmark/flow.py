"""Dense optical flow in place of keypoints: a matcher with the interface of `perception.matchers.Matcher`.

Points of a grid on the goal image are tracked into the live image and back; a point counts as matched when it returns
to its start, and one rigid motion explains it together with the others. DIS comes with OpenCV, the compact network is
trained here (`cli/train_pairs.py`); RAFT is in `raft.py`.

Sources: T. Kroeger et al., "Fast optical flow using dense inverse search", ECCV 2016; Z. Teed, J. Deng, "RAFT:
recurrent all-pairs field transforms for optical flow", ECCV 2020.
"""

from pathlib import Path

import cv2
import numpy as np

from depth_pc_ros.errors import GoalError
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.types import Matches

_STEP_PX = 20
_RETURN_PX = 1.0  # largest distance between a point and where forward and backward flow bring it
_RANSAC_PX = 3.0


class FlowMatcher:
    """Matches by optical flow.

    flow: maps images (H, W, 3) uint8 A, B to the flow (H, W, 2) in px from A to B, and has a `name`.
    """

    def __init__(self, flow):
        self.name = flow.name
        self._flow = flow
        self._goal = None

    def set_goal(self, image: np.ndarray, intrinsics: Intrinsics) -> int:
        """Lay the grid over the goal image (H, W, 3) uint8 RGB; returns its number of points."""
        height, width = image.shape[:2]
        u, v = np.meshgrid(np.arange(_STEP_PX // 2, width, _STEP_PX), np.arange(_STEP_PX // 2, height, _STEP_PX))
        self._points = np.stack([u, v], axis=-1).reshape(-1, 2).astype(np.float64)
        self._goal, self._intrinsics = image, intrinsics
        return len(self._points)

    def forget(self) -> None:
        """Forget the last image: nothing to forget here."""

    @property
    def goal_points(self) -> np.ndarray:
        """The grid (N, 2) float64 in px."""
        if self._goal is None:
            raise GoalError("flow: no goal image has been set; call set_goal first")
        return self._points

    def detect(self, image: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Flow from the goal to `image` and back, each (H, W, 2) in px."""
        return self._flow(self._goal, image), self._flow(image, self._goal)

    def match_features(self, flows: tuple[np.ndarray, np.ndarray]) -> Matches:
        """Matches of the grid from both flows."""
        goal = self.goal_points
        current = goal + _sample(flows[0], goal)
        height, width = flows[0].shape[:2]
        matched = ((current >= 0) & (current <= (width - 1, height - 1))).all(axis=1)
        back = current + _sample(flows[1], current)
        matched &= np.linalg.norm(back - goal, axis=1) < _RETURN_PX
        matched[matched] = self._rigid(goal[matched], current[matched])
        current[~matched] = np.nan
        return Matches(current, matched, matched.astype(np.float32))

    def _rigid(self, goal_px: np.ndarray, live_px: np.ndarray) -> np.ndarray:
        """Mask (M,) of points that one rigid motion explains, or one homography where nothing moves."""
        if len(goal_px) < 8:
            return np.zeros(len(goal_px), dtype=bool)
        cv2.setRNGSeed(1)
        if np.median(np.linalg.norm(goal_px - live_px, axis=1)) < 8.0:
            _, mask = cv2.findHomography(goal_px, live_px, cv2.RANSAC, 4.0)
        else:
            K = self._intrinsics.matrix
            _, mask = cv2.findEssentialMat(goal_px, live_px, K, cv2.RANSAC, 0.999, _RANSAC_PX)
        return np.zeros(len(goal_px), dtype=bool) if mask is None else mask.ravel().astype(bool)


def _sample(flow: np.ndarray, pixels: np.ndarray) -> np.ndarray:
    """Flow (N, 2) at sub-pixel positions (N, 2), bilinear."""
    maps = pixels.astype(np.float32)
    return cv2.remap(flow, maps[:, 0], maps[:, 1], cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)[:, 0]


class DisFlow:
    """OpenCV's dense inverse search."""

    name = "DIS"

    def __init__(self):
        self._dis = cv2.DISOpticalFlow_create(cv2.DISOPTICAL_FLOW_PRESET_MEDIUM)

    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        grey = (cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) for image in (first, second))
        return self._dis.calc(*grey, None)


class CompactFlow:
    """The small flow network of this package. folder: its weights. Raises CheckpointError."""

    def __init__(self, folder: Path):
        import torch  # takes a second

        from depth_pc_ros.networks.pair_networks import grey_input, load_pair_network

        self._torch, self._input = torch, grey_input
        self._net, sha256 = load_pair_network(folder, "compact_flow")
        self.name = f"compact_flow ({sha256[:8]})"

    def __call__(self, first: np.ndarray, second: np.ndarray) -> np.ndarray:
        height, width = first.shape[:2]
        with self._torch.inference_mode():
            flow = self._net(*(self._input(image, self._net.size) for image in (first, second)))[0][0]
        scale = np.array([width, height], dtype=np.float32) / self._net.size
        return cv2.resize(flow.permute(1, 2, 0).numpy(), (width, height)) * scale
