"""A closed loop on points without images: a servo, an arm with faults, and a camera with lag and noise."""

from collections import deque

import numpy as np

from depth_pc_ros.config import ControlConfig
from depth_pc_ros.control.base import ControlLaw
from depth_pc_ros.control.servo import Servo
from depth_pc_ros.geometry import se3
from depth_pc_ros.geometry.camera import Intrinsics
from depth_pc_ros.geometry.interaction import interaction_matrix
from depth_pc_ros.types import Goal, LawOutput, Matches, ServoState

TICK_S = 0.02
STOPS = (ServoState.FROZEN, ServoState.NOT_FOLLOWING, ServoState.CONTRADICTED)


class PointLoop:
    """Points in a cylinder, seen from a camera that `Servo` moves. Every argument is one thing that may go wrong.

    hz: images per second. lag_s: of the arm, unknown to the servo. speed: of the arm over the commanded one. hand_eye:
    error, m and degrees. drift: of the points, m/s. executed: (6,) commanded to (6,) carried out. dead_s, frozen_s:
    from when on the arm stands still, or the last image comes again and again. blocked_m: nearer to the goal it cannot
    come.
    """

    def __init__(
        self, seed, offset=(0.15, -0.1, 0.12, 0.1, 0.15, 0.5), points=100, noise_px=0.3, mismatches=0.0, hidden=0.0,
        hz=50, lag_s=0.0, speed=1.0, hand_eye=(0.0, 0.0), drift=0.0, prior=1.0, relief_m=0.1, executed=None,
        dead_s=np.inf, frozen_s=np.inf, blocked_m=0.0, obeyed=True,
    ):  # fmt: skip
        rng = self.rng = np.random.default_rng(seed)
        self.intrinsics = Intrinsics(540.0, 540.0, 319.5, 239.5, 640, 480)
        self.noise_px, self.mismatches, self.hidden = noise_px, mismatches, hidden
        self.every, self.lag = round(1 / (hz * TICK_S)), round(lag_s / TICK_S)
        self.speed, self.executed, self.dead_s, self.frozen_s = speed, executed, dead_s, frozen_s
        self.blocked_m = blocked_m
        angle, radius = rng.uniform(0, 2 * np.pi, points), 0.2 * np.sqrt(rng.random(points))
        height = rng.uniform(0, relief_m, points)
        self.points = np.column_stack([radius * np.cos(angle), radius * np.sin(angle), height])
        self.T_goal = se3.look_at(np.array([0.05, -0.05, 0.65]), np.zeros(3), np.array([0, 1.0, 0]))
        self.T = self.T_goal @ se3.exp(np.array(offset) * rng.choice([-1, 1], 6))
        axes = rng.standard_normal((3, 3))
        axes /= np.linalg.norm(axes, axis=1)[:, None]
        T_error = se3.from_rt(se3.exp_so3(np.radians(hand_eye[1]) * axes[0]), hand_eye[0] * axes[1])
        self.hand_eye, self.drift = se3.adjoint(T_error), drift * axes[2]
        self.goal_points = self.see(self.T_goal)
        self.prior = prior
        self.servo = Servo(ControlConfig(), KnownShape(self))
        self.servo.set_goal(Goal.from_images(self.goal_points, self.intrinsics, prior * 0.65))
        self.servo.set_obeyed(obeyed)
        self.commanded = np.zeros(2)  # path since the fault, m and degrees
        self.result = self.last = None

    def see(self, T):
        pixels = self.intrinsics.project(se3.transform(se3.inverse(T), self.points))
        return pixels + self.noise_px * self.rng.standard_normal(pixels.shape)

    def matches(self):
        pixels = self.see(self.T)
        wrong = self.rng.random(len(pixels)) < self.mismatches
        pixels[wrong] = self.rng.uniform((0, 0), (640, 480), (np.count_nonzero(wrong), 2))
        matched = ((pixels > 0) & (pixels < (640, 480))).all(axis=1) & (self.rng.random(len(pixels)) >= self.hidden)
        pixels[~matched] = np.nan
        return Matches(pixels, matched, matched.astype(np.float32))

    def run(self, seconds) -> ServoState:
        """Until the servo stops for good, or this long; the last state."""
        pending = deque([np.zeros(6)] * self.lag)
        for tick in range(round(seconds / TICK_S)):
            now_s = tick * TICK_S
            if tick % self.every == 0:
                if self.last is None or now_s < self.frozen_s:
                    self.last = self.matches()
                self.result = self.servo.update(self.last, now_s)
                if self.result.state in STOPS or (self.result.converged and not self.drift.any()):
                    break
            twist = self.servo.command(TICK_S, now_s)
            twist = np.zeros(6) if twist is None else twist
            pending.append(twist)
            self.move(pending.popleft(), now_s)
            if now_s >= min([t for t in (self.dead_s, self.frozen_s) if np.isfinite(t)], default=0.0):
                self.commanded += TICK_S * np.linalg.norm(twist.reshape(2, 3), axis=1) * [1, 180 / np.pi]
        return self.result.state

    def move(self, twist, now_s):
        twist = self.hand_eye @ twist
        if self.executed is not None:
            twist = self.executed(twist)
        if now_s < self.dead_s and se3.pose_error(self.T, self.T_goal)[0] >= self.blocked_m:
            self.T = self.T @ se3.exp(self.speed * TICK_S * twist)
        self.T_goal = se3.from_rt(self.T_goal[:3, :3], self.T_goal[:3, 3] + TICK_S * self.drift)
        self.points = self.points + TICK_S * self.drift


class KnownShape(ControlLaw):
    """PBVS on the pose of the points whose shape is known, scaled by the prior: robust least squares, warm start."""

    def __init__(self, loop):
        self.loop = loop
        self.T_cam_goal = None

    def __call__(self, observation):
        loop = self.loop
        if self.T_cam_goal is None:
            self.T_cam_goal = se3.inverse(loop.T) @ loop.T_goal
            self.T_cam_goal[:3, 3] *= loop.prior
        shape = loop.prior * se3.transform(se3.inverse(loop.T_goal), loop.points)
        seen = np.flatnonzero(observation.matched)
        for _ in range(3):
            points = se3.transform(self.T_cam_goal, shape[seen])
            error = points[:, :2] / points[:, 2:] - observation.current[seen]
            length = np.linalg.norm(error, axis=1)
            inliers = length < max(5 * np.median(length), 3 / 540)
            J = -interaction_matrix(observation.current[seen][inliers], points[inliers, 2]).reshape(-1, 6)
            self.T_cam_goal = se3.exp(-np.linalg.lstsq(J, error[inliers].ravel(), rcond=None)[0]) @ self.T_cam_goal
        mask = np.zeros(len(shape), bool)
        mask[seen[inliers]] = True
        return LawOutput(se3.pbvs_twist(self.T_cam_goal, shape.mean(axis=0)), mask)
