"""Random crops and flips of training images.

A crop moves the image by up to ``padding`` pixels each way and fills with black: 2 pixels for images below 32 pixels,
as the Fashion-MNIST networks here were trained, an eighth of the side from 32 on, which is the usual 4 of CIFAR-10 (He
et al. 2016). A flip is horizontal, with probability 1/2.

Whether that leaves the class of an image alone only its owner knows, so what is usual is none, but for the two data
sets it is usual for: they are told by their names of the classes, CIFAR-10 also by its study.
"""

from collections.abc import Callable
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.errors import RunError
from explorer.randomness import Stream, generator
from explorer.studies import Study

Augment = Callable[[Any, torch.Generator], Any]

_FASHION = {
    "t-shirt/top",
    "trouser",
    "pullover",
    "dress",
    "coat",
    "sandal",
    "shirt",
    "sneaker",
    "bag",
    "ankle boot",
}
_CIFAR = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"}
_CIFAR_STUDY = "cifar10-"


def augmentation(name: str, study: Study) -> Augment | None:
    """What is done to a batch of training inputs; None: nothing.

    Args:
        name: ``usual``, ``none``, ``flip``, ``crop`` or ``crop-flip``.

    Raises:
        RunError: the inputs are no images of one size.
    """
    if name == "usual":
        name = "crop-flip" if _is_usual(study) else "none"
    if name == "none":
        return None
    inputs = study.data.inputs("train", torch.arange(1))
    if not isinstance(inputs, Tensor) or inputs.ndim != 4 or study.data.ragged:
        raise RunError(f"{study.name} has no images of one size to augment; use the augmentation none")
    black = _black(study, inputs)
    padding = _padding(inputs) if "crop" in name else 0
    flips = "flip" in name

    def augment(x: Tensor, draw: torch.Generator) -> Tensor:
        if flips:
            x = flipped(x, draw)
        return cropped(x, padding, black, draw) if padding else x

    return augment


def draw_of(seed: int, step: int) -> torch.Generator:
    """Where the random numbers of one step come from."""
    return generator(Stream.AUGMENTATION, seed, step)


def flipped(x: Tensor, draw: torch.Generator) -> Tensor:
    """Each of the images (N, C, H, W) mirrored with probability 1/2."""
    flip = torch.rand(len(x), generator=draw) < 0.5
    return torch.where(flip.to(x.device)[:, None, None, None], x.flip(3), x)


def cropped(x: Tensor, padding: int, fill: Tensor, draw: torch.Generator) -> Tensor:
    """Each of the images (N, C, H, W) moved by up to ``padding`` pixels each way; ``fill`` (C,) comes in."""
    count, _, height, width = x.shape
    fill = fill.to(x).view(1, -1, 1, 1)
    padded = F.pad(x - fill, (padding,) * 4) + fill
    shift = torch.randint(0, 2 * padding + 1, (2, count), generator=draw).to(x.device)
    rows = shift[0, :, None] + torch.arange(height, device=x.device)
    columns = shift[1, :, None] + torch.arange(width, device=x.device)
    images = torch.arange(count, device=x.device)[:, None, None]
    return padded[images, :, rows[:, :, None], columns[:, None, :]].permute(0, 3, 1, 2)


def _padding(inputs: Tensor) -> int:
    side = min(inputs.shape[2:])
    return max(1, side // 8 if side >= 32 else side // 14)


def _black(study: Study, inputs: Tensor) -> Tensor:
    """What a black pixel is as an input, (C,)."""
    mean, std = (getattr(study.data, name, None) for name in ("mean", "std"))
    if mean is None or std is None:
        return torch.zeros(inputs.shape[1])
    return -torch.tensor(mean) / torch.tensor(std)


def _is_usual(study: Study) -> bool:
    names = {name.lower() for name in study.data.classes}
    return not study.data.ragged and (names in (_FASHION, _CIFAR) or study.name.startswith(_CIFAR_STUDY))
