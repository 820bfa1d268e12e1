r"""The spectral density of the Hessian by stochastic Lanczos quadrature.

phi(t) = 1/n sum_i delta(t - lambda_i) for the n eigenvalues of one block's Hessian, or the whole network's. For a
probe z of random signs, E[z . f(H) z] = tr f(H), and m steps of Lanczos from z give the Gauss quadrature
z . f(H) z / n ~ sum_j w_j f(theta_j), theta the eigenvalues of the tridiagonal T and w the squares of the first
entries of its eigenvectors (Ubaru, Chen & Saad 2017, algorithm 1; for networks Ghorbani, Krishnan & Xiao 2019,
section 2.1; PyHessian, section III-C). With f a Gaussian of width sigma round t,

    phi(t) ~ 1/p sum_l sum_j w_j^(l) N(t; theta_j^(l), sigma^2),

the density blurred by sigma. It integrates to 1, and its first moment is Tr(H)/n as Hutchinson's estimator has it.
The band is the standard error over the p probes. It covers neither the choice of rows, of which there is one draw
(`hessian.hessian_rows`), nor the blur; and since one probe sees an eigenvalue by its weight, about 1/n, single large
eigenvalues are found by `eigenpairs`, not here.

Where a block's Hessian over these rows is a product of gradients and all its eigenvalues come from one dense
eigenproblem (`gram`), these take the place of the probes: every eigenvalue is a node of weight 1/n, and but for the
blur the density is exact on these rows. Where that matrix would be too large, its products come from the gradients.
"""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.blocks import Block
from explorer.curvature.estimators.choice import chunk_size
from explorer.curvature.operators.hessian import HessianOperator, block_index, hessian_rows
from explorer.curvature.operators.subject import Subject, prepare
from explorer.curvature.spectra.gathering import Gathering
from explorer.curvature.spectra.gram import LARGEST_DENSE, all_eigenvalues
from explorer.curvature.spectra.lanczos import Matvec, tridiagonal
from explorer.estimates import Estimate, mean, means
from explorer.questions import SpectrumQuestion, question_of
from explorer.randomness import Stream, generator
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Part, Watcher

POINTS = 1001

_REACH = 6  # widths beyond the outermost Ritz value


@dataclass(frozen=True)
class Quadrature:
    """Quadrature that one probe gives: nodes theta_j, weights w_j that add up to 1, and the seconds it took."""

    values: tuple[float, ...]
    weights: tuple[float, ...]
    seconds: float = 0.0

    @property
    def mean(self) -> float:
        """z . Hz / n, one value of Tr(H)/n."""
        return math.fsum(v * w for v, w in zip(self.values, self.weights, strict=True))


@dataclass(frozen=True)
class SpectralDensity:
    """The blurred density of the eigenvalues.

    Attributes:
        block: its name; None for the whole network.
        n: number of weights, and so of eigenvalues.
        grid: where the density is given, evenly spaced.
        density: phi(t), per unit of t; it integrates to 1.
        stderr: its standard error over the probes.
        sigma: width of the Gaussians.
        mean: first moment, Tr(H)/n.
        mean_stderr: its standard error over the probes.
        probes: the quadrature of each probe; where the density is exact, all eigenvalues.
        samples: rows that H is a mean over.
        products: products with H taken.
        method: ``gram`` where the density is exact, else ``lanczos``, as in records that do not say.
    """

    study: str
    block: str | None
    n: int
    grid: tuple[float, ...]
    density: tuple[float, ...]
    stderr: tuple[float, ...]
    sigma: float
    mean: float
    mean_stderr: float
    probes: tuple[Quadrature, ...]
    samples: int
    products: int
    seconds: float
    method: str = "lanczos"

    @property
    def exact(self) -> bool:
        """Whether every eigenvalue is known, so that nothing has an error over probes."""
        return self.method == "gram"

    @property
    def trace(self) -> float:
        """Tr(H)."""
        return self.mean * self.n

    @property
    def trace_stderr(self) -> float:
        """Standard error of ``trace`` over the probes."""
        return self.mean_stderr * self.n

    def share(self, low: float, high: float) -> Estimate:
        """Share of the eigenvalues in [low, high), from the nodes, with its standard error over the probes."""
        each = [
            math.fsum(w for v, w in zip(probe.values, probe.weights, strict=True) if low <= v < high)
            for probe in self.probes
        ]
        return Estimate(each[0], 0.0) if self.exact else mean(np.array(each))

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self) | {"trace": self.trace, "trace_stderr": self.trace_stderr}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "SpectralDensity":
        """Density from what `to_json` gives."""
        fields = {key: value for key, value in record.items() if key not in ("trace", "trace_stderr")}
        lists = {name: tuple(fields[name]) for name in ("grid", "density", "stderr")}
        return cls(**{**fields, **lists, "probes": quadratures(fields["probes"])})


def quadratures(records: Sequence[Mapping[str, Any]]) -> tuple[Quadrature, ...]:
    """Quadratures from plain data."""
    return tuple(Quadrature(tuple(r["values"]), tuple(r["weights"]), r["seconds"]) for r in records)


def spectral_density(
    study: Study,
    question: SpectrumQuestion | None = None,
    *,
    blocks: tuple[Block, ...] | None = None,
    rows: Tensor | None = None,
    dtype: torch.dtype = torch.float32,
    chunk: int | None = None,
    watcher: Watcher = UNWATCHED,
    **options: Any,
) -> SpectralDensity:
    """The density of the eigenvalues of one block's Hessian, or of the whole network's (None).

    Args:
        question: what is asked; or its options one by one, see `SpectrumQuestion`.
        blocks: the blocks, else those of the question's granularity.
        rows: rows of the training split that count as the data, else all.
        chunk: samples processed at once, else as many as fit comfortably.
        watcher: told a fraction after every product; keeps the probes so far, to go on after them. Every probe
            has a seed of its own, so the figures are those of one go.
        options: of the question.

    Raises:
        CurvatureError: there is no such block, an option is out of range, a value is not finite, or the loss does
            not depend on the block.
        Stopped: the watcher asked for it.
    """
    asked = question_of(SpectrumQuestion, question, options)
    subject = prepare(study, blocks=blocks, granularity=asked.granularity, rows=rows, dtype=dtype)
    drawn = hessian_rows(subject.size, asked.samples, asked.seed)
    index, own_chunk = block_index(subject, asked.block), chunk_size(subject, chunk)
    watch, started = watcher.check_stop, time.monotonic()
    wanted = () if index is None or asked.method == "lanczos" else (index,)
    gathering = Gathering(subject, drawn, chunk=own_chunk, watch=watch, only=wanted)
    if index is not None and gathering.group_of(index):
        exact = min(gathering.rows, gathering.shapes[index].weights) <= LARGEST_DENSE
        report = Part(watcher, 0.0, 0.5 if exact else 0.0).report
        gradients = gathering.gather([index], drawn, report)[index]
        if exact:
            found = [_of_all(all_eigenvalues(gradients), gradients.shape.weights, started)]
            watcher.report(1.0, "all eigenvalues")
            return _density(study, asked, found, len(drawn), 0, gradients.shape.weights, "gram")
        dim, product = gradients.shape.weights, gathering.product_with(index, gradients)
    else:
        shares = torch.full((len(drawn),), 1 / len(drawn), dtype=torch.float64)
        operator = HessianOperator(
            subject, block=index, positions=drawn, shares=shares, chunk=own_chunk, watch=watch
        )
        dim, product = operator.dim, operator.matvec
    found = _by_probes(subject, asked, dim, product, watcher)
    products = sum(len(quadrature.values) for quadrature in found)
    return _density(study, asked, found, len(drawn), products, dim, "lanczos")


def _by_probes(
    subject: Subject, asked: SpectrumQuestion, dim: int, product: Matvec, watcher: Watcher
) -> list[Quadrature]:
    """Quadratures of all probes; those that are known are not taken again."""
    steps, probes = asked.steps, asked.probes
    saved = watcher.restore()
    found = [] if saved is None else list(quadratures(saved.state["probes"]))
    taken = 0

    def matvec(v: Tensor) -> Tensor:
        nonlocal taken
        watcher.check_stop()
        made = product(v)
        done = len(found) * steps + taken % steps + 1
        taken += 1
        watcher.report(done / (steps * probes), f"probe {len(found) + 1} of {probes}")
        return made

    for probe in range(len(found), probes):
        source = generator(Stream.SPECTRUM_PROBES, asked.seed, probe)
        signs = torch.randint(0, 2, (dim,), generator=source) * 2 - 1
        started = time.monotonic()
        values, weights = _nodes(*tridiagonal(matvec, signs.to(subject.device, subject.dtype), steps))
        found.append(Quadrature(values, weights, time.monotonic() - started))
        watcher.save({}, {"probes": [asdict(quadrature) for quadrature in found]})
    return found


def _density(
    study: Study,
    asked: SpectrumQuestion,
    found: Sequence[Quadrature],
    samples: int,
    products: int,
    n: int,
    method: str,
) -> SpectralDensity:
    grid, sigma = _grid(found, asked.blur)
    each = torch.stack([_blurred(quadrature, grid, sigma) for quadrature in found])
    density, density_error = means(each)
    first_moment = mean(np.array([quadrature.mean for quadrature in found]))
    if method == "gram":
        density_error, first_moment = torch.zeros_like(density), Estimate(first_moment.value, 0.0)
    return SpectralDensity(
        study=study.name,
        block=asked.block,
        n=n,
        grid=tuple(grid.tolist()),
        density=tuple(density.tolist()),
        stderr=tuple(density_error.tolist()),
        sigma=sigma,
        mean=first_moment.value,
        mean_stderr=first_moment.stderr,
        probes=tuple(found),
        samples=samples,
        products=products,
        seconds=sum(quadrature.seconds for quadrature in found),
        method=method,
    )


def _of_all(values: Tensor, n: int, started: float) -> Quadrature:
    """Every eigenvalue of n by its weight 1/n, those that are 0 for want of rows as one node."""
    nodes, weights = values.tolist(), [1 / n] * len(values)
    if len(values) < n:
        nodes, weights = [*nodes, 0.0], [*weights, 1 - len(values) / n]
    return Quadrature(tuple(nodes), tuple(weights), time.monotonic() - started)


def _nodes(diagonal: Tensor, off: Tensor) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """theta_j and w_j of a tridiagonal matrix."""
    theta, Y = torch.linalg.eigh(torch.diag(diagonal) + torch.diag(off, 1) + torch.diag(off, -1))
    return tuple(theta.tolist()), tuple(Y[0].square().tolist())


def _grid(found: Sequence[Quadrature], blur: float) -> tuple[Tensor, float]:
    """An even grid past every Ritz value, and sigma; a spectrum of one number gets a width of its own."""
    low = min(min(quadrature.values) for quadrature in found)
    high = max(max(quadrature.values) for quadrature in found)
    sigma = max(blur * (high - low), 1e-3 * max(abs(low), abs(high)), 1e-12)
    reach = _REACH * sigma
    return torch.linspace(low - reach, high + reach, POINTS, dtype=torch.float64), sigma


def _blurred(quadrature: Quadrature, grid: Tensor, sigma: float) -> Tensor:
    theta = torch.tensor(quadrature.values, dtype=torch.float64)
    weights = torch.tensor(quadrature.weights, dtype=torch.float64)
    bells = torch.exp(-0.5 * ((grid[:, None] - theta) / sigma) ** 2) / (sigma * math.sqrt(2 * math.pi))
    return bells @ weights
