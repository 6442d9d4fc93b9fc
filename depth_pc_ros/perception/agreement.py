"""Does the live image look like the goal image? Local correlation of textured places, of the whole picture.

Near the goal a homography predicts where each part of the goal image is seen, whatever its depth. Both images are made
small and slightly blurred, so that noise, blur and parts of a pixel matter little, and are compared by the zero-mean
normalised cross-correlation (ZNCC) of windows, which another brightness and contrast do not change.
"""

from dataclasses import dataclass

import cv2
import numpy as np

_WIDTH = 320  # px, of the small image
_SIGMA = 1.0  # px of the small image, of the blur
_WINDOW = (13, 13)  # px of the small image
_TEXTURED = 4.0  # grey levels: smallest deviation in a window of texture
ALIKE, UNLIKE = 0.7, 0.4  # ZNCC from which a window agrees, and below which it contradicts


@dataclass(frozen=True)
class Texture:
    """A small image (h, w) float32, and mean and variance of the window around each pixel."""

    image: np.ndarray
    mean: np.ndarray
    variance: np.ndarray

    @classmethod
    def of(cls, image: np.ndarray) -> "Texture":
        mean = cv2.blur(image, _WINDOW)
        return cls(image, mean, cv2.sqrBoxFilter(image, cv2.CV_32F, _WINDOW) - mean * mean)

    @property
    def textured(self) -> np.ndarray:
        """Mask (h, w) of the windows with texture."""
        return self.variance > _TEXTURED**2

    def warped(self, H: np.ndarray) -> "Texture":
        """As seen where `H` (3, 3) says: it maps pixels of the answer to those of this one, both small."""
        size = self.image.shape[::-1]
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return Texture.of(cv2.warpPerspective(self.image, H, size, flags=flags, borderMode=cv2.BORDER_REPLICATE))


def small_size(size: tuple[int, int]) -> tuple[int, int]:
    """Size (width, height) of the small image of one of `size`."""
    scale = min(1.0, _WIDTH / size[0])
    return round(size[0] * scale), round(size[1] * scale)


def small_texture(grey: np.ndarray) -> Texture:
    """Texture of an image (H, W) uint8."""
    small = cv2.resize(grey, small_size(grey.shape[::-1]), interpolation=cv2.INTER_AREA)
    return Texture.of(cv2.GaussianBlur(small.astype(np.float32), (0, 0), _SIGMA))


def small_homography(H: np.ndarray, size: tuple[int, int]) -> np.ndarray:
    """A homography (3, 3) between pixels of images of `size`, between those of their small images."""
    fx, fy = np.divide(small_size(size), size)
    shrink = np.array([[fx, 0, (fx - 1) / 2], [0, fy, (fy - 1) / 2], [0, 0, 1]])
    return shrink @ H @ np.linalg.inv(shrink)


def correlation(a: Texture, b: Texture) -> np.ndarray:
    """ZNCC (h, w) of the windows of two images, in [-1, 1]; near 0 where one is plain."""
    covariance = cv2.blur(a.image * b.image, _WINDOW) - a.mean * b.mean
    return covariance / np.sqrt(np.maximum(a.variance, 0.25) * np.maximum(b.variance, 0.25))
