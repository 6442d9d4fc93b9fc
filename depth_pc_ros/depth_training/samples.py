"""Batches of rendered images with their inverse depth. Batch k depends on the seed and on k alone."""

from dataclasses import dataclass

import cv2
import numpy as np
import torch
from torch import Tensor
from torch.utils.data import Dataset

from depth_pc_ros.depth_training.scenes import (
    RENDERED,
    Stock,
    sample_camera,
    sample_intrinsics,
    sample_light,
    sample_meshes,
)
from depth_pc_ros.perception.relative_depth import network_input
from depth_pc_ros.sim.renderer import open_renderer


@dataclass(frozen=True)
class View:
    """image (H, W, 3) uint8 RGB; depth_m (H, W) float32, 0 where there is nothing."""

    image: np.ndarray
    depth_m: np.ndarray


def render_views(rng: np.random.Generator, stock: Stock, count: int, size: tuple[int, int] = RENDERED) -> list[View]:
    """Views of one scene, images of `size` (width, height). One that shows mostly background is drawn again."""
    renderer = open_renderer(sample_meshes(rng, stock), light=sample_light(rng))
    try:
        views = []
        while len(views) < count:
            image, depth_m = renderer.render(sample_camera(rng), sample_intrinsics(rng, size))
            if (depth_m > 0).mean() > 0.5:
                views.append(View(image, depth_m))
        return views
    finally:
        renderer.close()


def through_a_camera(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """The effects of a cheap camera on a rendered image (H, W, 3) uint8: colour cast, exposure, gamma, blur, noise."""
    grey = np.linspace(0, 1, 256)[:, None] * rng.uniform(0.85, 1.15, 3) * rng.uniform(0.6, 1.4)
    curve = np.clip(grey, 0, 1) ** np.exp(rng.uniform(-0.6, 0.6))
    image = cv2.LUT(image, (255 * curve).astype(np.float32)[None])
    if rng.random() < 0.5:
        image = cv2.GaussianBlur(image, (0, 0), rng.uniform(0.3, 1.5))
    image += np.float32(rng.uniform(0, 7.5)) * rng.standard_normal(image.shape, dtype=np.float32)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)


def inverse_depth(depth_m: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """Inverse depth (h, w) float32 in 1/m of `size` (w, h), 0 where there is nothing."""
    depth_m = cv2.resize(depth_m, size, interpolation=cv2.INTER_NEAREST_EXACT)
    return np.where(depth_m > 0, 1 / np.maximum(depth_m, 1e-3), 0).astype(np.float32)


class DepthSamples(Dataset):
    """Batch k: images (B, 3, h, w), normalised for the network, and inverse depth (B, h, w) in 1/m.

    size: (w, h) that the network sees. views_per_scene: images of one scene in a batch; they follow each other.
    """

    def __init__(self, stock: Stock, seed: int, size: tuple[int, int], batch_size: int, views_per_scene: int = 4):
        self._stock, self._seed, self._size = stock, seed, size
        self._batch_size, self._views = batch_size, views_per_scene

    def __getitem__(self, k: int) -> tuple[Tensor, Tensor]:
        rng = np.random.default_rng([self._seed, 52, k])
        rendered = tuple(round(side * 4 / 3) for side in self._size)
        images, targets = [], []
        while len(images) < self._batch_size:
            count = min(self._views, self._batch_size - len(images))
            for view in render_views(rng, self._stock, count, rendered):
                image = through_a_camera(rng, view.image)
                if rng.random() < 0.5:
                    image, view = image[:, ::-1], View(view.image, view.depth_m[:, ::-1])
                images.append(network_input(np.ascontiguousarray(image), self._size))
                targets.append(torch.from_numpy(inverse_depth(np.ascontiguousarray(view.depth_m), self._size)))
        return torch.cat(images), torch.stack(targets)
