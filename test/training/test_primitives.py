import numpy as np
import pytest

from depth_pc_ros.training import primitives


def area(triangles) -> float:
    a, b, c = np.moveaxis(triangles, 1, 0)
    return np.linalg.norm(np.cross(b - a, c - a), axis=1).sum() / 2


@pytest.mark.parametrize(
    ("triangles", "expected"),
    [
        (primitives.box((0.1, 0.2, 0.3)), 2 * (0.02 + 0.03 + 0.06)),
        (primitives.sphere(0.1), 4 * np.pi * 0.01),
        (primitives.cylinder(0.05, 0.2), 2 * np.pi * (0.05 * 0.2 + 0.0025)),
        (primitives.cone(0.03, 0.04), np.pi * (0.03 * 0.05 + 0.0009)),
        (primitives.torus(0.1, 0.02), 4 * np.pi**2 * 0.1 * 0.02),
        (primitives.l_shape(0.2, 0.1, 0.03, 0.05), 2 * (0.03 * 0.2 + 0.03 * 0.07) + 0.6 * 0.05),
    ],
    ids="box sphere cylinder cone torus l_shape".split(),
)
def test_area_is_that_of_the_body(triangles, expected):
    assert area(triangles) == pytest.approx(expected, rel=0.02)  # 24 segments to a circle


def test_a_box_is_centred():
    corners = primitives.box((0.1, 0.2, 0.3)).reshape(-1, 3)
    assert np.allclose(corners.max(axis=0), (0.05, 0.1, 0.15))
    assert np.allclose(corners.min(axis=0), (-0.05, -0.1, -0.15))


def test_random_primitives_are_4_to_25_cm():
    bodies = primitives.random_primitives(np.random.default_rng(0))
    sizes = [np.ptp(triangles.reshape(-1, 3), axis=0).max() for triangles in bodies.values()]
    assert len(bodies) == 21
    assert min(sizes) > 0.038
    assert max(sizes) <= 0.25 + 1e-12
