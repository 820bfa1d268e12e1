"""Network architectures of the built-in studies.

``ResNet20`` is the CIFAR network of He et al. 2016 (section 4.2) with option-A shortcuts: the identity,
subsampled and zero-padded in channels, so the shortcut has no weights. HAWQ's Table VI counts its blocks so.
``MobileNet`` is a small depthwise-separable network with ReLU6 after MobileNetV1 (Howard et al. 2017); its
depthwise layers are where quantization hurts most (LAPQ, Table 4).
"""

import torch.nn.functional as F
from torch import Tensor, nn


class BasicBlock(nn.Module):
    """Two 3x3 convolutions and an option-A shortcut.

    Every activation is its own module, so that each one can be observed and quantized on its own.
    """

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, out_channels, 3, stride=stride, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(out_channels)
        self.relu1 = nn.ReLU()
        self.conv2 = nn.Conv2d(out_channels, out_channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu2 = nn.ReLU()
        self.stride = stride
        self.extra_channels = out_channels - in_channels

    def forward(self, x: Tensor) -> Tensor:
        out = self.relu1(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        found: Tensor = self.relu2(out + self._shortcut(x))
        return found

    def _shortcut(self, x: Tensor) -> Tensor:
        if self.stride == 1 and self.extra_channels == 0:
            return x
        before = self.extra_channels // 2
        after = self.extra_channels - before
        return F.pad(x[:, :, :: self.stride, :: self.stride], (0, 0, 0, 0, before, after))


class ResNet20(nn.Module):
    """ResNet-20 for small images: 3 stages of 3 basic blocks with 16, 32 and 64 channels.

    Args:
        in_channels: channels of the input image (1 for Fashion-MNIST, 3 for CIFAR-10).
        classes: number of outputs.
    """

    def __init__(self, in_channels: int = 3, classes: int = 10) -> None:
        super().__init__()
        self.conv1 = nn.Conv2d(in_channels, 16, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(16)
        self.relu = nn.ReLU()
        self.layer1 = self._stage(16, 16, stride=1)
        self.layer2 = self._stage(16, 32, stride=2)
        self.layer3 = self._stage(32, 64, stride=2)
        self.linear = nn.Linear(64, classes)

    @staticmethod
    def _stage(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
        return nn.Sequential(
            BasicBlock(in_channels, out_channels, stride),
            BasicBlock(out_channels, out_channels, 1),
            BasicBlock(out_channels, out_channels, 1),
        )

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        found: Tensor = self.linear(x.mean(dim=(2, 3)))
        return found


class SeparableBlock(nn.Module):
    """A depthwise 3x3 convolution, then a pointwise 1x1 convolution, each with BN and ReLU6."""

    def __init__(self, in_channels: int, out_channels: int, stride: int) -> None:
        super().__init__()
        self.depthwise = nn.Conv2d(
            in_channels, in_channels, 3, stride=stride, padding=1, groups=in_channels, bias=False
        )
        self.bn1 = nn.BatchNorm2d(in_channels)
        self.relu1 = nn.ReLU6()
        self.pointwise = nn.Conv2d(in_channels, out_channels, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(out_channels)
        self.relu2 = nn.ReLU6()

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu1(self.bn1(self.depthwise(x)))
        found: Tensor = self.relu2(self.bn2(self.pointwise(x)))
        return found


class MobileNet(nn.Module):
    """A small MobileNet for 28x28 or 32x32 images: a stem and 7 depthwise-separable blocks.

    Args:
        in_channels: channels of the input image.
        classes: number of outputs.
    """

    def __init__(self, in_channels: int = 1, classes: int = 10) -> None:
        super().__init__()
        self.stem = nn.Conv2d(in_channels, 32, 3, padding=1, bias=False)
        self.bn = nn.BatchNorm2d(32)
        self.relu = nn.ReLU6()
        widths = [
            (32, 48, 1),
            (48, 64, 2),
            (64, 64, 1),
            (64, 128, 2),
            (128, 128, 1),
            (128, 128, 1),
            (128, 256, 1),
        ]
        self.blocks = nn.Sequential(*(SeparableBlock(i, o, s) for i, o, s in widths))
        self.classifier = nn.Linear(256, classes)

    def forward(self, x: Tensor) -> Tensor:
        x = self.blocks(self.relu(self.bn(self.stem(x))))
        found: Tensor = self.classifier(x.mean(dim=(2, 3)))
        return found


def fashion_resnet20() -> ResNet20:
    return ResNet20(in_channels=1)


def cifar10_resnet20() -> ResNet20:
    return ResNet20(in_channels=3)


def fashion_mobilenet() -> MobileNet:
    return MobileNet(in_channels=1)
