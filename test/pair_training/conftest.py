"""Small photographs."""

import cv2
import numpy as np
import pytest


@pytest.fixture(scope="session")
def photographs(tmp_path_factory):
    """A folder of four photographs, smooth enough to be warped twice."""
    folder = tmp_path_factory.mktemp("photographs")
    rng = np.random.default_rng(0)
    for k in range(4):
        picture = cv2.GaussianBlur(rng.integers(0, 256, (240, 320, 3)).astype(np.uint8), (0, 0), 6)
        cv2.imwrite(str(folder / f"{k}.png"), cv2.normalize(picture, None, 0, 255, cv2.NORM_MINMAX))
    return folder
