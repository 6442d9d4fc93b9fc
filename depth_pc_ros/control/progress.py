"""Does the servo come nearer to the goal at all? One that swings, or wanders between alike views, never would."""

import numpy as np

# Commanded without a new best, m and rad. An ordinary servo from far away needs at most 0.2 m and 60 degrees between
# two new bests, an arm that makes a fifth of the command five times as much; near the goal a few millimetres.
FAR_LIMIT = np.array([1.0, np.radians(360.0)])
NEAR_LIMIT = np.array([0.2, np.radians(40.0)])


class Progress:
    """Commanded motion since the error was last at a new best. limit: (2,) how much is too much, m and rad."""

    IMPROVEMENT = 0.9  # a new best is below this share of the old one

    def __init__(self, limit: np.ndarray) -> None:
        self._limit = limit
        self.reset()

    def reset(self) -> None:
        """Forget the best error."""
        self._best = np.inf
        self.path: np.ndarray = np.zeros(2)  # commanded since, m and rad

    def see(self, error: float, path: np.ndarray) -> bool:
        """Whether there is none. error: of this image. path: (2,) commanded since the last one, m and rad."""
        self.path = self.path + path
        if error < self.IMPROVEMENT * self._best:
            self._best, self.path = error, np.zeros(2)
        return bool((self.path > self._limit).any())
