"""The detector: its scenes, its loss, the batches it is trained on, and that the shipped one finds clothes."""

import math

import torch

from explorer import studies
from explorer.evaluation import measure_samples
from explorer.evaluation.counting import counted
from explorer.studies.networks.detecting import (
    ALPHA,
    anchors,
    assigned,
    detection_loss,
    fashion_detector,
)
from explorer.studies.shipped import detecting, scenes


def test_a_scene_is_decided_by_split_and_number() -> None:
    """Asked for again, alone or in another order, a scene is the same; boxes are around something, within it."""
    for number in range(20):
        picture, target = scenes.scene("train", number)
        again, same = scenes.scene("train", number)
        assert torch.equal(picture, again)
        assert all(torch.equal(target[key], same[key]) for key in target)
        height, width = picture.shape[1:]
        assert {height, width} <= set(scenes.EDGES)
        assert target["size"].tolist() == [height, width]
        assert 1 <= len(target["boxes"]) == len(target["labels"]) <= scenes.MOST
        left, top, right, bottom = target["boxes"].unbind(1)
        assert ((left >= 0) & (top >= 0) & (right <= width) & (bottom <= height)).all()
        assert ((right > left) & (bottom > top)).all()
    assert not torch.equal(scenes.scene("train", 0)[1]["boxes"], scenes.scene("train", 1)[1]["boxes"])


def test_every_box_has_a_place_that_stands_for_it() -> None:
    """Otherwise the loss would not ask for it to be found."""
    for number in range(100):
        target = scenes.scene("train", number)[1]
        own = assigned(target["boxes"], anchors(*target["size"].tolist()))
        assert set(own.tolist()) - {-1} == set(range(len(target["boxes"])))


def test_the_loss_is_the_focal_loss_and_the_boxes() -> None:
    """By hand, where every logit is 0 and every box of a positive place is right but for one edge."""
    target = {
        "boxes": torch.tensor([[20.0, 20, 44, 44]]),
        "labels": torch.tensor([1]),
        "size": torch.tensor([64, 64]),
    }
    places = anchors(64, 64)
    positive = assigned(target["boxes"], places) >= 0
    outputs = torch.zeros(1, len(places), 4 + 2)
    outputs[0, positive, :4] = target["boxes"]
    found = int(positive.sum())
    focal = 0.25 * math.log(2) * (found * ALPHA + (2 * len(places) - found) * (1 - ALPHA))
    alone = detection_loss(outputs, [target])
    assert torch.allclose(alone, torch.tensor([focal / found]), rtol=1e-5)
    outputs[0, positive, 0] += 8  # a quarter of an anchor of 32 pixels, beyond beta
    more = detection_loss(outputs, [target]) - alone
    assert torch.allclose(more, torch.tensor([0.25 - 1 / 18]), rtol=1e-3)


def test_a_scene_without_boxes_has_a_loss() -> None:
    """Nothing is there to be found, and nothing is divided by zero."""
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0).long(), "size": torch.tensor([64, 80])}
    outputs = fashion_detector().eval()(torch.zeros(1, 1, 64, 80))
    assert outputs.shape == (1, 80 + 20, 14)
    assert detection_loss(outputs, [empty]).isfinite().all()


def test_batches_are_of_one_size_and_have_every_sample_once() -> None:
    sizes = [(1, 64, 64), (1, 80, 64)] * 20 + [(1, 96, 96)]
    found = detecting.batches(sizes, torch.Generator().manual_seed(0))
    assert sorted(number for batch in found for number in batch) == list(range(41))
    assert all(len({sizes[number] for number in batch}) == 1 for batch in found)


def test_the_shipped_network_finds_clothes() -> None:
    """On the first scenes, as its card says of all within what chance leaves."""
    study = studies.load_network(detecting.NAME)
    assert (study.noun.many, study.metric.name) == ("scenes", "mAP")
    found = measure_samples(study, study.model(), rows=torch.arange(60))
    assert found.metric is not None
    value, error = counted(found.metric)
    assert 0.45 < value < 0.65
    assert 0.01 < error < 0.06
