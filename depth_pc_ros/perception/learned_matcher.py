"""Learned keypoints, DISK or ALIKED, matched by LightGlue: for machines with a GPU. Code from kornia, weights by path.

These networks are trained on upright images: their descriptors fail at rotations well above 45 degrees. So the live
image is rotated in steps of 90 degrees until it looks like the goal. It is the live image and not the goal, because a
detector, too, finds other keypoints in a rotated image: the goal then has one set of keypoints, found once. The right
rotation changes slowly and follows from the matches, so all four are tried only at the start and where one gives few
matches.

Sources: M. Tyszkiewicz et al., "DISK: learning local features with policy gradient", NeurIPS 2020; X. Zhao et al.,
"ALIKED: a lighter keypoint and descriptor extraction network via deformable transformation", IEEE TIM 2023;
P. Lindenberger et al., "LightGlue: local feature matching at light speed", ICCV 2023. Importing this module imports
torch, which takes a second: import it where it is used.
"""

import importlib
import re
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import nn

from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.errors import ConfigError, ImageError, shown
from depth_pc_ros.files.weights_file import read_torch
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.perception.matchers import Features, Matcher

_DESCRIPTOR = 128  # numbers, of both detectors
_MIN_SCORE = {"disk": 0.0, "aliked": 0.2}  # of a keypoint, as in the code of LightGlue's authors
# With as many rigid matches no other rotation is tried: wrong ones have fewer, but for neighbours of the right one.
_PLENTY = 100
# What a network computes for itself, so that files need not have it.
_DERIVED = {"confidence_thresholds", "dkd.hw_grid"}


def rotated_pixels(pixels: np.ndarray, quarter_turns: int, size: tuple[int, int]) -> np.ndarray:
    """Where pixels (N, 2) of an image of `size` (width, height) are in `np.rot90(image, quarter_turns)`."""
    for _ in range(quarter_turns % 4):
        pixels = np.column_stack([pixels[:, 1], size[0] - 1 - pixels[:, 0]])
        size = size[::-1]
    return pixels


@dataclass(frozen=True)
class RotatedFeatures(Features):
    """Keypoints found in `np.rot90(image, quarter_turns)`; points are in pixels of `image` (H, W, 3) uint8.

    descriptors: a tensor (N, 128) on the networks' device.
    """

    descriptors: torch.Tensor
    image: np.ndarray
    quarter_turns: int

    def for_lightglue(self) -> dict[str, torch.Tensor]:
        """One image of LightGlue's input, rotated."""
        height, width = self.grey.shape
        points = rotated_pixels(self.points, self.quarter_turns, (width, height))
        size = (height, width) if self.quarter_turns % 2 else (width, height)
        to = self.descriptors.device
        return {
            "keypoints": torch.from_numpy(points).float().to(to)[None],
            "descriptors": self.descriptors[None],
            "image_size": torch.tensor([size], device=to),
        }


class LearnedMatcher(Matcher):
    """DISK or ALIKED with LightGlue. Raises ConfigError where kornia or weights are missing, or weights do not fit."""

    def __init__(self, config: MatcherConfig):
        super().__init__(config)
        self.forget()

    def _make_detector(self) -> nn.Module:
        """Both networks, on the GPU if there is one; requarter_turns the detector."""
        kornia = _kornia(self.config.matcher)
        self._device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        if self.config.matcher == "disk":
            detector = kornia.DISK()
        elif hasattr(kornia, "ALIKED"):
            # No threshold here: where no keypoint passes it, kornia would fall back to a lower one.
            detector = kornia.ALIKED(max_num_keypoints=self.config.max_keypoints, detection_threshold=-1.0)
        else:
            raise ConfigError("matcher: aliked needs kornia 0.8.3 or newer (Python 3.11), an older one is installed")
        self._lightglue = kornia.LightGlue(features=None, input_dim=_DESCRIPTOR)
        for name, network in (("matcher_weights", detector), ("lightglue_weights", self._lightglue)):
            _load(network, name, self.config)
            network.eval().to(self._device)
        return detector

    def forget(self) -> None:
        """Forget the rotation of the last image."""
        self._quarter_turns = 0

    def set_goal(self, image: np.ndarray, intrinsics: Intrinsics, mask: np.ndarray | None = None) -> int:
        """See `Matcher.set_goal`. The goal is upright."""
        self.forget()
        return super().set_goal(image, intrinsics, mask)

    def detect(self, image: np.ndarray) -> RotatedFeatures:
        """The strongest keypoints of an image (H, W, 3) uint8 RGB, rotated as for the last matches. See `Matcher`."""
        return self.detect_rotated(image, self._quarter_turns)

    def detect_rotated(self, image: np.ndarray, quarter_turns: int) -> RotatedFeatures:
        """The strongest keypoints of `np.rot90(image, quarter_turns)`. Raises ImageError where the network fails."""
        rotated = np.ascontiguousarray(np.rot90(image, quarter_turns).transpose(2, 0, 1))
        pixels = torch.from_numpy(rotated)[None].to(self._device).float() / 255
        if self.config.matcher == "disk":
            found = self._run(self._detector, pixels, n=self.config.max_keypoints, pad_if_not_divisible=True)[0]
            scores = found.detection_scores
        else:
            found = self._run(self._detector, pixels)[0]
            scores = found.keypoint_scores
        strong = scores > _MIN_SCORE[self.config.matcher]
        points = found.keypoints[strong].cpu().numpy().astype(np.float64)
        points = rotated_pixels(points, -quarter_turns, rotated.shape[:0:-1])
        allowed = self.is_allowed(points, points)
        grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
        descriptors = found.descriptors[strong][torch.from_numpy(allowed)]
        return RotatedFeatures(points[allowed], descriptors, grey, image, quarter_turns)

    def _candidates(self, features: RotatedFeatures, allowed=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """The rigid matches of the rotation that has most of them. See `Matcher`."""
        if allowed is not None:  # its pairs are those of these features, not of another rotation's
            return self._glued(features, allowed)
        best = self._glued(features)
        for more in (1, 3, 2):
            if len(best[0]) >= _PLENTY:
                break
            other = self._glued(self.detect_rotated(features.image, (features.quarter_turns + more) % 4))
            best = max(best, other, key=lambda matches: len(matches[0]))
        self._quarter_turns = self._quarter_turns_to_goal(self.goal_points[best[0]], best[1])
        return best

    def _glued(self, live: RotatedFeatures, allowed=None) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Goal indices (M,), live positions (M, 2) px and scores (M,) of LightGlue's matches that are rigid.

        allowed: (goal, live) uint8, pairs to choose from; None: all.
        """
        if not len(live.points):
            return np.zeros(0, int), np.zeros((0, 2)), np.zeros(0, np.float32)
        pair = {"image0": self._goal.for_lightglue(), "image1": live.for_lightglue()}
        found = self._run(self._lightglue, pair)
        goal_index, live_index = found["matches"][0].cpu().numpy().T
        scores = found["scores"][0].float().cpu().numpy()
        kept = self.is_allowed(self.goal_points[goal_index], live.points[live_index])
        if allowed is not None:
            kept &= allowed[goal_index, live_index] > 0
        goal_index, live_index, scores = goal_index[kept], live_index[kept], scores[kept]
        rigid = self.rigid(self.goal_points[goal_index], live.points[live_index])
        return goal_index[rigid], live.points[live_index][rigid], scores[rigid]

    def _quarter_turns_to_goal(self, goal_px: np.ndarray, live_px: np.ndarray) -> int:
        """How many rotations of the live image by 90 degrees bring it nearest to the goal, from matches (M, 2) px."""
        if len(goal_px) < 8:
            return 0
        goal_z, live_z = (px @ (1, 1j) for px in (goal_px, live_px))
        product = (live_z - live_z.mean()) * np.conj(goal_z - goal_z.mean())
        return round(np.angle(product.sum()) / (np.pi / 2)) % 4

    @torch.inference_mode()
    def _run(self, network: nn.Module, *inputs, **options):
        try:
            return network(*inputs, **options)
        except RuntimeError as error:  # such as a GPU out of memory
            raise ImageError(f"image: the networks of matcher {self.config.matcher} failed: {error}") from None


def _kornia(matcher: str):
    """kornia's features. It is imported by name because it need not be installed."""
    try:
        return importlib.import_module("kornia.feature")
    except ImportError as error:
        raise ConfigError(f"matcher: {matcher} needs kornia (pip install 'depth_pc_ros[learned]'): {error}") from None


def _load(network: nn.Module, name: str, config: MatcherConfig) -> None:
    """Load the file that the option `name` names into the network."""
    path = Path(getattr(config, name)).expanduser()
    if not path.is_file():
        raise ConfigError(f"{name}: matcher {config.matcher} needs a file of weights, got {getattr(config, name)!r}")
    where = f"{name}: expected weights of {type(network).__name__}, {path} cannot be read"
    weights = read_torch(path, where, ConfigError)
    try:
        weights = weights.get("extractor", weights)  # DISK's file holds more than the network
        # LightGlue's files have the names of its first version.
        named = {re.sub(r"^(self|cross)_attn\.(\d+)", r"transformers.\2.\1_attn", key): weights[key] for key in weights}
        if not all(torch.isfinite(values).all() for values in named.values()):
            raise ValueError("some are not finite")
        missing = set(network.load_state_dict(named, strict=False).missing_keys) - _DERIVED
    except Exception as error:  # no weights, or those of another network: torch raises many kinds
        raise ConfigError(f"{where}: {shown(error, 300)}") from None
    if missing:
        raise ConfigError(
            f"{name}: expected weights of {type(network).__name__}, {path} lacks {len(missing)} of them, such as "
            f"{min(missing)}"
        )
