"""Every sample by itself, whatever the batches were, and how a measurement is watched."""

from dataclasses import replace
from itertools import pairwise

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from explorer.evaluation import measure_batches, measure_samples, per_sample
from explorer.evaluation.per_sample import joined, score
from explorer.studies import Loss, Study
from explorer.studies.data.ragged import RaggedImages
from tests import learnable

RAGGED = 64  # 210 test images: three batches of 64 and one of 18


@pytest.fixture
def ragged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(per_sample, "BATCH_SIZE", RAGGED)


def test_each_sample_has_its_loss_and_its_rightness(study: Study, ragged: None) -> None:
    """As torch computes them in one batch, in the order of the split."""
    found = measure_samples(study, study.model())
    with torch.no_grad():
        outputs = study.model()(study.data.inputs("test", slice(None)))
    targets = study.data.targets("test", slice(None))
    assert len(found) == learnable.TEST
    assert found.losses.dtype == torch.float64
    assert found.losses.tolist() == pytest.approx(
        F.cross_entropy(outputs, targets, reduction="none").tolist(), rel=1e-4, abs=1e-6
    )
    assert found.metric is not None
    assert found.metric.tolist() == (outputs.argmax(1) == targets).double().tolist()
    assert found.mean_metric == found.metric.mean()


def test_rows_are_measured_in_their_order(study: Study, ragged: None) -> None:
    rows = torch.tensor([5, 3, 209, 3])
    found, whole = measure_samples(study, study.model(), rows=rows), measure_samples(study, study.model())
    assert found.losses.tolist() == pytest.approx(whole.losses[rows].tolist(), rel=1e-4, abs=1e-6)


def test_progress_ends_at_one_and_a_stop_is_asked_for_before_every_batch(study: Study, ragged: None) -> None:
    told: list[float] = []
    asked: list[int] = []
    measure_samples(study, study.model(), check=lambda: asked.append(len(told)), progress=told.append)
    assert told == [pytest.approx(done / 210) for done in (64, 128, 192, 210)]
    assert asked == [0, 1, 2, 3]
    assert all(before < after for before, after in pairwise(told))

    def stop() -> None:
        raise InterruptedError

    with pytest.raises(InterruptedError):
        measure_samples(study, study.model(), check=stop)


def test_outputs_found_elsewhere_are_worth_the_same(study: Study) -> None:
    """Replayed outputs are scored as those of a whole pass are."""
    network, batches = study.model(), list(study.data.batches("test", RAGGED))
    with torch.no_grad():
        parts = [score(network(inputs), targets, study.loss, study.metric) for inputs, targets in batches]
    whole, replayed = measure_batches(study, network, batches), joined(parts)
    assert torch.equal(replayed.losses, whole.losses)
    assert whole.metric is not None
    assert replayed.metric is not None
    assert torch.equal(replayed.metric, whole.metric)
    assert joined([replace(parts[0], metric=None), *parts[1:]]).metric is None


def test_without_classes_there_is_no_metric(study: Study) -> None:
    targets = torch.zeros(3, 3)
    assert score(torch.ones(3, 3), targets, Loss("mse"), study.metric).metric is None
    assert score(torch.ones(3, 3), targets, Loss("mse"), study.metric).losses.tolist() == [1.0, 1.0, 1.0]


def test_images_of_different_sizes_go_one_at_a_time(study: Study) -> None:
    draw = np.random.default_rng(0)
    sizes = ((8, 8, 1), (9, 7, 1), (8, 8, 1))
    images = {"test": [draw.integers(0, 255, size).astype(np.uint8) for size in sizes]}
    data = RaggedImages(images, {"test": [0, 1, 2]}, mean=(0.5,), std=(0.25,))
    found = measure_samples(replace(study, data=data), study.model())
    alone = [
        measure_samples(replace(study, data=data), study.model(), rows=torch.tensor([row]))
        for row in range(3)
    ]
    assert torch.equal(found.losses, torch.cat([each.losses for each in alone]))


def test_no_gradient_is_kept(study: Study) -> None:
    assert not measure_samples(study, study.model()).losses.requires_grad
