"""Losses per sample against their definitions, and their mean against torch's."""

import math

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.errors import StudyError
from explorer.studies.losses import Loss

OUTPUTS = torch.tensor([[2.0, -1.0, 0.5], [0.0, 0.0, 0.0], [-3.0, 4.0, 1.0], [1.0, 1.5, -2.0]])
TARGETS = torch.tensor([0, 2, 1, 2])


def log_softmax(row: list[float], target: int) -> float:
    return row[target] - math.log(sum(math.exp(value) for value in row))


def test_cross_entropy_is_minus_the_log_probability_of_the_label() -> None:
    by_hand = [-log_softmax(row, t) for row, t in zip(OUTPUTS.tolist(), TARGETS.tolist(), strict=True)]
    assert Loss("cross_entropy").per_sample(OUTPUTS, TARGETS).tolist() == pytest.approx(by_hand, abs=1e-6)
    assert Loss("cross_entropy")(OUTPUTS, TARGETS).item() == pytest.approx(
        F.cross_entropy(OUTPUTS, TARGETS).item()
    )


def test_label_smoothing_mixes_in_the_mean_over_classes() -> None:
    loss = Loss("cross_entropy", label_smoothing=0.3)
    rows = zip(OUTPUTS.tolist(), TARGETS.tolist(), strict=True)
    by_hand = [
        -0.7 * log_softmax(row, t) - 0.1 * sum(log_softmax(row, c) for c in range(3)) for row, t in rows
    ]
    assert loss.per_sample(OUTPUTS, TARGETS).tolist() == pytest.approx(by_hand, abs=1e-6)
    assert loss(OUTPUTS, TARGETS).item() == pytest.approx(
        F.cross_entropy(OUTPUTS, TARGETS, label_smoothing=0.3).item()
    )


def test_class_weights_scale_a_sample_and_the_mean_counts_samples() -> None:
    """torch divides by the sum of the weights, which would make the mean depend on the batches."""
    weighted, plain = Loss("cross_entropy", class_weights=(1.0, 2.0, 4.0)), Loss("cross_entropy")
    expected = plain.per_sample(OUTPUTS, TARGETS) * torch.tensor([1.0, 4.0, 2.0, 4.0])
    assert torch.allclose(weighted.per_sample(OUTPUTS, TARGETS), expected)
    assert torch.allclose(weighted(OUTPUTS, TARGETS), expected.mean())


def test_mse_compares_with_one_hot_rows() -> None:
    first = ((2.0 - 1) ** 2 + 1.0 + 0.25) / 3
    loss = Loss("mse")
    assert loss.per_sample(OUTPUTS, TARGETS)[0].item() == pytest.approx(first)
    assert loss(OUTPUTS, TARGETS).item() == pytest.approx(
        F.mse_loss(OUTPUTS, F.one_hot(TARGETS, 3).float()).item()
    )


@pytest.mark.parametrize("shape", [(4, 1), (4,)])
def test_one_output_a_sample_takes_numbers_as_they_are(shape: tuple[int, ...]) -> None:
    outputs, targets = torch.tensor([0.5, 2.0, -1.0, 0.0]).view(shape), torch.tensor([1.0, 0.0, 1.0, 1.0])
    mse = Loss("mse").per_sample(outputs, targets)
    assert mse.tolist() == pytest.approx([0.25, 4.0, 4.0, 1.0])
    bce = Loss("bce_with_logits").per_sample(outputs, targets.long())
    by_hand = [
        math.log1p(math.exp(-o if t else o)) for o, t in zip([0.5, 2.0, -1.0, 0.0], [1, 0, 1, 1], strict=True)
    ]
    assert bce.tolist() == pytest.approx(by_hand, abs=1e-6)


def test_bce_over_several_outputs_is_torchs() -> None:
    one_hot = F.one_hot(TARGETS, 3).float()
    expected = F.binary_cross_entropy_with_logits(OUTPUTS, one_hot)
    assert Loss("bce_with_logits")(OUTPUTS, TARGETS).item() == pytest.approx(expected.item())
    assert Loss("bce_with_logits")(OUTPUTS, one_hot).item() == pytest.approx(expected.item())


@pytest.mark.parametrize("kind", ["cross_entropy", "mse", "bce_with_logits"])
def test_ragged_batches_weighed_by_samples_give_the_mean(kind: str) -> None:
    loss = Loss(kind, class_weights=(1.0, 2.0, 4.0))
    parts = [loss(OUTPUTS[rows], TARGETS[rows]) * len(TARGETS[rows]) for rows in (slice(0, 3), slice(3, 4))]
    assert torch.allclose(sum(parts, torch.zeros(())) / 4, loss(OUTPUTS, TARGETS))


def averaged(outputs: Tensor, targets: Tensor) -> Tensor:
    return F.cross_entropy(outputs, targets)


def number(outputs: Tensor, targets: Tensor) -> float:
    return 1.0


@pytest.mark.parametrize(("function", "given"), [(averaged, r"shape \(\)"), (number, "float")])
def test_a_factory_must_give_one_value_a_sample(function: object, given: str) -> None:
    loss = Loss("net.py:loss", function=function)  # type: ignore[arg-type]
    with pytest.raises(StudyError, match=f"gives {given} for 4 samples; return one value a sample"):
        loss.per_sample(OUTPUTS, TARGETS)


def test_descriptions_tell_losses_apart() -> None:
    losses = (
        Loss("cross_entropy"),
        Loss("mse"),
        Loss("cross_entropy", label_smoothing=0.1),
        Loss("cross_entropy", class_weights=(1.0, 2.0)),
    )
    assert len({loss.description for loss in losses}) == 4


def test_a_sequence_is_worth_the_mean_over_its_tokens_that_count() -> None:
    """Each sequence by itself, as PyTorch's cross-entropy of its tokens alone; one without any counts nothing."""
    draw = torch.Generator().manual_seed(0)
    outputs = torch.randn(3, 4, 5, generator=draw)
    targets = torch.tensor([[0, 1, 2, 3], [4, -100, 0, -100], [-100] * 4])
    for smoothing in (0.0, 0.2):
        found = Loss("token_cross_entropy", label_smoothing=smoothing).per_sample(outputs, targets)
        expected = [
            F.cross_entropy(x, y, label_smoothing=smoothing).item()
            for x, y in zip(outputs[:2], targets[:2], strict=True)
        ]
        assert found.tolist() == pytest.approx([*expected, 0])


@pytest.mark.parametrize(("kind", "shape"), [("cross_entropy", (2, 3)), ("token_cross_entropy", (1, 2, 3))])
def test_a_class_beyond_the_outputs_is_named(kind: str, shape: tuple[int, ...]) -> None:
    with pytest.raises(StudyError, match="a target is the class 3 and the network has outputs for 3 classes"):
        Loss(kind).per_sample(torch.zeros(shape), torch.tensor([0, 3]).view(shape[:-1]))
