r"""Gradients that the Gauss-Newton matrices of blocks are made of, for all blocks from the same backward passes.

Where the outputs are piecewise linear in the one weight of block i (`piecewise`), its Hessian over m samples is

    H_i = m^-1 sum_n J_n^T (sum_c l_nc u_nc u_nc^T) J_n = G_i^T G_i,     row (n, c) of G_i:  sqrt(l_nc / m) J_n^T u_nc,

with (l_nc, u_nc) the eigenpairs of the loss's Hessian at the outputs, none of them negative. Of the C directions of a
sample a softmax needs C - 1 at most; those that together hold less than rounding of all curvature at the outputs are
left out (`arranging`). A backward pass for each direction carries the gradients of all blocks (`sample_gradients`).

Blocks whose rows fit into memory together are gathered together, the others in further groups, each with backward
passes of its own. What a block's rows are does not depend on the group.
"""

from collections.abc import Callable, Collection, Sequence

import torch
from torch import Tensor

from explorer.curvature.estimators.choice import gauss_newton_blocks
from explorer.curvature.operators.arranging import Arranged, arranged
from explorer.curvature.operators.gradient_rows import GradientRows, Shape
from explorer.curvature.operators.hessian import dotted
from explorer.curvature.operators.output_hessian import directions
from explorer.curvature.operators.sample_gradients import SampleGradients
from explorer.curvature.operators.subject import Subject, single_tensor
from explorer.curvature.operators.weight_order import Order, in_factors, in_weight, order_of
from explorer.errors import CurvatureError
from explorer.studies.data.samples import samples_in

ROOM_BYTES = 2**29  # for the rows of one group of blocks
_MOST = 16  # samples at once: inputs, and gradients of all directions, of all blocks of a group are held
_NEGLIGIBLE = {torch.float32: 1e-7, torch.float64: 1e-14}  # share of the curvature at the outputs

Report = Callable[[float], None]


class Gathering:
    """The blocks of a subject whose Hessian is a product of gradients, and these.

    Args:
        positions: samples among the subject's that the Hessian is a mean over, int64 (m,).
        chunk: samples at once, fewer where many are too large.
        watch: called before every few samples; it may raise to end.
        only: indices of the blocks that are asked for.
        vectors: how many vectors of each block's own size are held beside its rows.
        room: bytes that the rows of a group may take.

    Attributes:
        groups: indices of the blocks that can be gathered, in depth order, those together that fit.
        rows: number of rows of each.
        shapes: of the factors, by block.
        orders: of the weights in them, by block.
    """

    def __init__(
        self,
        subject: Subject,
        positions: Tensor,
        *,
        chunk: int,
        watch: Callable[[], object],
        only: Collection[int],
        vectors: int = 0,
        room: int = ROOM_BYTES,
    ) -> None:
        self.subject, self._watch = subject, watch
        self._chunk = min(chunk, _MOST)
        self.rows = 0
        self.shapes: dict[int, Shape] = {}
        self.orders: dict[int, Order] = {}
        self.groups: tuple[tuple[int, ...], ...] = ()
        self._weights: dict[int, int] = {}
        if subject.ragged or not only:  # what one ragged sample needs says nothing of the others
            return
        self._engine = SampleGradients(subject, "weights")
        try:
            self._look(positions, only, vectors, room)
        finally:
            self._engine.close()

    def weight(self, block: int) -> Tensor:
        """The one weight of a block."""
        return self.subject.weights[self._weights[block]].parameter

    def name(self, block: int) -> str:
        """Dotted name of the block's parameter."""
        return dotted(self.subject, self._weights[block])

    def group_of(self, block: int | None) -> tuple[int, ...]:
        """The group that the block is in, () where it is in none."""
        return next((group for group in self.groups if block in group), ())

    def product_with(self, block: int, rows: GradientRows) -> Callable[[Tensor], Tensor]:
        """v -> Hv of a block from its gradients, both (n,) in the order of its weights."""
        order, weight = self.orders[block], self.weight(block)

        def product(v: Tensor) -> Tensor:
            moved = rows.product(in_factors(order, v.view_as(weight)))
            return in_weight(order, moved, weight).flatten()

        return product

    def gather(self, blocks: Sequence[int], positions: Tensor, report: Report) -> dict[int, GradientRows]:
        """G of these blocks over these samples, as many as were looked at or fewer.

        Raises:
            CurvatureError: a value is not finite.
        """
        ordered = self._arranged(positions)
        assert ordered.counts is not None
        rows = int(ordered.counts.sum())
        names = {block: self.subject.blocks[block].name for block in blocks}
        found = {
            block: GradientRows(name, self.shapes[block], len(positions), rows)
            for block, name in names.items()
        }
        if rows == 0:
            return found
        engine = SampleGradients(self.subject, "weights", like=self._engine)
        wanted = {self._weights[block]: block for block in blocks}
        done = 0
        try:
            for _, inputs, targets in self.subject.chunks(ordered.positions, self._chunk):
                self._watch()
                outputs = engine.forward(inputs)
                vectors, counted = self._directions(outputs, targets, ordered.least)
                numbers = torch.arange(done, done + samples_in(inputs))
                done += samples_in(inputs)
                if not len(vectors):
                    continue
                made = engine.factors(outputs, vectors / len(positions) ** 0.5, wanted)
                with torch.no_grad():
                    for weight, block in wanted.items():
                        found[block].add(made.pop(weight, ()), counted, numbers)
                report(done / len(positions))
        finally:
            engine.close()
        for each in found.values():
            if not each.finite:
                raise CurvatureError(
                    f"block {each.block}: its curvature is not finite; "
                    f"check that the loss is finite on every training sample"
                )
        return found

    def _look(self, positions: Tensor, only: Collection[int], vectors: int, room: int) -> None:
        subject = self.subject
        try:
            simple, known_roots = gauss_newton_blocks(subject, self._engine)
            simple &= frozenset(only)
            if not simple or not known_roots:
                return
            ordered = self._arranged(positions)
        except CurvatureError:  # told again where it matters: a block that nobody asked for may be at fault
            return
        if ordered.counts is None or not ordered.convex:
            return
        self.rows = int(ordered.counts.sum())
        for i, weight in enumerate(subject.weights):
            order = order_of(weight.modules)
            if weight.block in simple and order is not None:
                self._weights[weight.block], self.orders[weight.block] = i, order
        self._measure(len(positions), vectors, room)

    def _measure(self, samples: int, vectors: int, room: int) -> None:
        """Shapes of the blocks' factors, from one sample, and the groups that fit."""
        subject = self.subject
        groups: list[list[int]] = []
        inputs, _ = subject.batch(subject.few(1))
        outputs = self._engine.forward(inputs)
        made = self._engine.factors(outputs, torch.ones_like(outputs).unsqueeze(0), self._weights.values())
        left = 0
        for block, weight in sorted(self._weights.items()):
            uses = made.get(weight, [])
            sizes = {(use.inputs.shape[1:3], use.deltas[0].shape[1:3]) for use in uses}
            if len(sizes) != 1:  # no use, or uses that are no sum of one form
                continue
            positions = sum(use.inputs.shape[-1] for use in uses)
            _, g, k, _ = uses[0].inputs.shape
            shape = Shape(g, uses[0].deltas[0].shape[2], k, positions)
            size = shape.floats(samples, self.rows) * subject.dtype.itemsize
            if size > room or shape.weights != subject.weights[weight].parameter.numel():
                continue
            self.shapes[block] = shape
            size += vectors * shape.weights * subject.dtype.itemsize
            if size > left or not groups:
                groups.append([block])
                left = room
            else:
                groups[-1].append(block)
            left -= size
        self.groups = tuple(map(tuple, groups))

    def _arranged(self, positions: Tensor) -> Arranged:
        negligible = _NEGLIGIBLE.get(self.subject.dtype, 1e-7)
        return arranged(self.subject, positions, batch=4 * self._chunk, negligible=negligible)

    def _directions(self, outputs: Tensor, targets: Tensor, least: float) -> tuple[Tensor, Tensor]:
        """sqrt(l) u of every direction that a sample needs, (V, N, C), and who needs it, (V, N) bool."""
        values, vectors = directions(self.subject.loss, single_tensor(outputs), targets)
        counted = values.abs() >= least
        chosen = counted.any(0)
        scaled = vectors * (values.clamp(min=0) * counted).sqrt().unsqueeze(1)
        return scaled[:, :, chosen].permute(2, 0, 1), counted[:, chosen].T
