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
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor

from explorer.curvature.operators.hessian import hessian_rows
from explorer.curvature.operators.subject import prepare
from explorer.errors import CurvatureError
from explorer.landscape import framing
from explorer.landscape.grid import levels
from explorer.landscape.measuring import Meter
from explorer.landscape.quadratic import Quadratic
from explorer.landscape.result import Kind, Mark, Slice, SliceProgress
from explorer.landscape.target import Target, Vector, blocks_with, inner, norm, target_of
from explorer.studies.study import Study

MARKED = (8, 6, 4, 3, 2)
_SETUP = 0.25  # of the progress

Report = Callable[[SliceProgress], None]


@dataclass(frozen=True, eq=False)
class Resume:
    """What to go on from: a slice not all of which is measured, and its directions."""

    slice: Slice
    directions: tuple[Mapping[str, Tensor], ...]


def measure_slice(
    study: Study,
    *,
    block: str | None = None,
    directions: Kind = "eigen",
    dims: int = 2,
    points: int = 17,
    radius: float | None = None,
    samples: int | None = 512,
    bits: Sequence[int] = (4, 2),
    seed: int = 0,
    dtype: torch.dtype = torch.float32,
    progress: Report | None = None,
    should_stop: Callable[[], bool] | None = None,
    resume: Resume | None = None,
) -> Slice | None:
    """Measure a slice, coarse to fine.

    Args:
        block: its name, of a layer or of a module; None for all blocks.
        directions: ``eigen``, ``random`` (filter-normalised) or ``quantization``.
        dims: 1 or 2.
        points: a side: 5, 9, 17, 33, ...
        radius: in weight units; None: the norm of the 4-bit perturbation, and a quarter more than the longest of
            those that span a quantization slice.
        samples: training samples drawn; None for all.
        bits: the widths along whose perturbations a quantization slice runs.
        progress: called after every point.
        should_stop: asked before every batch.
        resume: go on from here, to the same numbers.

    Returns:
        The slice, with points missing if it was stopped; None if that was before the directions were known.

    Raises:
        CurvatureError: an option is out of range, there is no such block, the block has no such direction, or
            ``resume`` is of another slice.
    """
    started = time.monotonic()
    spanned = framing.spanning_bits(directions, dims, points, radius, bits)
    stop = should_stop or (lambda: False)
    say = progress or (lambda _: None)
    rows = hessian_rows(study.data.size("train"), samples, seed)
    blocks = blocks_with(study, block)
    # Two copies of the network: one whose weights move, one that stays, for the derivatives at the centre.
    still, moving = (
        target_of(prepare(study, blocks=blocks, rows=rows, dtype=dtype), block) for _ in range(2)
    )
    quadratic, meter = Quadratic(still), Meter(moving, stop)
    if resume is None:

        def searching(fraction: float, message: str) -> None:
            say(SliceProgress(_SETUP * fraction, message))

        found = framing.find_directions(
            study, moving, directions, dims, samples, spanned, seed, searching, stop
        )
        if found is None or stop():
            return None
        chosen, products = found
        begun = framing.frame(
            moving,
            meter,
            quadratic,
            chosen,
            kind=directions,
            points=points,
            radius=radius or framing.default_radius(moving, spanned),
            bits=spanned,
            seed=seed,
        )
        begun = replace(begun, products=products)
        vectors = tuple(each.vector for each in chosen)
    else:
        begun = resume.slice
        _same_question(begun, study, block, directions, dims, points, len(rows), spanned, seed)
        vectors = tuple(
            {k: part.to(study.device, dtype) for k, part in each.items()} for each in resume.directions
        )
    work = _Work(begun, moving, meter, quadratic, vectors, say, started)
    work.measure()
    return work.slice


class _Work:
    """Measures what a slice lacks and tells about it."""

    def __init__(
        self,
        begun: Slice,
        target: Target,
        meter: Meter,
        quadratic: Quadratic,
        vectors: tuple[Vector, ...],
        say: Report,
        started: float,
    ) -> None:
        self._begun, self._target, self._meter, self._quadratic = begun, target, meter, quadratic
        self._vectors, self._say, self._started = vectors, say, started
        self._loss, self._stderr = begun.loss.copy(), begun.stderr.copy()
        self._measured = begun.measured.copy()
        self._marks = begun.marks

    @property
    def slice(self) -> Slice:
        """All there is so far."""
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

    def measure(self) -> None:
        """Level by level; the marks after the first."""
        total, size = self._measured.size, self._begun.samples
        begun, before = time.monotonic(), int(self._measured.sum())
        self._tell(
            before / total, f"the loss of {size:,} {self._target.subject.study.noun.many} at the centre", {}
        )
        for level in levels(self._begun.points, self._begun.dims):
            for at in level:
                if self._measured[at]:
                    continue
                found = self._point(at)
                if found is None:
                    return
                done = int(self._measured.sum())
                left = (time.monotonic() - begun) / (done - before) * (total - done)
                words = f"{done} of {total} points, about {left:.0f} s left"
                self._tell(done / total, words, {"at": [list(at)], "loss": [found[0]], "stderr": [found[1]]})
            if not self._marks and not self._mark():
                return

    def _tell(self, fraction: float, message: str, points: Mapping[str, object]) -> None:
        overall = _SETUP + (1 - _SETUP) * fraction
        self._say(SliceProgress(overall, message, self.slice, points, self._vectors))

    def _point(self, at: tuple[int, ...]) -> tuple[float, float] | None:
        steps = tuple(float(self._begun.coordinates[i]) for i in at)
        losses = self._meter.losses(self._target.shifted(steps, self._vectors))
        if losses is None:
            return None
        self._loss[at], self._stderr[at] = self._meter.compared(losses)
        self._measured[at] = True
        return float(self._loss[at]), float(self._stderr[at])

    def _mark(self) -> bool:
        """Measure where the widths land; whether that came to its end."""
        marks = []
        for bits in MARKED:
            losses = self._meter.losses(self._target.quantized(bits))
            if losses is None:
                return False
            loss, error = self._meter.compared(losses)
            moved = self._target.perturbation(bits)
            length = norm(moved)
            coordinates = tuple(inner(moved, vector) for vector in self._vectors)
            share = sum(c * c for c in coordinates) / length**2 if length else 1.0
            bend = inner(moved, self._quadratic.image(moved)) if length else 0.0
            predicted = self._begun.centre_loss + self._quadratic.slope(moved) + bend / 2
            marks.append(Mark(bits, length, coordinates, min(share, 1.0), loss, error, predicted))
        self._marks = tuple(marks)
        self._tell(float(self._measured.mean()), "where the bit widths land", {})
        return True


def _same_question(
    begun: Slice,
    study: Study,
    block: str | None,
    kind: Kind,
    dims: int,
    points: int,
    samples: int,
    bits: tuple[int, ...],
    seed: int,
) -> None:
    asked = (study.name, block, kind, dims, points, samples, bits, seed)
    held = (begun.study, begun.block, begun.directions, begun.dims, begun.points, begun.samples)
    if asked != (*held, begun.bits, begun.seed):
        raise CurvatureError(
            f"the slice to go on from is another one, of {begun.block or 'all blocks'} of {begun.study}; start anew"
        )


def _note(made: Slice, meter: Meter, images: str) -> str:
    """What the person should know about how it was made."""
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
