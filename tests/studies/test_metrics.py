"""Metrics of a study against their definitions."""

import torch

from explorer.studies.metrics import ACCURACY, Metric

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
