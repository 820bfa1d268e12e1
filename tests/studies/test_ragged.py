"""Images of different sizes without training images: the test images serve, and the data says so."""

import numpy as np
import pytest
import torch

from explorer.errors import StudyError
from explorer.studies.data.ragged import RaggedImages
from explorer.studies.data.samples import remark_on

IMAGES = [np.full((3, size, 1), size, np.uint8) for size in (2, 5)]


def ragged(**splits: list[np.ndarray]) -> RaggedImages:
    labels = {split: list(range(len(images))) for split, images in splits.items()}
    return RaggedImages(splits, labels, mean=(0.5,), std=(0.3,))


def test_absent_training_images_are_served_by_the_test_images() -> None:
    data = ragged(test=IMAGES)
    assert data.train_is_test
    assert remark_on(data) is not None
    for row in range(2):
        rows = slice(row, row + 1)
        assert torch.equal(data.inputs("train", rows), data.inputs("test", rows))
        assert torch.equal(data.targets("train", rows), data.targets("test", rows))


def test_training_images_of_its_own_need_no_remark() -> None:
    data = ragged(train=IMAGES, test=IMAGES[:1])
    assert not data.train_is_test
    assert remark_on(data) is None


def test_half_of_the_training_split_is_refused() -> None:
    with pytest.raises(StudyError, match="0 train images and 2 labels"):
        RaggedImages({"test": IMAGES}, {"test": [0, 1], "train": [0, 1]}, mean=(0.5,), std=(0.3,))
