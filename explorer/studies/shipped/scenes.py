"""Scenes of clothes: the data of the study ``detector-fashion``.

One to five pictures of Fashion-MNIST, drawn anew in size, lie on grey noise, in a scene whose height and width are each
one of `EDGES`. Boxes are tight around what is brighter than `SEEN`. A scene is decided by its split and number alone.
"""

from functools import cache
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.randomness import Stream, numpy_generator
from explorer.studies.data.archive import read_npz
from explorer.studies.shipped import fashion
from explorer.studies.shipped.builtin import ASSETS

EDGES = (64, 80, 96, 112)
TRAIN, TEST = 1000, 400
MOST = 5  # clothes of a scene
SEEN = 32  # grey level, out of 255
_FIRST = {"train": 0, "test": 500_000}  # numbers of the scenes; from LEARNT on a network learns from them
LEARNT = 1_000_000
_GREY, _NOISE = 60.0, 20.0
_SIZES = (22, 56)  # pixels a picture of clothes is brought to
_TRIES, _OVERLAP = 20, 4.0


class Scenes:
    """A map-style dataset of scenes.

    A sample is a picture (1, H, W) float32, normalised, and a dict of ``boxes`` (k, 4) float32, left, top, right and
    bottom in pixels, ``labels`` (k,) int64, and ``size`` (2,) int64, height and width.

    Args:
        split: whose clothes they show, ``train`` or ``test``.
        count: how many.
        first: number of the first; the study's own by default.
    """

    def __init__(self, split: str, count: int, first: int | None = None) -> None:
        self._split, self._count = split, count
        self._first = _FIRST[split] if first is None else first

    def __len__(self) -> int:
        return self._count

    def __getitem__(self, row: int) -> tuple[Tensor, dict[str, Tensor]]:
        return scene(self._split, self._first + row)


def splits() -> dict[str, Any]:
    """Data of the study ``detector-fashion``, as a factory gives it."""
    return {
        "train": Scenes("train", TRAIN),
        "test": Scenes("test", TEST),
        "classes": fashion.CLASSES,
        "noun": "scene",
    }


def scene(split: str, number: int) -> tuple[Tensor, dict[str, Tensor]]:
    """A scene, as `Scenes` gives it."""
    images, labels = _clothes()[split]
    rng = numpy_generator(Stream.DETECTION_SCENES, 0, number)
    height, width = (int(each) for each in rng.choice(EDGES, 2))
    canvas = torch.from_numpy(rng.normal(_GREY, _NOISE, (height, width))).clamp(0, 255)
    boxes: list[list[float]] = []
    chosen: list[int] = []
    for row in rng.integers(len(images), size=int(rng.integers(1, MOST + 1))):
        edge = int(rng.integers(_SIZES[0], min(_SIZES[1], height, width) + 1))
        image = torch.from_numpy(images[row, :, :, 0].astype(np.float64))[None, None]
        drawn = F.interpolate(image, size=(edge, edge), mode="bilinear", antialias=True)[0, 0]
        below, across = (np.flatnonzero((drawn > SEEN).any(axis).numpy()) for axis in (1, 0))
        drawn = drawn[below[0] : below[-1] + 1, across[0] : across[-1] + 1]
        place = _free(rng, boxes, height, width, *drawn.shape)
        if place is None:
            continue
        top, left = place
        bottom, right = top + drawn.shape[0], left + drawn.shape[1]
        part = canvas[top:bottom, left:right]
        canvas[top:bottom, left:right] = torch.where(drawn > SEEN, drawn, part)
        boxes.append([left, top, right, bottom])
        chosen.append(int(labels[row]))
    picture = ((canvas / 255 - fashion.MEAN[0]) / fashion.STD[0]).float()[None]
    return picture, {
        "boxes": torch.tensor(boxes, dtype=torch.float32),
        "labels": torch.tensor(chosen),
        "size": torch.tensor([height, width]),
    }


def _free(
    rng: np.random.Generator, boxes: list[list[float]], height: int, width: int, high: int, wide: int
) -> tuple[int, int] | None:
    """Top and left of a place that overlaps others by a few pixels at most; None where none was found."""
    for _ in range(_TRIES):
        top, left = int(rng.integers(height - high + 1)), int(rng.integers(width - wide + 1))
        free = (
            left >= other[2] - _OVERLAP
            or left + wide <= other[0] + _OVERLAP
            or top >= other[3] - _OVERLAP
            or top + high <= other[1] + _OVERLAP
            for other in boxes
        )
        if all(free):
            return top, left
    return None


@cache
def _clothes() -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """The shipped pictures, (n, 28, 28, 1) uint8, and their labels, of each split."""
    arrays = read_npz(ASSETS / "fashion-mnist" / "data.npz")
    return {split: (arrays[f"{split}_images"], arrays[f"{split}_labels"]) for split in ("train", "test")}
