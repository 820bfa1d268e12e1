"""Lesson 7 against closed forms: a diagonal Hessian, softmax regression, Lemma 1, the variances of probes."""

from itertools import product

import numpy as np
import pytest
import torch

from explorer.errors import LessonError
from explorer.lessons import second_order
from explorer.lessons.second_order import Head, Quadratic


@pytest.mark.parametrize("by", ["saliency", "magnitude"])
def test_a_diagonal_hessian_is_predicted_exactly(by: str) -> None:
    found = second_order.deleting(second_order.quadratic(4, 0.0, 3), by)  # type: ignore[arg-type]
    assert found.predicted == pytest.approx(found.rise)


def test_a_coupled_hessian_is_not_and_its_rise_is_the_quadratic_s() -> None:
    of = second_order.quadratic(2, 0.7, 1, n=12)
    assert np.linalg.eigvalsh(of.hessian).min() > -1e-12
    found = second_order.deleting(of, "magnitude")
    for k in (1, 5, 12):
        d = np.zeros(12)
        d[found.order[:k]] = -of.weights[found.order[:k]]
        assert found.rise[k] == pytest.approx(0.5 * d @ of.hessian @ d)
    assert not np.allclose(found.rise, found.predicted)


def test_saliency_is_the_best_order_of_a_diagonal_hessian() -> None:
    """No other choice of k weights costs less."""
    of = Quadratic(np.diag([100.0, 0.1, 4.0, 1.0]), np.array([0.1, 2.0, -0.5, 3.0]))
    found = second_order.deleting(of, "saliency")
    prices = second_order.saliencies(np.diag(of.hessian), of.weights)
    for k in range(5):
        least = min(prices[list(gone)].sum() for gone in _choices(4, k))
        assert found.rise[k] == pytest.approx(least)


def _choices(n: int, k: int) -> list[tuple[int, ...]]:
    return [
        tuple(i for i, on in enumerate(each) if on) for each in product((0, 1), repeat=n) if sum(each) == k
    ]


@pytest.fixture(scope="module")
def small_head() -> Head:
    source = torch.Generator().manual_seed(0)
    x, w, b = (torch.randn(size, generator=source, dtype=torch.float64) for size in ((9, 4), (3, 4), (3,)))
    return Head(x, w, b, torch.arange(9) % 3)


def test_the_last_layer_s_hessian_is_autograd_s(small_head: Head) -> None:
    """And its diagonal, its trace by (1 - |p|^2) |x|^2, and its loss."""

    def loss(weight: torch.Tensor) -> torch.Tensor:
        outputs = small_head.inputs @ weight.view(3, 4).T + small_head.bias
        return torch.nn.functional.cross_entropy(outputs, small_head.targets)

    flat = small_head.weight.flatten()
    known = torch.autograd.functional.hessian(loss, flat)
    assert small_head.hessian().numpy() == pytest.approx(known.numpy(), abs=1e-12)
    assert small_head.curvatures().flatten().numpy() == pytest.approx(known.diagonal().numpy())
    p, x = small_head.probabilities(), small_head.inputs
    own = (1 - p.square().sum(1)) * x.square().sum(1)
    assert float(own.mean()) == pytest.approx(float(known.trace()))
    assert float(small_head.loss(small_head.weight[None])[0]) == pytest.approx(float(loss(flat)))


def test_deleting_of_a_last_layer_measures_the_loss(small_head: Head) -> None:
    found = second_order.deleting_head(small_head, "saliency")
    weight = small_head.weight.clone()
    weight.flatten()[found.order[:5].copy()] = 0.0
    before, after = small_head.loss(torch.stack([small_head.weight, weight])).tolist()
    assert found.rise[5] == pytest.approx(after - before)


@pytest.mark.parametrize("turned", [0.0, 35.0])
def test_lemma_1(turned: float) -> None:
    """Equal parts along the eigenvectors, and the mean over directions, cost half the mean trace."""
    found = second_order.bowl(200, 2, turned)
    assert found.mean == pytest.approx(101 / 2)
    assert found.equal == pytest.approx(found.mean)
    assert found.rises[:-1].mean() == pytest.approx(found.mean)


def test_variances_of_probes() -> None:
    """All signs of a matrix of three are counted; of normal numbers the formula is Isserlis's."""
    h = np.array([[3.0, 1.0, -0.5], [1.0, 2.0, 0.3], [-0.5, 0.3, 1.0]])
    values = [np.array(z) @ h @ np.array(z) for z in product((-1.0, 1.0), repeat=3)]
    assert np.mean(values) == pytest.approx(np.trace(h))
    assert np.std(values) == pytest.approx(second_order.deviation(h, "rademacher"))
    assert second_order.deviation(np.diag(h.diagonal()), "rademacher") == 0
    drawn = second_order.probing(h, "gaussian", 40_000, 0)
    assert drawn.values.std() == pytest.approx(second_order.deviation(h, "gaussian"), rel=0.05)
    assert abs(drawn.running[-1] - drawn.trace) < 4 * drawn.band[-1]


def test_means_of_a_few_samples_scatter_as_the_errors_say() -> None:
    """Drawn by their curvature they scatter less, and neither way is biased."""
    traces = np.concatenate([np.full(990, 0.01), np.full(10, 5.0)])
    found = second_order.points(traces, 200, 0, repeats=4000)
    for values, error in ((found.uniform, found.uniform_error), (found.weighted, found.weighted_error)):
        assert values.mean() == pytest.approx(1, abs=4 * error / 4000**0.5)
        assert values.std() == pytest.approx(error, rel=0.08)
    assert found.weighted_error < found.uniform_error / 5
    assert found.shares[-1] == pytest.approx(1)
    with pytest.raises(LessonError, match="trace of 0"):
        second_order.points(np.zeros(5), 2, 0)
