"""The command line in this process, and a small network in a folder of its own."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file
from torch import Tensor

from explorer.cli import main
from tests.archive import write_arrays

TOML = """
name = "tiny"
[model]
factory = "net.py:build"
weights = "weights.safetensors"
[data]
path = "data.npz"
mean = [0.5, 0.5, 0.5]
std = [0.25, 0.25, 0.25]
[loss]
kind = "cross_entropy"
"""

NET = """
from torch import nn
from tests.archive import write_arrays

class Residual(nn.Module):
    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(4, 4, 3, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(4)
        self.second = nn.Conv2d(4, 4, 3, padding=1)
        self.relu = nn.ReLU()

    def forward(self, x):
        return self.relu(x + self.second(self.relu(self.norm(self.first(x)))))

class Net(nn.Module):
    def __init__(self):
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 3, padding=1)
        self.relu = nn.ReLU()
        self.residual = Residual()
        self.pool = nn.AvgPool2d(4)
        self.flatten = nn.Flatten()
        self.head = nn.Linear(16, 3)

    def forward(self, x):
        return self.head(self.flatten(self.pool(self.residual(self.relu(self.stem(x))))))

def build():
    return Net()
"""
LAYERS = {
    "stem": (4, 3, 3, 3),
    "residual.first": (4, 4, 3, 3),
    "residual.second": (4, 4, 3, 3),
    "head": (3, 16),
}
WEIGHTS = 108 + 144 + 144 + 48


def example_weights() -> dict[str, Tensor]:
    draw = torch.Generator().manual_seed(0)
    tensors = {
        f"{name}.weight": torch.randn(shape, generator=draw) / shape[1] ** 0.5 / (1 if name == "head" else 3)
        for name, shape in LAYERS.items()
    }
    biases = {f"{name}.bias": torch.zeros(LAYERS[name][0]) for name in ("stem", "residual.second", "head")}
    norm = {"weight": torch.ones(4), "bias": torch.zeros(4)}
    norm |= {"running_mean": torch.zeros(4), "running_var": torch.ones(4)}
    return tensors | biases | {f"residual.norm.{name}": tensor for name, tensor in norm.items()}


def example_arrays() -> dict[str, np.ndarray]:
    """Noise, and a class that is the colour with the most of it."""
    draw = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for split, count in (("train", 90), ("test", 45)):
        labels = np.arange(count) % 3
        images = draw.integers(0, 150, (count, 8, 8, 3))
        images[np.arange(count), :, :, labels] += 100
        arrays[f"{split}_images"], arrays[f"{split}_labels"] = images.astype(np.uint8), labels
    return arrays


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder with a study of four layers in three modules."""
    path = tmp_path / "tiny"
    path.mkdir()
    (path / "study.toml").write_text(TOML, encoding="utf-8")
    (path / "net.py").write_text(NET, encoding="utf-8")
    write_arrays(path / "data.npz", example_arrays())
    save_file(example_weights(), path / "weights.safetensors")
    return path


@dataclass(frozen=True)
class Answer:
    """What a command left behind."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        """The one object on standard output; NaN and infinities, which are no JSON, are refused."""

        def refuse(constant: str) -> None:
            raise AssertionError(f"{constant} is not JSON")

        assert self.status == 0, self.err
        assert self.out.count("\n") == 1, "one line, and nothing beside it"
        content = json.loads(self.out, parse_constant=refuse)
        assert isinstance(content, dict)
        return content


Command = Callable[..., Answer]


@pytest.fixture
def explore(capfd: pytest.CaptureFixture[str]) -> Command:
    """Run one command in this process; it sees the file descriptors, so what a library prints is seen too."""

    def run(*words: object) -> Answer:
        capfd.readouterr()
        status = main([str(word) for word in words])
        captured = capfd.readouterr()
        return Answer(status, captured.out, captured.err)

    return run


def complaint(answer: Answer) -> str:
    """The one line that a mistake is answered with."""
    assert answer.status == 2, answer
    assert answer.out == ""
    assert answer.err.endswith("\n")
    assert answer.err.count("\n") == 1, answer.err
    assert "Traceback" not in answer.err
    return answer.err.strip()
