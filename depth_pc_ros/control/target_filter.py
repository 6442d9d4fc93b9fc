"""Velocity of a moving target: a Kalman filter over what the law sees and what was commanded.

The unit-gain twist u of a law is, near the goal, the motion that remains. It falls by the commanded motion m and grows
by the target's own velocity d: `u' = u + d dt - m`. Where u does not fall as commanded, the target moves. The velocity
d, fed forward, removes the lag behind the target.

Source: Y. Bar-Shalom, X. R. Li, T. Kirubarajan, "Estimation with applications to tracking and navigation", 2001
(white-noise acceleration model).
"""

import cv2
import numpy as np


class TargetFilter:
    """Six axes, each with position and velocity; m and rad, camera axes.

    The noise is that of a pose from about 100 matches with a pixel noise of 0.5 px.
    """

    NOISE = 7e-4  # of u, m and rad
    ACCELERATION = 0.05  # of the target, m/s^2 and rad/s^2
    START = 0.02  # of d, m/s and rad/s, when nothing has been seen

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """Forget the target's motion."""
        self._filter: cv2.KalmanFilter | None = None

    @property
    def velocity(self) -> np.ndarray:
        """Of the target (6,) `[v, w]`, m/s and rad/s, as the camera twist that keeps up with it; zero at first."""
        return np.zeros(6) if self._filter is None else self._filter.statePost[6:, 0].copy()

    def see(self, remaining: np.ndarray, commanded: np.ndarray, frame_s: float) -> None:
        """One image. remaining: unit-gain twist (6,). commanded: motion (6,) since the last one, `frame_s` ago."""
        if self._filter is None:
            self._filter = self._begin(remaining)
            return
        eye = np.eye(6)
        zero = np.zeros((6, 6))
        dt = frame_s
        self._filter.transitionMatrix = np.block([[eye, dt * eye], [zero, eye]])
        self._filter.processNoiseCov = self.ACCELERATION**2 * np.block(
            [[dt**4 / 4 * eye, dt**3 / 2 * eye], [dt**3 / 2 * eye, dt**2 * eye]]
        )
        self._filter.predict(-commanded.reshape(6, 1))
        self._filter.correct(remaining.reshape(6, 1))

    def _begin(self, remaining: np.ndarray) -> cv2.KalmanFilter:
        eye, zero = np.eye(6), np.zeros((6, 6))
        new = cv2.KalmanFilter(12, 6, 6, cv2.CV_64F)
        new.measurementMatrix = np.hstack([eye, zero])
        new.controlMatrix = np.vstack([eye, zero])
        new.measurementNoiseCov = self.NOISE**2 * eye
        new.errorCovPost = np.block([[self.NOISE**2 * eye, zero], [zero, self.START**2 * eye]])
        new.statePost = np.concatenate([remaining, np.zeros(6)]).reshape(12, 1)
        return new
