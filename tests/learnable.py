"""A study that trains in a second: three noisy patterns of 8×8 pixels and a network of four layers.

The network is trained here to about 99 %, so that 2 bits cost it something and training wins it back. Both
splits leave a ragged last batch at every batch size the tests use.
"""

from functools import lru_cache
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

from tests.archive import write_arrays

TRAIN, TEST = 403, 210

TOML = """
name = "learnable"
[model]
factory = "net.py:build"
weights = "weights.safetensors"
[data]
path = "data.npz"
mean = [0.5]
std = [0.25]
[loss]
kind = "cross_entropy"
"""

NET = """
import time
from pathlib import Path

from torch import nn

HOLD = {hold!r}

class Held(nn.ReLU):
    '''A ReLU that waits in training while there is a file that holds the number of training steps this process may do,
    so that a test can reach into the middle of one.'''

    steps = 0

    def forward(self, x):
        if self.training and HOLD is not None:
            while held(self.steps):
                time.sleep(0.01)
            self.steps += 1
        return super().forward(x)

def held(steps):
    try:
        return steps >= int(Path(HOLD).read_text())
    except FileNotFoundError:
        return False

def build():
    return nn.Sequential(
        nn.Conv2d(1, 12, 3, padding=1, bias=False), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Conv2d(12, 12, 3, padding=1, groups=12, bias=False), nn.BatchNorm2d(12), nn.ReLU(),
        nn.Conv2d(12, 16, 1, bias=False), nn.BatchNorm2d(16), Held(),
        nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(16, 3),
    )
"""


def arrays(seed: int = 0) -> dict[str, np.ndarray]:
    """Images of both splits: one pattern a class, shifted at random, under noise."""
    draw = np.random.default_rng(seed)
    axis = np.arange(8)
    patterns = np.stack([np.sin(axis[:, None] * 1.6 + 0 * axis), np.sin(axis * 1.6 + 0 * axis[:, None]),
                         np.sin((axis[:, None] + axis) * 1.2)])  # fmt: skip
    made: dict[str, np.ndarray] = {}
    for split, count in (("train", TRAIN), ("test", TEST)):
        labels = draw.integers(0, 3, count)
        shifts = draw.integers(0, 8, count)
        clean = np.stack([np.roll(patterns[c], s, axis=(0, 1)) for c, s in zip(labels, shifts, strict=True)])
        noisy = 128 + 50 * clean + draw.normal(0, 45, clean.shape)
        made[f"{split}_images"] = noisy.clip(0, 255).astype(np.uint8)[..., None]
        made[f"{split}_labels"] = labels
    return made


def write(folder: Path, *, hold: Path | None = None) -> Path:
    """Write the study into ``folder``; its study.toml. ``hold``: a file that holds training back, see `NET`."""
    folder.mkdir(parents=True, exist_ok=True)
    source = NET.format(hold=None if hold is None else str(hold))
    (folder / "net.py").write_text(source, encoding="utf-8")
    write_arrays(folder / "data.npz", arrays())
    save_file(_trained(), folder / "weights.safetensors")
    toml = folder / "study.toml"
    toml.write_text(TOML, encoding="utf-8")
    return toml


@lru_cache
def _trained() -> dict[str, torch.Tensor]:
    made = arrays()
    names: dict[str, object] = {}
    exec(NET.format(hold=None), names)
    build = names["build"]
    assert callable(build)
    network: nn.Sequential = build()
    draw = torch.Generator().manual_seed(0)
    for layer in network:
        if isinstance(layer, nn.Conv2d | nn.Linear):
            spread = (2 / layer.weight[0].numel()) ** 0.5
            layer.weight.data.copy_(torch.randn(layer.weight.shape, generator=draw) * spread)
            if layer.bias is not None:
                layer.bias.data.zero_()
    x = torch.from_numpy(made["train_images"]).permute(0, 3, 1, 2).float().div(255).sub(0.5).div(0.25)
    y = torch.from_numpy(made["train_labels"])
    optimizer = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9)
    for _ in range(60):
        optimizer.zero_grad()
        F.cross_entropy(network(x), y).backward()
        optimizer.step()
    return {name: value.contiguous() for name, value in network.eval().state_dict().items()}
