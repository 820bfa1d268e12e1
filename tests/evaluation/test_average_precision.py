"""Mean average precision: against COCO's own evaluation, and its error and differences over pictures."""

from collections.abc import Iterator

import numpy as np
import pytest
import torch
from torch import Tensor

from explorer import detections
from explorer.errors import StudyError
from explorer.evaluation.counting import apart, counted, in_a_row, side_by_side
from explorer.studies.metrics import METRICS

COCO = (0.192940962113, 0.495030181069)  # of pycocotools 2.0.11 on `pictures`: mAP and AP50


def pictures() -> Iterator[tuple[Tensor, ...]]:
    """Thirty pictures: boxes, scores and labels of detections, true boxes and labels; ties of scores among them."""
    rng = np.random.RandomState(3)
    for _ in range(30):
        corner = rng.randint(0, 60, (rng.randint(0, 6), 2))
        true = np.hstack([corner, corner + rng.randint(10, 40, corner.shape)])
        labels = rng.randint(0, 4, len(true))
        chosen = rng.randint(0, max(len(true), 1), rng.randint(0, 12) if len(true) else 0)
        guessed = true[chosen] + rng.randint(-4, 5, (len(chosen), 4))
        named = np.where(rng.rand(len(chosen)) < 0.15, rng.randint(0, 5, len(chosen)), labels[chosen])
        scores = rng.randint(1, 50, len(chosen)) / 50
        yield tuple(map(torch.from_numpy, (guessed, scores, named, true, labels)))


@pytest.fixture(scope="module")
def records() -> Tensor:
    return detections.joined([detections.record(*each)[None] for each in pictures()])


def test_it_is_cocos(records: Tensor) -> None:
    """The number that people compare is the one of COCO's evaluation, to the last digit."""
    found = [counted(each).value for each in (records, detections.at_lowest(records))]
    assert found == pytest.approx(COCO, abs=1e-10)


def test_the_error_is_the_bootstraps(records: Tensor) -> None:
    """Redrawn by hand, picture by picture, the values scatter as the error says."""
    rng = np.random.default_rng(0)
    drawn = [
        detections._precisions(
            records[torch.from_numpy(rng.integers(len(records), size=len(records)))],
            torch.ones(1, len(records), dtype=torch.float64),
        ).item()
        for _ in range(200)
    ]
    assert counted(records).stderr == pytest.approx(np.std(drawn, ddof=1), rel=0.2)


def test_a_difference_is_paired(records: Tensor) -> None:
    """What makes a picture hard for both networks is no part of the error of their difference."""
    same = apart(records, records)
    assert same == (0, 0)
    worse = records.clone()
    worse[0, :, 2] = torch.where(worse[0, :, 1].isinf(), worse[0, :, 2], 0)
    found = apart(records, worse)
    assert found.value == pytest.approx(counted(records).value - counted(worse).value)
    assert 0 < found.stderr < counted(records).stderr / 2


def test_parts_of_other_lengths_are_filled_up(records: Tensor) -> None:
    """How many entries the other pictures of a batch have changes nothing."""
    parts = [records[:7, :20], detections.filled(records[7:], records.shape[1] + 5)]
    assert counted(in_a_row(parts)) == counted(records)
    both = side_by_side([records, detections.filled(records, records.shape[1] + 3)])
    assert both.shape == (2, 30, records.shape[1] + 3, 3)
    assert counted(both[0]) == counted(records)


def test_one_picture_says_nothing_of_the_error(records: Tensor) -> None:
    """One value alone has no scatter."""
    assert counted(records[4:5]).stderr == float("inf")


def test_without_boxes_there_is_no_precision() -> None:
    """Rather than a number that means nothing, a sentence."""
    with pytest.raises(StudyError, match="no true box is there"):
        counted(torch.zeros(3, 0, 3))


def test_a_perfect_detector_finds_all_once() -> None:
    """Of places that say the same box the most probable is kept; an mAP of 1 is reached."""
    boxes = torch.tensor([[0.0, 0, 10, 20], [30, 30, 50, 60]])
    outputs = torch.full((1, 4, 7), -9.0)
    outputs[0, :, :4] = torch.cat([boxes, boxes + 1])
    outputs[0, [0, 1, 2, 3], [4, 6, 4, 6]] = torch.tensor([3.0, 2, 1, 0])
    targets = [{"boxes": boxes, "labels": torch.tensor([0, 2])}]
    values = METRICS["map"].per_sample(outputs, targets)
    assert values is not None
    assert (~values[..., 1].isinf()).sum() == 2
    assert counted(values).value == 1


@pytest.mark.parametrize("name", ["map", "ap50"])
def test_what_it_needs(name: str) -> None:
    """Other outputs and targets have none; a label without an output is named."""
    metric = METRICS[name]
    targets = [{"boxes": torch.tensor([[0.0, 0, 1, 1]]), "labels": torch.tensor([3])}]
    assert metric.per_sample(torch.zeros(1, 7), targets) is None
    assert metric.per_sample(torch.zeros(1, 2, 7), torch.zeros(1)) is None
    with pytest.raises(StudyError, match="a box has the label 3 and the network has outputs for 3 classes"):
        metric.per_sample(torch.zeros(1, 2, 7), targets)
