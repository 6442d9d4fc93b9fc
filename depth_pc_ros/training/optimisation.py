"""Optimiser, learning rate and weight average; both trainings of this package share them."""

import math

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

_MAX_NORM = 1.0  # of the gradient


class Optimisation:
    """AdamW on a learning rate that rises over `warm_up` updates, then falls by a cosine to a hundredth.

    average: decay of the moving average of the weights. update: how many were made, of `updates`.
    """

    def __init__(
        self, net: nn.Module, *, learning_rate: float, warm_up: int, updates: int, weight_decay: float, average: float
    ):
        self.net, self.update = net, 0
        self._averaged = AveragedModel(net, multi_avg_fn=get_ema_multi_avg_fn(average))
        self._optimiser = torch.optim.AdamW(net.parameters(), lr=learning_rate, weight_decay=weight_decay)
        self._learning_rate, self._warm_up, self._updates = learning_rate, warm_up, updates

    @property
    def averaged(self) -> nn.Module:
        """The network with the moving average of the weights, which is what is kept."""
        return self._averaged.module

    @property
    def done(self) -> bool:
        return self.update >= self._updates

    def step(self, loss: Tensor) -> float:
        """One update, skipped where the gradient is not finite. Returns the gradient's norm before clipping."""
        rate = self._learning_rate * min(1.0, (self.update + 1) / self._warm_up)
        rate *= 0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * min(self.update / self._updates, 1.0)))
        for group in self._optimiser.param_groups:
            group["lr"] = rate
        self._optimiser.zero_grad(set_to_none=True)
        loss.backward()
        norm = float(nn.utils.clip_grad_norm_(self.net.parameters(), _MAX_NORM))
        if math.isfinite(norm):
            self._optimiser.step()
            self._averaged.update_parameters(self.net)
        self.update += 1
        return norm

    def state(self) -> dict:
        """Everything needed to resume."""
        return {
            "update": self.update,
            "net": self.net.state_dict(),
            "averaged": self._averaged.state_dict(),
            "optimiser": self._optimiser.state_dict(),
        }

    def restore(self, state: dict) -> None:
        """Resume from `state()`."""
        self.update = state["update"]
        self.net.load_state_dict(state["net"])
        self._averaged.load_state_dict(state["averaged"])
        self._optimiser.load_state_dict(state["optimiser"])
