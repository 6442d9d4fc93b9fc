"""Faults of an arm, a camera and a workplace in closed loop, one class each; which ones are run: `fault_rows`.

Other than the `disturbances`, which a servo has to bear, most of these it has to notice.
"""

from typing import ClassVar

import cv2
import numpy as np

from depth_pc_ros.benchmark.disturbances import Occlusion
from depth_pc_ros.benchmark.episodes import Episode
from depth_pc_ros.benchmark.settings import DT_S
from depth_pc_ros.geometry import se3
from depth_pc_ros.sim.textures import terrazzo


class Fault:
    """The base: nothing is wrong. The loop calls each method once per step, in the order below.

    rng: of this fault in this episode. size: (width, height) of the image. begin_step: from when on it acts.
    mask: what is known of a thing that is fixed in the image, (H, W) uint8, 0 there; None: nothing. age_s: latency
    from image to motion that the servo is told.
    """

    begin_step = 0
    mask: np.ndarray | None = None
    age_s = 0.0

    def __init__(self, rng: np.random.Generator, size: tuple[int, int]):
        self.rng, self.size = rng, size

    def stage(self, episode: Episode) -> Episode:
        """The episode with another place, or from another start."""
        return episode

    def goal_scene(self, image: np.ndarray) -> np.ndarray:
        """What is before the camera (H, W, 3) uint8 when the goal image is taken, of the clean view."""
        return image

    def goal_depth(self, depth_m: np.ndarray) -> np.ndarray | None:
        """The goal's depth (H, W) as the servo gets it, of the measured one in metres."""
        return depth_m

    def delivers(self, step: int) -> bool:
        """Whether an image arrives in this step; the first one always does."""
        return True

    def scene(self, image: np.ndarray, step: int) -> np.ndarray:
        """What is before the camera in this step, of the clean view."""
        return image

    def stream(self, image: np.ndarray, step: int) -> np.ndarray:
        """The image that arrives, of the one that the camera took."""
        return image

    def depth(self, depth_m: np.ndarray) -> np.ndarray | None:
        """The live depth as the servo gets it, as `goal_depth`."""
        return depth_m

    def over(self, converged: bool, step: int) -> bool:
        """Whether the run ends with this step's image."""
        return converged

    def executed(self, twist: np.ndarray, step: int) -> np.ndarray:
        """The twist (6,) that the camera makes of a commanded one."""
        return twist

    def drift(self) -> np.ndarray:
        """How far (3,), m, the target moves in the world in this step."""
        return np.zeros(3)


class Gripper(Fault):
    """Two fingers on a palm at the upper or lower border, in goal and live image alike.

    share: of the image. texture: 'plain' (dark), 'moderate' or 'rich'. known: the servo is given a mask, which a
    person drew with a margin.
    """

    CHIPS: ClassVar = {"moderate": ((4.0, 16.0), 150), "rich": ((2.5, 16.0), 2200)}  # radius in px, number
    MARGIN_PX = 5

    def __init__(self, rng, size, share: float, texture: str, known: bool = False):
        super().__init__(rng, size)
        self.covered = _fingers(rng, size, share)
        self._picture = self._draw(texture)
        if known:
            kernel = np.ones(2 * (2 * self.MARGIN_PX + 1,), np.uint8)
            self.mask = np.where(cv2.dilate(self.covered.astype(np.uint8), kernel), 0, 255).astype(np.uint8)

    def _draw(self, texture: str) -> np.ndarray:
        width, height = self.size
        if texture == "plain":
            shade = np.linspace(28, 48, width)[None, :, None]  # a cylinder's
            return np.broadcast_to(shade, (height, width, 3)).astype(np.uint8)
        radii, count = self.CHIPS[texture]
        return (0.6 * terrazzo(self.rng, max(self.size), radii, count)[:height, :width]).astype(np.uint8)

    def goal_scene(self, image):
        return np.where(self.covered[..., None], self._picture, image)

    def scene(self, image, step):
        return self.goal_scene(image)


def _fingers(rng: np.random.Generator, size: tuple[int, int], share: float) -> np.ndarray:
    """A gripper's outline (H, W) bool that covers this share of the image."""
    width, height = size
    centre, gap, lean = rng.uniform(0.35, 0.65), rng.uniform(0.12, 0.2), rng.uniform(-0.1, 0.1)
    upside_down = rng.random() < 0.5

    def outline(scale: float) -> np.ndarray:
        mask = np.zeros((height, width), np.uint8)
        thick = max(1, round(scale * 0.16 * width))
        for side in (-1, 1):
            root = (round((centre + side * gap) * width), height)
            tip = (round((centre + lean + 0.7 * side * gap) * width), round(height * (1 - 0.75 * min(scale, 1.1))))
            cv2.line(mask, root, tip, 1, thick)
        palm = round(0.2 * scale * height)
        reach = (gap + 0.1 * scale) * width
        cv2.rectangle(
            mask, (round(centre * width - reach), height - palm), (round(centre * width + reach), height), 1, -1
        )
        return mask

    low, high = 0.0, 5.0
    for _ in range(24):
        middle = (low + high) / 2
        low, high = (middle, high) if outline(middle).mean() < share else (low, middle)
    mask = outline(high).astype(bool)
    return mask[::-1] if upside_down else mask


class Frozen(Fault):
    """From a random step on the same image arrives again and again. noisy: with new noise of the camera each time."""

    BEGIN_STEPS = (10, 40)

    def __init__(self, rng, size, noisy: bool = False):
        super().__init__(rng, size)
        self.begin_step = int(rng.integers(*self.BEGIN_STEPS))
        self._noisy = noisy
        self._kept = None

    def _freeze(self, image: np.ndarray, step: int) -> np.ndarray:
        if step < self.begin_step or self._kept is None:
            self._kept = image
        return self._kept

    def scene(self, image, step):
        return self._freeze(image, step) if self._noisy else image

    def stream(self, image, step):
        return image if self._noisy else self._freeze(image, step)


class Executed(Fault):
    """The camera moves otherwise than commanded: by `matrix` (6, 6) times the twist."""

    def __init__(self, rng, size, matrix: np.ndarray):
        super().__init__(rng, size)
        self._matrix = matrix

    def executed(self, twist, step):
        return self._matrix @ twist


DEAF = np.zeros((6, 6))


def slowed(factor: float) -> np.ndarray:
    """For `Executed`: an arm that moves slower."""
    return factor * np.eye(6)


def turned(axis: str, degrees: float) -> np.ndarray:
    """For `Executed`: the camera's frame is turned about its x, y or z axis."""
    return _both(se3.exp_so3(np.radians(degrees) * np.eye(3)["xyz".index(axis)]))


def camera_link() -> np.ndarray:
    """For `Executed`: the twist is obeyed in `camera_link` (x forward, y left, z up; REP-103), not in optical axes."""
    return _both(np.array([[0, -1, 0], [0, 0, -1], [1, 0, 0]]))


def mirrored() -> np.ndarray:
    """For `Executed`: left and right are exchanged, as in a mirrored image. A rotation is an axial vector."""
    return np.diag([-1.0, 1, 1, 1, -1, -1])


def _both(R: np.ndarray) -> np.ndarray:
    return np.kron(np.eye(2), R)


class ChangingSpeed(Fault):
    """Somebody moves a speed slider: the arm makes 20 to 100 % of the command, up and down in 1 to 3 s."""

    RANGE, PERIOD_S = (0.2, 1.0), (1.0, 3.0)

    def __init__(self, rng, size):
        super().__init__(rng, size)
        self._period_s, self._phase = rng.uniform(*self.PERIOD_S), rng.uniform(0, 2 * np.pi)

    def executed(self, twist, step):
        low, high = self.RANGE
        wave = np.sin(2 * np.pi * step * DT_S / self._period_s + self._phase)
        return ((low + high) / 2 + wave * (high - low) / 2) * twist


class ToldLag(Fault):
    """The latency of `delay_ms` is known to the servo, as from stamps and `actuation_delay_s`."""

    def __init__(self, rng, size, age_s: float):
        super().__init__(rng, size)
        self.age_s = age_s


class DepthUnits(Fault):
    """Measured depth is `factor` times the true one. given: 'both', or only that of the 'goal' or the 'live' image."""

    def __init__(self, rng, size, factor: float, given: str = "both"):
        super().__init__(rng, size)
        self._factor, self._given = np.float32(factor), given

    def goal_depth(self, depth_m):
        return None if self._given == "live" else self._factor * depth_m

    def depth(self, depth_m):
        return None if self._given == "goal" else self._factor * depth_m


class Hand(Fault):
    """A blob that covers this share of the live image and moves slowly."""

    class _Blob(Occlusion):
        SPEED_PX, BURST_RATE = 0.5, 0.0

    def __init__(self, rng, size, share: float):
        super().__init__(rng, size)
        self._blob = self._Blob(rng, share, size)

    def scene(self, image, step):
        return self._blob(image)


class SlowCamera(Fault):
    """An image arrives this many times a second."""

    def __init__(self, rng, size, rate_hz: float):
        super().__init__(rng, size)
        self._every = round(1 / (rate_hz * DT_S))

    def delivers(self, step):
        return step % self._every == 0


class DropOuts(Fault):
    """Images arrive for 0.2 to 1 s, then none for as long."""

    LENGTH_S = (0.2, 1.0)

    def __init__(self, rng, size):
        super().__init__(rng, size)
        self._arriving, self._changes_at = False, 0.0

    def delivers(self, step):
        while step >= self._changes_at:
            self._arriving = not self._arriving
            self._changes_at += self.rng.uniform(*self.LENGTH_S) / DT_S
        return self._arriving


class MovingTarget(Fault):
    """The target moves at a constant velocity along the table, in a random direction, for `RUN_STEPS`."""

    RUN_STEPS = 350

    def __init__(self, rng, size, speed_m_s: float):
        super().__init__(rng, size)
        self._step_m = DT_S * speed_m_s * _along_the_table(rng)

    def over(self, converged, step):
        return step >= self.RUN_STEPS - 1

    def drift(self):
        return self._step_m


class MovedAfterArrival(Fault):
    """Half a second after the servo arrived the target jumps along the table; the run goes on for `WATCH_STEPS`."""

    WAIT_STEPS, WATCH_STEPS = 25, 150

    def __init__(self, rng, size, distance_m: float):
        super().__init__(rng, size)
        self._jump_m = distance_m * _along_the_table(rng)
        self._jumps_at = None
        self._step = 0

    def over(self, converged, step):
        self._step = step
        if self._jumps_at is None and converged:
            self._jumps_at = step + self.WAIT_STEPS
        return self._jumps_at is not None and step >= self._jumps_at + self.WATCH_STEPS

    def drift(self):
        return self._jump_m if self._step == self._jumps_at else np.zeros(3)


def _along_the_table(rng: np.random.Generator) -> np.ndarray:
    """A random horizontal direction (3,) in the world."""
    angle = rng.uniform(0, 2 * np.pi)
    return np.array([np.cos(angle), np.sin(angle), 0.0])
