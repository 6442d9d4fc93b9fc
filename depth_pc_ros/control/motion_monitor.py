"""Commanded motion held against the motion of the image."""

import itertools
from collections import deque
from typing import NamedTuple

import numpy as np

from depth_pc_ros.control.command_record import CommandRecord
from depth_pc_ros.control.image_flow import ImageFlow
from depth_pc_ros.control.motion_faults import motion_faults
from depth_pc_ros.geometry import se3
from depth_pc_ros.types import ServoState

_LAGS_S = np.arange(-0.05, 0.301, 0.05)  # of the motion behind the record; negative: the known lag was too long
_SPEEDS = np.array([0.2, 0.35, 0.6, 0.8, 1.0, 1.25])  # of the arm over the commanded one
_FAULTS = motion_faults()
_DIRECTIONS = np.array([axis for axis in itertools.product((-1.0, 0.0, 1.0), repeat=3) if any(axis)])  # (26, 3)
_DIRECTIONS /= np.linalg.norm(_DIRECTIONS, axis=1)[:, None]
# What becomes of a commanded twist: first nothing, then each fault; (1 + F, 3, 3).
_LINEAR = np.stack([np.eye(3), *(fault.linear for fault in _FAULTS)])
_ANGULAR = np.stack([np.eye(3), *(fault.angular for fault in _FAULTS)])


class MotionVerdict(NamedTuple):
    """Why the servo has to stop."""

    state: ServoState
    message: str


class _Image(NamedTuple):
    stamp_s: float
    points: np.ndarray  # (N, 2) normalised, NaN where not matched
    path: np.ndarray  # (2,) commanded since the first image, m and rad


class MotionMonitor:
    """Compares the flow of matched points over the last two centimetres of commanded motion with the commands.

    No pose and no depth is needed: a camera's motion leaves each point one line on which it can move, and the depth
    only says how far (the epipolar constraint, in its differential form). How far the points are from where the
    commands allow them to be is their misfit. It is taken for every lag of the arm up to 0.3 s, every speed of it from
    0.2 to 1.25 of the commanded one, and for each point every depth within a factor of 12 of the distance prior.

    Verdicts:

    - FROZEN: points are equal to the last bit although the camera should have moved.
    - NOT_FOLLOWING: points show noise, and no motion; where a known reason slows the arm down, none in a second.
    - CONTRADICTED: points move, and no lag, speed and depths explain how; the message names what would.
    - AMBIGUOUS: one of the last two, but the points are so few that they may be wrong.

    What is not judged: less than `PATH` of commanded motion, and the direction and speed of motion where commands were
    not obeyed for a known reason.

    record: of the commands, kept by their owner.
    """

    PATH = np.array([0.005, np.radians(0.5)])  # m and rad commanded from one comparison to the next
    WINDOW, WINDOW_S = 4.0 * PATH, 1.0  # looked back at, as far as there is so much
    EARLY = 3.4 * PATH  # commanded, until which several faults that would all explain the motion are told apart
    STOP_PATH = 2.4 * PATH  # between two images that show a stop
    LONG = 2.0  # times that much between two others
    MEMORY_S = 2.5
    DEPTHS = 12.0  # a point's depth is within this factor of the distance prior, which may come from wrong depth
    EXPLAINED_PX, EXPLAINED = 0.35, 0.08  # largest misfit of a motion that explains the flow: px, and share of the flow
    FIRST_PX, FOLLOWS_PX, FOLLOWS = 1.2, 0.12, 0.1  # flow that shows whether the camera follows, and its misfit then
    SUSPICION = 0.3  # evidence for a fault with which it is not taken to follow
    # Evidence for a fault: log of the ratio of the misfits, both plus WITHIN_PX; of one window at most, against it at
    # most, and for a verdict; share of that from which the verdict may name it. Where the commands fit to WITHIN_PX,
    # the last share of it is kept.
    WITHIN_PX, ONCE, CREDIT, ENOUGH, SUSPECT, KEPT = 0.2, 1.2, 3.0, 2.0, 0.8, 0.8
    # A misfit up to this share of the flow is that of matches which wander, unless a fault has so many times less.
    WITHIN, CLEARLY = 0.2, 4.0
    # No fault is accused where a target that moves by itself, or an error of the hand-eye rotation, would explain the
    # flow with a misfit of this many times that of the fault.
    DRIFT_M_S, HAND_EYE_RAD, LIKE = 0.02, np.radians(10.0), 1.5
    FEW, MANY = 8, 60  # points with which a window counts nothing, and in full
    MOST = 0.6  # share of the points that a fault must explain, to twice the misfit: else the matches are what is wrong
    EQUAL, WINDOWS_NAMED = 1.1, 4  # misfits whose faults are not told apart; over so many windows
    # Of a motion that no fault explains: misfit in px and as a share of the flow, and windows in a row.
    OTHERWISE_PX, OTHERWISE, WINDOWS_OTHERWISE = 3.0, 0.6, 5
    SEEN_PX = 1.0  # flow of a window that is weighed
    STILL_FLOW_PX = 3.0  # typical length of the flow up to which it may be noise
    STILL_PX, STILL_SIGMAS = 0.5, 4.0  # flow below this is none
    FIRST_LAG_S = 0.4  # of an arm that has not moved yet
    SLOWEST = 0.15  # speed of an arm that moves, over the commanded one
    HELD_S, HELD = 1.0, 0.04  # the same of one that is slowed down for a known reason, over so long
    FAR = 1.5  # the scene may be farther than the distance prior by this, for a motion that is not seen
    # Flow of one image that no command explains: the matches jumped. The scene is not nearer than the prior by more.
    JUMP_PX, JUMP, NEAREST = 8.0, 5.0, 4.0
    FASTEST_DRIFT_M_S = 0.045  # commands slower than this may be spent on following a moving target
    PROVE = 40  # points that show that the camera stands still, or moves otherwise; fewer may all be wrong
    SLOW_S = 0.06  # of images this far apart one shows that the camera stands still; else two in a row

    def __init__(self, record: CommandRecord) -> None:
        self._record = record
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._lags = len(_LAGS_S)  # so many of the lags are possible
        self._evidence = np.zeros(len(_FAULTS))
        self._log_misfits: deque[np.ndarray] = deque(maxlen=self.WINDOWS_NAMED)
        self._otherwise, self._windows = 0.0, 0  # windows that no fault explains, by their points; all windows
        self._followed = False  # whether the camera has followed at any time
        self._tolerable = False  # whether a moving target or the hand-eye rotation has explained what a fault would
        self.begin()

    def begin(self) -> None:
        """Compare no image with earlier ones, as after a gap."""
        self._images: deque[_Image] = deque()
        self._window: _Image | None = None  # the image with which the window of commanded motion begins
        self._still_images = 0
        self.rest()

    def rest(self) -> None:
        """The camera stops; it has to show again that it follows."""
        self.follows = False

    def see(
        self, points: np.ndarray, stamp_s: float, distance_m: float, focal_px: float, near: bool = False
    ) -> MotionVerdict | None:
        """Take the points (N, 2) of the image of this time, normalised, NaN where not matched.

        distance_m: of the scene, as far as it is known. near: the goal is so near that the commands may follow a moving
        target. None: nothing is wrong, or it is too early to say.
        """
        self._distance_m, self._focal_px, self._near = distance_m, focal_px, near
        last = self._images[-1] if self._images else None
        path = np.zeros(2) if last is None else last.path + self._record.path(last.stamp_s, stamp_s)
        image = _Image(stamp_s, points, path)
        if last is not None and self._jumped(last, image):
            self._images.clear()
            self._window = None
        self._images.append(image)
        while stamp_s - self._images[0].stamp_s > self.MEMORY_S:
            self._images.popleft()
        return self._moves_otherwise(image) or self._stands_still(image, last) or self._is_held(image)

    def moved_px(self, since_s: float) -> float:
        """Typical motion of the points from that time, or the first image after it, to the newest image; 0: unknown."""
        before = next((one for one in self._images if one.stamp_s >= since_s), None)
        flow = None if before is None else self._flow(before, self._images[-1])
        return 0.0 if flow is None else flow.px

    def _jumped(self, last: _Image, image: _Image) -> bool:
        """Whether most points are far from where they were, without any command that would explain it."""
        flow = self._flow(last, image)
        if flow is None:
            return False
        path_m, angle = self._record.path(last.stamp_s - _LAGS_S[-1], image.stamp_s)
        most = path_m * self.NEAREST / self._distance_m + angle
        return flow.px > self.JUMP_PX + self.JUMP * most * self._focal_px

    def _flow(self, before: _Image, after: _Image) -> ImageFlow | None:
        """Flow between two images; None: too few points are in both."""
        return ImageFlow.between(before.points, after.points, self._focal_px)

    def _far(self, before: _Image, image: _Image, path: np.ndarray) -> bool:
        """Whether so much was commanded between two images, m or rad."""
        return bool((image.path - before.path >= path).any())

    def _said(self, before: _Image, image: _Image) -> str:
        path = image.path - before.path
        return f"{100 * path[0]:.1f} cm and {np.degrees(path[1]):.1f}° were commanded"

    # Moving otherwise

    def _moves_otherwise(self, image: _Image) -> MotionVerdict | None:
        """Compare windows of commanded motion, each with its end at the newest image; they overlap."""
        window = self._window
        if window is None or image.stamp_s - window.stamp_s > self.MEMORY_S:
            self._window = image
            return None
        if not self._far(window, image, self.PATH):
            return None
        self._window = image
        lately = (one for one in self._images if image.stamp_s - one.stamp_s <= self.WINDOW_S)
        window = min(window, self._before(image, self.WINDOW) or next(lately), key=lambda one: one.stamp_s)
        flow = self._flow(window, image)
        if flow is None or flow.px < self.SEEN_PX:
            return None
        commanded, obeyed = self._record.motions(window.stamp_s - _LAGS_S, image.stamp_s - _LAGS_S)
        if not obeyed:
            return None
        duration_s = image.stamp_s - window.stamp_s
        early = bool((image.path < self.EARLY).all())
        return self._weigh(flow, commanded[: self._lags], duration_s, self._said(window, image), early)

    def _weigh(
        self, flow: ImageFlow, commanded: np.ndarray, duration_s: float, said: str, early: bool
    ) -> MotionVerdict | None:
        """Add the evidence of one window, bounded, so that one with wrong matches decides nothing. Windows overlap.

        early: there is time to see which of several faults it is.

        Source: A. Wald, "Sequential tests of statistical hypotheses", 1945.
        """
        self._windows += 1
        misfit = self._misfit(flow, commanded, slice(1)).min()
        drift_px = self._focal_px * self.DRIFT_M_S * duration_s / self._distance_m if self._near else 0.0
        fits = misfit <= max(self.WITHIN_PX, drift_px)
        if not fits:
            faults = self._misfit(flow, commanded, slice(1, None)).min(axis=(1, 2))
            fits = misfit <= self.WITHIN * flow.px and misfit < self.CLEARLY * faults.min()
        if fits:
            self._evidence *= self.KEPT
            self._otherwise = 0.0
            return None
        gained = np.clip(np.log((misfit + self.WITHIN_PX) / (faults + self.WITHIN_PX)), -self.ONCE, self.ONCE)
        gained[faults > self._explained_px(flow)] = -self.ONCE
        share = float(np.clip((flow.shared - self.FEW) / (self.MANY - self.FEW), 0.0, 1.0))
        gained *= share  # a few points fit some fault by chance
        self._evidence = np.maximum(self._evidence + gained, -self.CREDIT)
        otherwise = misfit > self.OTHERWISE_PX + self.OTHERWISE * flow.px and flow.agree(0.25).mean() > 0.5
        self._otherwise = self._otherwise + share if otherwise else 0.0
        self._log_misfits.append(np.log(faults + self.WITHIN_PX))
        if self._evidence.max() >= self.ENOUGH:
            lately = np.exp(np.mean(self._log_misfits, axis=0)) - self.WITHIN_PX
            accused = np.where(self._evidence >= self.SUSPECT * self.ENOUGH, lately, np.inf)
            possible = accused <= self.LIKE * accused.min() + 0.5 * self.WITHIN_PX
            if np.count_nonzero(possible) > 1 and early:
                return None
            best = int(np.argmax(accused <= self.EQUAL * accused.min()))  # the likely ones come first
            most = self._misfit(flow, commanded, slice(best + 1, best + 2), self.MOST).min()
            if most > 2 * self._explained_px(flow):
                return None
            if self._tolerated(flow, commanded, duration_s) < self.LIKE * faults[best]:
                self._evidence = np.minimum(self._evidence, self.ENOUGH)
                self._tolerable = True
                return None
            fault = _FAULTS[best]
            text = f"{said} and the camera moved as if {fault.text}; {fault.advice}"
        elif self._otherwise >= self.WINDOWS_OTHERWISE:
            text = f"{said} and the camera moved otherwise; {_FAULTS[0].advice}"
        else:
            return None
        if flow.shared < self.PROVE:
            return self._unclear(flow, said, "do not move as commanded")
        return MotionVerdict(ServoState.CONTRADICTED, text)

    def _unclear(self, flow: ImageFlow, said: str, what: str) -> MotionVerdict:
        return MotionVerdict(
            ServoState.AMBIGUOUS,
            f"{said} and the {flow.shared} matches {what}: too few to tell whether they are wrong, or the camera's "
            "motion is; free the view, or move the camera nearer to the goal's view",
        )

    def _tolerated(self, flow: ImageFlow, commanded: np.ndarray, duration_s: float) -> float:
        """Smallest misfit, px, where the target moves by itself, or the hand-eye rotation is somewhat wrong."""
        motions = []
        for axis in _DIRECTIONS:
            R = se3.exp_so3(self.HAND_EYE_RAD * axis)
            motions.append(np.concatenate([commanded[:, :3] @ R.T, commanded[:, 3:] @ R.T], axis=1))
            for speed in (0.5, 1.0):
                drift = speed * self.DRIFT_M_S * duration_s * axis
                motions.append(commanded + np.concatenate([drift, np.zeros(3)]))
        return min(float(self._misfit(flow, motion, slice(1)).min()) for motion in motions)

    def _explained_px(self, flow: ImageFlow) -> float:
        return self.EXPLAINED_PX + self.EXPLAINED * flow.px

    def _misfit(self, flow: ImageFlow, commanded: np.ndarray, which: slice, *quantile: float) -> np.ndarray:
        """Misfit (F, lags, speeds) px. commanded: (lags, 6) m and rad. which: of `_LINEAR` and `_ANGULAR`."""
        linear = np.einsum("fij,lj->fli", _LINEAR[which], commanded[:, :3])
        angular = np.einsum("fij,lj->fli", _ANGULAR[which], commanded[:, 3:])
        depths_m = self._distance_m / self.DEPTHS, self._distance_m * self.DEPTHS
        return flow.misfit(linear, angular, _SPEEDS, depths_m, *quantile)

    # Standing still

    def _stands_still(self, image: _Image, last: _Image | None) -> MotionVerdict | None:
        """Compare the image with one before a short path, which shows a stop, and with one before a longer path."""
        near = self._before(image, self.STOP_PATH)
        far = self._before(image, self.LONG * self.STOP_PATH) or self._images[0]
        if near is None and self.follows:
            return None
        verdict = self._compare(far, image, judge=near is not None)
        if near is not None and near is not far and verdict is None:
            verdict = self._compare(near, image, judge=True)
        self._still_images = self._still_images + 1 if verdict is not None else 0
        slow = last is not None and image.stamp_s - last.stamp_s >= self.SLOW_S
        return verdict if slow or self._still_images >= 2 else None

    def _is_held(self, image: _Image) -> MotionVerdict | None:
        """Whether a camera that is known to be slowed down does not move at all."""
        before = next((one for one in reversed(self._images) if image.stamp_s - one.stamp_s >= self.HELD_S), None)
        if before is None or not self._far(before, image, self.STOP_PATH):
            return None
        flow = self._flow(before, image)
        if flow is None or flow.px > self.STILL_FLOW_PX:
            return None
        commanded, obeyed = self._record.motions(before.stamp_s - _LAGS_S, image.stamp_s - _LAGS_S)
        return None if obeyed else self._judge_still(flow, commanded[1 : self._lags], before, image, self.HELD)

    def _before(self, image: _Image, path: np.ndarray) -> _Image | None:
        """The newest image since which so much was commanded, m or rad; None: there is none."""
        return next((one for one in reversed(self._images) if self._far(one, image, path)), None)

    def _compare(self, before: _Image, image: _Image, judge: bool) -> MotionVerdict | None:
        """Whether the camera stands still between two images, where that is judged; a camera that follows is noted."""
        flow = self._flow(before, image)
        if flow is None or (self.follows and flow.px > self.STILL_FLOW_PX):
            return None
        commanded, obeyed = self._record.motions(before.stamp_s - _LAGS_S, image.stamp_s - _LAGS_S)
        if not obeyed:
            return None
        if flow.px > self.FIRST_PX and not self.follows:
            self._confirm(flow, commanded)
        if not judge or flow.px > self.STILL_FLOW_PX:
            return None
        commanded = commanded[1 : self._lags]
        if not self._followed:  # the first command may take longer, as in a simulation on a busy machine
            times = np.array([before.stamp_s, image.stamp_s])[:, None] - self.FIRST_LAG_S
            commanded = np.concatenate([commanded, self._record.motions(*times)[0]])
        return self._judge_still(flow, commanded, before, image)

    def _confirm(self, flow: ImageFlow, commanded: np.ndarray) -> None:
        """The camera follows where the commands explain the flow; the first motion shows its lag, too."""
        misfit = self._misfit(flow, commanded, slice(1))[0].min(axis=1)
        suspected = self._evidence.max() > self.SUSPICION and not self._tolerable
        explained = misfit.min() <= self.FOLLOWS_PX + self.FOLLOWS * flow.px
        if explained and not suspected and not self._fault_fits_better(flow, commanded, misfit.min()):
            if not self._followed:  # from rest, to within two steps
                possible = np.flatnonzero(misfit <= misfit.min() + self.EXPLAINED_PX)
                self._lags = min(int(possible[-1]) + 3, self._lags)
            self.follows = True
        elif self._windows >= self.WINDOWS_OTHERWISE and (self._tolerable or self._evidence.max() < 0.5 * self.ENOUGH):
            self.follows = True  # not well, as with a bad hand-eye calibration, but no fault explains it
        self._followed = self._followed or self.follows

    def _fault_fits_better(self, flow: ImageFlow, commanded: np.ndarray, misfit: float) -> bool:
        """Whether a fault explains the flow with so much less misfit that it is suspected."""
        best = self._misfit(flow, commanded, slice(1, None)).min()
        return bool(np.log((misfit + self.WITHIN_PX) / (best + self.WITHIN_PX)) > self.SUSPICION)

    def _judge_still(
        self, flow: ImageFlow, commanded: np.ndarray, before: _Image, image: _Image, slowest: float = SLOWEST
    ) -> MotionVerdict | None:
        """Whether nothing moved although much was commanded, for all possible lags (L, 6)."""
        fit = flow.fit()
        if fit is None:
            return None
        length = fit.lengths(fit.motion[None])[0]
        if length > max(self.STILL_PX / self._focal_px, self.STILL_SIGMAS * np.sqrt(6) * fit.noise):
            return None
        said = self._said(before, image)
        farthest_m = self.FAR * min(self._distance_m, 2.0)
        predicted = fit.least(commanded, self._distance_m / self.NEAREST, farthest_m)
        size = fit.lengths(predicted)
        if np.array_equal(image.points, self._images[-2].points, equal_nan=True):
            if len(self._images) < 3 or size.min() < self.STILL_PX / self._focal_px:
                return None
            return MotionVerdict(
                ServoState.FROZEN,
                f"{said} and the image did not change at all: its stream is frozen; restart the camera's driver. "
                "(Without camera noise, as in a simulator, it may also be the arm that stands still)",
            )
        if size.min() < 1e-9:
            return None
        speed = predicted @ fit.gram @ fit.motion / size**2
        if np.any(np.abs(speed) + 3 * fit.noise / size > slowest):
            return None
        drift = self.FASTEST_DRIFT_M_S * (image.stamp_s - before.stamp_s) / farthest_m
        if (self._followed or self._near) and size.min() < np.sqrt(fit.gram[0, 0]) * drift:
            return None
        if flow.shared < self.PROVE:
            return self._unclear(flow, said, "stand still in the image")
        return MotionVerdict(
            ServoState.NOT_FOLLOWING,
            f"{said} and the camera did not move: look at the arm (protective stop, controller, speed slider), at the "
            "driver's topic, and whether the camera's stream repeats one picture",
        )
