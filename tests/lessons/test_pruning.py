"""Lesson 11: masks and thresholds in closed form, curvature against automatic differentiation, and training again."""

import json

import pytest
import torch
import torch.nn.functional as F

from explorer import studies
from explorer.errors import LessonError
from explorer.lessons import pruning
from explorer.lessons.common import draws, longs, perceptron
from explorer.watching import Stopped
from tests import learnable
from tests.watched import Watched


def test_which_weights_compete() -> None:
    scores = [torch.tensor([[9.0, 8.0], [7.0, 6.0]]), torch.tensor([[1.0, 5.0]])]
    assert [mask.tolist() for mask in pruning.masks(scores, 0.5)] == [[[1, 1], [1, 0]], [[0, 0]]]
    assert [mask.tolist() for mask in pruning.masks(scores, 0.5, "layer")] == [[[1, 1], [0, 0]], [[0, 1]]]
    neurons = pruning.masks(scores, 0.5, "neurons")
    assert [mask.tolist() for mask in neurons] == [[[1, 1], [0, 0]], [[1, 0]]], (
        "a neuron takes its outputs along"
    )
    assert pruning.threshold([-scores[0], scores[1]], 0.5) == 6
    with pytest.raises(LessonError, match="0 to 1"):
        pruning.masks(scores, 1.5)


def test_the_curvature_is_the_hessian_s_diagonal() -> None:
    """Of piecewise linear networks, layer by layer; within five standard errors of the probes."""
    source = draws.source(pruning.LESSON, 9)
    parameters = [each.double() for each in perceptron.drawn((4, 5, 3), source)]
    x = torch.randn(6, 4, dtype=torch.float64, generator=source)
    y = torch.tensor([0, 1, 2, 0, 1, 2])
    found = pruning.curvature(parameters, x.repeat(20_000, 1), probes=1)
    for n in range(2):

        def loss(weight: torch.Tensor, n: int = n) -> torch.Tensor:
            own = [weight if k == n else each for k, each in enumerate(parameters)]
            return F.cross_entropy(perceptron.logits(own, x), y)

        size = parameters[n].numel()
        hessian = torch.autograd.functional.hessian(loss, parameters[n]).reshape(size, size)
        torch.testing.assert_close(found[n].flatten(), hessian.diagonal(), rtol=0.05, atol=2e-3)


def test_rounds_and_the_penalty() -> None:
    assert pruning.steps_of(0.1, 3)[-1] == pytest.approx(0.1)
    assert [pruning.soft(w, 0.5) for w in (2.0, -0.7, 0.2)] == pytest.approx([1.5, -0.2, 0.0])


def test_a_network_is_pruned_in_every_way_and_goes_on_where_it_was(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    study = studies.load_network(learnable.write(tmp_path_factory.mktemp("pruning") / "learnable"))
    asked = longs.question("pruning:tuning", epochs=1, images=200, seeds=2, kept=0.1)
    watcher = Watched()
    found = longs.carry_out(study, asked, watcher).values
    assert json.loads(json.dumps(found)), "a run's record is JSON"
    assert [row[0] for row in found["rows"]] == list(pruning.WAYS)
    for way, kept, *_ in found["rows"]:
        assert kept == pytest.approx(0.1, abs=0.01 if way == "neurons" else 1e-3)
    assert watcher.fractions == sorted(watcher.fractions)
    assert longs.carry_out(study, asked, Watched(begun=watcher.states[0])).values == found
    with pytest.raises(Stopped):
        longs.carry_out(study, asked, Watched(stop=lambda asked: asked > 2))


def test_masked_weights_stay_zero_in_training() -> None:
    source = draws.source(pruning.LESSON, 8)
    start = perceptron.drawn((6, 5, 3), source)
    x, y = torch.randn(90, 6, generator=source), torch.arange(90) % 3
    mask = pruning.masks([w.abs() for w in start[:2]], 0.5)
    after = perceptron.fit(
        start, x, y, epochs=2, order=lambda epoch: draws.source(pruning.LESSON, 7, draw=epoch), masks=mask
    )
    for before, weight, kept in zip(start[:2], after[:2], mask, strict=True):
        assert not weight[kept == 0].any()
        assert (weight[kept == 1] != before[kept == 1]).any()
