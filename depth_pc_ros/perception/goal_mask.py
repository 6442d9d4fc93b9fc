"""Where in the image nothing is to be matched: given as an image file, as an array, or as a region of interest."""

from pathlib import Path

import numpy as np

from depth_pc_ros.config import MatcherConfig
from depth_pc_ros.errors import ConfigError, ImageError
from depth_pc_ros.files.image_file import read_image


def check_mask(mask: np.ndarray, size: tuple[int, int], name: str = "mask") -> np.ndarray:
    """Mask (H, W) bool of what may be matched, from one of uint8 or bool whose zeros are left out.

    Raises ImageError unless it has `size` (width, height), and one place that is not zero.
    """
    if mask.ndim != 2 or mask.dtype not in (np.uint8, bool):
        raise ImageError(f"{name}: expected (H, W) uint8 or bool, got {mask.dtype} {mask.shape}")
    if mask.shape[::-1] != tuple(size):
        raise ImageError(
            f"{name}: expected the image's size {size[0]} x {size[1]}, got {mask.shape[1]} x {mask.shape[0]}"
        )
    if not mask.any():
        raise ImageError(f"{name}: expected non-zero where the image may be matched, got zero everywhere")
    return mask > 0


def read_mask(path: str | Path) -> np.ndarray:
    """Mask (H, W) uint8 of an image file; black is left out. Raises ImageError."""
    return read_image(path, "mask").max(axis=2)


def parse_roi(text: str) -> tuple[int, int, int, int]:
    """x, y, width and height in px of a region of interest. Raises ConfigError."""
    try:
        x, y, width, height = (int(word) for word in text.split())
    except ValueError:
        x = y = width = height = -1
    if min(x, y) < 0 or min(width, height) <= 0:
        raise ConfigError(f"roi: expected `x y width height` in px, got {text!r}")
    return x, y, width, height


def allowed_places(
    config: MatcherConfig,
    size: tuple[int, int],
    mask: np.ndarray | None = None,
    configured: np.ndarray | None = None,
    roi_size: tuple[int, int] | None = None,
) -> np.ndarray | None:
    """What `mask` (see `check_mask`) and the options `mask` and `roi` leave of an image of `size` (width, height).

    configured: the option's mask (H, W), where it was read already. roi_size: (width, height) of the image that the
    option `roi` is given in, where it was made larger or smaller since. Answers (H, W) bool; None: all of it is left.
    Raises ImageError where a mask does not fit, ConfigError where the region does not.
    """
    allowed = np.ones(size[::-1], bool)
    if config.mask:
        allowed &= check_mask(read_mask(config.mask) if configured is None else configured, size, "mask (option)")
    if mask is not None:
        allowed &= check_mask(mask, size)
    if config.roi:
        x, y, width, height = parse_roi(config.roi)
        full = roi_size or size
        if x + width > full[0] or y + height > full[1]:
            raise ConfigError(f"roi: expected a region of the {full[0]} x {full[1]} image, got {config.roi!r}")
        left, right = (round(edge * size[0] / full[0]) for edge in (x, x + width))
        top, bottom = (round(edge * size[1] / full[1]) for edge in (y, y + height))
        allowed[:top], allowed[bottom:], allowed[:, :left], allowed[:, right:] = False, False, False, False
    return None if allowed.all() else check_mask(allowed, size, "mask and roi")
