"""What a plan is worth: means over samples whatever the batches were, their standard errors, and its costs."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from explorer import qat
from explorer.blocks import Block
from explorer.errors import PlanError, StudyError
from explorer.evaluation import per_sample
from explorer.plans import BlockBits, Plan, evaluate_plan
from explorer.quantizers.simulated import simulate
from explorer.studies import ImageData, Loss, Study
from explorer.studies.calibration import calibration_batches
from tests import learnable

RAGGED = 64  # 210 test images: three batches of 64 and one of 18


@pytest.fixture
def mixed(study: Study, blocks: tuple[Block, ...]) -> Plan:
    bits = {
        block.name: BlockBits(w, a) for block, w, a in zip(blocks, (4, 2, 3, 8), (8, 4, 4, 6), strict=True)
    }
    return Plan(study.name, study.weights_sha256, bits)


def directly(network: torch.nn.Module, study: Study, split: str = "test") -> tuple[np.ndarray, np.ndarray]:
    """Loss and rightness of every sample, in one batch and without the project's loss."""
    with torch.no_grad():
        outputs = network(study.data.inputs(split, slice(None)))
    targets = study.data.targets(split, slice(None))
    return F.cross_entropy(outputs, targets, reduction="none").numpy(), (outputs.argmax(1) == targets).numpy()


def test_every_sample_weighs_the_same_in_ragged_batches(
    study: Study, blocks: tuple[Block, ...], mixed: Plan, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(per_sample, "BATCH_SIZE", RAGGED)
    found = evaluate_plan(study, mixed, blocks)
    calibration = calibration_batches(study)
    losses, right = directly(simulate(study.model(), mixed.layer_bits(blocks), calibration), study)
    assert found.samples == learnable.TEST
    assert found.loss == pytest.approx(losses.mean(), rel=1e-5)
    assert found.accuracy == right.mean()
    assert found.loss_stderr == pytest.approx(losses.std(ddof=1) / math.sqrt(len(losses)), rel=1e-5)
    p = right.mean()
    assert found.accuracy_stderr == pytest.approx(math.sqrt(p * (1 - p) / len(right)), rel=1e-12)
    by_batch = np.mean([losses[first : first + RAGGED].mean() for first in range(0, len(losses), RAGGED)])
    assert abs(found.loss - by_batch) > 1e-4, "these batches would show a mean of means"


@pytest.mark.parametrize("split", ["train", "test"])
def test_no_plan_is_the_plain_network(study: Study, blocks: tuple[Block, ...], split: str) -> None:
    found = evaluate_plan(study, None, blocks, split=split)
    losses, right = directly(study.model(), study, split)
    assert (found.split, found.samples) == (split, study.data.size(split))
    assert found.loss == pytest.approx(losses.mean(), rel=1e-5)
    assert found.accuracy == right.mean()
    assert found.compression == 1


def test_sizes_and_operations_are_the_plans(study: Study, blocks: tuple[Block, ...], mixed: Plan) -> None:
    found = evaluate_plan(study, mixed, blocks)
    weights = (12 * 9, 12 * 9, 12 * 16, 16 * 3)
    macs = (12 * 9 * 64, 12 * 9 * 64, 12 * 16 * 64, 48)
    assert found.size_bytes == sum(n * w for n, w in zip(weights, (4, 2, 3, 8), strict=True)) / 8
    assert found.fp32_bytes == 4 * sum(weights)
    assert found.bops == sum(m * w * a for m, w, a in zip(macs, (4, 2, 3, 8), (8, 4, 4, 6), strict=True))
    assert found.compression == found.fp32_bytes / found.size_bytes
    assert found.to_json()["compression"] == found.compression


def test_progress_ends_at_one_and_never_falls(
    study: Study, blocks: tuple[Block, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(per_sample, "BATCH_SIZE", RAGGED)
    told: list[float] = []
    evaluate_plan(study, None, blocks, progress=told.append)
    assert told == [pytest.approx(done / 210) for done in (64, 128, 192, 210)]


def test_targets_that_are_no_classes_have_a_loss_and_no_accuracy(
    study: Study, blocks: tuple[Block, ...]
) -> None:
    draw = np.random.default_rng(0)
    arrays: dict[str, Any] = learnable.arrays()
    for split, count in (("train", learnable.TRAIN), ("test", learnable.TEST)):
        arrays[f"{split}_labels"] = draw.normal(size=(count, 3)).astype(np.float32)
    regression = replace(study, data=ImageData(arrays, mean=(0.5,), std=(0.25,)), loss=Loss("mse"))
    found = evaluate_plan(regression, None, blocks)
    assert (found.accuracy, found.accuracy_stderr) == (None, None)
    assert math.isfinite(found.loss)
    trained = qat.finetune(
        regression, Plan.uniform(regression, blocks, 4, 8), blocks, batch_size=64, learning_rate=0.001
    )
    assert trained.after.accuracy is None
    assert trained.after.loss < trained.before.loss


def test_what_does_not_fit_is_refused_in_a_sentence(study: Study, blocks: tuple[Block, ...]) -> None:
    with pytest.raises(StudyError, match="no split 'validation'; use train or test"):
        evaluate_plan(study, None, blocks, split="validation")
    with pytest.raises(PlanError, match="has blocks that learnable does not have"):
        evaluate_plan(study, Plan("learnable", study.weights_sha256, {"x": BlockBits(4, 4)}), blocks)


def test_the_studys_network_stays_pristine(study: Study, blocks: tuple[Block, ...], mixed: Plan) -> None:
    before = {name: value.clone() for name, value in study.network.state_dict().items()}
    evaluate_plan(study, mixed, blocks)
    assert all(torch.equal(value, before[name]) for name, value in study.network.state_dict().items())
