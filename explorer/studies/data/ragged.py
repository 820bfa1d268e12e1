"""Images of different sizes, for networks that take any size; they go through one at a time.

For use from Python: ``study.toml`` reads arrays, whose images have one size.
"""

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property
from hashlib import sha256
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.errors import StudyError
from explorer.studies.data.images import ImageData
from explorer.studies.data.samples import Rows


class RaggedImages(ImageData):
    """Images and labels, normalised on the way out; the same calls as `ImageData`.

    Args:
        images: split (``train``, ``test``) to uint8 images, each (height, width, channels). Without ``train`` here
            and in ``labels`` the test images serve in its place, and ``train_is_test`` says so.
        labels: split to one class number an image.
        mean, std: per channel, in units where a pixel is in [0, 1].

    Raises:
        StudyError: a split is missing or empty, an image has the wrong type or shape, or a label is missing.
    """

    ragged = True

    def __init__(
        self,
        images: Mapping[str, Sequence[np.ndarray]],
        labels: Mapping[str, Sequence[int]],
        *,
        mean: tuple[float, ...],
        std: tuple[float, ...],
        classes: tuple[str, ...] | None = None,
    ) -> None:
        self.train_is_test = "train" not in images and "train" not in labels
        if self.train_is_test:
            images = {**images, "train": images.get("test", ())}
            labels = {**labels, "train": labels.get("test", ())}
        for split in ("train", "test"):
            found, given = images.get(split, ()), labels.get(split, ())
            if len(found) == 0 or len(found) != len(given):
                raise StudyError(
                    f"there are {len(found)} {split} images and {len(given)} labels; give every image one label"
                )
            for number, image in enumerate(found):
                if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != len(mean):
                    raise StudyError(
                        f"{split} image {number} is {image.dtype} of shape {image.shape}; "
                        f"it must be uint8 of shape (height, width, {len(mean)})"
                    )
        self.mean, self.std = tuple(mean), tuple(std)
        self._images = {split: list(found) for split, found in images.items()}
        self._labels = {split: np.asarray(found, dtype=np.int64) for split, found in labels.items()}
        highest = max(int(found.max()) for found in self._labels.values())
        self.classes = classes or tuple(str(c) for c in range(highest + 1))

    def size(self, split: str) -> int:
        """Number of samples in ``train`` or ``test``."""
        return len(self._labels[split])

    def images(self, split: str, rows: Rows) -> np.ndarray:
        """Images as stored, (n, H, W, C) uint8.

        Raises:
            StudyError: the rows differ in size.
        """
        chosen = [self._images[split][int(row)] for row in self._rows(split, rows)]
        sizes = {image.shape for image in chosen}
        if len(sizes) != 1:
            raise StudyError(f"these images have {len(sizes)} different sizes; take them one at a time")
        return np.stack(chosen)

    def targets(self, split: str, rows: Rows) -> Tensor:
        """Labels, (n,) int64."""
        return torch.from_numpy(self._labels[split][self._rows(split, rows)]).to(self.device)

    def batches(
        self, split: str, batch_size: int, rows: Tensor | None = None
    ) -> Iterator[tuple[Tensor, Tensor]]:
        """One input and its target at a time, whatever ``batch_size``."""
        return super().batches(split, 1, rows)

    @cached_property
    def sha256(self) -> str:
        """Identifies the images and the labels."""
        digest = sha256()
        for split in ("train", "test"):
            for image in self._images[split]:
                digest.update(str(image.shape).encode())
                digest.update(np.ascontiguousarray(image).data)
            digest.update(self._labels[split].data)
        return digest.hexdigest()

    def _rows(self, split: str, rows: Rows) -> Any:
        return np.arange(self.size(split))[rows if isinstance(rows, slice) else rows.numpy()]
