"""What every kind of data offers, and what its samples are called."""

from typing import NamedTuple

import numpy as np
import torch

from explorer.studies import ImageData
from explorer.studies.data.ragged import RaggedImages
from explorer.studies.data.samples import Samples, mapped, remark_on, training_name


class Pair(NamedTuple):
    left: torch.Tensor
    right: torch.Tensor


def stacked(*, train: bool = True) -> ImageData:
    arrays: dict[str, np.ndarray] = {
        "test_images": np.zeros((3, 4, 4, 1), np.uint8),
        "test_labels": np.arange(3),
    }
    if train:
        arrays |= {"train_images": np.zeros((3, 4, 4, 1), np.uint8), "train_labels": np.arange(3)}
    return ImageData(arrays, mean=(0.5,), std=(0.25,))


def ragged() -> RaggedImages:
    images = [np.zeros((4, size, 1), np.uint8) for size in (4, 5, 6)]
    return RaggedImages({"test": images}, {"test": [0, 1, 2]}, mean=(0.5,), std=(0.25,))


def test_both_kinds_of_images_are_samples() -> None:
    """Checked by mypy; here that what the protocol promises is there."""
    both: tuple[Samples, ...] = (stacked(), ragged())
    for data in both:
        assert data.size("test") == 3
        assert len(list(data.batches("test", 1))) == 3
        assert data.noun.many == "images"
        assert data.classes == ("0", "1", "2")


def test_samples_are_called_by_their_noun() -> None:
    assert training_name(stacked()) == "training images"
    assert training_name(stacked(train=False)) == "test images"
    assert remark_on(stacked()) is None
    remark = remark_on(stacked(train=False))
    assert remark is not None
    assert remark.startswith("This study has no training images, so the test images serve in their place:")


def test_samples_on_a_device_are_the_same_samples() -> None:
    """The identity of a run does not say where it was carried out."""
    for data in (stacked(), ragged()):
        before = data.sha256
        there = data.on(torch.device("meta"))
        inputs, targets = next(there.batches("test", 2))
        assert (inputs.device.type, targets.device.type) == ("meta", "meta")
        assert data.inputs("test", slice(0, 1)).device.type == "cpu", "the others stay where they were"
        assert there.sha256 == before


def test_every_tensor_of_a_structure_is_replaced() -> None:
    one, two = torch.ones(2), torch.zeros(3)
    made = mapped(lambda each: each + 1, {"a": [one, (two, None)], "b": Pair(one, two), "c": 4})
    assert made["a"][0].tolist() == [2, 2]
    assert made["a"][1][0].tolist() == [1, 1, 1]
    assert made["a"][1][1] is None
    assert isinstance(made["b"], Pair)
    assert made["b"].right.tolist() == [1, 1, 1]
    assert made["c"] == 4
    assert isinstance(made["a"], list)
