"""The target of the depth network, and its loss.

The target is the inverse depth, standardised in each image, so the network need not predict scale and shift. The output
is not standardised: where the image is ambiguous, the network may output the mean. (If both are standardised, an
uncertain output costs more than a constant one, and a new network does not learn.) The tilt of the camera against the
scene is large and hard to see; most of the weight is on what remains without it.

Source of the standardisation and the gradient term: R. Ranftl et al., "Towards robust monocular depth estimation",
PAMI 2022, eq. 5-11.
"""

import torch
from torch import Tensor

LEVEL = 4.0  # mean of the network's output, which passes a ReLU
PLANE_FREE_WEIGHT, GRADIENT_WEIGHT = 0.7, 0.5
_SCALES = 4


def standardised(inverse: Tensor, valid: Tensor) -> Tensor:
    """Inverse depth (B, h, w) with mean 0 and standard deviation 1 over the valid pixels of each image, 0 elsewhere."""
    count = valid.sum((1, 2)).clamp_min(1)[:, None, None]
    offset = torch.where(valid, inverse - (inverse * valid).sum((1, 2), keepdim=True) / count, 0)
    return offset / (offset.square().sum((1, 2), keepdim=True) / count).sqrt().clamp_min(1e-4)


def without_plane(error: Tensor, valid: Tensor) -> Tensor:
    """error (B, h, w) less its best-fit a + b u + c v over the valid pixels, 0 elsewhere.

    The inverse depth of a plane is such a function of the pixel (u, v).
    """
    height, width = error.shape[1:]
    rows = torch.linspace(-1, 1, height, device=error.device)
    columns = torch.linspace(-1, 1, width, device=error.device)
    v, u = torch.meshgrid(rows, columns, indexing="ij")
    A = torch.stack([torch.ones_like(u), u, v], dim=-1).flatten(0, 1)
    weight = valid.flatten(1).to(error.dtype)
    normal = torch.einsum("ni,bn,nj->bij", A, weight, A) + 1e-3 * torch.eye(3, device=error.device)
    plane = torch.linalg.solve(normal, torch.einsum("ni,bn->bi", A, weight * error.flatten(1)))
    return ((error.flatten(1) - plane @ A.T) * weight).unflatten(1, (height, width))


def depth_loss(answer: Tensor, target: Tensor) -> dict[str, Tensor]:
    """Means over valid pixels: `data`, the error; `relief`, the error without its plane; `gradient`, how it changes
    from pixel to pixel; and `loss`, their weighted sum.

    answer: (B, h, w), the network's. target: inverse depth (B, h, w), 0: not valid.
    """
    valid = target > 0
    count = valid.sum().clamp_min(1)
    error = torch.where(valid, answer - LEVEL - standardised(target, valid), 0)
    data, relief = error.abs().sum() / count, without_plane(error, valid).abs().sum() / count
    gradient = error.new_zeros(())
    for scale in range(_SCALES):
        e, v = error[:, :: 2**scale, :: 2**scale], valid[:, :: 2**scale, :: 2**scale]
        for difference, both in (
            (e[:, :, 1:] - e[:, :, :-1], v[:, :, 1:] & v[:, :, :-1]),
            (e[:, 1:] - e[:, :-1], v[:, 1:] & v[:, :-1]),
        ):
            gradient = gradient + (difference.abs() * both).sum() / both.sum().clamp_min(1) / _SCALES
    loss = (1 - PLANE_FREE_WEIGHT) * data + PLANE_FREE_WEIGHT * relief + GRADIENT_WEIGHT * gradient
    return {"loss": loss, "data": data, "relief": relief, "gradient": gradient}
