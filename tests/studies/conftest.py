"""A small study in a folder of its own, for tests that break one thing at a time."""

import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor, nn

TOML = """
name = "tiny"
[model]
factory = "net.py:build"
weights = "weights.safetensors"
[data]
path = "data.npz"
mean = [0.5, 0.4, 0.3]
std = [0.2, 0.25, 0.3]
[loss]
kind = "cross_entropy"
"""

NET = """
import torch
from torch import nn

def build():
    body = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU()
    return nn.Sequential(*body, nn.Flatten(), nn.Linear(4 * 4 * 4, 3))

def loss():
    return nn.CrossEntropyLoss(reduction="none")

def averaged_loss():
    return nn.CrossEntropyLoss()

def number():
    return 5

def failing():
    raise KeyError("layers")

def leaving():
    raise SystemExit(3)

class Broken(BaseException):
    pass

def breaking():
    raise Broken("in two")

def interrupted():
    raise KeyboardInterrupt

def pair():
    class Pair(nn.Module):
        def __init__(self):
            super().__init__()
            self.linear = nn.Linear(6 * 6 * 3, 3)
        def forward(self, x):
            return self.linear(x.flatten(1)), x
    return Pair()
"""


class Folder:
    """A study folder that loads; each method replaces one of its files."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.toml = path / "study.toml"

    def write(self, **changes: str) -> "Folder":
        """Replace pieces of the toml: ``old`` and ``new``."""
        text = self.toml.read_text(encoding="utf-8")
        assert changes["old"] in text
        self.toml.write_text(text.replace(changes["old"], changes["new"]), encoding="utf-8")
        return self

    def net(self, source: str) -> "Folder":
        (self.path / "net.py").write_text(textwrap.dedent(source), encoding="utf-8")
        return self

    def data(self, **arrays: Any) -> "Folder":
        """Replace arrays; None leaves one out."""
        merged = {**example_arrays(), **arrays}
        np.savez(self.path / "data.npz", **{key: value for key, value in merged.items() if value is not None})
        return self

    def weights(self, change: Callable[[dict[str, Tensor]], dict[str, Tensor]]) -> "Folder":
        save_file(change(example_weights()), self.path / "weights.safetensors")
        return self


def example_arrays() -> dict[str, Any]:
    draw = np.random.default_rng(0)
    arrays: dict[str, Any] = {}
    for split, count in (("train", 7), ("test", 5)):
        arrays[f"{split}_images"] = draw.integers(0, 256, (count, 6, 6, 3), dtype=np.uint8)
        arrays[f"{split}_labels"] = np.arange(count) % 3
    return arrays


def example_network() -> nn.Sequential:
    draw = torch.Generator().manual_seed(0)
    network = nn.Sequential(
        nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.Flatten(), nn.Linear(4 * 4 * 4, 3)
    )
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.randn(parameter.shape, generator=draw) * 0.2)
    return network


def example_weights() -> dict[str, Tensor]:
    return {name: tensor.clone() for name, tensor in example_network().state_dict().items()}


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    path = tmp_path / "tiny"
    path.mkdir()
    (path / "study.toml").write_text(TOML, encoding="utf-8")
    return Folder(path).net(NET).data().weights(lambda tensors: tensors)
