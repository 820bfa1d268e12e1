r"""Lesson 7, second order: what curvature says of a change of the weights, and how it is measured.

At a trained network, where the gradient vanishes, a small change d of the weights raises the loss by

    L(w + d) - L(w)  =  1/2 d . H d  +  third order.

Deleting weight k is d = -w_k e_k, so its price is the saliency s_k = 1/2 H_kk w_k^2 (LeCun, Denker, Solla 1989,
"Optimal Brain Damage", eq. 5). HAWQ ranks blocks by their largest eigenvalue, HAWQ-V2 by their mean trace: Lemma 1,
d . H d = |d|^2 Tr(H)/n for a d with equal parts along all eigenvectors. The trace is estimated from products alone,
Tr(H) = E z . Hz (Hutchinson 1989), with the variance per draw

    Rademacher z: 2 (|H|_F^2 - sum_i H_ii^2)        Gaussian z: 2 |H|_F^2.

The last layer of a classifier is softmax regression on its inputs x (d,): with p the network's probabilities

    H = N^-1 sum_n (diag p_n - p_n p_n^T) kron x_n x_n^T,     Tr(H) = N^-1 sum_n (1 - |p_n|^2) |x_n|^2.
"""

from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np
import torch
from torch import Tensor, nn

from explorer.errors import LessonError
from explorer.estimates import mean
from explorer.evaluation import measure_samples
from explorer.lessons.common import draws, material
from explorer.lessons.common.longs import LongExperiment, Values
from explorer.randomness import spread_rows
from explorer.studies import Study
from explorer.watching import Watcher

Probe = Literal["rademacher", "gaussian"]
LESSON = 7
_BOWL, _PROBES, _POINTS, _SIGNS = range(4)  # what random draws are for
WEIGHTS = 60  # of the quadratic
HEAD_IMAGES = 384


@dataclass(frozen=True, eq=False)
class Quadratic:
    """L(w) = 1/2 (w - w*) . H (w - w*), at its minimum w*.

    Attributes:
        hessian: (n, n), symmetric, without negative eigenvalues.
        weights: w*, (n,).
    """

    hessian: np.ndarray
    weights: np.ndarray


def quadratic(decades: float, coupling: float, seed: int, n: int = WEIGHTS) -> Quadratic:
    """A quadratic whose curvatures H_kk spread over so many powers of ten, in random order.

    Args:
        coupling: |H_jk| / sqrt(H_jj H_kk) of every two weights, 0 for a diagonal Hessian; below 1.
    """
    source = draws.source(LESSON, _BOWL, seed)
    roots = np.sqrt(np.logspace(-decades, 0, n)[torch.randperm(n, generator=source).numpy()])
    signs = _signs((n,), source)
    shape = (1 - coupling) * np.eye(n) + coupling * np.outer(signs, signs)
    weights = torch.randn(n, generator=source, dtype=torch.float64).numpy()
    return Quadratic(roots[:, None] * shape * roots, weights)


@dataclass(frozen=True, eq=False)
class Deleting:
    """Weights deleted one after the other, in an order.

    Attributes:
        order: which, (n,).
        predicted: sum of the saliencies of the first k, (n + 1,); the first is 0.
        rise: of the loss when the first k are gone, (n + 1,).
    """

    order: np.ndarray
    predicted: np.ndarray
    rise: np.ndarray


def saliencies(curvatures: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """s_k = 1/2 H_kk w_k^2.

    >>> saliencies(np.array([100.0, 0.1]), np.array([0.1, 2.0])).round(3).tolist()
    [0.5, 0.2]
    """
    found: np.ndarray = 0.5 * curvatures * weights**2
    return found


def deleting(of: Quadratic, by: Literal["saliency", "magnitude"]) -> Deleting:
    """Delete the weights of a quadratic, the least first; the rise is exact."""
    prices = saliencies(np.diag(of.hessian), of.weights)
    order = np.argsort(prices if by == "saliency" else np.abs(of.weights))
    w, h = of.weights[order], of.hessian[np.ix_(order, order)]
    # The rise with the first k gone is half the sum of the k by k corner of w_i H_ij w_j.
    corners = np.cumsum(np.cumsum(w[:, None] * h * w, 0), 1).diagonal() / 2
    return Deleting(order, _from_zero(np.cumsum(prices[order])), _from_zero(corners))


@dataclass(frozen=True, eq=False)
class Head:
    """The last layer of a network on some training images.

    Attributes:
        inputs: x, (N, d) float64.
        weight, bias: (C, d) and (C,) float64.
        targets: (N,).
    """

    inputs: Tensor
    weight: Tensor
    bias: Tensor
    targets: Tensor

    def probabilities(self) -> Tensor:
        """p, (N, C)."""
        return (self.inputs @ self.weight.T + self.bias).softmax(1)

    def loss(self, weights: Tensor) -> Tensor:
        """Mean cross-entropy of several weights at once, (K, C, d) to (K,)."""
        outputs = torch.einsum("nd,kcd->knc", self.inputs, weights) + self.bias
        own = outputs.gather(2, self.targets.expand(len(weights), -1).unsqueeze(2)).squeeze(2)
        return (outputs.logsumexp(2) - own).mean(1)

    def curvatures(self) -> Tensor:
        """H_kk of every weight, (C, d): N^-1 sum_n p (1 - p) x^2."""
        p = self.probabilities()
        return (p * (1 - p)).T @ self.inputs.square() / len(p)

    def hessian(self) -> Tensor:
        """H over the weights, row by row, (C d, C d)."""
        p, x = self.probabilities(), self.inputs
        roots = p.sqrt().diag_embed() - p[:, :, None] * p.sqrt()[:, None, :]  # S, with S S^T = diag p - p p^T
        rows = torch.einsum("nac,nd->ncad", roots, x).reshape(-1, self.weight.numel())
        return rows.T @ rows / len(x)


@cache
def head(name: str = material.QUICK, count: int = HEAD_IMAGES) -> Head:
    """The last layer of a study's network, which is called ``linear``."""
    network, data = material.network(name), material.study(name).data
    layer = network.get_submodule("linear")
    assert isinstance(layer, nn.Linear)
    rows = spread_rows(data.size("train"), count)
    kept: list[Tensor] = []
    hook = layer.register_forward_pre_hook(lambda module, given: kept.append(given[0].detach()))
    try:
        with torch.no_grad():
            network(data.inputs("train", rows))
    finally:
        hook.remove()
    targets = data.targets("train", rows)
    return Head(kept[0].double(), layer.weight.detach().double(), layer.bias.detach().double(), targets)


def deleting_head(of: Head, by: Literal["saliency", "magnitude"]) -> Deleting:
    """Delete the weights of a last layer, the least first; the rise is that of its own mean loss."""
    w, h = of.weight.flatten().numpy(), of.curvatures().flatten().numpy()
    prices = saliencies(h, w)
    order = np.argsort(prices if by == "saliency" else np.abs(w))
    n = len(w)
    kept = np.ones((n + 1, n))
    for k in range(n):
        kept[k + 1 :, order[k]] = 0.0
    weights = torch.from_numpy(kept * w).view(n + 1, *of.weight.shape)
    losses = torch.cat([of.loss(each) for each in weights.split(16)]).numpy()
    return Deleting(order, _from_zero(np.cumsum(prices[order])), losses - losses[0])


@cache
def deleted_head(by: Literal["saliency", "magnitude"]) -> Deleting:
    """The same of the usual network, computed once."""
    return deleting_head(head(), by)


@dataclass(frozen=True, eq=False)
class Bowl:
    """A quadratic of two weights, 1/2 d . H d, and what a change of length r does in every direction.

    Attributes:
        eigenvalues: the larger curvature first as given, not sorted.
        angles: of the change, degrees, (D,).
        rises: of the loss, (D,).
        mean: over all directions: 1/2 r^2 Tr(H)/2, Lemma 1.
        equal: at equal parts along both eigenvectors; the same, by the lemma.
    """

    eigenvalues: tuple[float, float]
    turned: float
    angles: np.ndarray
    rises: np.ndarray
    mean: float
    equal: float


def bowl(first: float, second: float, turned: float = 0.0, radius: float = 1.0, points: int = 181) -> Bowl:
    """Curvatures ``first`` and ``second`` along two axes that are turned by so many degrees."""
    angles = np.linspace(0, 360, points)
    return Bowl(
        (first, second),
        turned,
        angles,
        rise(first, second, angles - turned, radius),
        0.5 * radius**2 * (first + second) / 2,
        float(rise(first, second, np.array(45.0), radius)),
    )


def rise(first: float, second: float, angle: np.ndarray, radius: float = 1.0) -> np.ndarray:
    """1/2 d . H d of a change of length ``radius`` at an angle (degrees) to the first eigenvector."""
    along = np.radians(angle)
    found: np.ndarray = 0.5 * radius**2 * (first * np.cos(along) ** 2 + second * np.sin(along) ** 2)
    return found


@dataclass(frozen=True, eq=False)
class Probing:
    """Hutchinson's estimate as it goes.

    Attributes:
        trace: the true one.
        values: z . Hz of every draw, (m,).
        deviation: standard deviation of one draw, from the formula.
    """

    trace: float
    values: np.ndarray
    deviation: float

    @property
    def running(self) -> np.ndarray:
        """Mean of the draws so far, (m,)."""
        found: np.ndarray = np.cumsum(self.values) / np.arange(1, len(self.values) + 1)
        return found

    @property
    def band(self) -> np.ndarray:
        """Standard error after as many draws, by the formula, (m,)."""
        found: np.ndarray = self.deviation / np.sqrt(np.arange(1, len(self.values) + 1))
        return found


def deviation(hessian: np.ndarray, kind: Probe) -> float:
    """Standard deviation of one z . Hz.

    >>> deviation(np.array([[3.0, 1.0], [1.0, 2.0]]), "rademacher")
    2.0
    """
    squares = float(np.square(hessian).sum())
    own = float(np.square(hessian.diagonal()).sum()) if kind == "rademacher" else 0.0
    return float(np.sqrt(2 * max(squares - own, 0.0)))


def probing(hessian: np.ndarray, kind: Probe, count: int, seed: int) -> Probing:
    """So many draws."""
    source = draws.source(LESSON, _PROBES, seed)
    size = (count, len(hessian))
    normal = torch.randn(size, generator=source, dtype=torch.float64).numpy() if kind == "gaussian" else None
    z = _signs(size, source) if normal is None else normal
    return Probing(
        float(np.trace(hessian)),
        np.einsum("mi,ij,mj->m", z, hessian, z, optimize=True),
        deviation(hessian, kind),
    )


@cache
def head_hessian() -> np.ndarray:
    """The Hessian of the usual network's last layer, (200, 200), exact over its images."""
    found: np.ndarray = head().hessian().numpy()
    return found


@dataclass(frozen=True, eq=False)
class Points:
    """Estimates of a trace from so many samples.

    Attributes:
        shares: share of the trace that the most curved samples carry, at ``parts`` of all samples, (S,).
        parts: share of the samples, ascending, (S,).
        uniform, weighted: estimates over the mean of all, drawn uniformly, and as the app draws, (repeats,).
        uniform_error, weighted_error: relative standard error of one such estimate.
    """

    parts: np.ndarray
    shares: np.ndarray
    uniform: np.ndarray
    weighted: np.ndarray
    uniform_error: float
    weighted_error: float


def points(traces: np.ndarray, count: int, seed: int, repeats: int = 400) -> Points:
    """Means of ``count`` of the samples' own traces, many times over.

    Drawn with probability q_n, a value t_n / (N q_n) is unbiased. The app's q_n is proportional to
    0.95 t^_n + 0.05 mean(t^), with a guess t^_n that takes a forward pass; here the guess is perfect, t^_n = t_n.

    Args:
        traces: t_n of every sample, (N,), not negative.

    Raises:
        LessonError: all are 0.
    """
    whole = traces.mean()
    if not whole > 0:
        raise LessonError("a trace of 0 has no relative error; give samples with some curvature")
    relative = traces / whole
    source = draws.source(LESSON, _POINTS, seed)
    uniform = relative[torch.randint(len(traces), (repeats, count), generator=source).numpy()].mean(1)
    q = (0.95 * relative + 0.05) / len(traces)
    drawn = np.minimum(
        np.searchsorted(np.cumsum(q), torch.rand(repeats, count, generator=source).numpy()), len(traces) - 1
    )
    corrected = relative / (len(traces) * q)
    ranked = np.sort(relative)[::-1]
    parts = np.arange(1, len(traces) + 1) / len(traces)
    thin = np.unique(np.geomspace(1, len(traces), 160).astype(int)) - 1
    return Points(
        parts[thin],
        (np.cumsum(ranked) / ranked.sum())[thin],
        uniform,
        corrected[drawn].mean(1),
        float(relative.std() / np.sqrt(count)),
        float(np.sqrt(((corrected - 1) ** 2 * q).sum() / count)),
    )


def ranks(values: np.ndarray) -> np.ndarray:
    """Place of every value from the largest, 1 first."""
    found: np.ndarray = np.argsort(np.argsort(-values)) + 1
    return found


def pruning(study: Study, watcher: Watcher, *, images: int, samples: int) -> Values:
    """Loss and accuracy of the whole network with its least weights deleted, by saliency and by magnitude.

    The curvatures are the diagonal of the Gauss-Newton matrix, H_kk = E (J^T S z)_k^2 with random signs z for every
    sample and S S^T the Hessian of the loss over the outputs; nothing is trained again afterwards.

    Args:
        images: test images measured.
        samples: training images that the curvature is a mean over.
    """
    network = study.model()
    names = [layer.parameter for block in study.blocks() for layer in block.layers]
    weights = [network.get_parameter(name).requires_grad_(True) for name in names]
    curvature = [torch.zeros_like(weight) for weight in weights]
    rows = spread_rows(study.data.size("train"), samples)
    for n, row in enumerate(rows.split(1)):
        watcher.check_stop()
        outputs = network(study.data.inputs("train", row))
        p = outputs.detach().softmax(1)
        signs = torch.from_numpy(_signs(tuple(p.shape), draws.source(LESSON, _SIGNS, draw=n))).to(p)
        v = p.sqrt() * signs - p * (p.sqrt() * signs).sum(1, keepdim=True)
        for total, own in zip(curvature, torch.autograd.grad((outputs * v).sum(), weights), strict=True):
            total += own.square() / samples
        watcher.report(0.4 * (n + 1) / samples, "curvature of every weight")
    originals = [weight.detach().clone() for weight in weights]
    scores = {
        "saliency": torch.cat(
            [(0.5 * h * w.square()).flatten() for h, w in zip(curvature, originals, strict=True)]
        ),
        "magnitude": torch.cat([w.abs().flatten() for w in originals]),
    }
    test = spread_rows(study.data.size("test"), images)
    whole = scores["saliency"]
    found = []
    asked = [(by, kept) for by in scores for kept in KEPT]
    for n, (by, kept) in enumerate(asked):
        watcher.check_stop()
        dropped = torch.argsort(scores[by])[: round((1 - kept) * len(whole))]
        mask = torch.ones_like(whole).index_fill_(0, dropped, 0.0)
        with torch.no_grad():
            parts = mask.split([w.numel() for w in originals])
            for weight, original, part in zip(weights, originals, parts, strict=True):
                weight.copy_(original * part.view_as(original))
        each = measure_samples(study, network, rows=test, check=watcher.check_stop)
        assert each.metric is not None
        loss, right = mean(each.losses), mean(each.metric)
        predicted = float(whole[dropped].sum())
        found.append([by, kept, predicted, loss.value, loss.stderr, right.value, right.stderr])
        watcher.report(0.4 + 0.6 * (n + 1) / len(asked), f"{1 - kept:.0%} deleted by {by}")
    columns = ["by", "kept", "predicted rise", "loss", "loss stderr", "accuracy", "accuracy stderr"]
    return {"columns": columns, "rows": found}


KEPT = (1.0, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4)
LONG = {"pruning": LongExperiment(pruning, {"images": (200, 2000), "samples": (64, 512)})}


def _signs(size: tuple[int, ...], source: torch.Generator) -> np.ndarray:
    """1 or -1, each with probability 1/2."""
    found: np.ndarray = torch.randint(2, size, generator=source).double().numpy() * 2 - 1
    return found


def _from_zero(values: np.ndarray) -> np.ndarray:
    return np.concatenate([[0.0], values])
