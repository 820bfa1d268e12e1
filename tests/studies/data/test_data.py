"""Images come out normalised, in order, and nothing is lost in a smaller last batch."""

from typing import Any

import numpy as np
import pytest
import torch

from explorer.errors import StudyError
from explorer.studies.data.images import ImageData

MEAN, STD = (0.5, 0.4, 0.3), (0.2, 0.25, 0.5)


@pytest.fixture
def arrays() -> dict[str, Any]:
    draw = np.random.default_rng(1)
    return {
        "train_images": draw.integers(0, 256, (7, 4, 5, 3), dtype=np.uint8),
        "train_labels": np.array([0, 1, 2, 3, 0, 1, 2], dtype=np.uint8),
        "test_images": draw.integers(0, 256, (3, 4, 5, 3), dtype=np.uint8),
        "test_labels": np.array([2, 1, 0], dtype=np.uint8),
    }


def test_inputs_are_normalised_by_channel(arrays: dict[str, Any]) -> None:
    data = ImageData(arrays, mean=MEAN, std=STD)
    x = data.inputs("train", slice(None))
    assert (x.shape, x.dtype) == ((7, 3, 4, 5), torch.float32)
    for n, c, h, w in ((0, 0, 0, 0), (6, 2, 3, 4), (3, 1, 2, 0)):
        by_hand = (arrays["train_images"][n, h, w, c] / 255 - MEAN[c]) / STD[c]
        assert x[n, c, h, w].item() == pytest.approx(by_hand, abs=1e-6)


def test_ragged_batches_cover_every_sample_once(arrays: dict[str, Any]) -> None:
    data = ImageData(arrays, mean=MEAN, std=STD)
    batches = list(data.batches("train", 3))
    assert [len(targets) for _, targets in batches] == [3, 3, 1]
    assert torch.equal(torch.cat([inputs for inputs, _ in batches]), data.inputs("train", slice(None)))
    assert torch.cat([targets for _, targets in batches]).tolist() == arrays["train_labels"].tolist()


def test_batches_follow_the_rows_asked_for(arrays: dict[str, Any]) -> None:
    data = ImageData(arrays, mean=MEAN, std=STD)
    rows = torch.tensor([5, 0, 3])
    (inputs, targets), (last, _) = data.batches("train", 2, rows)
    assert torch.equal(torch.cat([inputs, last]), data.inputs("train", rows))
    assert targets.tolist() == [1, 0]
    assert targets.dtype == torch.int64
    assert np.array_equal(data.images("train", rows), arrays["train_images"][[5, 0, 3]])


def test_reading_inputs_leaves_the_images_alone(arrays: dict[str, Any]) -> None:
    before = arrays["test_images"].copy()
    ImageData(arrays, mean=MEAN, std=STD).inputs("test", slice(None)).zero_()
    assert np.array_equal(arrays["test_images"], before)


def test_the_identity_follows_arrays_and_the_preprocessing_the_normalisation(arrays: dict[str, Any]) -> None:
    same, preprocessing = ImageData(arrays, mean=MEAN, std=STD).sha256, f"mean {MEAN} std {STD}"
    assert ImageData(dict(arrays), mean=MEAN, std=STD).sha256 == same
    other = ImageData(arrays, mean=MEAN, std=(0.2, 0.25, 0.51))
    assert (other.sha256, ImageData(arrays, mean=MEAN, std=STD).preprocessing) == (same, preprocessing)
    assert other.preprocessing != preprocessing
    changed = arrays["test_images"].copy()
    changed[0, 0, 0, 0] ^= 1
    assert ImageData({**arrays, "test_images": changed}, mean=MEAN, std=STD).sha256 != same


def test_an_unknown_split_is_named(arrays: dict[str, Any]) -> None:
    with pytest.raises(StudyError, match="no split 'validation'; use train or test"):
        ImageData(arrays, mean=MEAN, std=STD).size("validation")


def test_targets_that_are_no_classes_stay_numbers(arrays: dict[str, Any]) -> None:
    """Regression targets are far above any class number, and name no classes."""
    arrays["train_labels"], arrays["test_labels"] = (
        np.linspace(0, 1e6, 7),
        np.array([[1.0], [2.0], [3.0]])[:, 0],
    )
    data = ImageData(arrays, mean=MEAN, std=STD)
    assert data.targets("train", slice(None)).dtype == torch.float32
    assert data.classes == ()
