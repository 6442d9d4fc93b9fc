"""The image similarity (rotation, scale, translation) that best maps points to points, for batches of goals."""

import torch
from torch import Tensor


def similarity_sums(goal: Tensor, current: Tensor, weight: Tensor, sample: Tensor, num_samples: int):
    """The sums of weighted least squares over each sample's points (S, 2) with weights (S,): Procrustes on the plane.

    Returns the mean goal and current points (B, 2), and the means (B, 3) of `g . c`, `g x c` and `g . g`, of points
    measured from these: rotated and scaled by the complex factor `(g . c + i g x c) / (g . g)`, g is nearest to c.
    """
    w = weight[:, None]

    def mean(x: Tensor) -> Tensor:
        total = x.new_zeros(num_samples, x.shape[1] + 1).index_add(0, sample, torch.cat([w * x, w], dim=1))
        return total[:, :-1] / total[:, -1:].clamp_min(1e-9)

    goal_mean, current_mean = mean(torch.cat([goal, current], dim=1)).split(2, dim=1)
    g, c = goal - goal_mean[sample], current - current_mean[sample]
    sums = torch.stack([(g * c).sum(1), g[:, 0] * c[:, 1] - g[:, 1] * c[:, 0], (g * g).sum(1)], dim=1)
    return goal_mean, current_mean, mean(sums)
