"""Lesson 13, structured matrices: Monarch, its projection, the butterfly inside it, Pixelfly's mask, a network of it.

Dao et al., "Monarch: Expressive Structured Matrices for Efficient and Accurate Training", 2022: with n = m²,

    M = P L Pᵀ R      (definition 3.1)

L and R block-diagonal with m blocks of m × m, and P = Pᵀ the permutation that transposes a vector written as an
m × m matrix. By its entries, row (l, j) and column (k, i): M = L_j[l, k] R_k[j, i]. So the m × m slice of fixed (j, k)
has rank 1, and the nearest Monarch matrix has in every slice the best matrix of rank 1 (theorem 1).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache, partial
from math import isqrt

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from explorer.errors import LessonError
from explorer.lessons.common import draws, material, perceptron
from explorer.lessons.common.longs import LongExperiment, Values
from explorer.studies import Study
from explorer.watching import Part, Watcher

LESSON = 13
_MATRIX, _VECTOR, _BUTTERFLY, _START, _ORDER, _TUNING, _TIMED = range(7)  # what draws are for


def side(n: int) -> int:
    """m with n = m².

    Raises:
        LessonError: n is no square.
    """
    m = isqrt(n)
    if m * m != n or n < 4:
        raise LessonError(f"a Monarch matrix has a square number of rows, such as 64; {n} is none")
    return m


def permutation(m: int) -> Tensor:
    """P, (m², m²): it writes a vector as an m × m matrix, row by row, transposes it and reads it row by row."""
    return torch.eye(m * m, dtype=torch.float64)[torch.arange(m * m).view(m, m).T.flatten()]


def monarch(left: Tensor, right: Tensor) -> Tensor:
    """The dense matrix (n, n) of blocks L_j and R_k, both (m, m, m)."""
    m = len(left)
    return torch.einsum("jlk,kji->ljki", left, right).reshape(m * m, m * m)


def drawn_blocks(m: int) -> tuple[Tensor, Tensor, Tensor]:
    """Blocks L and R, (m, m, m) each, and a vector (m²,), of normal numbers."""
    source = draws.source(LESSON, _VECTOR, m)
    left, right = torch.randn(2, m, m, m, dtype=torch.float64, generator=source)
    return left, right, torch.randn(m * m, dtype=torch.float64, generator=source)


def counted(n: int) -> Tensor:
    """The vector 1, 2, ... n."""
    return torch.arange(1, n + 1, dtype=torch.float64)


def nearest_distance(values: Sequence[Sequence[float]]) -> float:
    """‖A − M‖_F of a matrix whose first slice is given and whose others are 0, and the nearest Monarch matrix."""
    one = torch.tensor(values, dtype=torch.float64)
    m = len(one)
    of = one.new_zeros(m, m, m, m)  # by l, j, k, i
    of[:, 0, 0] = one
    whole = of.reshape(m * m, m * m)
    return float(torch.linalg.matrix_norm(whole - project(whole).matrix))


def stages(left: Tensor, right: Tensor, x: Tensor) -> dict[str, Tensor]:
    """M x step by step, every vector as an m × m matrix: ``x``, ``R``, ``PR``, ``LPR`` and ``PLPR``.

    R multiplies every row of the first matrix by a block of its own, and L every row of its transpose.
    """
    m = len(left)
    first = x.reshape(m, m)
    mixed = torch.einsum("kji,ki->kj", right, first)
    turned = mixed.T
    again = torch.einsum("jlk,jk->jl", left, turned)
    return {"x": first, "R": mixed, "PR": turned, "LPR": again, "PLPR": again.T}


def multiply(left: Tensor, right: Tensor, x: Tensor) -> Tensor:
    """M x for rows x (N, n) without the dense matrix: two batched products, 2 n m multiplications a row."""
    m = len(left)
    mixed = torch.bmm(x.view(-1, m, m).transpose(0, 1), right.transpose(1, 2))  # (k, N, j)
    again = torch.bmm(mixed.permute(2, 1, 0), left.transpose(1, 2))  # (j, N, l)
    return again.permute(1, 2, 0).reshape(len(x), m * m)


def slices(matrix: Tensor) -> Tensor:
    """The slices of a matrix (n, n), (m, m, m, m): by j and k, each with rows l and columns i."""
    m = side(len(matrix))
    return matrix.reshape(m, m, m, m).permute(1, 2, 0, 3)


@dataclass(frozen=True, eq=False)
class Projection:
    """The nearest sum of some Monarch matrices.

    Attributes:
        left, right: blocks of every term, (terms, m, m, m), real or complex.
        matrix: the sum, (n, n).
        error: relative, ‖A − M‖_F / ‖A‖_F.
        errors: the same for 1 to m terms, from the singular values that are left out, (m,).
    """

    left: Tensor
    right: Tensor
    matrix: Tensor
    error: float
    errors: np.ndarray


def project(matrix: Tensor, terms: int = 1) -> Projection:
    """The best approximation in the Frobenius norm: the singular value decomposition of every slice, cut off.

    Raises:
        LessonError: the number of rows is no square, or of terms not from 1 to m.
    """
    m = side(len(matrix))
    if not 1 <= terms <= m:
        raise LessonError(f"there are from 1 to {m} terms; {terms} is not")
    u, s, v = torch.linalg.svd(slices(matrix))  # (j, k, l, r), (j, k, r), (j, k, r, i)
    root = s[:, :, :terms].sqrt()
    left = torch.einsum("jklr,jkr->rjlk", u[:, :, :, :terms], root.to(u.dtype))
    right = torch.einsum("jkri,jkr->rkji", v[:, :, :terms], root.to(v.dtype))
    made = torch.stack([monarch(a, b) for a, b in zip(left, right, strict=True)]).sum(0)
    kept = s.square().sum((0, 1)).cumsum(0)
    errors = ((kept[-1] - kept).clamp(min=0) / kept[-1]).sqrt().numpy()
    norm = torch.linalg.matrix_norm(matrix)
    return Projection(left, right, made, float(torch.linalg.matrix_norm(matrix - made) / norm), errors)


def low_rank_errors(matrix: Tensor, ranks: Sequence[int]) -> np.ndarray:
    """Relative errors of the best matrices of these ranks."""
    left = torch.cat([torch.linalg.svdvals(matrix).square().flip(0).cumsum(0).flip(0), torch.zeros(1)])
    return np.array([float((left[min(rank, len(matrix))] / left[0]).sqrt()) for rank in ranks])


def sparse_errors(matrix: Tensor, counts: Sequence[int]) -> np.ndarray:
    """Relative errors with so many entries of largest magnitude kept."""
    squares = matrix.abs().flatten().square().sort().values
    lost = torch.cat([torch.zeros(1, dtype=squares.dtype), squares.cumsum(0)])
    return np.array([float((lost[max(len(squares) - count, 0)] / lost[-1]).sqrt()) for count in counts])


def hadamard(n: int) -> Tensor:
    """Hadamard's matrix of a power of two, Sylvester's order, entries ±1."""
    made = torch.ones(1, 1, dtype=torch.float64)
    while len(made) < n:
        made = torch.kron(torch.tensor([[1.0, 1.0], [1.0, -1.0]], dtype=torch.float64), made)
    return made


def fourier(n: int) -> Tensor:
    """The discrete Fourier transform, entries exp(−2πi ab/n)."""
    angles = torch.outer(torch.arange(n), torch.arange(n)).double() * (-2 * torch.pi / n)
    return torch.polar(torch.ones_like(angles), angles)


MATRICES = ("conv", "hadamard", "fourier", "fourier-p", "smooth", "random")
SIZE = 64


@cache
def example(name: str) -> Tensor:
    """A matrix (64, 64) to approximate, one of `MATRICES`."""
    if name == "hadamard":
        return hadamard(SIZE)
    if name == "fourier":
        return fourier(SIZE)
    if name == "fourier-p":
        return fourier(SIZE) @ permutation(side(SIZE)).to(torch.complex128)
    if name == "smooth":
        at = torch.arange(SIZE, dtype=torch.float64)
        return 1 / (1 + (at[:, None] - at).abs())
    if name == "random":
        return torch.randn(SIZE, SIZE, dtype=torch.float64, generator=draws.source(LESSON, _MATRIX))
    if name == "conv":
        return material.weight("layer3.2.conv1", material.USUAL)[:, :, 1, 1].double()
    raise LessonError(f"there is no matrix {name!r}; use one of {', '.join(MATRICES)}")


def butterfly_factors(n: int, seed: int = 0) -> tuple[Tensor, ...]:
    """The log₂ n factors of a butterfly matrix of random entries, the widest first: B is their product.

    The factor of stride s has entries where row and column are equal or differ by s in the one binary digit.
    """
    source = draws.source(LESSON, _BUTTERFLY, seed)
    strides = [n >> (1 + step) for step in range(n.bit_length() - 1)]
    at = torch.arange(n)
    apart = at[:, None] ^ at
    return tuple(
        torch.randn(n, n, dtype=torch.float64, generator=source) * ((apart == 0) | (apart == stride))
        for stride in strides
    )


def product(factors: Sequence[Tensor]) -> Tensor:
    """Their product in order.

    Raises:
        LessonError: there is none.
    """
    if not factors:
        raise LessonError("a product has one factor at least")
    return factors[0] if len(factors) == 1 else torch.linalg.multi_dot(list(factors))


def pixelfly(grid: int, factors: int) -> Tensor:
    """Pixelfly's mask on a grid of blocks, (grid, grid) bool: the union of the first butterfly factors.

    Blocks on the diagonal, and those whose row and column differ in one of the lowest ``factors`` binary digits: a
    share (factors + 1) / grid of all (Dao et al., "Pixelated Butterfly", 2022, section 3.2).

    Raises:
        LessonError: the grid is no power of two, or has fewer digits than there are factors.
    """
    digits = grid.bit_length() - 1
    if grid != 1 << digits or not 0 <= factors <= digits:
        raise LessonError(f"a grid of {grid} blocks has no {factors} butterfly factors")
    at = torch.arange(grid)
    apart = at[:, None] ^ at
    mask = apart == 0
    for digit in range(factors):
        mask = mask | (apart == 1 << digit)
    return mask


def parameters(n: int, blocks: int | None = None) -> int:
    """Numbers that a Monarch matrix (n, n) stores: 2 n²/b with b square blocks in each factor, by default √n."""
    return 2 * n * n // (side(n) if blocks is None else blocks)


# Networks: inputs -> n -> classes, with the first layer dense, Monarch, or as narrow as Monarch has parameters.

WAYS = ("dense", "monarch", "projected", "tuned", "narrow")


def _outputs(own: Sequence[Tensor], x: Tensor) -> Tensor:
    left, right, last, bias, shift = own
    return F.linear((multiply(left, right, x) + bias).relu(), last, shift)


def training(study: Study, watcher: Watcher, *, images: int, epochs: int, seeds: int) -> Values:
    """Train a layer of n × n from n pixels as a dense and as a Monarch matrix, end to end and from the dense one.

    Ways: ``dense``; ``monarch``, trained from the start; ``projected``, the dense one's nearest, untrained; ``tuned``,
    that one trained for as many epochs again; ``narrow``, a dense layer of as many parameters as Monarch has.

    Args:
        images: of the training split.

    Returns:
        ``rows`` of way, parameters, multiplications an image, mean test accuracy, its standard error over the seeds;
        ``error``, that of the projection and its standard error; ``speed`` of n, milliseconds dense and Monarch, their
        ratio and its standard error.
    """
    x, y = perceptron.flat(study, "train", 0, images)
    test = perceptron.flat(study, "test", 0, 2000)
    n, classes = x.shape[1], int(y.max()) + 1
    m = side(n)

    def one(seed: int, part: Part) -> Values:
        per_epoch = -(-len(y) // perceptron.BATCH)
        done, all_of_it = 0, 4 * epochs * per_epoch

        def after(iteration: int, own: Sequence[Tensor]) -> None:
            nonlocal done
            done += 1
            part.check_stop()
            if done % 10 == 0:
                part.report(done / all_of_it, f"seed {seed + 1} of {seeds}")

        def fit(start: Sequence[Tensor], outputs: perceptron.Logits, purpose: int = _ORDER) -> list[Tensor]:
            return perceptron.fit(
                start,
                x,
                y,
                epochs=epochs,
                order=lambda epoch: draws.source(LESSON, purpose, seed, epoch),
                after=after,
                outputs=outputs,
            )

        def right(of: Sequence[Tensor], outputs: perceptron.Logits) -> float:
            return perceptron.accuracy(of, *test, outputs)

        source = draws.source(LESSON, _START, seed)
        dense = fit(perceptron.drawn((n, n, classes), source), perceptron.logits)
        narrow = fit(perceptron.drawn((n, 2 * m, classes), source), perceptron.logits)
        # Entries of M are products of two, and n of them a row: their variance is that of the dense start.
        spread = (1 / n) ** 0.25
        blocks = [torch.randn(m, m, m, generator=source) * spread for _ in range(2)]
        last = perceptron.drawn((n, classes), source)[0]
        monarch_net = fit([*blocks, last, torch.zeros(n), torch.zeros(classes)], _outputs)
        near = project(dense[0].double())
        projected = [near.left[0].float(), near.right[0].float(), dense[1], dense[2], dense[3]]
        tuned = fit(projected, _outputs, _TUNING)
        return {
            "dense": right(dense, perceptron.logits),
            "monarch": right(monarch_net, _outputs),
            "projected": right(projected, _outputs),
            "tuned": right(tuned, _outputs),
            "narrow": right(narrow, perceptron.logits),
            "error": near.error,
        }

    found = perceptron.repeated(watcher, seeds, one)
    weights = {"dense": n * n, "narrow": 2 * m * n}
    ends = {"narrow": 2 * m}
    rows = []
    for way in WAYS:
        products = weights.get(way, parameters(n)) + classes * ends.get(way, n)
        biases = ends.get(way, n) + classes
        rows.append([way, products + biases, products, *perceptron.over_seeds([each[way] for each in found])])
    error, stderr = perceptron.over_seeds([each["error"] for each in found])
    speed = [timed(size, watcher) for size in (n, 4 * n)]
    columns = ["way", "parameters", "multiplications", "accuracy", "stderr"]
    return {
        "columns": columns,
        "rows": rows,
        "error": [error, stderr],
        "speed": speed,
        "seeds": seeds,
        "test_images": len(test[1]),
    }


def timed(n: int, watcher: Watcher, batch: int = 100, rounds: int = 15) -> list[float]:
    """n, milliseconds of a dense and of a Monarch product of a batch, and their ratio with its standard error.

    Both are measured in turns, and the ratio is the mean of the turns', so that what else the machine does meets both.
    """
    m, source = side(n), draws.source(LESSON, _TIMED)
    x, dense = torch.randn(batch, n, generator=source), torch.randn(n, n, generator=source)
    left, right = (torch.randn(m, m, m, generator=source) for _ in range(2))
    both: tuple[Callable[[], Tensor], ...] = (partial(F.linear, x, dense), partial(multiply, left, right, x))
    taken = np.zeros((rounds, 2))
    with torch.no_grad():
        for each in both:
            each()
        for turn in range(rounds):
            watcher.check_stop()
            for which, each in enumerate(both):
                start = time.perf_counter()
                each()
                taken[turn, which] = time.perf_counter() - start
    ratio, error = perceptron.over_seeds((taken[:, 0] / taken[:, 1]).tolist())
    return [n, *(1e3 * np.median(taken, 0)).tolist(), ratio, error]


LONG = {"training": LongExperiment(training, {"images": (100, 10_000), "epochs": (1, 20), "seeds": (2, 8)})}
