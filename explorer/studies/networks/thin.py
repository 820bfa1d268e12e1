"""ResNet-20 with fewer channels: the network of ``small``, without the slack that training under few bits lives on.

It has a file of its own because the source is a part of what identifies a study: a change of ``small`` would put the
results that were computed for its networks out of date.
"""

from torch import nn

from explorer.studies.networks.small import BasicBlock, ResNet20

WIDTHS = (5, 10, 20)  # of fashion_thin, where He et al. 2016 have 16, 32 and 64


def resnet20_of_widths(widths: tuple[int, int, int], *, in_channels: int, classes: int = 10) -> ResNet20:
    """A ResNet-20 with option-A shortcuts whose three stages have ``widths`` channels.

    Args:
        widths: channels of the three stages; the first layer has those of the first.
        in_channels: channels of the input image.
        classes: number of outputs.
    """
    network = ResNet20(in_channels, classes)
    first, second, third = widths
    network.conv1 = nn.Conv2d(in_channels, first, 3, padding=1, bias=False)
    network.bn1 = nn.BatchNorm2d(first)
    network.layer1 = _stage(first, first, stride=1)
    network.layer2 = _stage(first, second, stride=2)
    network.layer3 = _stage(second, third, stride=2)
    network.linear = nn.Linear(third, classes)
    return network


def fashion_thin() -> ResNet20:
    return resnet20_of_widths(WIDTHS, in_channels=1)


def _stage(in_channels: int, out_channels: int, stride: int) -> nn.Sequential:
    return nn.Sequential(
        BasicBlock(in_channels, out_channels, stride),
        BasicBlock(out_channels, out_channels, 1),
        BasicBlock(out_channels, out_channels, 1),
    )
