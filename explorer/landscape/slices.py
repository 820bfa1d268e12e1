r"""The loss on a line or in a plane through the trained weights, measured, beside what the quadratic predicts.

    L(W + s_1 d_1 + s_2 d_2)     on a grid of steps s, for one block or all blocks
    L_0 + g . d + d . Hd / 2     with d = s_1 d_1 + s_2 d_2

as HAWQ-V2 draws it in Figs. 2 and 7 and HAWQ in one dimension. Measured and predicted are of the same training
samples, a fixed seeded draw, in FP32 and eval mode; so they differ by what the quadratic leaves out and not by
the draw. The error of a measured point is that of its difference from the centre, paired over samples: it says
whether a rise is more than chance.

*Marks* say where 8, 6, 4, 3 and 2 bits put the weights. Q_b(W) lies off the slice almost always; its projection
says where it would be seen, ``share`` how much of it lies in the slice, and its loss is measured where it is.
"""

import time
from dataclasses import replace
from typing import Any

import torch

from explorer.curvature.operators.hessian import hessian_rows
from explorer.curvature.operators.subject import prepare
from explorer.errors import CurvatureError
from explorer.landscape import framing
from explorer.landscape.grid import Index, levels
from explorer.landscape.measuring import Meter
from explorer.landscape.quadratic import Quadratic
from explorer.landscape.recording import Record, restored
from explorer.landscape.result import Mark, Slice
from explorer.landscape.target import Target, Vector, blocks_with, inner, norm, target_of
from explorer.questions import LandscapeQuestion, question_of
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Part, Stopped, Watcher

MARKED = (8, 6, 4, 3, 2)
_SETUP = 0.25  # of the work


def measure_slice(
    study: Study,
    question: LandscapeQuestion | None = None,
    *,
    dtype: torch.dtype = torch.float32,
    watcher: Watcher = UNWATCHED,
    **options: Any,
) -> Slice:
    """Measure a slice, coarse to fine.

    Args:
        question: what is asked; or its options one by one, see `LandscapeQuestion`. Without a radius it is by how far
            quantization moves the block's own weights (`explorer.landscape.radius`).
        watcher: told every point, see `recording`; keeps what was measured, to go on to the same numbers.
        options: of the question.

    Raises:
        CurvatureError: an option is out of range, there is no such block, the block has no such direction, or
            what the watcher kept is of another slice.
        Stopped: the watcher asked for it.
    """
    started = time.monotonic()
    asked = question_of(LandscapeQuestion, question, options)
    rows = hessian_rows(study.data.size("train"), asked.samples, asked.seed)
    blocks = blocks_with(study, asked.block)
    # Two copies of the network: one whose weights move, one that stays, for the derivatives at the centre.
    still, moving = (
        target_of(prepare(study, blocks=blocks, rows=rows, dtype=dtype), asked.block) for _ in range(2)
    )
    quadratic, meter = Quadratic(still), Meter(moving, watcher)
    before = restored(watcher)
    if before is None:
        chosen, products = framing.find_directions(study, moving, asked, Part(watcher, 0, _SETUP))
        watcher.check_stop()
        begun = replace(framing.frame(moving, meter, quadratic, chosen, asked), products=products)
        vectors = tuple(each.vector for each in chosen)
    else:
        begun = before.slice
        _same_question(begun, study, asked, len(rows))
        vectors = tuple(
            {k: part.to(study.device, dtype) for k, part in each.items()} for each in before.directions
        )
    work = _Work(begun, moving, meter, quadratic, vectors, started)
    record = Record(watcher, vectors, begun if before is not None else None)
    try:
        work.measure(record)
    except Stopped:
        record.flush()
        raise
    record.flush()
    return work.slice


class _Work:
    """Measurement of what a slice lacks."""

    def __init__(
        self,
        begun: Slice,
        target: Target,
        meter: Meter,
        quadratic: Quadratic,
        vectors: tuple[Vector, ...],
        started: float,
    ) -> None:
        self._begun, self._target, self._meter, self._quadratic = begun, target, meter, quadratic
        self._vectors, self._started = vectors, started
        self._loss, self._stderr = begun.loss.copy(), begun.stderr.copy()
        self._measured = begun.measured.copy()
        self._marks = begun.marks

    @property
    def slice(self) -> Slice:
        """Slice with all that is measured so far."""
        meter, begun = self._meter, self._begun
        made = replace(
            begun,
            loss=self._loss.copy(),
            stderr=self._stderr.copy(),
            measured=self._measured.copy(),
            marks=self._marks,
            forwards=begun.forwards + meter.forwards,
            equivalents=begun.equivalents + meter.equivalents,
            products=begun.products + self._quadratic.taken,
            seconds=begun.seconds + time.monotonic() - self._started,
        )
        return replace(made, note=_note(made, meter, self._target.subject.study.training_name))

    def measure(self, record: Record) -> None:
        """Measure level by level; the marks after the first."""
        total, size = self._measured.size, self._begun.samples
        begun, before = time.monotonic(), int(self._measured.sum())
        many = self._target.subject.study.noun.many
        record.tell(_overall(before / total), f"the loss of {size:,} {many} at the centre", self.slice)
        for level in levels(self._begun.points, self._begun.dims):
            for at in level:
                if self._measured[at]:
                    continue
                self._point(at)
                done = int(self._measured.sum())
                left = (time.monotonic() - begun) / (done - before) * (total - done)
                words = f"{done} of {total} points, about {left:.0f} s left"
                record.tell(_overall(done / total), words, self.slice, at)
            if not self._marks:
                self._marks = tuple(self._mark(bits) for bits in MARKED)
                overall = _overall(float(self._measured.mean()))
                record.tell(overall, "where the bit widths land", self.slice)

    def _point(self, at: Index) -> None:
        steps = tuple(float(self._begun.coordinates[i]) for i in at)
        losses = self._meter.losses(self._target.shifted(steps, self._vectors))
        self._loss[at], self._stderr[at] = self._meter.compared(losses)
        self._measured[at] = True

    def _mark(self, bits: int) -> Mark:
        """Mark where the width lands."""
        losses = self._meter.losses(self._target.quantized(bits))
        loss, error = self._meter.compared(losses)
        moved = self._target.perturbation(bits)
        length = norm(moved)
        coordinates = tuple(inner(moved, vector) for vector in self._vectors)
        share = sum(c * c for c in coordinates) / length**2 if length else 1.0
        bend = inner(moved, self._quadratic.image(moved)) if length else 0.0
        predicted = self._begun.centre_loss + self._quadratic.slope(moved) + bend / 2
        return Mark(bits, length, coordinates, min(share, 1.0), loss, error, predicted)


def _overall(fraction: float) -> float:
    """Share of all the work, from the share of the points."""
    return _SETUP + (1 - _SETUP) * fraction


def _same_question(begun: Slice, study: Study, asked: LandscapeQuestion, samples: int) -> None:
    wanted = (
        study.name,
        asked.block,
        asked.directions,
        asked.dims,
        asked.points,
        samples,
        asked.spanning,
        asked.seed,
    )
    held = (begun.study, begun.block, begun.directions, begun.dims, begun.points, begun.samples)
    if wanted != (*held, begun.bits, begun.seed):
        raise CurvatureError(
            f"the slice to go on from is another one, of {begun.block or 'all blocks'} of {begun.study}; start anew"
        )


def _note(made: Slice, meter: Meter, images: str) -> str:
    """Remarks for the person on how it was made."""
    replay = meter.replay
    where = "the moved layers" if made.block is None else made.block
    text = f"The mean over {made.samples:,} {images}. "
    if replay.share < 1:
        text += (
            f"What comes before {where} is replayed, so a point costs {replay.share:.1%} of a forward pass. "
        )
    if made.not_finite:
        text += f"At {made.not_finite} points the loss is not finite; they are left blank. "
    if not made.complete:
        text += f"{int(made.measured.sum())} of {made.measured.size} points are measured. "
    return text.strip()
