"""Procedural textures, rich in corners at several scales: printed packages and a terrazzo table top.

All are drawn larger and averaged down: detail finer than a texel would flicker from view to view.
"""

import cv2
import numpy as np

_OVERSAMPLE = 4
_WORDS = ("SERVO", "DEPTH", "CLOUD", "POSE", "TWIST", "GRAPH", "FRAME", "TEA", "SALT", "COCOA", "42", "No. 7", "500 g")


def _hsv(h: float, s: float, v: float) -> tuple[int, int, int]:
    """RGB in 0..255 of hue (turns), saturation and value in [0, 1]."""
    rgb = cv2.cvtColor(np.uint8([[[int(h % 1.0 * 180), int(s * 255), int(v * 255)]]]), cv2.COLOR_HSV2RGB)[0, 0]
    return tuple(int(c) for c in rgb)


def _palette(rng: np.random.Generator) -> list[tuple[int, int, int]]:
    """A base colour, two accents, a light and a dark ink."""
    hue = rng.uniform()
    return [
        _hsv(hue, rng.uniform(0.35, 0.65), rng.uniform(0.6, 0.9)),
        _hsv(hue + rng.uniform(0.35, 0.65), rng.uniform(0.4, 0.75), rng.uniform(0.6, 0.9)),
        _hsv(hue + rng.uniform(0.1, 0.25), rng.uniform(0.35, 0.7), rng.uniform(0.4, 0.9)),
        _hsv(hue, 0.06, 0.96),
        _hsv(hue + 0.5, 0.5, 0.18),
    ]


def _star(centre, radius: float, points: int, phase: float) -> np.ndarray:
    """Corner points (2 * points, 2) int32 of a star."""
    angle = phase + np.arange(2 * points) * np.pi / points
    r = np.where(np.arange(2 * points) % 2 == 0, radius, 0.5 * radius)
    return np.stack([centre[0] + r * np.cos(angle), centre[1] + r * np.sin(angle)], axis=1).astype(np.int32)


def package_face(rng: np.random.Generator, palette, width: int, height: int) -> np.ndarray:
    """One printed face of a cardboard package: (height, width, 3) uint8 RGB in the given palette."""
    w, h = width * _OVERSAMPLE, height * _OVERSAMPLE
    base, accent, second, light, dark = palette
    image = np.full((h, w, 3), base, np.uint8)
    size = min(w, h)
    y0 = int(h * rng.uniform(0.05, 0.5))  # a broad band behind the title
    cv2.rectangle(image, (0, y0), (w, y0 + int(h * rng.uniform(0.2, 0.4))), accent, -1)
    for _ in range(10):  # large and middle shapes
        colour = (accent, second, light, dark)[rng.integers(4)]
        centre = rng.uniform(0, (w, h))
        radius = size * rng.uniform(0.05, 0.2)
        kind = rng.integers(3)
        if kind == 0:
            cv2.fillPoly(
                image, [_star(centre, radius, int(rng.integers(3, 8)), rng.uniform(0, 7))], colour, cv2.LINE_AA
            )
        elif kind == 1:
            cv2.circle(image, centre.astype(int).tolist(), int(radius * 0.8), colour, -1, cv2.LINE_AA)
        else:
            box = cv2.boxPoints(((float(centre[0]), float(centre[1])), (radius, radius * 1.8), rng.uniform(0, 180)))
            cv2.fillPoly(image, [box.astype(np.int32)], colour, cv2.LINE_AA)
    for row in range(2):  # title and subtitle
        word = _WORDS[rng.integers(len(_WORDS))]
        scale = w / (27.0 * max(len(word), 4)) * (1.2, 0.7)[row]
        origin = (int(w * rng.uniform(0.04, 0.25)), int(h * (0.35 + 0.22 * row)))
        thick = max(1, int(scale * 5))
        cv2.putText(image, word, origin, cv2.FONT_HERSHEY_DUPLEX, scale, (light, dark)[row], thick, cv2.LINE_AA)
    x0, y0 = w * rng.uniform(0.04, 0.5), h * rng.uniform(0.66, 0.72)  # small print: a block of word-like dashes
    for line in range(5):
        x = x0
        while x < x0 + 0.4 * w:
            length = w * rng.uniform(0.02, 0.07)
            y = y0 + line * 0.05 * h
            cv2.rectangle(image, (int(x), int(y)), (int(x + length), int(y + 0.022 * h)), (light, dark)[line % 2], -1)
            x += length + 0.02 * w
    x = w * rng.uniform(0.55, 0.7)  # barcode
    for _ in range(9):
        bar = w * rng.uniform(0.008, 0.022)
        cv2.rectangle(image, (int(x), int(0.75 * h)), (int(x + bar), int(0.93 * h)), dark, -1)
        x += bar + w * rng.uniform(0.008, 0.02)
    cv2.rectangle(image, (0, 0), (w - 1, h - 1), dark, max(1, size // 60))
    return cv2.resize(image, (width, height), interpolation=cv2.INTER_AREA)


def package_atlas(rng: np.random.Generator, faces_px: list[tuple[int, int]]) -> tuple[np.ndarray, np.ndarray]:
    """All faces of one package side by side in one picture.

    faces_px: (width, height) of each face. Returns the picture (H, W, 3) uint8 RGB, and for each face its rectangle
    in it (x0, y0, x1, y1) in texture coordinates, y up from the lower edge, inset by half a texel: (F, 4).
    """
    palette = _palette(rng)
    width, height = sum(w for w, _ in faces_px), max(h for _, h in faces_px)
    atlas = np.zeros((height, width, 3), np.uint8)
    rectangles, x = [], 0
    for w, h in faces_px:
        atlas[:h, x : x + w] = package_face(rng, palette, w, h)
        atlas[h:, x : x + w] = atlas[h - 1, x : x + w]
        rectangles.append(((x + 0.5) / width, 1 - (h - 0.5) / height, (x + w - 0.5) / width, 1 - 0.5 / height))
        x += w
    return atlas, np.array(rectangles)


def terrazzo(rng: np.random.Generator, size_px: int, chip_px: tuple[float, float], count: int) -> np.ndarray:
    """Stone chips in light cement: (size_px, size_px, 3) uint8 RGB.

    chip_px: smallest and largest chip radius in texels. count: number of chips.
    """
    scale = 2
    n = size_px * scale
    image = np.full((n, n, 3), (205, 200, 190), np.uint8)
    tones = [(120, 112, 105), (168, 140, 118), (232, 228, 220), (92, 98, 104), (150, 158, 150), (186, 170, 150)]
    radii = scale * np.exp(rng.uniform(np.log(chip_px[0]), np.log(chip_px[1]), count))
    for radius in np.sort(radii)[::-1]:
        corners = int(rng.integers(4, 8))
        angle = np.sort(rng.uniform(0, 2 * np.pi, corners))
        r = radius * rng.uniform(0.6, 1.2, corners)
        points = rng.uniform(0, n, 2) + np.stack([r * np.cos(angle), r * np.sin(angle)], axis=1)
        tone = np.clip(np.array(tones[rng.integers(len(tones))]) + rng.integers(-14, 15), 0, 255)
        cv2.fillPoly(image, [points.astype(np.int32)], tone.tolist(), cv2.LINE_AA)
    return cv2.resize(image, (size_px, size_px), interpolation=cv2.INTER_AREA)


def wood(rng: np.random.Generator, size_px: int) -> np.ndarray:
    """Planks along x with a soft grain and a few knots, low in contrast: (size_px, size_px, 3) uint8 RGB."""
    grain = np.zeros((size_px, size_px), np.float32)
    for along, across, weight in ((4, 16, 0.8), (16, 64, 0.7), (48, 300, 0.8), (128, 512, 0.5)):
        noise = rng.standard_normal((across, along)).astype(np.float32)
        grain += weight * cv2.resize(noise, (size_px, size_px), interpolation=cv2.INTER_CUBIC)
    planks = 8
    height = size_px // planks
    grain += np.repeat(rng.uniform(-1.5, 1.5, planks), height)[:size_px, None].astype(np.float32)
    knots = np.zeros((size_px, size_px), np.float32)
    for _ in range(6 * planks):
        centre = rng.integers(0, size_px, 2).tolist()
        axes = (rng.uniform(0.06, 0.16) * height * np.array([1.8, 1.0])).astype(int)
        for ring, depth in ((1.0, 1.5), (0.7, 2.5), (0.35, 4.5)):
            cv2.ellipse(knots, centre, (axes * ring + 1).astype(int).tolist(), 0, 0, 360, depth, -1, cv2.LINE_AA)
    shade = 0.72 + 0.035 * (grain - cv2.GaussianBlur(knots, (0, 0), 0.8))
    for k in range(planks):  # seams, and the planks' ends
        cv2.line(shade, (0, k * height), (size_px, k * height), 0.42, 2, cv2.LINE_AA)
        x = int(rng.integers(0, size_px))
        cv2.line(shade, (x, k * height), (x, (k + 1) * height), 0.42, 2, cv2.LINE_AA)
    return np.clip(shade[..., None] * np.array([218, 184, 146]) * 1.15, 0, 255).astype(np.uint8)
