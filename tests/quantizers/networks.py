"""Small networks for the tests of simulated quantization."""

from __future__ import annotations

import torch
from torch import Tensor, nn


class Small(nn.Module):
    """A residual sum under in-place ReLUs, a depthwise and a transposed convolution, batch norm."""

    def __init__(self) -> None:
        super().__init__()
        self.first = nn.Conv2d(3, 8, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.relu = nn.ReLU(inplace=True)
        self.depthwise = nn.Conv2d(8, 8, 3, padding=1, groups=8)
        self.point = nn.Conv2d(8, 8, 1)
        self.up = nn.ConvTranspose2d(8, 4, 2, stride=2)
        self.last = nn.Linear(4, 5)

    def forward(self, x: Tensor) -> Tensor:
        x = self.relu(self.norm(self.first(x)))
        x = self.relu(x + self.point(self.relu(self.depthwise(x))))
        logits: Tensor = self.last(self.relu(self.up(x)).mean(dim=(2, 3)))
        return logits


LAYERS = ("first", "depthwise", "point", "up", "last")


class Tied(nn.Module):
    """An embedding whose weight is the last layer's too, and a layer that is called twice."""

    def __init__(self) -> None:
        super().__init__()
        self.embed = nn.Embedding(11, 6)
        self.mix = nn.Linear(6, 6)
        self.out = nn.Linear(6, 11, bias=False)
        self.out.weight = self.embed.weight

    def forward(self, tokens: Tensor) -> Tensor:
        x = self.embed(tokens)
        logits: Tensor = self.out(self.mix(torch.tanh(self.mix(x))))
        return logits


def small(seed: int = 0) -> Small:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        model = Small()
        nn.init.uniform_(model.norm.running_mean, -0.5, 0.5)  # type: ignore[arg-type]
        nn.init.uniform_(model.norm.running_var, 0.5, 2.0)  # type: ignore[arg-type]
    return model.eval()


def tied(seed: int = 0) -> Tied:
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return Tied().eval()


def images(n: int = 6, seed: int = 1) -> Tensor:
    return torch.randn(n, 3, 6, 6, generator=torch.Generator().manual_seed(seed))


def tokens(seed: int = 1) -> Tensor:
    return torch.randint(11, (4, 5), generator=torch.Generator().manual_seed(seed))


def everywhere(w_bits: int, a_bits: int) -> dict[str, tuple[int, int]]:
    return dict.fromkeys(LAYERS, (w_bits, a_bits))
