"""Metrics of a study against their definitions."""

import pytest
import torch

from explorer.estimates import mean
from explorer.studies.losses import Loss
from explorer.studies.metrics import ACCURACY, METRICS, Metric, figures

OUTPUTS = torch.tensor([[2.0, 0.5, -1.0], [0.1, 0.2, 0.3], [-0.4, 1.2, 0.0], [3.0, -2.0, 0.5]])
TARGETS = torch.tensor([0, 1, 1, 2])


def test_right_is_the_largest_output() -> None:
    right = ACCURACY.per_sample(OUTPUTS, TARGETS)
    assert right is not None
    assert right.tolist() == [True, False, True, False]


def test_where_there_are_no_classes_there_is_no_accuracy() -> None:
    """Not of a regression, of one output, or of outputs that are no tensor."""
    assert ACCURACY.per_sample(OUTPUTS[:, :1], TARGETS.float()) is None
    assert ACCURACY.per_sample(OUTPUTS[:, :1], TARGETS) is None
    assert ACCURACY.per_sample({"logits": OUTPUTS}, TARGETS) is None


def test_a_metric_knows_which_way_is_better() -> None:
    error = Metric("error", lambda outputs, targets: outputs.argmax(1) != targets, higher_is_better=False)
    assert ACCURACY.better(0.9, 0.8)
    assert error.better(0.1, 0.2)
    assert not error.better(0.2, 0.1)


def test_among_five_is_wider_than_right() -> None:
    outputs = torch.eye(7)[[0, 1, 2]] + torch.arange(7) * 0.01
    found = METRICS["top5"].per_sample(outputs, torch.tensor([0, 0, 6]))
    assert found is not None
    assert found.tolist() == [True, False, True], (
        "of 7 classes the lowest two are beyond, but for the largest output"
    )


def test_tokens_that_do_not_count_are_left_out() -> None:
    outputs = torch.nn.functional.one_hot(torch.tensor([[0, 1, 2], [1, 1, 1]]), 3).float()
    found = METRICS["token-accuracy"].per_sample(outputs, torch.tensor([[0, 1, 0], [1, -100, -100]]))
    assert found is not None
    assert found.tolist() == [2 / 3, 1]


def test_places_among_candidates() -> None:
    """The positive candidate is first, third, and eleventh of twelve; of equal scores it is the last."""
    scores = torch.arange(12.0).repeat(4, 1)
    scores[3] = 0
    targets = torch.zeros(4, 12)
    for row, place in enumerate((11, 9, 1, 5)):
        targets[row, place] = 1
    hits, gains = (METRICS[name].per_sample(scores, targets) for name in ("hr10", "ndcg10"))
    assert hits is not None
    assert gains is not None
    assert hits.tolist() == [True, True, False, False]
    assert gains.tolist() == [1, 0.5, 0, 0]


def test_figures_of_all_samples_have_the_errors_of_resampling() -> None:
    """The delta method against the bootstrap, on the function of the mean that each of them is."""
    draw = torch.Generator().manual_seed(0)
    losses = torch.rand(400, generator=draw, dtype=torch.float64) * 2
    again = losses[torch.randint(400, (2000, 400), generator=draw)].mean(1)
    for kind, name, function in (
        ("token_cross_entropy", "perplexity", torch.exp),
        ("mse", "rmse", torch.sqrt),
    ):
        (found,) = figures(Loss(kind), mean(losses)).items()
        assert found[0] == name
        assert found[1].value == pytest.approx(float(function(losses.mean())))
        assert found[1].stderr == pytest.approx(float(function(again).std()), rel=0.1)
    assert figures(Loss("cross_entropy"), mean(losses)) == {}
