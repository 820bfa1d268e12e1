"""Networks whose convolutions pad in a ``forward`` of their own, as EfficientNet-Lite's do."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class StaticPadding(nn.Conv2d):
    """Pads unevenly, as TensorFlow's ``same`` does at stride 2, and calls the function."""

    def forward(self, input: Tensor) -> Tensor:
        padded = F.pad(input, (0, 1, 0, 1))
        return F.conv2d(padded, self.weight, self.bias, self.stride, self.padding, self.dilation, self.groups)


class DynamicPadding(nn.Conv2d):
    """Pads by the size of what it is given, and leaves the rest to its parent."""

    def forward(self, input: Tensor) -> Tensor:
        rows = -input.shape[-2] % self.stride[0] + self.kernel_size[0] - self.stride[0]
        return super().forward(F.pad(input, (1, 1, rows // 2, rows - rows // 2)))


class Standardised(nn.Conv2d):
    """Pads, and convolves with a weight computed from its own: its gradient is no sum over patches."""

    def forward(self, input: Tensor) -> Tensor:
        weight = self.weight / self.weight.square().sum((1, 2, 3), keepdim=True).add(1).sqrt()
        return F.conv2d(F.pad(input, (1, 0, 1, 0)), weight, self.bias, self.stride)


class Padded(nn.Module):
    """All three kinds, one of them depthwise."""

    def __init__(self, channels: int = 2, classes: int = 3) -> None:
        super().__init__()
        self.stem = StaticPadding(channels, 4, 3, stride=2, bias=False)
        self.depthwise = DynamicPadding(4, 4, 3, groups=4)
        self.standardised = Standardised(4, 3, 2)
        self.leave = nn.Linear(3, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = torch.relu(self.stem(x))
        x = torch.relu(self.depthwise(x))
        return self.leave(self.standardised(x).mean((2, 3)))
