"""A place with a periodic texture."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Chessboard:
    """A place: a chessboard on the plane z = 0, its centre at the origin."""

    columns: int
    rows: int
    square_m: float
    centre: tuple[float, float, float] = (0.0, 0.0, 0.0)

    SQUARE_PX = 20

    @property
    def width_m(self) -> float:
        return self.columns * self.square_m

    def picture(self) -> np.ndarray:
        """(H, W, 3) uint8 RGB."""
        i, j = np.indices((self.rows, self.columns))
        squares = np.where((i + j) % 2, 225, 30).astype(np.uint8)
        return np.kron(squares, np.ones((self.SQUARE_PX, self.SQUARE_PX), np.uint8))[..., None].repeat(3, axis=2)
