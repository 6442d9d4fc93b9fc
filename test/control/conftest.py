import numpy as np
import pytest


def _centre(observation, of=slice(None)):
    """On the mean ray of these goal points, (3,) m in the goal camera."""
    return np.append(observation.goal[of].mean(axis=0), 1.0) / np.mean(1.0 / observation.goal_depth_m[of])


@pytest.fixture
def centre():
    """See `_centre`."""
    return _centre
