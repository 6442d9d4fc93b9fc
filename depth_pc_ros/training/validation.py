"""How well a policy servos on scenes it was not trained on: closed loop in the training simulation."""

from dataclasses import dataclass

import torch
from torch import nn

from depth_pc_ros.training.losses import enough_matches
from depth_pc_ros.training.plans import DisturbanceConfig
from depth_pc_ros.training.scenes import TrainingScene
from depth_pc_ros.training.simulation import ServoBatch

STEPS, STEP = 220, 0.04  # frames of an episode, and the share of the velocity carried out in each: the paper's law
SUCCESS_M, SUCCESS_DEG = 0.03, 3.0
MISMATCHES = (0.05, 0.3, 0.5, 0.7)


@dataclass(frozen=True)
class ClosedLoop:
    """success: share within 3 cm and 3 degrees at the end. te_mm, re_deg: medians over all episodes."""

    success: float
    te_mm: float
    re_deg: float


def closed_loop(
    net: nn.Module, scenes: list[TrainingScene], mismatch: float, seed: int, device: str = "cpu"
) -> ClosedLoop:
    """Run every scene for `STEPS` frames with the policy alone; `mismatch`: share of wrong matches in all of them.

    Noise is 0.5 px at most: at the end it decides the error, and good detectors have less.
    """
    config = DisturbanceConfig(min_mismatch=mismatch, max_mismatch=mismatch, clean_share=0.0, max_noise_px=0.5)
    with torch.no_grad():
        batch = ServoBatch(scenes, config, [seed, 77], device)
        memory = net.start(batch.graph)
        T_warm = torch.eye(4, device=device).expand(batch.num_samples, 4, 4)
        for _ in range(STEPS):
            frame, _ = batch.observe()
            velocity, memory, T_warm = net.act(batch.graph, frame, memory, T_warm)
            batch.move(velocity * enough_matches(batch.graph, frame)[:, None], STEP)
        te_m, re_deg = batch.errors()
    success = (te_m < SUCCESS_M) & (re_deg < SUCCESS_DEG)
    return ClosedLoop(success.float().mean().item(), 1e3 * te_m.median().item(), re_deg.median().item())
