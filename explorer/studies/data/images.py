"""The images and labels of a study: an npz file of uint8 NHWC images and integer labels.

Keys: ``train_images``, ``train_labels``, ``test_images``, ``test_labels``, and optionally ``classes``
(names). When the training arrays are absent the test arrays serve in their place: ``train_is_test`` is true, and
`samples.remark_on` is the sentence that every page and command says then.
"""

import math
from collections.abc import Iterator, Mapping
from copy import copy
from functools import cached_property
from hashlib import sha256
from typing import Self

import numpy as np
import torch
from torch import Tensor

from explorer.errors import StudyError
from explorer.studies.data.samples import IMAGES, SPLITS, Rows

MAX_CLASSES = 100_000


class ImageData:
    """Images and labels, normalised on the way out.

    Args:
        arrays: as in the npz file.
        mean, std: per channel, in units where a pixel is in [0, 1].

    Raises:
        StudyError: an array is missing or has the wrong type, shape or length.
    """

    def __init__(
        self,
        arrays: Mapping[str, np.ndarray],
        *,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        source: str = "the data",
    ) -> None:
        if ("train_images" in arrays) != ("train_labels" in arrays):
            raise StudyError(f"{source} has only one of train_images and train_labels; give both, or neither")
        self.train_is_test = "train_images" not in arrays
        self._arrays = {}
        for split in SPLITS:
            stored = "test" if self.train_is_test else split
            self._arrays[split] = _checked(arrays, stored, len(mean), source)
        given = all(map(math.isfinite, (*mean, *std))) and all(value > 0 for value in std)
        if len(mean) != len(std) or not given:
            raise StudyError(
                f"mean has {len(mean)} and std {len(std)} values; give one each a channel, finite and std above 0"
            )
        self.mean, self.std = tuple(mean), tuple(std)
        train, test = self._arrays["train"][0], self._arrays["test"][0]
        if train.shape[1:] != test.shape[1:]:
            raise StudyError(
                f"{source} has train_images of {train.shape[1:]} and test_images of {test.shape[1:]}; "
                f"both must have one size"
            )
        all_labels = [labels for _, labels in self._arrays.values()]
        self.classes = _class_names(arrays.get("classes"), all_labels, source)

    ragged = False  # images of one size can be stacked
    noun = IMAGES
    device = torch.device("cpu")

    def on(self, device: torch.device) -> Self:
        """The same images, whose inputs and targets come on a device; they are stored where they were."""
        moved = copy(self)
        moved.device = device
        return moved

    def size(self, split: str) -> int:
        """Number of samples in ``train`` or ``test``."""
        return len(self._split(split)[1])

    def images(self, split: str, rows: Rows) -> np.ndarray:
        """Images as stored, (n, H, W, C) uint8."""
        return self._split(split)[0][_index(rows)]

    def inputs(self, split: str, rows: Rows) -> Tensor:
        """Normalised inputs, (n, C, H, W) float32."""
        x = torch.from_numpy(np.ascontiguousarray(self.images(split, rows)))
        x = x.permute(0, 3, 1, 2).to(torch.float32).div_(255)
        mean, std = (torch.tensor(v, dtype=torch.float32).view(-1, 1, 1) for v in (self.mean, self.std))
        return x.sub_(mean).div_(std).to(self.device)

    def targets(self, split: str, rows: Rows) -> Tensor:
        """Labels, (n,) int64, or as stored where they are no classes."""
        return torch.from_numpy(np.ascontiguousarray(self._split(split)[1][_index(rows)])).to(self.device)

    def batches(
        self, split: str, batch_size: int, rows: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """Inputs and targets in order, or in the order of ``rows``; the last batch may be smaller."""
        rows = torch.arange(self.size(split)) if rows is None else rows
        for chunk in rows.split(batch_size):
            yield self.inputs(split, chunk), self.targets(split, chunk)

    @cached_property
    def sha256(self) -> str:
        """Identifies the arrays."""
        digest = sha256()
        for split in SPLITS:
            for array in self._arrays[split]:
                digest.update(str((array.shape, array.dtype)).encode())
                digest.update(np.ascontiguousarray(array).data)
        return digest.hexdigest()

    @property
    def preprocessing(self) -> str:
        """The normalisation, on one line."""
        return f"mean {self.mean} std {self.std}"

    def _split(self, split: str) -> tuple[np.ndarray, np.ndarray]:
        if split not in self._arrays:
            raise StudyError(f"there is no split {split!r}; use train or test")
        return self._arrays[split]


def _class_names(names: np.ndarray | None, all_labels: list[np.ndarray], source: str) -> tuple[str, ...]:
    classes = [labels for labels in all_labels if np.issubdtype(labels.dtype, np.integer)]
    highest = max((int(labels.max()) for labels in classes), default=-1)
    if highest >= MAX_CLASSES:
        raise StudyError(
            f"{source} has the label {highest}; labels number the classes, below {MAX_CLASSES:,}"
        )
    if names is None:
        return tuple(str(c) for c in range(highest + 1))
    if names.ndim != 1 or len(names) <= highest:
        raise StudyError(
            f"classes in {source} has shape {names.shape} and the labels go up to {highest}; name every class"
        )
    return tuple(str(name) for name in names)


def _index(rows: Rows) -> np.ndarray | slice:
    return rows if isinstance(rows, slice) else rows.numpy()


def _checked(
    arrays: Mapping[str, np.ndarray], split: str, channels: int, source: str
) -> tuple[np.ndarray, np.ndarray]:
    for key in (f"{split}_images", f"{split}_labels"):
        if key not in arrays:
            raise StudyError(f"{source} has no array {key}; it has {', '.join(sorted(arrays)) or 'none'}")
    images, labels = arrays[f"{split}_images"], arrays[f"{split}_labels"]
    if images.dtype != np.uint8 or images.ndim != 4:
        raise StudyError(
            f"{split}_images in {source} is {images.dtype} of shape {images.shape}; "
            f"it must be uint8 of shape (N, height, width, channels)"
        )
    if images.shape[3] != channels:
        raise StudyError(
            f"{split}_images in {source} has {images.shape[3]} channels and [data] mean has {channels} "
            f"values; give one a channel"
        )
    if labels.ndim == 0 or len(images) == 0 or len(images) != len(labels):
        count = len(labels) if labels.ndim else 0
        raise StudyError(
            f"{source} has {len(images)} {split}_images and {count} {split}_labels; "
            f"give every image one label"
        )
    if np.issubdtype(labels.dtype, np.integer):
        if labels.ndim != 1 or labels.min() < 0:
            raise StudyError(f"{split}_labels in {source} must be one number a sample, 0 or above")
        labels = labels.astype(np.int64)
    elif np.issubdtype(labels.dtype, np.floating):
        labels = labels.astype(np.float32)
        if not np.isfinite(labels).all():
            raise StudyError(f"{split}_labels in {source} holds a value that is not finite (NaN or infinity)")
    else:
        raise StudyError(f"{split}_labels in {source} is {labels.dtype}; it must be integers")
    return images, labels
