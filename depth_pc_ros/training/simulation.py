"""Closed loop without images: a batch of cameras that see projected points, all at once in torch.

Lengths are in units of each scene's goal distance, so the network never sees a scale.
"""

import numpy as np
import torch
from torch import Tensor

from depth_pc_ros.graph.builder import Frame, GoalGraph, build_graph, collate, frame_from_tensors
from depth_pc_ros.networks import se3
from depth_pc_ros.training.plans import SIZE, DisturbanceConfig, covered, distorted, draw_plans, off
from depth_pc_ros.training.scenes import TrainingScene


class ServoBatch:
    """A batch of scenes, each with a camera. seed: decides every disturbance; equal seeds give equal runs.

    graph: of all goals. T_cam_goal: (B, 4, 4) now, in goal distances. distance_m: (B,). median_depth: (B,) true depth
    of the goal's points, in goal distances.
    """

    def __init__(self, scenes: list[TrainingScene], config: DisturbanceConfig, seed, device="cpu"):
        rng = np.random.default_rng(seed)
        self._noise = torch.Generator(device).manual_seed(int(rng.integers(2**62)))
        plans = draw_plans(rng, scenes, config)
        sizes = [len(scene.points_goal) for scene in scenes]
        points = np.concatenate([scene.points_goal / scene.distance_m for scene in scenes])
        sample = torch.repeat_interleave(torch.tensor(sizes))
        points = torch.from_numpy(points.astype(np.float32))
        goal = points[:, :2] / points[:, 2:]
        focal = torch.tensor([scene.focal_px for scene in scenes], dtype=torch.float32)
        self._middle = (torch.tensor(SIZE, dtype=torch.float32) - 1) / 2
        pixels = goal * focal[sample, None] + self._middle
        normal = torch.from_numpy(rng.standard_normal(len(points)).astype(np.float32))
        depth = distorted(plans, points[:, 2], pixels, sample, 0, normal)
        depth = torch.where(plans.any_depth[sample], depth, torch.nan)
        graphs = [
            build_graph(g.double().numpy(), d.double().numpy())
            for g, d in zip(goal.split(sizes), depth.split(sizes), strict=True)
        ]
        self.graph: GoalGraph = collate(graphs).to(device)
        self.median_depth = torch.stack([z.median() for z in points[:, 2].split(sizes)]).to(device)
        self.distance_m = torch.tensor([scene.distance_m for scene in scenes], dtype=torch.float32, device=device)
        T = np.stack([scene.T_start_goal for scene in scenes])
        T[:, :3, 3] /= [[scene.distance_m] for scene in scenes]
        self.T_cam_goal = torch.from_numpy(T.astype(np.float32)).to(device)
        hidden = np.concatenate([scene.hidden_at_start for scene in scenes])
        self._hidden = torch.from_numpy(hidden).to(device)
        # A point hidden at the start appears somewhere on the path.
        self._appears = torch.from_numpy(rng.random(len(points)).astype(np.float32)).to(device)
        self._points, self._focal, self._plans = points.to(device), focal.to(device), plans.to(device)
        self._middle = self._middle.to(device)
        self._start_size = self._size().clamp_min(1e-6)
        self._step = 0

    @property
    def num_samples(self) -> int:
        return len(self.T_cam_goal)

    def _size(self) -> Tensor:
        """How far from the goal (B,), in rad and goal distances."""
        return se3.pbvs_twist(self.T_cam_goal).norm(dim=1)

    def place_on_path(self, remaining: Tensor, roll_share: Tensor, noise: Tensor) -> None:
        """Put each camera on the expert's path, where the share `remaining` (B,) is left, off it by `noise` (B, 6).

        roll_share: (B,) share of the remaining rotation about the optical axis that is left; 1 on the path. A policy
        leaves the path like this: it learns that rotation first, and an arc around the scene remains.
        """
        R, t = self.T_cam_goal[:, :3, :3], self.T_cam_goal[:, :3, 3]
        position = -(R.transpose(1, 2) @ t[..., None])[..., 0] * remaining[:, None]  # of the camera, goal frame
        R = se3.exp_so3(se3.log_so3(R) * remaining[:, None])
        roll = torch.zeros_like(t)
        roll[:, 2] = torch.atan2(R[:, 1, 0] - R[:, 0, 1], R[:, 0, 0] + R[:, 1, 1]) * (roll_share - 1)
        R = se3.exp_so3(roll) @ R
        self.T_cam_goal = se3.exp(noise) @ se3.from_rt(R, -(R @ position[..., None])[..., 0])

    def expert(self) -> Tensor:
        """The expert's velocities (B, 6) at unit gain, `[v / distance, w]`."""
        return se3.pbvs_twist(self.T_cam_goal)

    def move(self, velocity: Tensor, dt: float) -> None:
        """Move each camera with `velocity` (B, 6), `[v / distance, w]`, in its own frame."""
        self.T_cam_goal = se3.exp(-velocity * dt) @ self.T_cam_goal

    def observe(self) -> tuple[Frame, Tensor]:
        """What the cameras see now, and which matches are right (P,) bool. Each call is one step of time."""
        graph, plans, sample, step = self.graph, self._plans, self.graph.sample, self._step
        self._step += 1
        R, t = self.T_cam_goal[:, :3, :3][sample], self.T_cam_goal[:, :3, 3][sample]
        q = (R @ self._points[..., None])[..., 0] + t
        z = q[:, 2].clamp_min(1e-3)
        true = q[:, :2] / z[:, None]
        focal = self._focal[sample, None]
        noise = (self._uniform(len(q), 2) - 0.5) * 2 * plans.noise_px[sample, None] / focal
        spot = (plans.spot * (2 * self._middle + 1) - self._middle) / focal
        anywhere = (self._uniform(len(q), 2) * (2 * self._middle + 1) - self._middle) / focal
        wrong = off(plans.wrong, step)
        kind = plans.kind[:, None]
        place = torch.where(kind == 0, true[plans.other], torch.where(kind == 1, spot, anywhere))
        current = torch.where(wrong[:, None], place, true) + noise
        z = torch.where(wrong, z[plans.other], z)  # a wrong match has the depth of another place
        pixels = current * focal + self._middle
        size = 2 * self._middle + 1
        inside = ((pixels > 0) & (pixels < size - 1)).all(1) & (q[:, 2] > 0.05)
        progress = 1 - (self._size() / self._start_size).clamp(0, 1)
        hidden = self._hidden & (progress[sample] < self._appears)
        seen = inside & ~(hidden & ~wrong) & ~off(plans.omit, step) & ~covered(plans, pixels, sample, step)
        depth = distorted(plans, z, pixels, sample, 1, self._normal(len(q)))
        known = seen & (plans.any_depth & plans.live_depth)[sample]
        frame = frame_from_tensors(graph, torch.where(seen[:, None], current, 0.0), seen, depth, known)
        return frame, seen & ~wrong

    def errors(self) -> tuple[Tensor, Tensor]:
        """Distance to the goal pose: (B,) in metres and (B,) in degrees."""
        T = self.T_cam_goal
        position = (T[:, :3, :3].transpose(1, 2) @ T[:, :3, 3:])[..., 0].norm(dim=1)
        return position * self.distance_m, torch.rad2deg(se3.log_so3(T[:, :3, :3]).norm(dim=1))

    def _uniform(self, *shape: int) -> Tensor:
        return torch.rand(shape, generator=self._noise, device=self._points.device)

    def _normal(self, *shape: int) -> Tensor:
        return torch.randn(shape, generator=self._noise, device=self._points.device)
