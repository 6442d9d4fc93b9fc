"""Commanded motion held against the motion of the image."""

from collections import deque
from typing import NamedTuple

import cv2
import numpy as np

from depth_pc_ros.control.command_record import CommandRecord
from depth_pc_ros.control.motion_faults import motion_faults
from depth_pc_ros.geometry.interaction import interaction_matrix
from depth_pc_ros.types import ServoState

_LAGS_S = np.arange(0.0, 0.301, 0.05)  # of the motion behind the record
_SCALES = np.geomspace(1 / 3.5, 3.5, 7)  # of the scene's inverse depth over that of the distance prior
_FAULTS = motion_faults()


class MotionVerdict(NamedTuple):
    """Why the servo has to stop."""

    state: ServoState
    message: str


class _Image(NamedTuple):
    stamp_s: float
    points: np.ndarray  # (N, 2) normalised, NaN where not matched
    path: np.ndarray  # (2,) commanded since the first image, m and rad


class _Flow(NamedTuple):
    """Motion of the image between two images, as a camera's motion `[v / Z, w]` (6,) in front of a plane.

    gram: (6, 6) mean of L^T L over the points, L the interaction matrix of a point at unit depth, so that
    `sqrt(m @ gram @ m)` is the mean length of the flow of a motion m. noise: standard deviation of that length in any
    one direction. length: of the observed flow.
    wide_gram: (12, 12), wide_seen (12,): normal equations of the flow, mean over the points, for the motion in front of
    any plane: `[v / Z, w]`, and v times the slopes of 1 / Z in x and y.
    """

    motion: np.ndarray
    gram: np.ndarray
    noise: float
    length: float
    wide_gram: np.ndarray
    wide_seen: np.ndarray


class MotionMonitor:
    """Compares the flow of matched points over the last centimetres of commanded motion with the commands.

    The points' depths are not needed. A least-squares fit gives the camera's motion up to the scale of the scene, with
    its uncertainty; it is compared with the commands of the same interval, for every lag of the arm up to 0.3 s, every
    distance of the scene within a factor of 3.5 of the distance prior, and every speed of the arm from 0.15 to 1.5 of
    the commanded one. Verdicts:

    - FROZEN: points are equal to the last bit although the camera should have moved.
    - NOT_FOLLOWING: points show noise, and no motion.
    - CONTRADICTED: points move, and no lag, distance and speed explain how; the message names what would.

    What is not judged: less than `PATH` of commanded motion, or commands that were not obeyed for a known reason.

    record: of the commands, kept by their owner.
    """

    PATH = np.array([0.012, np.radians(1.2)])  # m and rad commanded between two images that are compared
    LONG = 2.0  # times that much between two others
    MEMORY_S = 2.5
    FEWEST, SHARE = 8, 0.25  # points that agree on one motion: number, share of those in both images
    MOST = 100  # points that are looked at
    CONSENSUS_PX, CONSENSUS_SHARE = 2.5, 0.25  # tolerance of that: at least, and as a share of the displacement
    NOISE_PX, INDEPENDENT = 0.2, 12  # least noise of a point; relief errs alike at neighbours: so many errors differ
    STOPPED_PX = 3.0  # the camera may have stopped within the long path where the short one shows less flow
    STILL_PX, STILL_SIGMAS = 0.5, 4.0  # flow below this is none
    GAIN = (0.15, 1.5)  # speed of the arm over the commanded one
    FAR = 1.5  # the scene may be farther than the distance prior by this, for a motion that is not seen
    AGREES = 0.7  # least cosine of two flows for one to explain the other
    JUMP_PX, JUMP = 8.0, 5.0  # flow of one image that no command explains: the matches jumped
    # Standard deviations of what no frame error explains: of the hand-eye rotation and the relief, as shares of the
    # motion; of the lever arm, m; of a target's own speed, m/s.
    HAND_EYE, RELIEF, LEVER_M, DRIFT_M_S = 0.15, 0.1, 0.03, 0.008
    SLOPE = 0.7  # of the scene's inverse depth, over normalised coordinates
    REFUTED, EXPLAINED, BETTER = 20.0, 8.0, 14.0  # squared Mahalanobis distances
    FASTEST_DRIFT_M_S = 0.045  # commands slower than this may be spent on following a moving target
    SLOW_S = 0.06  # images this far apart are believed at once; else several in a row have to say the same

    def __init__(self, record: CommandRecord) -> None:
        self._record = record
        self.reset()

    def reset(self) -> None:
        """Forget everything."""
        self._lags = len(_LAGS_S)  # so many of the lags are possible
        self._drifts = False  # whether a target that moves by itself would explain an image that stands still
        self.begin()

    def begin(self) -> None:
        """Compare no image with earlier ones, as after a gap."""
        self._images: deque[_Image] = deque()
        self._in_a_row = 0
        self.rest()

    def rest(self) -> None:
        """The camera stops; it has to show again that it follows."""
        self.follows = False

    def see(self, points: np.ndarray, stamp_s: float, distance_m: float, focal_px: float) -> MotionVerdict | None:
        """Take the points (N, 2) of the image of this time, normalised, NaN where not matched.

        distance_m: of the scene, as far as it is known. None: nothing is wrong, or it is too early to say.
        """
        self._distance_m, self._inverse_depths = distance_m, _SCALES / distance_m
        last = self._images[-1] if self._images else None
        path = np.zeros(2) if last is None else last.path + self._record.path(last.stamp_s, stamp_s)
        image = _Image(stamp_s, points, path)
        if last is not None and self._jumped(last, image, focal_px):
            self._images.clear()
        self._images.append(image)
        while stamp_s - self._images[0].stamp_s > self.MEMORY_S:
            self._images.popleft()
        verdict = self._judge(image, distance_m, focal_px)
        self._in_a_row = self._in_a_row + 1 if verdict is not None else 0
        if verdict is None or (last is not None and stamp_s - last.stamp_s >= self.SLOW_S):
            return verdict
        needed = 3 if verdict.state is ServoState.CONTRADICTED else 2
        return verdict if self._in_a_row >= needed else None

    def _judge(self, image: _Image, distance_m: float, focal_px: float) -> MotionVerdict | None:
        """Compare the image with one before a short path, which shows a stop, and with one before a longer path."""
        near = self._before(image, self.PATH)
        far = self._before(image, self.LONG * self.PATH) or self._images[0]
        if near is None:
            return None if self.follows else self._compare(far, image, distance_m, focal_px, judge=False)
        verdict = self._compare(far, image, distance_m, focal_px, judge=True)
        if verdict is None and near is not far and _moved(near, image) < self.STOPPED_PX / focal_px:
            verdict = self._compare(near, image, distance_m, focal_px, judge=True)
        return verdict

    def _before(self, image: _Image, path: np.ndarray) -> _Image | None:
        """The newest image since which so much was commanded, m or rad; None: there is none."""
        return next((one for one in reversed(self._images) if ((image.path - one.path) >= path).any()), None)

    def _jumped(self, last: _Image, image: _Image, focal_px: float) -> bool:
        """Whether most points are far from where they were, without any command that would explain it."""
        both = np.isfinite(last.points[:, 0]) & np.isfinite(image.points[:, 0])
        if np.count_nonzero(both) < self.FEWEST:
            return False
        moved = _moved(last, image)
        begin_s = last.stamp_s - _LAGS_S[-1]
        path_m, angle = self._record.path(begin_s, image.stamp_s)
        return bool(moved > self.JUMP_PX / focal_px + self.JUMP * (path_m * self._inverse_depths[-1] + angle))

    def _compare(
        self, before: _Image, image: _Image, distance_m: float, focal_px: float, judge: bool
    ) -> MotionVerdict | None:
        flow = self._flow(before.points, image.points, focal_px)
        if flow is None:
            return None
        commanded, obeyed = self._record.motions(before.stamp_s - _LAGS_S, image.stamp_s - _LAGS_S)
        if not obeyed:
            return None
        still = flow.length <= max(self.STILL_PX / focal_px, self.STILL_SIGMAS * np.sqrt(6) * flow.noise)
        duration_s = image.stamp_s - before.stamp_s
        if not still:
            self._confirm(flow, commanded)
        commanded = commanded[: self._lags]
        if not judge:
            return None
        path = image.path - before.path
        said = f"{100 * path[0]:.1f} cm and {np.degrees(path[1]):.1f}° were commanded"
        if still:
            return self._judge_still(flow, commanded, duration_s, distance_m, focal_px, said)
        return self._judge_moved(flow, commanded, duration_s, said)

    def _flow(self, before: np.ndarray, after: np.ndarray, focal_px: float) -> _Flow | None:
        """The motion that most points of two images (N, 2) agree on; None: too few do."""
        both = np.isfinite(before[:, 0]) & np.isfinite(after[:, 0])
        both = np.flatnonzero(both)
        both = both[:: 1 + len(both) // self.MOST]
        before, after = before[both], after[both]
        if len(before) < self.FEWEST:
            return None
        moved = np.median(np.linalg.norm(after - before, axis=1))
        tolerance = max(self.CONSENSUS_PX / focal_px, self.CONSENSUS_SHARE * moved)
        _, agree = cv2.estimateAffinePartial2D(
            before, after, method=cv2.RANSAC, ransacReprojThreshold=tolerance, maxIters=200, refineIters=0
        )  # fmt: skip
        if agree is None or np.count_nonzero(agree) < max(self.FEWEST, self.SHARE * len(before)):
            return None
        chosen = np.flatnonzero(agree)
        before, after = before[chosen], after[chosen]
        middle, shift = 0.5 * (before + after), after - before
        L = interaction_matrix(middle, np.ones(len(before)))
        L = np.concatenate([L, middle[:, :1, None] * L[..., :3], middle[:, 1:, None] * L[..., :3]], axis=2)
        flat, weight = L.reshape(-1, 12), np.ones(len(before))
        for _ in range(2):  # the second time robustly
            weighted = flat * np.repeat(weight / weight.sum(), 2)[:, None]
            gram, seen = weighted.T @ flat, weighted.T @ shift.ravel()
            wide = np.linalg.solve(gram + 1e-7 * np.trace(gram) * np.eye(12), seen)
            residual = np.linalg.norm(shift - L @ wide, axis=1)
            sigma = max(np.median(residual) / 1.18, self.NOISE_PX / focal_px)
            weight = np.clip(1 - (residual / (4 * sigma)) ** 2, 0.0, 1.0) ** 2 + 1e-9
        spare = max(len(before) - 8, 1)  # few points seem less noisy than they are
        noise = float(sigma * (1 + 8 / spare) / np.sqrt(2 * min(len(before), self.INDEPENDENT)))
        motion = np.linalg.solve(gram[:6, :6] + 1e-9 * np.trace(gram) * np.eye(6), seen[:6])
        length = float(np.sqrt(motion @ gram[:6, :6] @ motion))
        return _Flow(motion, gram[:6, :6], noise, length, gram, seen)

    def _confirm(self, flow: _Flow, commanded: np.ndarray) -> None:
        """The camera follows where its flow resembles a commanded one; it drifts where it moves without a command."""
        predicted = self._at_all_depths(commanded)
        size = np.sqrt(np.einsum("...i,ij,...j", predicted, flow.gram, predicted))
        cosine = predicted @ flow.gram @ flow.motion / np.maximum(size * flow.length, 1e-12)
        agrees = cosine >= self.AGREES
        if agrees.any():
            shown = np.flatnonzero((agrees & (self.GAIN[1] * cosine * size >= flow.length)).any(axis=1))
            if shown.size and not self._drifts:  # the first motion, from rest, shows the lag to within two steps
                self._lags = min(int(shown[-1]) + 3, self._lags)
            self.follows = True
        self._drifts = True

    def _judge_still(self, flow, commanded, duration_s, distance_m, focal_px, said) -> MotionVerdict | None:
        points, last = self._images[-1].points, self._images[-2].points
        frozen = np.array_equal(points, last, equal_nan=True)
        farthest_m = self.FAR * min(distance_m, 2.0)
        predicted = np.concatenate([commanded[:, :3] / farthest_m, commanded[:, 3:]], axis=1)
        size = np.sqrt(np.einsum("ki,ij,kj->k", predicted, flow.gram, predicted))
        if frozen:
            if len(self._images) < 3 or size.min() < self.STILL_PX / focal_px:
                return None
            return MotionVerdict(
                ServoState.FROZEN,
                f"{said} and the image did not change at all: its stream is frozen; restart the camera's driver. "
                "(Without camera noise, as in a simulator, it may also be the arm that stands still)",
            )
        if size.min() < 1e-9:
            return None
        gain = predicted @ flow.gram @ flow.motion / size**2
        if np.any(np.abs(gain) + 3 * flow.noise / size > self.GAIN[0]):
            return None
        if self._drifts and size.min() < np.sqrt(flow.gram[0, 0]) * self.FASTEST_DRIFT_M_S * duration_s / farthest_m:
            return None
        return MotionVerdict(
            ServoState.NOT_FOLLOWING,
            f"{said} and the camera did not move: look at the arm (protective stop, controller, speed slider), at the "
            "driver's topic, and whether the camera's stream repeats one picture",
        )

    def _judge_moved(self, flow, commanded, duration_s, said) -> MotionVerdict | None:
        predicted = self._at_all_depths(commanded)
        expected = self._distance2(flow, predicted, duration_s)
        if expected < self.REFUTED:
            return None
        found = []
        for fault in _FAULTS:
            executed = np.concatenate([predicted[..., :3] @ fault.linear.T, predicted[..., 3:] @ fault.angular.T], -1)
            found.append(self._distance2(flow, executed, duration_s))
        best = int(np.argmin(found))
        if found[best] > max(self.EXPLAINED, 0.3 * expected) or expected - found[best] < self.BETTER:
            if expected < 1.5 * self.REFUTED:
                return None
            return MotionVerdict(ServoState.CONTRADICTED, f"{said} and the camera moved otherwise; {_FAULTS[0].advice}")
        fault = _FAULTS[best]
        return MotionVerdict(ServoState.CONTRADICTED, f"{said} and the camera moved as if {fault.text}; {fault.advice}")

    def _distance2(self, flow: _Flow, predicted: np.ndarray, duration_s: float) -> float:
        """Least squared distance of the flow from predictions (lags, depths, 6), at any speed of the arm, any slope.

        Ridge regression: the tolerances are parameters, each with a normal prior of its standard deviation.
        """
        linear, angular = _lengths(predicted)
        linear_seen, angular_seen = 1.3 * _lengths(flow.motion)
        information, seen = flow.wide_gram / flow.noise**2, flow.wide_seen / flow.noise**2
        explained = seen @ np.linalg.solve(information + 1e-7 * np.trace(information) * np.eye(12), seen)
        drift = self.DRIFT_M_S * duration_s * _SCALES[-3] / self._distance_m
        gain = np.ones(linear.shape)
        free = np.zeros((*gain.shape, 12, 8))  # columns: each parameter's effect of one standard deviation
        for _ in range(2):
            # Shares of what is both predicted and seen.
            moved, turned = np.minimum(gain * linear, linear_seen), np.minimum(gain * angular, angular_seen)
            other = np.hypot(self.LEVER_M * turned * self._inverse_depths, drift)
            free[..., range(3), range(3)] = np.hypot(np.hypot(self.HAND_EYE, self.RELIEF) * moved, other)[..., None]
            free[..., range(3, 6), range(3, 6)] = np.hypot(self.HAND_EYE * turned, self.RELIEF * moved)[..., None]
            slope = self.SLOPE * (moved / np.maximum(linear, 1e-12))[..., None] * predicted[..., :3]
            free[..., 6:9, 6], free[..., 9:12, 7] = slope, slope
            across = np.swapaxes(free, -1, -2)
            inner = np.eye(8) + across @ information @ free
            both = np.stack([across @ seen, (across @ information[:, :6] @ predicted[..., None])[..., 0]], axis=-1)
            solved = np.linalg.solve(inner, both)
            # Squared length of the seen flow, its product with the predicted one, squared length of that.
            left = np.swapaxes(both, -1, -2) @ solved
            product = predicted @ seen[:6] - left[..., 0, 1]
            length2 = np.einsum("kri,ij,krj->kr", predicted, information[:6, :6], predicted) - left[..., 1, 1]
            gain = np.clip(product / np.maximum(length2, 1e-12), *self.GAIN)
        return float((explained - left[..., 0, 0] - 2 * gain * product + gain**2 * length2).min())

    def _at_all_depths(self, commanded: np.ndarray) -> np.ndarray:
        """Motions (L, 6) in m and rad as `[v / Z, w]` (L, depths, 6)."""
        scale = np.ones((len(self._inverse_depths), 6))
        scale[:, :3] = self._inverse_depths[:, None]
        return commanded[:, None, :] * scale


def _moved(before: _Image, after: _Image) -> float:
    """Median displacement of the points in both images, normalised; NaN where there are none."""
    moved = np.linalg.norm(after.points - before.points, axis=1)
    moved = moved[np.isfinite(moved)]
    return float(np.median(moved)) if moved.size else np.nan


def _lengths(motion: np.ndarray) -> np.ndarray:
    """Lengths (2, ...) of translation and rotation of motions (..., 6)."""
    return np.stack([np.linalg.norm(motion[..., :3], axis=-1), np.linalg.norm(motion[..., 3:], axis=-1)])
