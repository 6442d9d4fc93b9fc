import cv2
import numpy as np
import pytest

from depth_pc_ros.sim.textures import package_atlas, terrazzo, wood


def corners_at_scales(picture: np.ndarray) -> list[int]:
    """Number of strong corners in the picture and in its two halvings."""
    counts = []
    for shrink in (1, 2, 4):
        grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)
        grey = cv2.resize(grey, None, fx=1 / shrink, fy=1 / shrink, interpolation=cv2.INTER_AREA)
        found = cv2.goodFeaturesToTrack(grey, 2000, 0.05, 4)
        counts.append(0 if found is None else len(found))
    return counts


def test_package_faces_lie_inside_the_atlas_and_have_corners_at_every_scale():
    sizes = [(200, 100), (201, 100), (120, 100), (120, 99), (200, 120), (200, 120)]
    picture, rectangles = package_atlas(np.random.default_rng(1), sizes)
    assert picture.shape == (120, 1041, 3)
    assert rectangles.min() > 0
    assert rectangles.max() < 1
    assert (rectangles[:, 2:] > rectangles[:, :2]).all()
    assert min(corners_at_scales(picture)) > 60


@pytest.mark.parametrize(
    ("make", "least"), [(lambda r: terrazzo(r, 512, (2.5, 16.0), 550), 150), (lambda r: wood(r, 512), 20)]
)
def test_tables_are_seeded_and_textured(make, least):
    first, again, other = (make(np.random.default_rng(seed)) for seed in (3, 3, 4))
    assert first.shape == (512, 512, 3)
    assert np.array_equal(first, again)
    assert (first != other).mean() > 0.2
    assert min(corners_at_scales(first)) > least
