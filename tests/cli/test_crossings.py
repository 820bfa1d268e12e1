"""Networks of other people's habits on kinds of data they were not made for: each goes the whole way."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests import kinds_of_data as made
from tests.archive import write_arrays
from tests.own_study import write_study

from .conftest import Command

PADDING = """
    import torch.nn.functional as F
    from torch import nn

    class Conv2dSame(nn.Conv2d):
        '''As in timm: padding by the size of the input, in forward.'''

        def forward(self, x):
            short = [(-(-size // step) - 1) * step + kernel - size
                     for size, step, kernel in zip(x.shape[2:], self.stride, self.kernel_size)]
            high, wide = (max(each, 0) for each in short)
            x = F.pad(x, [wide // 2, wide - wide // 2, high // 2, high - high // 2])
            return F.conv2d(x, self.weight, self.bias, self.stride, 0, self.dilation, self.groups)

    def build():
        return nn.Sequential(
            Conv2dSame(3, 4, 3, stride=2), nn.SiLU(), Conv2dSame(4, 4, 3, groups=4), nn.SiLU(),
            nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(4, 3)
        )
"""

CHANNELS_LAST = """
    import torch
    import torch.nn.functional as F
    from torch import nn

    class Net(nn.Module):
        '''As ConvNeXt: a depthwise convolution, then linear layers over channels that come last; one is a function.'''

        def __init__(self):
            super().__init__()
            self.stem, self.depth = nn.Conv2d(3, 4, 2, 2), nn.Conv2d(4, 4, 3, padding=1, groups=4)
            self.norm, self.wide = nn.LayerNorm(4), nn.Linear(4, 8)
            self.narrow = nn.Parameter(torch.zeros(4, 8))
            self.head = nn.Linear(4, 3)

        def forward(self, x):
            x = self.stem(x)
            y = self.norm(self.depth(x).permute(0, 2, 3, 1))
            y = F.linear(F.gelu(self.wide(y)), self.narrow)
            return self.head((x + y.permute(0, 3, 1, 2)).mean((2, 3)))

    def build():
        return Net()
"""

ENCODER = """
    from torch import nn

    class Net(nn.Module):
        '''torch's own encoder with a padding mask, beside a second input.'''

        def __init__(self):
            super().__init__()
            self.words = nn.Embedding(9, 8)
            layer = nn.TransformerEncoderLayer(8, 2, 12, dropout=0.1, batch_first=True, activation="gelu")
            self.encoder = nn.TransformerEncoder(layer, 1, enable_nested_tensor=False)
            self.beside, self.head = nn.Linear(2, 8), nn.Linear(8, 3)

        def forward(self, x):
            said = self.encoder(self.words(x["words"]), src_key_padding_mask=x["padding"])
            kept = (~x["padding"]).unsqueeze(2)
            return self.head((said * kept).sum(1) / kept.sum(1) + self.beside(x["more"]))

    def build():
        return Net()
"""


def on_folder(folder: Path, net: str) -> None:
    made.pictures(folder)
    data = (folder / "study.toml").read_text(encoding="utf-8").split("[data]\n")[1].split("[loss]")[0]
    write_study(folder, net=net, data=data)


def on_pictures_of_any_size(folder: Path, net: str) -> None:
    made.table_of_pictures(folder)
    data = (folder / "study.toml").read_text(encoding="utf-8").split("[data]\n")[1].split("[loss]")[0]
    write_study(folder, net=net, data=data)


def on_words(folder: Path, net: str) -> None:
    draw = np.random.default_rng(0)
    folder.mkdir()
    held: dict[str, np.ndarray] = {}
    for split, count in (("train", 24), ("test", 16)):
        lengths = draw.integers(2, 7, count)
        held[f"{split}_words"] = draw.integers(0, 9, (count, 6))
        held[f"{split}_padding"] = np.arange(6) >= lengths[:, None]
        held[f"{split}_more"] = draw.normal(size=(count, 2))
        held[f"{split}_y"] = held[f"{split}_words"][:, 0] % 3
    write_arrays(folder / "data.npz", held)
    inputs = '{words = "words", padding = "padding", more = "more"}'
    data = f'kind = "arrays"\npath = "data.npz"\ninputs = {inputs}\ntargets = "y"\nnoun = "sentence"'
    write_study(folder, net=net, data=data)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("write", "net", "blocks"),
    [
        (on_folder, PADDING, 3),
        (on_pictures_of_any_size, PADDING, 3),
        (on_folder, CHANNELS_LAST, 5),
        (on_pictures_of_any_size, CHANNELS_LAST, 5),
        (on_words, ENCODER, 7),
    ],
)
def test_a_network_goes_the_whole_way_on_data_of_another_kind(
    explore: Command, tmp_path: Path, write: Callable[[Path, str], None], net: str, blocks: int
) -> None:
    folder, plan = tmp_path / "own", tmp_path / "plan.json"
    write(folder, net)
    assert explore("check", folder, "--json").json["right"] is True
    traces = explore("traces", "--study", folder, "--rel-se", 0.5, "--json").json["blocks"]
    assert len(traces) == blocks
    assert all(np.isfinite(block["trace"]) for block in traces)
    words: tuple[object, ...] = ("--damage", "trace", "--budget-ratio", 6, "--out", plan, "--json")
    assert explore("frontier", "--study", folder, *words).json["chosen"] is not None
    words = ("--w-bits", 4, "--a-bits", 8, "--calibration", 6, "--method", "gradient", "--json")
    stages = explore("lapq", "--study", folder, *words).json["stages"]
    assert stages["joint"]["calibration_loss"] <= stages["layerwise"]["calibration_loss"] + 1e-6
    before = explore("evaluate", "--study", folder, "--plan", plan, "--json").json
    words = (
        "--plan",
        plan,
        "--epochs",
        1,
        "--batch-size",
        6,
        "--augmentation",
        "none",
        "--keep",
        "last",
        "--json",
    )
    after = explore("finetune", "--study", folder, *words).json
    assert after["before"]["loss"] == pytest.approx(before["loss"])
    assert np.isfinite(after["loss"])
