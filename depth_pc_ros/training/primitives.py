"""Simple bodies as triangles, for point clouds where no meshes are at hand. Lengths in metres."""

import numpy as np

_SEGMENTS = 24


def box(size) -> np.ndarray:
    """Triangles (12, 3, 3) of a box with edges `size` (3,), centred."""
    x, y, z = np.asarray(size, dtype=np.float64)
    return prism([(0, 0, x, y)], [(0, 0), (x, 0), (x, y), (0, y)], z) - np.array([x, y, z]) / 2


def revolved(profile) -> np.ndarray:
    """Triangles (F, 3, 3) of the surface that a line of (radius, z) points sweeps when rotated about the z axis."""
    r, z = np.asarray(profile, dtype=np.float64).T
    angle = np.linspace(0, 2 * np.pi, _SEGMENTS + 1)
    grid = np.stack(
        [r * np.cos(angle)[:, None], r * np.sin(angle)[:, None], np.broadcast_to(z, (len(angle), len(z)))], axis=-1
    )
    a, b, c, d = grid[:-1, :-1], grid[1:, :-1], grid[1:, 1:], grid[:-1, 1:]
    return _halves(a, b, c, d)


def cylinder(radius: float, height: float) -> np.ndarray:
    return revolved([(0, -height / 2), (radius, -height / 2), (radius, height / 2), (0, height / 2)])


def cone(radius: float, height: float) -> np.ndarray:
    return revolved([(0, 0), (radius, 0), (0, height)])


def sphere(radius: float) -> np.ndarray:
    angle = np.linspace(-np.pi / 2, np.pi / 2, _SEGMENTS // 2 + 1)
    return revolved(radius * np.stack([np.cos(angle), np.sin(angle)], axis=1))


def torus(ring: float, tube: float) -> np.ndarray:
    """ring: radius of the circle in the tube's middle. tube: radius of the tube."""
    angle = np.linspace(0, 2 * np.pi, _SEGMENTS // 2 + 1)
    return revolved(np.stack([ring + tube * np.cos(angle), tube * np.sin(angle)], axis=1))


def l_shape(length: float, width: float, thickness: float, depth: float) -> np.ndarray:
    """Two legs of `length` and `width` and of equal `thickness` at a right angle, `depth` deep."""
    t = thickness
    outline = [(0, 0), (length, 0), (length, t), (t, t), (t, width), (0, width)]
    return prism([(0, 0, length, t), (0, t, t, width)], outline, depth)


def prism(rectangles, outline, height: float) -> np.ndarray:
    """Triangles (F, 3, 3) between z = 0 and `height` over an area of rectangles (x0, y0, x1, y1) with this outline."""
    p = np.asarray(outline, dtype=np.float64)
    q = np.roll(p, -1, axis=0)
    low, high = np.zeros((len(p), 1)), np.full((len(p), 1), height)
    sides = _halves(np.hstack([p, low]), np.hstack([q, low]), np.hstack([q, high]), np.hstack([p, high]))
    caps = []
    for x0, y0, x1, y1 in rectangles:
        for z in (0.0, height):
            caps.append(np.array([[x0, y0, z], [x1, y0, z], [x1, y1, z], [x0, y1, z]], dtype=np.float64))
    return np.concatenate([sides, _halves(*np.moveaxis(np.array(caps), 1, 0))])


def _halves(a, b, c, d) -> np.ndarray:
    """Triangles (2 Q, 3, 3) of quads with corners a, b, c, d, each (..., 3)."""
    return np.concatenate([np.stack([a, b, c], axis=-2), np.stack([a, c, d], axis=-2)]).reshape(-1, 3, 3)


def random_primitives(rng: np.random.Generator, each: int = 3) -> dict[str, np.ndarray]:
    """Triangles (F, 3, 3) by name: `each` of every kind, the longest edge or diameter 4-25 cm."""

    makers = {
        "box": lambda long, mid, short: box((long, mid, short)),
        "cylinder": lambda long, mid, short: cylinder(mid / 2, long),
        "sphere": lambda long, mid, short: sphere(long / 2),
        "cone": lambda long, mid, short: cone(mid / 2, long),
        "torus": lambda long, mid, short: torus(long / 2 - short / 4, short / 4),
        "l_shape": lambda long, mid, short: l_shape(long, mid, short * 0.6, short),
        "plate": lambda long, mid, short: box((long, mid, rng.uniform(0.003, 0.008))),
    }
    triangles = {}
    for name, make in makers.items():
        for i in range(each):
            long = rng.uniform(0.04, 0.25)
            triangles[f"{name}-{i}"] = make(long, long * rng.uniform(0.4, 1.0), long * rng.uniform(0.15, 0.5))
    return triangles
