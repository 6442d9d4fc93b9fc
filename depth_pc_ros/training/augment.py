"""Errors of matches and depth, drawn once per scene as parameters (section III-A: augmentation).

Everything is arrays of fixed length and closed formulas of the step number, so that a simulation can stack the
parameters of many scenes and apply them to all at once, at any step, without a state of its own. The methods here are
the reference. Steps count the frames of an episode from 0; pixels are (u, v) of an image `size` = (width, height).
"""

from dataclasses import dataclass

import numpy as np

from depth_pc_ros.errors import ConfigError

AT_ANOTHER_POINT, AT_A_SPOT, ANYWHERE = 0, 1, 2
_KIND_SHARES = (0.5, 0.25, 0.25)
MIN_SPREAD = 0.02  # of warped depth: on a flat scene a network's errors do not vanish with the relief
_FOURIER_TERMS = 3
_LEAST_SHARE = 1e-3  # of the time that a thing is off; keeps periods short enough for single precision


@dataclass(frozen=True)
class Flicker:
    """When each of n things is off: for `duration` steps out of every `period`, `phase` steps shifted; each (n,)."""

    phase: np.ndarray
    duration: np.ndarray
    period: np.ndarray

    def at(self, step: int) -> np.ndarray:
        """(n,) bool: off at this step."""
        return (step + self.phase) % self.period < self.duration


def draw_flicker(rng: np.random.Generator, n: int, share: float, persistence: float) -> Flicker:
    """A share of n things is off at any step, each spell `persistence` steps long on average (at least 1).

    Things differ: a few are off nearly always, most hardly ever (their shares follow a beta distribution).
    """
    if not 0 <= share < 1:
        raise ConfigError(f"share: expected a value in [0, 1), got {share}")
    if not persistence >= 1:
        raise ConfigError(f"persistence: expected at least 1 step, got {persistence}")
    duration = 1 + (rng.exponential(persistence - 1, n) if persistence > 1 else np.zeros(n))
    own = np.maximum(rng.beta(share, 1 - share, n), _LEAST_SHARE) if share > 0 else np.ones(n)
    period = duration / own
    return Flicker(rng.uniform(0, period), duration * (share > 0), period)


@dataclass(frozen=True)
class MismatchPlan:
    """Wrong matches of n points.

    wrong: when. kind (n,) int: where the match is then,
    AT_ANOTHER_POINT: where point `other` (n,) is seen now (with its depth); it moves with the scene;
    AT_A_SPOT: at `spot` (n, 2), in shares of the image's width and height, as long as the spell lasts;
    ANYWHERE: at a place drawn for each step, even over the image.
    """

    wrong: Flicker
    kind: np.ndarray
    other: np.ndarray
    spot: np.ndarray


def draw_mismatches(rng: np.random.Generator, n: int, share: float, persistence: float) -> MismatchPlan:
    """A share of the n matches is wrong at any step, for `persistence` steps on average.

    `other` is never the point itself, unless there is only one.
    """
    kind = rng.choice([AT_ANOTHER_POINT, AT_A_SPOT, ANYWHERE], n, p=_KIND_SHARES)
    other = (np.arange(n) + rng.integers(1, max(n, 2), n)) % max(n, 1)
    return MismatchPlan(draw_flicker(rng, n, share, persistence), kind, other, rng.random((n, 2)))


def draw_omissions(rng: np.random.Generator, n: int, share: float, persistence: float) -> Flicker:
    """When each of n points is not matched, whatever the reason: a share of them at any step."""
    return draw_flicker(rng, n, share, persistence)


@dataclass(frozen=True)
class Discs:
    """Discs in the live image that hide what lies under them: a static one, then a moving one.

    centre (2, 2): u, v at step 0, in pixels. velocity (2, 2): pixels per step. radius (2,): pixels, 0 for none.
    A disc that leaves on one side comes back on the other.
    """

    centre: np.ndarray
    velocity: np.ndarray
    radius: np.ndarray
    size: tuple[int, int]

    def cover(self, pixels: np.ndarray, step: int) -> np.ndarray:
        """(n,) bool: pixels (n, 2) under a disc at this step."""
        margin = self.radius[:, None]
        centre = (self.centre + step * self.velocity + margin) % (np.array(self.size) + 2 * margin) - margin
        return (((pixels[:, None] - centre) ** 2).sum(axis=-1) < self.radius**2).any(axis=1)


def draw_discs(rng: np.random.Generator, size=(640, 480), share=(0.15, 0.25), max_speed_px: float = 8.0) -> Discs:
    """share: of the scenes with a static, and with a moving disc. Radii are 5-25 % of the image's width."""
    radius = size[0] * rng.uniform(0.05, 0.25, 2) * (rng.random(2) < share)
    heading, speed = rng.uniform(-np.pi, np.pi), rng.uniform(1.0, max_speed_px)
    velocity = np.array([[0.0, 0.0], [speed * np.cos(heading), speed * np.sin(heading)]])
    return Discs(rng.random((2, 2)) * size, velocity, radius, tuple(size))


def draw_noise_px(rng: np.random.Generator, max_px: float = 2.0) -> float:
    """Amplitude a of a scene's pixel noise: each step adds noise even in [-a, a] to u and to v.

    Half of the scenes have less than a quarter of `max_px`: more of it hides the small errors at the goal.
    """
    return float(max_px * rng.random() ** 2)


@dataclass(frozen=True)
class DepthDistortion:
    """How a monocular network sees depth: warped without changing its order, biased over the image, noisy, unscaled.

    power (not 0): of the Box-Cox warp; -1 is an error-free disparity network, 1 an error-free depth network.
    wave (3,): amplitude < 1, frequency and phase of a monotone wobble. bias (K, 4): amplitude, waves along u and v
    across the image, and phase. noise: standard deviation. scale > 0 and shift: of the result.
    Amplitudes and noise are in units of the scene's own spread of warped depth.
    """

    power: float
    wave: np.ndarray
    bias: np.ndarray
    noise: float
    scale: float
    shift: float
    size: tuple[int, int]

    def apply(self, depth: np.ndarray, pixels: np.ndarray, normal: np.ndarray) -> np.ndarray:
        """Relative depth (n,), larger is farther, of true depth (n,) > 0 at pixels (n, 2).

        normal (n,): standard normal numbers, new for each image the network sees.
        """
        warped = ((depth / np.median(depth)) ** self.power - 1) / self.power
        x = (warped - warped.mean()) / max(warped.std(), MIN_SPREAD)
        amplitude, frequency, phase = self.wave
        x = x + amplitude * np.sin(frequency * x + phase) / frequency
        share = pixels / np.array(self.size)
        angle = 2 * np.pi * share @ self.bias[:, 1:3].T + self.bias[:, 3]
        return self.scale * (x + np.cos(angle) @ self.bias[:, 0] + self.noise * normal) + self.shift


def draw_depth_distortion(rng: np.random.Generator, size=(640, 480), strength: float = 1.0) -> DepthDistortion:
    """strength: factor of bias and noise."""
    bias = np.column_stack(
        [
            strength * rng.uniform(0, 0.4) * rng.uniform(-1, 1, _FOURIER_TERMS) / np.sqrt(_FOURIER_TERMS),
            rng.uniform(-1.5, 1.5, (_FOURIER_TERMS, 2)),
            rng.uniform(-np.pi, np.pi, _FOURIER_TERMS),
        ]
    )
    wave = np.array([rng.uniform(0, 0.8), rng.uniform(0.5, 2.5), rng.uniform(-np.pi, np.pi)])
    scale, shift = np.exp(rng.uniform(-1.5, 1.5)), rng.uniform(-2, 2)
    noise = strength * rng.uniform(0, 0.2)
    return DepthDistortion(rng.uniform(-1.5, 2.0), wave, bias, float(noise), float(scale), float(shift), tuple(size))


def distort_depth(rng: np.random.Generator, depth: np.ndarray, pixels: np.ndarray, size=(640, 480)) -> np.ndarray:
    """One image's relative depth (n,) of true depth (n,) at pixels (n, 2), with a distortion of its own."""
    return draw_depth_distortion(rng, size).apply(depth, pixels, rng.standard_normal(len(depth)))
