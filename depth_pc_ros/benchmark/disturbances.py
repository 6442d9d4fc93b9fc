"""Disturbances of live images, matches and commands, one per robustness variant; and a depth camera's errors.

The goal image has only the camera's own noise: it was taken at another time. Every variant has a random stream of its
own, so that adding one does not change the others.
"""

import dataclasses
import zlib

import cv2
import numpy as np

from depth_pc_ros.benchmark.settings import DT_S, Settings
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import Matches


def stream(seed: int, name: str) -> np.random.Generator:
    """The random stream of one variant in one episode."""
    return np.random.default_rng([seed, zlib.crc32(name.encode())])


class Disturber:
    """The disturbances of one episode in closed loop: one call of each method per step. seed: of the episode."""

    def __init__(self, settings: Settings, seed: int, size: tuple[int, int]):
        self._images = []
        if settings.occlude > 0:
            self._images.append(Occlusion(stream(seed, "occlude"), settings.occlude, size))
        if settings.light:
            self._images.append(Light(stream(seed, "light")))
        if settings.blur:
            self._images.append(Blur(stream(seed, "blur")))
        self._camera = CameraNoise(stream(seed, "camera_noise")) if settings.camera_noise else None
        self._matches = MatchErrors(stream(seed, "matches"), settings.mismatch, settings.pixel_noise, size)
        self._depth = None
        if settings.depth == "camera":
            self._depth = DepthCamera(stream(seed, "depth"))
        self._adjoint = se3.adjoint(_hand_eye_error(stream(seed, "hand_eye"), settings))
        self._pending = [np.zeros(6)] * round(settings.delay_ms / (1e3 * DT_S))

    def image(self, image: np.ndarray) -> np.ndarray:
        """What the method sees of a clean live image (H, W, 3) uint8."""
        for disturb in self._images:
            image = disturb(image)
        return self.goal_image(image)

    def goal_image(self, image: np.ndarray) -> np.ndarray:
        """What the method gets of a clean goal image (H, W, 3) uint8."""
        return image if self._camera is None else self._camera(image)

    def depth(self, depth_m: np.ndarray) -> np.ndarray:
        """What the method gets of true depth (H, W) in metres; 0 where there is none."""
        return depth_m if self._depth is None else self._depth(depth_m)

    def matches(self, matches: Matches) -> Matches:
        return self._matches(matches)

    def command(self, twist: np.ndarray) -> np.ndarray:
        """The twist (6,) of the true camera that is carried out in this step, when the method commands `twist`."""
        self._pending.append(self._adjoint @ twist)
        return self._pending.pop(0)

    def pending_commands(self) -> list[np.ndarray]:
        """Delayed commands that are still carried out after the method has stopped."""
        return list(self._pending)


class Light:
    """Another light than at the goal: gamma 0.45-2.2, and an exposure that drifts by 20 % in 4 to 10 s."""

    GAMMA, DRIFT, PERIOD_STEPS = (0.45, 2.2), 0.2, (200, 500)

    def __init__(self, rng: np.random.Generator):
        self._gamma = np.exp(rng.uniform(*np.log(self.GAMMA)))
        self._period, self._phase = rng.uniform(*self.PERIOD_STEPS), rng.uniform(0, 2 * np.pi)
        self._step = 0

    def __call__(self, image: np.ndarray) -> np.ndarray:
        exposure = 1 + self.DRIFT * np.sin(2 * np.pi * self._step / self._period + self._phase)
        self._step += 1
        values = 255 * exposure * (np.arange(256) / 255) ** self._gamma
        return cv2.LUT(image, np.clip(np.rint(values), 0, 255).astype(np.uint8))


class Blur:
    """Defocus with a sigma of 0.5-2 px per episode, and a motion blur of 1-9 px in a new direction in each image."""

    SIGMA_PX, LENGTH_PX = (0.5, 2.0), (1.0, 9.0)

    def __init__(self, rng: np.random.Generator):
        self._rng = rng
        self._sigma = rng.uniform(*self.SIGMA_PX)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        angle, length = self._rng.uniform(0, np.pi), self._rng.uniform(*self.LENGTH_PX)
        defocused = cv2.GaussianBlur(image, (0, 0), self._sigma)
        return cv2.filter2D(defocused, -1, _line_kernel(angle, length))


def _line_kernel(angle: float, length_px: float) -> np.ndarray:
    """A line of this direction (rad) and length, spread over the pixels around it, that sums to one."""
    half = length_px / 2
    side = 2 * int(np.ceil(half)) + 1
    kernel = np.zeros((side, side), np.float32)
    for t in np.linspace(-half, half, 33):
        x, y = side // 2 + t * np.cos(angle), side // 2 + t * np.sin(angle)
        i, j = min(int(y), side - 2), min(int(x), side - 2)
        fy, fx = y - i, x - j
        kernel[i : i + 2, j : j + 2] += np.outer((1 - fy, fy), (1 - fx, fx))
    return kernel / kernel.sum()


class CameraNoise:
    """What every camera adds: read noise of 2 grey levels, a defocus of 0.3-0.6 px per episode, and in each image a
    motion blur of up to 1.5 px and an exposure 2 % off.
    """

    READ, SIGMA_PX, LENGTH_PX, EXPOSURE = 2.0, (0.3, 0.6), (0.2, 1.5), 0.02

    def __init__(self, rng: np.random.Generator):
        self._rng = rng
        self._sigma = rng.uniform(*self.SIGMA_PX)

    def __call__(self, image: np.ndarray) -> np.ndarray:
        rng = self._rng
        kernel = _line_kernel(rng.uniform(0, np.pi), rng.uniform(*self.LENGTH_PX))
        kernel *= rng.normal(1.0, self.EXPOSURE)
        seen = cv2.filter2D(cv2.GaussianBlur(image.astype(np.float32), (0, 0), self._sigma), -1, kernel)
        seen += self.READ * rng.standard_normal(seen.shape, dtype=np.float32)
        return np.clip(np.rint(seen), 0, 255).astype(np.uint8)


class Occlusion:
    """A speckled blob that moves over the image, and for 10 steps in about every 60 a second one, anywhere.

    share: of the image that one blob covers. size: (width, height) of the image.
    """

    SPEED_PX = 3.0  # per step
    BURST_STEPS, BURST_RATE = 10, 1 / 50

    def __init__(self, rng: np.random.Generator, share: float, size: tuple[int, int]):
        self._rng = rng
        self._size = np.array(size)
        angles = np.linspace(0, 2 * np.pi, 90, endpoint=False)
        waves = rng.uniform(0.04, 0.1, 3)
        radius = 1 + sum(a * np.cos(k * angles + rng.uniform(0, 6.3)) for k, a in zip((2, 3, 5), waves))
        area = np.pi * (1 + np.sum(waves**2) / 2)  # of this outline, exactly
        outline = np.stack([radius * np.cos(angles), radius * np.sin(angles)], axis=1)
        self._outline = outline * self._size * np.sqrt(share / area)
        self._low, self._high = -self._outline.min(axis=0), self._size - self._outline.max(axis=0)
        tiles = rng.uniform(60, 195, 3) + rng.uniform(-40, 40, (size[1] // 12, size[0] // 12, 1))
        self._speckle = cv2.resize(tiles.astype(np.uint8), size, interpolation=cv2.INTER_CUBIC)
        self._centre = self._anywhere()
        self._heading = rng.uniform(0, 2 * np.pi)
        self._burst_left, self._burst_centre = 0, None

    def _anywhere(self) -> np.ndarray:
        return self._rng.uniform(np.minimum(self._low, self._high), np.maximum(self._low, self._high))

    def __call__(self, image: np.ndarray) -> np.ndarray:
        image = image.copy()
        self._heading += self._rng.normal(0, 0.1)
        step = self.SPEED_PX * np.array([np.cos(self._heading), np.sin(self._heading)])
        inside = np.clip(self._centre + step, self._low, np.maximum(self._low, self._high))
        if not np.array_equal(inside, self._centre + step):
            self._heading += np.pi / 2  # rotate away from the border
        self._centre = inside
        self._paint(image, self._centre)
        starts = self._rng.random() < self.BURST_RATE
        if self._burst_left == 0 and starts:
            self._burst_left, self._burst_centre = self.BURST_STEPS, self._anywhere()
        if self._burst_left > 0:
            self._burst_left -= 1
            self._paint(image, self._burst_centre)
        return image

    def _paint(self, image: np.ndarray, centre: np.ndarray) -> None:
        mask = np.zeros(image.shape[:2], np.uint8)
        cv2.fillPoly(mask, [np.rint(self._outline + centre).astype(np.int32)], 1)
        # The speckle moves with the blob.
        shift = np.rint(centre - self._size / 2).astype(int)
        speckle = np.roll(self._speckle, shift[::-1], axis=(0, 1))
        np.copyto(image, speckle, where=mask[..., None].astype(bool))


class MatchErrors:
    """Wrong matches and noisy pixels, added after all of the matcher's own checks."""

    def __init__(self, rng: np.random.Generator, mismatch: float, noise_px: float, size: tuple[int, int]):
        self._rng = rng
        self._mismatch, self._noise_px, self._size = mismatch, noise_px, size

    def __call__(self, matches: Matches) -> Matches:
        if self._mismatch == 0 and self._noise_px == 0:
            return matches
        current = matches.current_points.copy()
        seen = np.flatnonzero(matches.matched)
        current[seen] += self._noise_px * self._rng.standard_normal((len(seen), 2))
        wrong = self._rng.permutation(seen)[: round(self._mismatch * len(seen))]
        current[wrong] = self._rng.uniform((0, 0), self._size, (len(wrong), 2))
        return dataclasses.replace(matches, current_points=current)


class DepthCamera:
    """A stereo depth camera: no depth outside 0.28-3 m and at edges, disparity in steps of 1/8 px, depth in whole mm.

    A baseline of 50 mm and a focal length of 540 px make a step of 2.3 mm and noise of 1.5 mm at 0.7 m.
    """

    RANGE_M = (0.28, 3.0)
    BASELINE_FOCAL = 0.05 * 540.0  # m px
    STEP_PX, NOISE_PX = 1 / 8, 0.08
    EDGE_SIDE_PX, EDGE_M = 7, 0.02  # a hole where depth differs by so much in so wide a window

    def __init__(self, rng: np.random.Generator):
        self._rng = rng

    def __call__(self, depth_m: np.ndarray) -> np.ndarray:
        window = np.ones((self.EDGE_SIDE_PX, self.EDGE_SIDE_PX), np.uint8)
        edge = cv2.dilate(depth_m, window) - cv2.erode(depth_m, window) > self.EDGE_M
        seen = (depth_m >= self.RANGE_M[0]) & (depth_m <= self.RANGE_M[1]) & ~edge
        disparity = self.BASELINE_FOCAL / np.where(seen, depth_m, 1.0)
        disparity += self.NOISE_PX * self._rng.standard_normal(depth_m.shape, dtype=np.float32)
        disparity = np.maximum(np.rint(disparity / self.STEP_PX), 1) * self.STEP_PX
        measured = np.round(self.BASELINE_FOCAL / disparity, 3)
        return np.where(seen, measured, 0.0).astype(np.float32)


def _hand_eye_error(rng: np.random.Generator, settings: Settings) -> np.ndarray:
    """`T_cam_assumed` (4, 4): where the frame that commands are meant for really lies; random directions."""
    offset, axis = rng.standard_normal((2, 3))
    offset *= 1e-3 * settings.hand_eye_mm / np.linalg.norm(offset)
    axis *= np.radians(settings.hand_eye_deg) / np.linalg.norm(axis)
    return se3.from_rt(se3.exp_so3(axis), offset)
