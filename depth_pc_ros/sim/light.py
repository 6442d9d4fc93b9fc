"""What both renderers share: light, background and clipping planes."""

from dataclasses import dataclass

import numpy as np

BACKGROUND_RGB = (176, 178, 184)
NEAR_M, FAR_M = 0.1, 6.0  # nothing nearer or farther is seen


@dataclass(frozen=True)
class Light:
    """One directional light without shadows.

    direction: (3,) from the scene to the light, world frame. colour: RGB in [0, 1]. ambient, diffuse: coefficients of
    the shading `ambient + colour * diffuse * max(0, cos)`.
    """

    direction: tuple[float, float, float] = (0.4, -0.6, 1.5)
    colour: tuple[float, float, float] = (1.0, 1.0, 1.0)
    ambient: float = 0.6
    diffuse: float = 0.45

    @property
    def unit_direction(self) -> np.ndarray:
        """`direction` with length one, (3,)."""
        return np.asarray(self.direction, dtype=np.float64) / np.linalg.norm(self.direction)

    def diffuse_part(self, normals: np.ndarray) -> np.ndarray:
        """`diffuse * max(0, cos)` (V,) of surfaces with unit normals (V, 3)."""
        return self.diffuse * np.maximum(normals @ self.unit_direction, 0.0)
