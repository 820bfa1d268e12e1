"""A study of few small images and a network with a residual sum, every kind of convolution and odd batch norms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from explorer.studies.data.images import ImageData
from explorer.studies.losses import Loss
from explorer.studies.study import Card, Study


class Mixed(nn.Module):
    """A residual sum whose one term is padded, depthwise and transposed convolutions, ReLU6, signed inputs."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 6, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(6)
        self.relu = nn.ReLU()
        self.depthwise = nn.Conv2d(6, 6, 3, padding=1, groups=6, bias=False)
        self.norm2 = nn.BatchNorm2d(6)
        self.relu6 = nn.ReLU6()
        self.point = nn.Conv2d(6, 9, 1)
        self.up = nn.ConvTranspose2d(9, 4, 2, stride=2)
        self.last = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.first(x)))
        y = self.point(self.relu6(self.norm2(self.depthwise(x))))
        x = self.relu(y + nn.functional.pad(x, (0, 0, 0, 0, 1, 2)))
        logits: Tensor = self.last(self.up(x).mean(dim=(2, 3)))
        return logits


@pytest.fixture(scope="session")
def study() -> Study:
    with torch.random.fork_rng():
        torch.manual_seed(3)
        network: Any = Mixed()
        for norm in (network.norm, network.norm2):
            nn.init.uniform_(norm.running_mean, -0.5, 0.5)
            nn.init.uniform_(norm.running_var, 0.5, 2.0)
            nn.init.uniform_(norm.weight, 0.5, 1.5)
            nn.init.uniform_(norm.bias, -0.5, 0.5)
        with torch.no_grad():
            network.norm2.weight[1], network.norm2.weight[4] = -0.8, 0.0
    draw = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for split, count in (("train", 64), ("test", 70)):  # a ragged last batch
        arrays[f"{split}_images"] = draw.integers(0, 256, (count, 6, 6, 3)).astype(np.uint8)
        arrays[f"{split}_labels"] = np.arange(count) % 5
    data = ImageData(arrays, mean=(0.5, 0.5, 0.5), std=(0.25, 0.25, 0.25))
    return Study("mixed", "mixed", Card("mixed"), data, Loss("cross_entropy"), "0" * 64, network.eval())
