"""Architectures of the built-in studies, and rewrites of networks that compute the same function.

A study.toml names a factory here by ``explorer.studies.networks:NAME``.
"""

from explorer.studies.networks.small import (
    BasicBlock,
    MobileNet,
    ResNet20,
    SeparableBlock,
    cifar10_resnet20,
    fashion_mobilenet,
    fashion_resnet20,
)

__all__ = [
    "BasicBlock",
    "MobileNet",
    "ResNet20",
    "SeparableBlock",
    "cifar10_resnet20",
    "fashion_mobilenet",
    "fashion_resnet20",
]
