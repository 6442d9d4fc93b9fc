"""Pairs of images of pictures on a plane, with their relative pose. Batch k depends on the seed and on k alone.

As in E_image of the benchmark: the same poses and camera, the picture on a plane. Light and occlusion follow Bateux et
al. (ICRA 2018): global light, spots of light that fall off as a Gaussian, and pieces of other pictures in front.
"""

from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from depth_pc_ros.benchmark.photos import Photo, photo_width_m, photos_of, read_photo, sample_views
from depth_pc_ros.depth_training.pictures import random_picture
from depth_pc_ros.geometry import se3
from depth_pc_ros.pair_training.config import PairTrainConfig
from depth_pc_ros.sim.workplace import DEFAULT_INTRINSICS

_PICTURE_PX = 420  # longest side of the pictures at 160 px: a pixel of theirs is about half of one in the image
_NEAREST = 0.005  # of a pair drawn nearer together: the smallest share of the way


@dataclass(frozen=True)
class Draws:
    """Shares of the pairs: nearer together, occluded, in other light."""

    near: float
    occluded: float
    lit: float


@dataclass(frozen=True)
class Pair:
    """live, goal: (h, w) uint8. T_cam_goal: (4, 4), translation in units of the goal's distance. goal_to_live: the
    homography (3, 3) of pixels."""

    live: np.ndarray
    goal: np.ndarray
    T_cam_goal: np.ndarray
    goal_to_live: np.ndarray


def load_pictures(folder: str | Path | None, split: str, width: int, drawn: int = 0, seed: int = 0) -> list[np.ndarray]:
    """Grey pictures (h, w) uint8: the split's photographs (see `benchmark.photos`), and `drawn` random pictures.

    width: of the images that are made of them, px. Raises SceneError where there are no photographs.
    """
    side = _PICTURE_PX * width / 160
    pictures = []
    for name in photos_of(split, folder):
        picture = cv2.cvtColor(read_photo(Photo(name, 1.0), folder), cv2.COLOR_RGB2GRAY)
        scale = min(1.0, side / max(picture.shape))
        pictures.append(cv2.resize(picture, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA))
    rng = np.random.default_rng([seed, 61])
    return pictures + [cv2.cvtColor(random_picture(rng), cv2.COLOR_RGB2GRAY) for _ in range(drawn)]


def make_pair(rng: np.random.Generator, pictures, size: tuple[int, int], draws: Draws, varied: bool = True) -> Pair:
    """One pair of images of `size` (width, height). varied: the picture is turned, moved and resized, too."""
    camera = DEFAULT_INTRINSICS.scaled(*size)
    picture = pictures[rng.integers(len(pictures))]
    if varied:
        picture = np.rot90(picture, int(rng.integers(4)))
        picture = picture[:, ::-1] if rng.random() < 0.5 else picture
    height_px, width_px = picture.shape
    metres = photo_width_m(width_px, height_px) / width_px
    x, y = 0.0, 0.0
    if varied:
        metres *= np.exp(rng.uniform(-0.3, 0.5))
        x, y = rng.uniform(-0.15, 0.15, 2)
    plane = np.array(
        [[metres, 0, x - metres * (width_px - 1) / 2], [0, -metres, y + metres * (height_px - 1) / 2], [0, 0, 1]]
    )
    T_world_goal, T_world_live = sample_views(rng)
    if rng.random() < draws.near:
        share = np.exp(rng.uniform(np.log(_NEAREST), 0))
        T_world_live = T_world_goal @ se3.exp(share * se3.log(se3.inverse(T_world_goal) @ T_world_live))
    border = int(rng.integers(256)) if varied else 128
    mode = cv2.BORDER_REFLECT if varied and rng.random() < 0.3 else cv2.BORDER_CONSTANT
    images, homographies = [], []
    for T in (T_world_live, T_world_goal):
        homographies.append(camera.matrix @ se3.inverse(T)[:3][:, [0, 1, 3]])
        images.append(
            cv2.warpPerspective(
                np.ascontiguousarray(picture), homographies[-1] @ plane, camera.size, flags=cv2.INTER_LINEAR,
                borderMode=mode, borderValue=border,
            )
        )  # fmt: skip
    live, goal = images
    if rng.random() < draws.occluded:
        live = _occluded(rng, live, pictures[rng.integers(len(pictures))])
    if rng.random() < draws.lit:
        live = _lit(rng, live)
    T_cam_goal = se3.inverse(T_world_live) @ T_world_goal
    T_cam_goal[:3, 3] /= np.linalg.norm(T_world_goal[:3, 3])
    to_live = homographies[0] @ np.linalg.inv(homographies[1])
    return Pair(_noisy(rng, live), _noisy(rng, goal), T_cam_goal, to_live / to_live[2, 2])


def _occluded(rng: np.random.Generator, image: np.ndarray, other: np.ndarray) -> np.ndarray:
    """The image behind a piece of another picture: a polygon of up to a third of the image's width."""
    height, width = image.shape
    radius = width * rng.uniform(0.05, 0.17)
    corners = rng.uniform((0, 0), (width, height)) + radius * rng.uniform(-1, 1, (7, 2))
    mask = np.zeros((height, width), np.uint8)
    cv2.fillPoly(mask, [cv2.convexHull(corners.astype(np.int32))], 1)
    return np.where(mask > 0, cv2.resize(other, (width, height)), image)


def _lit(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The image in other light: gain, offset, and up to two bright or dark spots."""
    height, width = image.shape
    factor = np.full((height, width), rng.uniform(0.6, 1.4), np.float32)
    for _ in range(int(rng.integers(3))):
        size = width * rng.uniform(0.1, 0.5)
        x = np.exp(-0.5 * ((np.arange(width) - rng.uniform(0, width)) / size) ** 2)
        y = np.exp(-0.5 * ((np.arange(height) - rng.uniform(0, height)) / size) ** 2)
        factor += np.float32(rng.uniform(-0.5, 0.8)) * np.outer(y, x).astype(np.float32)
    return np.clip(image * factor + np.float32(rng.uniform(-30, 30)), 0, 255).astype(np.uint8)


def _noisy(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    noise = np.float32(rng.uniform(0, 3)) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(np.rint(image + noise), 0, 255).astype(np.uint8)


def batch_of(pairs: list[Pair]) -> tuple[Tensor, Tensor, Tensor, Tensor]:
    """live, goal (B, 1, h, w) uint8; T_cam_goal (B, 4, 4) and goal_to_live (B, 3, 3) float32."""
    columns = [np.stack([getattr(pair, name) for pair in pairs]) for name in Pair.__dataclass_fields__]
    live, goal, T, H = (torch.from_numpy(column) for column in columns)
    return live[:, None], goal[:, None], T.float(), H.float()


class PairBatches(Dataset):
    """Batch k, as `batch_of`. The last batches have no disturbances: `fine_share` of the configuration."""

    def __init__(self, pictures: list[np.ndarray], size: tuple[int, int], config: PairTrainConfig):
        self._pictures, self._size, self._config = pictures, size, config
        self._draws = Draws(config.closer_share, config.occluded_share, config.lit_share)
        self._fine_from = round((1 - config.fine_share) * config.updates)

    def __getitem__(self, k: int) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        rng = np.random.default_rng([self._config.seed, 62, k])
        draws = self._draws if k < self._fine_from else Draws(self._config.closer_share, 0.0, 0.0)
        return batch_of([make_pair(rng, self._pictures, self._size, draws) for _ in range(self._config.batch_size)])
