"""What a network is worth on a split, and the samples that choose the steps of its activations."""

import math
from dataclasses import replace

import pytest
import torch

from explorer import evaluation
from explorer.blocks import Block
from explorer.errors import StudyError
from explorer.evaluation import Evaluation, PerSample
from explorer.quantizers.simulated import simulate
from explorer.studies import Study
from explorer.studies.calibration import CALIBRATION_IMAGES, calibration_batches
from explorer.studies.metrics import Metric
from tests import learnable


def test_no_bits_are_the_plain_network(study: Study) -> None:
    assert evaluation.evaluate(study) == evaluation.measure(study.model(), study)
    assert evaluation.evaluate(study, split="train").samples == learnable.TRAIN


def test_layers_get_their_bits(study: Study, blocks: tuple[Block, ...]) -> None:
    bits = {blocks[0].layers[0].name: (2, 4)}
    network = simulate(study.model(), bits, calibration_batches(study))
    assert evaluation.evaluate(study, bits) == evaluation.measure(network, study)
    assert evaluation.evaluate(study, bits).loss > evaluation.evaluate(study).loss


def test_the_errors_are_those_of_means() -> None:
    """s/√N of the loss; of a share p the binomial √(p(1-p)/N)."""
    losses, right = torch.tensor([1.0, 2.0, 4.0, 5.0]).double(), torch.tensor([1.0, 0.0, 1.0, 1.0]).double()
    found = Evaluation.of(PerSample(losses, right), "test")
    assert (found.samples, found.loss, found.accuracy) == (4, 3.0, 0.75)
    assert found.loss_stderr == pytest.approx(math.sqrt(10 / 3 / 4))
    assert found.accuracy_stderr == pytest.approx(math.sqrt(0.75 * 0.25 / 4))
    one = Evaluation.of(PerSample(losses[:1], None), "test")
    assert (one.loss_stderr, one.accuracy, one.accuracy_stderr) == (math.inf, None, None)


def test_what_is_counted_is_the_studys_metric(study: Study) -> None:
    """Any value per sample, not only whether it is right."""
    confidence = Metric("confidence", lambda outputs, _: outputs.softmax(1).amax(1))
    found = evaluation.evaluate(replace(study, metric=confidence))
    with torch.no_grad():
        outputs = study.model()(study.data.inputs("test", slice(None)))
    assert found.accuracy == pytest.approx(outputs.softmax(1).amax(1).mean().item(), rel=1e-6)
    assert found.loss == evaluation.evaluate(study).loss


def test_a_split_that_is_not_there_is_named(study: Study) -> None:
    with pytest.raises(StudyError, match="no split 'validation'; use train or test"):
        evaluation.evaluate(study, split="validation")


def test_calibration_images_are_spread_over_the_training_split(study: Study) -> None:
    batches = calibration_batches(study)
    assert sum(len(batch) for batch in batches) == CALIBRATION_IMAGES
    rows = torch.arange(256) * learnable.TRAIN // 256
    assert torch.equal(torch.cat(batches), study.data.inputs("train", rows))
    assert rows[-1] >= learnable.TRAIN - 2
