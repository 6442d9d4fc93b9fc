"""Networks that see the live and the goal image and answer the relative pose, for comparison in the benchmark.

Both see grey images of `size` (width, height). Both answer a twist (B, 6) `[v, w]`: rotation in radians, translation in
units of the goal's distance. What the six numbers mean differs, see `pose_of` of each.

Sources: Q. Bateux et al., "Training deep neural networks for visual servoing", ICRA 2018; S. Felton et al.,
"Siame-se(3): regression in se(3) for end-to-end visual servoing", ICRA 2021. What differs from them is in the model
cards.
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from depth_pc_ros.networks import se3

_ANSWER_SCALE = 0.3  # of the twists: about their spread in training


def conv(inputs: int, outputs: int, side: int, stride: int = 1) -> nn.Sequential:
    """Convolution, batch normalisation, ReLU; the size of the image is kept but for the stride."""
    layer = nn.Conv2d(inputs, outputs, side, stride, side // 2, bias=False)
    return nn.Sequential(layer, nn.BatchNorm2d(outputs), nn.ReLU(inplace=True))


class Residual(nn.Module):
    """Two convolutions 3 x 3 beside a shortcut; the first one has the stride."""

    def __init__(self, inputs: int, outputs: int, stride: int):
        super().__init__()
        self.first = conv(inputs, outputs, 3, stride)
        self.second = nn.Sequential(nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False), nn.BatchNorm2d(outputs))
        self.shortcut = nn.Conv2d(inputs, outputs, 1, stride)

    def forward(self, x: Tensor) -> Tensor:
        return functional.relu(self.shortcut(x) + self.second(self.first(x)))


def _head(inputs: int) -> nn.Sequential:
    return nn.Sequential(nn.Flatten(), nn.Linear(inputs, 256), nn.ReLU(inplace=True), nn.Linear(256, 6))


class AlexNetPose(nn.Module):
    """One network on the stacked pair: AlexNet's five convolutions, then the pose from two fully connected layers."""

    size = (160, 120)

    def __init__(self):
        super().__init__()
        pool = nn.MaxPool2d(3, 2)
        self.front = nn.Sequential(
            conv(2, 64, 11, 4), pool, conv(64, 192, 5), pool, conv(192, 256, 3), conv(256, 192, 3), conv(192, 128, 3)
        )
        self.head = _head(128 * 9 * 6)

    def forward(self, live: Tensor, goal: Tensor) -> Tensor:
        """Images (B, 1, 120, 160), each of mean 0 and standard deviation 1."""
        return _ANSWER_SCALE * self.head(self.front(torch.cat([live, goal], dim=1)))

    @staticmethod
    def pose_of(answer: Tensor) -> Tensor:
        """`T_cam_goal` (B, 4, 4): the translation and the rotation vector are regressed each on their own."""
        return se3.from_rt(se3.exp_so3(answer[:, 3:]), answer[:, :3])


class SiameSe3(nn.Module):
    """One encoder for both images; the pose in se(3) from both maps of features."""

    size = (160, 120)

    def __init__(self):
        super().__init__()
        self.encoder = nn.Sequential(conv(1, 32, 7, 4), Residual(32, 64, 2), Residual(64, 128, 2))
        self.joint = nn.Sequential(conv(256, 128, 3), conv(128, 64, 3))
        self.head = _head(64 * 10 * 8)

    def forward(self, live: Tensor, goal: Tensor) -> Tensor:
        """Images (B, 1, 120, 160), each of mean 0 and standard deviation 1."""
        features = self.encoder(torch.cat([live, goal])).chunk(2)
        return _ANSWER_SCALE * self.head(self.joint(torch.cat(features, dim=1)))

    @staticmethod
    def pose_of(answer: Tensor) -> Tensor:
        """`T_cam_goal` (B, 4, 4), the exponential of the answer."""
        return se3.exp(answer)
