r"""Gradients of many samples and directions with respect to one weight, as the rows of a matrix G.

Row (n, c) is the gradient J_n^T s_nc of sample n pulled back from direction s_nc at the outputs, so that
G^T G = sum_n J_n^T (sum_c s_nc s_nc^T) J_n. G itself, rows x n, is large where the weight is; each part of it is kept
as what is smaller: its rows, or the factors D (output gradients) and A (inputs) of its rows D_nc A_n^T (`per_sample`).
Products with G and with G^T never need the rows, and the two square matrices are summed over panels of columns:

    G G^T = sum over panels of P P^T,     G^T G = sum over parts of P^T P.

Where every position is its own (P = 1, a plain linear layer) G G^T = (D D^T) * (A A^T), elementwise. Of a symmetric
matrix the lower triangle is computed.
"""

from bisect import bisect_right
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate

import torch
from torch import Tensor

from explorer.curvature.operators.per_sample import Factors

_PANEL_BYTES = 128 * 2**20
_STRIP = 192  # rows of a symmetric matrix at once


@dataclass(frozen=True)
class Shape:
    """Sizes of one weight's factors: groups, outputs O and inputs K of a group, and positions P of all uses."""

    groups: int
    outputs: int
    inputs: int
    positions: int

    @property
    def weights(self) -> int:
        """Number of weights, n."""
        return self.groups * self.outputs * self.inputs

    def by_rows(self, directions: float) -> bool:
        """Whether the rows of one sample, so many, are smaller than its factors."""
        factors = self.groups * self.positions * (self.inputs + directions * self.outputs)
        return directions * self.weights <= factors

    def floats(self, samples: int, rows: int) -> int:
        """Numbers kept for so many samples and rows."""
        if self.by_rows(rows / samples):
            return rows * self.weights
        return self.groups * self.positions * (samples * self.inputs + rows * self.outputs)


@dataclass(frozen=True)
class _Part:
    """Rows of some samples.

    Attributes:
        a: A, (N, groups, K, P).
        d: D, (N, V, groups, O, P).
        index: which of the N V rows count, in their order.
        rows: (r, groups, O, K) in place of A and D.
    """

    index: Tensor
    a: Tensor
    d: Tensor
    rows: Tensor | None = None

    def columns(self, groups: slice, outputs: slice, out: Tensor) -> None:
        """Rows in these columns only, into (r, columns)."""
        if self.rows is not None:
            out.copy_(self.rows[:, groups, outputs].flatten(1))
            return
        a, d = self.a[:, groups], self.d[:, :, groups, outputs]
        n, v, g, o, p = d.shape
        left = d.permute(0, 2, 1, 3, 4).reshape(n * g, v * o, p)
        right = a.reshape(n * g, -1, p).transpose(1, 2)
        found = (left @ right).view(n, g, v, o, -1).transpose(1, 2).reshape(n * v, -1)
        if out.dtype == found.dtype:
            torch.index_select(found, 0, self.index, out=out)
        else:
            out.copy_(found[self.index])

    def row(self, number: int) -> Tensor:
        """One row, (n,) float64, from its factors in float64."""
        if self.rows is not None:
            return self.rows[number].double().flatten()
        n, v = divmod(int(self.index[number]), self.d.shape[1])
        return (self.d[n, v].double() @ self.a[n].double().transpose(1, 2)).flatten()

    def times(self, v: Tensor) -> Tensor:
        """G v for v (groups, O, K), (r,)."""
        if self.rows is not None:
            return self.rows.flatten(1) @ v.flatten()
        moved = (v @ self.a).flatten(1).unsqueeze(2)
        return (self.d.flatten(2) @ moved).flatten()[self.index]

    def pulled(self, w: Tensor) -> Tensor:
        """G^T w for w (r,), (groups, O, K)."""
        if self.rows is not None:
            return (w @ self.rows.flatten(1)).view(self.rows.shape[1:])
        n, v = self.d.shape[:2]
        weights = w.new_zeros(n * v)
        weights[self.index] = w
        summed = (weights.view(n, 1, v) @ self.d.flatten(2)).view(n, *self.d.shape[2:])
        return torch.einsum("ngop,ngkp->gok", summed, self.a)


class GradientRows:
    """G of one weight.

    Args:
        block: its name, for errors.
        shape: of its factors.
        samples: how many there are in all, m.
        rows: how many rows there will be.
    """

    def __init__(self, block: str, shape: Shape, samples: int, rows: int) -> None:
        self.block = block
        self.shape = shape
        self.samples = samples
        self._by_rows = shape.by_rows(rows / samples)
        self._parts: list[_Part] = []
        self._owners: list[Tensor] = []

    @property
    def count(self) -> int:
        """Number of rows."""
        return sum(map(len, self._owners))

    @property
    def dtype(self) -> torch.dtype:
        """Of the gradients, once there are any."""
        return self._parts[0].a.dtype

    @property
    def side(self) -> int:
        """Number of rows or of weights, whichever is smaller."""
        return min(self.count, self.shape.weights)

    @property
    def few_weights(self) -> bool:
        """Whether there are fewer weights than rows, so that G^T G is the smaller matrix."""
        return self.shape.weights < self.count

    @property
    def finite(self) -> bool:
        """Whether all numbers are."""
        kept = (part.d if part.rows is None else part.rows for part in self._parts)
        return all(bool(torch.isfinite(each).all()) for each in kept)

    def add(self, uses: Sequence[Factors], counted: Tensor, samples: Tensor) -> None:
        """Rows of further samples.

        Args:
            uses: of the weight, every direction V in each; none where the outputs do not depend on it.
            counted: which rows count, (V, N) bool; the others are left out.
            samples: numbers of the N samples, 0 .. m - 1.
        """
        if not uses:
            return
        index = counted.T.flatten().nonzero().flatten()
        a = torch.cat([use.inputs for use in uses], -1) if len(uses) > 1 else uses[0].inputs
        # Directions that the backward pass had nothing to say about are not among them.
        d = torch.stack([torch.cat(each, -1) for each in zip(*(use.deltas for use in uses), strict=True)], 1)
        part = _Part(index, a, d)
        if self._by_rows:
            own = self._all_of(part, a.dtype).view(-1, *d.shape[2:4], a.shape[2])
            part = _Part(index, a.new_empty(0), d.new_empty(0), own)
        self._parts.append(part)
        self._owners.append(samples.repeat_interleave(len(counted))[index.cpu()])

    def times(self, v: Tensor) -> Tensor:
        """G v for v (groups, O, K), (rows,)."""
        return torch.cat([v.new_empty(0), *(part.times(v) for part in self._parts)])

    def product(self, v: Tensor) -> Tensor:
        """G^T G v, (groups, O, K)."""
        return self.pulled(self.times(v)) if self._parts else torch.zeros_like(v)

    def pulled(self, w: Tensor) -> Tensor:
        """G^T w for w (rows,), (groups, O, K)."""
        lengths = [len(part.index) for part in self._parts]
        return sum(  # type: ignore[return-value]
            part.pulled(piece) for part, piece in zip(self._parts, w.split(lengths), strict=True)
        )

    def forms(self, v: Tensor) -> Tensor:
        """sum_c (J_n v . s_nc)^2 of every sample, (m,) float64; they add up to v . G^T G v."""
        squares = self.times(v).double().square().cpu()
        owners = torch.cat([torch.arange(0), *self._owners])
        return squares.new_zeros(self.samples).index_add_(0, owners, squares)

    def gram(self, dtype: torch.dtype) -> Tensor:
        """Lower triangle of G G^T, (rows, rows); what stands above it is unfinished."""
        if self._by_positions():
            return self._of_single_positions(dtype)
        first, shape = self._parts[0].a, self.shape
        found = first.new_zeros(self.count, self.count, dtype=dtype)
        ends = list(accumulate(len(part.index) for part in self._parts))
        for groups, outputs in self._panels(dtype):
            width = len(range(shape.groups)[groups]) * len(range(shape.outputs)[outputs]) * shape.inputs
            panel = first.new_empty(self.count, width, dtype=dtype)
            for part, end in zip(self._parts, ends, strict=True):
                part.columns(groups, outputs, panel[end - len(part.index) : end])
            _add_lower(found, panel)
        return found

    def matrix(self, dtype: torch.dtype) -> Tensor:
        """G^T G, (n, n)."""
        n = self.shape.weights
        found = self._parts[0].a.new_zeros(n, n, dtype=dtype)
        for part in self._parts:
            own = self._all_of(part, dtype)
            found.addmm_(own.T, own)
        return found

    def some_rows(self, chosen: Tensor) -> Tensor:
        """These rows of G, (k, n) float64, one by one."""
        ends = list(accumulate(len(part.index) for part in self._parts))
        found = []
        for number in chosen.tolist():
            place = bisect_right(ends, number)
            part = self._parts[place]
            found.append(part.row(number - ends[place] + len(part.index)))
        return torch.stack(found)

    def some_columns(self, chosen: Tensor) -> Tensor:
        """These columns of G, (k, rows) float64, one by one."""
        form = (self.shape.groups, self.shape.outputs, self.shape.inputs)
        found = []
        for number in chosen.tolist():
            unit = self._parts[0].a.new_zeros(self.shape.weights)
            unit[number] = 1
            found.append(self.times(unit.view(form)).double())
        return torch.stack(found)

    def _all_of(self, part: _Part, dtype: torch.dtype) -> Tensor:
        """Rows of a part, (r, n)."""
        found = part.a.new_empty(len(part.index), self.shape.weights, dtype=dtype)
        part.columns(slice(None), slice(None), found)
        return found

    def _panels(self, dtype: torch.dtype) -> Iterator[tuple[slice, slice]]:
        """Columns that a panel of all rows may have: whole groups, or some outputs of the only group."""
        shape = self.shape
        room = max(1, _PANEL_BYTES // (self.count * dtype.itemsize * shape.inputs))  # outputs
        if shape.groups == 1:
            for start in range(0, shape.outputs, room):
                yield slice(0, 1), slice(start, start + room)
        else:
            step = max(1, room // shape.outputs)
            for start in range(0, shape.groups, step):
                yield slice(start, start + step), slice(None)

    def _by_positions(self) -> bool:
        return self.shape.groups == 1 and self.shape.positions == 1 and not self._by_rows

    def _of_single_positions(self, dtype: torch.dtype) -> Tensor:
        a = torch.cat([part.a.flatten(1) for part in self._parts]).to(dtype)
        d = torch.cat([part.d.flatten(0, 1).flatten(1)[part.index] for part in self._parts]).to(dtype)
        lengths = [part.a.shape[0] for part in self._parts]
        starts = [sum(lengths[:i]) for i in range(len(lengths))]
        own = torch.cat(
            [start + part.index // part.d.shape[1] for start, part in zip(starts, self._parts, strict=True)]
        )
        inputs = a @ a.T
        return (d @ d.T) * inputs[own][:, own]


def _add_lower(found: Tensor, panel: Tensor) -> None:
    """Add the lower triangle of P P^T, strip by strip."""
    for start in range(0, len(panel), _STRIP):
        end = min(start + _STRIP, len(panel))
        found[start:end, :end].addmm_(panel[start:end], panel[:end].T)
