"""Random pictures for the surfaces of training scenes: prints, stone, wood, clouds, patches and plain colours."""

import cv2
import numpy as np

from depth_pc_ros.sim import textures

SIZE_PX = 384


def random_picture(rng: np.random.Generator) -> np.ndarray:
    """A picture (SIZE_PX, SIZE_PX, 3) uint8 RGB of a random kind."""
    kind = rng.choice(["print", "stone", "wood", "clouds", "patches", "plain"], p=[0.25, 0.15, 0.1, 0.25, 0.2, 0.05])
    if kind == "print":
        width, height = (int(side) for side in rng.integers(96, 200, 2))
        atlas, _ = textures.package_atlas(rng, [(width, height)])
        return cv2.resize(atlas, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_LINEAR)
    if kind == "stone":
        return textures.terrazzo(rng, SIZE_PX, (1.5, 14.0), int(rng.integers(100, 600)))
    if kind == "wood":
        return textures.wood(rng, SIZE_PX)
    if kind == "clouds":
        return _clouds(rng)
    if kind == "patches":
        return _patches(rng)
    return np.full((SIZE_PX, SIZE_PX, 3), rng.integers(20, 236, 3), np.uint8)


def recoloured(rng: np.random.Generator, picture: np.ndarray) -> np.ndarray:
    """The picture with other colours: channels mixed at random, contrast and brightness changed."""
    mix = np.eye(3) * rng.uniform(0.3, 1.0) + rng.dirichlet(np.ones(3), 3) * rng.uniform(0.0, 0.7)
    if rng.random() < 0.3:
        mix = mix[rng.permutation(3)]
    contrast = rng.uniform(0.4, 1.2)
    shift = rng.uniform(0, 255 * max(0.05, 1 - contrast), 3)
    return cv2.transform(picture, np.column_stack([contrast * mix / mix.sum(1, keepdims=True), shift]))


def _clouds(rng: np.random.Generator) -> np.ndarray:
    """Smooth noise of several octaves between two or three colours."""
    field = np.zeros((SIZE_PX, SIZE_PX), np.float32)
    roughness = rng.uniform(0.4, 0.95)
    for octave in range(2, 8):
        noise = rng.standard_normal((2**octave, 2**octave)).astype(np.float32)
        field += roughness**octave * cv2.resize(noise, (SIZE_PX, SIZE_PX), interpolation=cv2.INTER_CUBIC)
    field = cv2.normalize(field, None, 0, 1, cv2.NORM_MINMAX)
    colours = rng.uniform(0, 255, (3, 3))
    places = np.array([0.0, rng.uniform(0.3, 0.7), 1.0])
    return np.stack([np.interp(field, places, colours[:, c]) for c in range(3)], axis=-1).astype(np.uint8)


def _patches(rng: np.random.Generator) -> np.ndarray:
    """Overlapping polygons, discs and lines of all sizes."""
    image = np.full((SIZE_PX, SIZE_PX, 3), rng.integers(0, 256, 3), np.uint8)
    colours = rng.integers(0, 256, (5, 3))
    for _ in range(int(rng.integers(10, 120))):
        colour = colours[rng.integers(5)].tolist()
        centre, radius = rng.uniform(0, SIZE_PX, 2), SIZE_PX * np.exp(rng.uniform(np.log(0.01), np.log(0.25)))
        kind = rng.integers(3)
        if kind == 0:
            corners = centre + radius * rng.uniform(-1, 1, (int(rng.integers(3, 7)), 2))
            cv2.fillPoly(image, [cv2.convexHull(corners.astype(np.int32))], colour, cv2.LINE_AA)
        elif kind == 1:
            cv2.circle(image, centre.astype(int).tolist(), max(1, int(radius / 2)), colour, -1, cv2.LINE_AA)
        else:
            end = centre + radius * rng.uniform(-2, 2, 2)
            thick = max(1, int(radius / 8))
            cv2.line(image, centre.astype(int).tolist(), end.astype(int).tolist(), colour, thick, cv2.LINE_AA)
    return image
