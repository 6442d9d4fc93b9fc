"""The disturbances of a batch of scenes, stacked into torch tensors and applied to all points at once.

`augment` says what each parameter means and is the reference; the tests compare both.
"""

from dataclasses import dataclass, fields

import numpy as np
import torch
from torch import Tensor

from depth_pc_ros.config import Config, option
from depth_pc_ros.training import augment
from depth_pc_ros.training.scenes import HEIGHT, WIDTH, TrainingScene

SIZE = (WIDTH, HEIGHT)


@dataclass(frozen=True)
class DisturbanceConfig(Config):
    """Errors in a scene; each scene draws its own share below the limits."""

    min_mismatch: float = option(0.0, "Smallest share of wrong matches in a training scene.", 0.0, 0.95)
    max_mismatch: float = option(0.7, "Largest share of wrong matches in a training scene.", 0.0, 0.95)
    clean_share: float = option(0.15, "Scenes without wrong matches.", 0.0, 1.0)
    max_omission: float = option(0.95, "Largest share of points not matched; small ones are likelier.", 0.0, 0.95)
    max_noise_px: float = option(2.0, "Largest amplitude of the uniform pixel noise.", 0.0, 20.0)
    disc_share: float = option(0.25, "Scenes in which a moving disc hides points.", 0.0, 1.0)
    exact_depth_share: float = option(0.3, "Scenes whose depth is exact up to scale and shift.", 0.0, 1.0)
    no_goal_depth_share: float = option(0.1, "Scenes without any depth.", 0.0, 1.0)
    no_live_depth_share: float = option(0.3, "Scenes without depth of the live image.", 0.0, 1.0)


@dataclass(frozen=True)
class Plans:
    """Parameters of P points and B scenes, as `augment` names them.

    wrong, omit: (P, 3) phase, duration, period. kind, other: (P,). spot: (P, 2). noise_px: (B,). disc_centre,
    disc_velocity: (B, 2, 2). disc_radius: (B, 2). Of goal and live depth: power, depth_noise (B, 2), wave (B, 2, 3),
    bias (B, 2, K, 4). any_depth, live_depth: (B,) bool.
    """

    wrong: Tensor
    kind: Tensor
    other: Tensor
    spot: Tensor
    omit: Tensor
    noise_px: Tensor
    disc_centre: Tensor
    disc_velocity: Tensor
    disc_radius: Tensor
    power: Tensor
    wave: Tensor
    bias: Tensor
    depth_noise: Tensor
    any_depth: Tensor
    live_depth: Tensor

    def to(self, device) -> "Plans":
        return Plans(*(getattr(self, field.name).to(device) for field in fields(self)))


def draw_plans(rng: np.random.Generator, scenes: list[TrainingScene], config: DisturbanceConfig) -> Plans:
    """Parameters for each scene, from one generator."""
    rows = []
    first = 0
    for scene in scenes:
        n = len(scene.points_goal)
        share = 0.0 if rng.random() < config.clean_share else rng.uniform(config.min_mismatch, config.max_mismatch)
        wrong = augment.draw_mismatches(rng, n, share, rng.uniform(1, 60))
        omit = augment.draw_omissions(rng, n, config.max_omission * rng.random() ** 1.5, rng.uniform(1, 40))
        discs = augment.draw_discs(rng, SIZE, (0.6 * config.disc_share, config.disc_share))
        exact = rng.random() < config.exact_depth_share
        warps = [augment.draw_depth_distortion(rng, SIZE, 0.0 if exact else rng.uniform(0, 1)) for _ in range(2)]
        rows.append(
            {
                "wrong": np.column_stack([wrong.wrong.phase, wrong.wrong.duration, wrong.wrong.period]),
                "kind": wrong.kind,
                "other": wrong.other + first,
                "spot": wrong.spot,
                "omit": np.column_stack([omit.phase, omit.duration, omit.period]),
                "noise_px": [augment.draw_noise_px(rng, config.max_noise_px)],
                "disc_centre": discs.centre[None],
                "disc_velocity": discs.velocity[None],
                "disc_radius": discs.radius[None],
                "power": [[1.0, 1.0] if exact else [warp.power for warp in warps]],
                "wave": [[[0.0, 1.0, 0.0]] * 2 if exact else [warp.wave for warp in warps]],
                "bias": [[warp.bias for warp in warps]],
                "depth_noise": [[warp.noise for warp in warps]],
                "any_depth": [rng.random() >= config.no_goal_depth_share],
                "live_depth": [rng.random() >= config.no_live_depth_share],
            }
        )
        first += n
    return Plans(*(_stack([row[field.name] for row in rows]) for field in fields(Plans)))


def _stack(values) -> Tensor:
    array = np.concatenate([np.asarray(value) for value in values])
    return torch.from_numpy(array.astype(np.float32) if array.dtype.kind == "f" else array)


def off(flicker: Tensor, step: int) -> Tensor:
    """(P,) bool: which are off at this step. flicker: (P, 3). See `augment.Flicker`."""
    phase, duration, period = flicker.unbind(1)
    return torch.remainder(step + phase, period) < duration


def covered(plans: Plans, pixels: Tensor, sample: Tensor, step: int) -> Tensor:
    """(P,) bool: pixels (P, 2) under a disc. See `augment.Discs`."""
    margin = plans.disc_radius[..., None]
    size = torch.tensor(SIZE, dtype=pixels.dtype, device=pixels.device)
    centre = torch.remainder(plans.disc_centre + step * plans.disc_velocity + margin, size + 2 * margin) - margin
    distance = ((pixels[:, None] - centre[sample]) ** 2).sum(-1)
    return (distance < plans.disc_radius[sample] ** 2).any(1)


def distorted(plans: Plans, depth: Tensor, pixels: Tensor, sample: Tensor, view: int, normal: Tensor) -> Tensor:
    """Relative depth (P,), up to scale and shift, of depth (P,) > 0; view: 0 goal, 1 live.

    See `augment.DepthDistortion`; here the spread is that of all the scene's points, by means instead of the median.
    """
    num = len(plans.power)
    count = torch.bincount(sample, minlength=num).clamp_min(1).to(depth.dtype)

    def mean(x: Tensor) -> Tensor:
        return (torch.zeros(num, dtype=x.dtype, device=x.device).index_add(0, sample, x) / count)[sample]

    power = plans.power[:, view][sample]
    warped = ((depth / mean(depth)) ** power - 1) / power
    centred = warped - mean(warped)
    x = centred / mean(centred**2).sqrt().clamp_min(augment.MIN_SPREAD)
    amplitude, frequency, phase = plans.wave[:, view][sample].unbind(1)
    x = x + amplitude * torch.sin(frequency * x + phase) / frequency
    bias = plans.bias[:, view][sample]
    share = pixels / torch.tensor(SIZE, dtype=pixels.dtype, device=pixels.device)
    angle = 2 * torch.pi * (bias[..., 1:3] * share[:, None]).sum(-1) + bias[..., 3]
    return x + (torch.cos(angle) * bias[..., 0]).sum(1) + plans.depth_noise[:, view][sample] * normal
