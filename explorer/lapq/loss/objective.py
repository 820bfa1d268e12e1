r"""The loss on the calibration images as a function of all steps, LAPQ's L(Δ).

    L(Δ) = N^-1 Σ_n loss(f_Q(Δ)(x_n), y_n)       over N training images, a fixed seeded draw in fixed batches

The reference code runs the whole network for every evaluation and quantizes every weight anew in it. Here what
comes before the first changed site is replayed (`prefixes`, outputs equal to the bit), quantized weights are kept by
step (`network`), an evaluation asked twice is looked up (`journal`), and no gradient is kept where none is asked.

Steps are rounded to float32 before anything else: that is what the quantizers compute with and what a plan holds.
Steps that are not positive and finite have the loss ∞.
"""

from __future__ import annotations

import difflib
import hashlib
import math
import time
from collections.abc import Collection, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.errors import LapqError
from explorer.evaluation.per_sample import joined, score
from explorer.lapq.loss.caching import Prefixes
from explorer.lapq.loss.journal import Entry, Journal
from explorer.lapq.loss.network import Array, SteppedNetwork
from explorer.lapq.loss.sites import Site, find_sites
from explorer.lapq.loss.widths import widths_of
from explorer.questions import StepsLoss, question_of
from explorer.randomness import Stream, drawn_rows, generator
from explorer.studies.losses import KINDS
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Watcher

BATCH = 64
BACKWARD = 2.0  # forward passes that a backward pass counts as


@dataclass(frozen=True, eq=False)
class Part:
    """Some of the calibration images, in fixed batches.

    Attributes:
        number: how manieth part of its objective; 0 is all.
    """

    number: int
    batches: tuple[tuple[Tensor, Tensor], ...]
    prefixes: Prefixes

    @property
    def samples(self) -> int:
        """How many images."""
        return sum(len(targets) for _, targets in self.batches)


class Objective:
    """L(Δ) of a study.

    Args:
        question: what defines the loss; or its options one by one, see `StepsLoss`.
        only: names of the sites that are quantized, of those that would be; None: all.
        rows: positions of the calibration images in the training split, int64; None: drawn, as many as are asked for.
        journal: of an earlier attempt, to go on from.
        watcher: asked before every batch whether to stop.
        options: of the question.

    Attributes:
        study, bias_correction: as given.
        w_bits, a_bits: as given; None where a plan gives the widths.
        widths: layer to the widths that the plan gives its weight and its input; None without a plan.
        sites: one a step, in the order in which a forward pass meets them.
        network: the quantized network.
        shares: site to the part of a forward pass in its layer and those after it, by multiply-accumulates.
        rows: positions of the calibration images in the training split.
        phase: word under which evaluations are journalled.
        losses_seen: what `losses` gave, in order.
        evaluations: different questions asked; one that the journal answers counts as it did when it was made.
        forward_equivalents: all work in full forward passes over all calibration images. A computation that goes
            on with a journal has no prefixes yet and does a little more.
        seconds: spent evaluating, in this process.

    Raises:
        LapqError: see `sites.find_sites` and `widths.planned`; or an option is out of range.
        PlanError: the plan does not fit the study.
    """

    def __init__(
        self,
        study: Study,
        question: StepsLoss | None = None,
        *,
        only: Collection[str] | None = None,
        rows: Tensor | None = None,
        journal: Journal | None = None,
        watcher: Watcher = UNWATCHED,
        **options: Any,
    ) -> None:
        asked = question_of(StepsLoss, question, options)
        self.study = study
        self.w_bits, self.a_bits = asked.one_width
        self.widths = None if asked.plan is None else widths_of(study, asked.plan)
        self.bias_correction = asked.bias_correction
        self._watcher = watcher
        self.journal = Journal() if journal is None else journal
        self.phase = ""
        self.seconds = 0.0
        self._parts = 0
        self._counted: set[Hashable] = set()
        self.losses_seen: list[Array] = []
        self.evaluations = 0
        self.forward_equivalents = 1.0  # `find_sites`
        drawn = generator(Stream.LAPQ_IMAGES, asked.seed)
        self.rows = drawn_rows(study.data.size("train"), asked.calibration, drawn) if rows is None else rows
        size = 1 if study.data.ragged else BATCH
        model = study.model()
        self.sites = find_sites(
            model,
            (inputs for inputs, _ in study.data.batches("train", size, self.rows)),
            bits=(asked.w_bits, asked.a_bits) if self.widths is None else self.widths,
            leave=asked.leave,
            form=asked.form,
        )
        if only is not None:
            self.sites = _these(self.sites, only)
        self.network = SteppedNetwork(model, self.sites, bias_correction=asked.bias_correction)
        self.shares = _shares(study, self.sites)
        self._all = self.part(np.arange(len(self.rows)))

    @property
    def names(self) -> tuple[str, ...]:
        """The sites' names."""
        return tuple(site.name for site in self.sites)

    @property
    def never_negative(self) -> bool:
        """Whether no image can have a loss below 0; of a loss of somebody's own that is not known."""
        return self.study.loss.kind in KINDS

    def index(self, name: str) -> int:
        """Where a site is among the sites.

        Raises:
            LapqError: there is none of that name.
        """
        return self.sites.index(_these(self.sites, [name])[0])

    @property
    def batches(self) -> tuple[tuple[Tensor, Tensor], ...]:
        """Inputs and targets of all calibration images."""
        return self._all.batches

    def part(self, positions: Array) -> Part:
        """Some of the calibration images, by their positions among them, to ask for the loss of these alone."""
        rows = self.rows[torch.from_numpy(np.asarray(positions))]
        size = 1 if self.study.data.ragged else BATCH
        batches = tuple(self.study.data.batches("train", size, rows))
        self._parts += 1
        inputs = [inputs for inputs, _ in batches]
        return Part(self._parts - 1, batches, Prefixes(self.network, inputs, self.shares))

    def loss(self, steps: Sequence[float] | Array | Tensor, part: Part | None = None) -> float:
        """The mean loss over all calibration images, or over a part of them."""
        part = part or self._all
        asked = self._canonical(steps)
        if not (np.isfinite(asked).all() and (asked > 0).all()):
            return math.inf
        known = self.journal.find(asked, part.number, slope=False)
        if known is None:
            losses, cost = self._measured(asked, part)
            known = self.journal.add(Entry(self.phase, asked, part.number, _mean(losses), None, cost))
        self._count(known)
        return known.loss

    def enter(self, steps: Sequence[float] | Array | Tensor, loss: float) -> None:
        """Journal a mean over all images that was found part by part, so that `loss` knows it."""
        asked = self._canonical(steps)
        if self.journal.find(asked, self._all.number, slope=False) is None:
            self.journal.add(Entry(self.phase, asked, self._all.number, loss, None, 0.0))

    def losses(self, steps: Sequence[float] | Array | Tensor) -> Array:
        """The loss of every calibration image, float64 (images,); their mean is journalled as `loss` does."""
        asked = self._canonical(steps)
        name = f"losses {hashlib.sha256(asked.tobytes()).hexdigest()}"

        def measure() -> Array:
            losses, cost = self._measured(asked, self._all)
            if self.journal.find(asked, self._all.number, slope=False) is None:
                self.journal.add(Entry(self.phase, asked, self._all.number, _mean(losses), None, cost))
                cost = 0.0  # it is the entry's
            return np.array([cost, *losses])

        noted = self.journal.note(name, measure)
        if self.count(name, float(noted[0])):
            self.losses_seen.append(noted[1:])
        self.loss(asked)  # looked up; counts it
        return noted[1:]

    def gradient(
        self, steps: Sequence[float] | Array | Tensor, part: Part | None = None
    ) -> tuple[float, Array]:
        """The mean loss over all images or a part, and its straight-through derivative by log step, (sites,)."""
        part = part or self._all
        asked = self._canonical(steps)
        known = self.journal.find(asked, part.number, slope=True)
        if known is None:
            known = self.journal.add(self._differentiated(asked, part))
        self._count(known)
        assert known.slope is not None
        return known.loss, known.slope

    def _measured(self, steps: Array, part: Part) -> tuple[Array, float]:
        """The loss of each image, float64, and what that cost."""
        started, before = time.monotonic(), part.prefixes.samples_computed
        outputs = part.prefixes.outputs(steps, self.check)
        found = [
            score(out, targets, self.study.loss)
            for out, (_, targets) in zip(outputs, part.batches, strict=True)
        ]
        self.seconds += time.monotonic() - started
        return joined(found).losses.numpy(), (part.prefixes.samples_computed - before) / len(self.rows)

    def _differentiated(self, steps: Array, part: Part) -> Entry:
        started = time.monotonic()
        self.network.place(steps)
        total, slope = 0.0, np.zeros(len(steps))
        for inputs, targets in part.batches:
            self.check()
            loss, of_steps = self.network.gradient(inputs, targets, self.study.loss)
            total, slope = total + loss, slope + of_steps
        self.seconds += time.monotonic() - started
        cost = (1 + BACKWARD) * part.samples / len(self.rows)
        slope = slope * steps / part.samples
        return Entry(self.phase, steps, part.number, total / part.samples, slope, cost)

    def count(self, what: Hashable, cost: float) -> bool:
        """Add work to the count, once for each thing it was done for; whether this was the first time."""
        first = what not in self._counted
        if first:
            self._counted.add(what)
            self.forward_equivalents += cost
        return first

    def _count(self, entry: Entry) -> None:
        self.evaluations += self.count(entry.question, entry.cost)

    def _canonical(self, steps: Any) -> Array:
        asked = np.asarray(steps, np.float32)
        if asked.shape != (len(self.sites),):
            raise LapqError(f"there are {len(self.sites)} steps to give and not {asked.shape}")
        return asked.copy()

    def check(self) -> None:
        """Raise `Stopped` if that is wished."""
        self._watcher.check_stop()


def _mean(losses: Array) -> float:
    return float(losses.mean()) if np.isfinite(losses).all() else math.inf


def _these(sites: Sequence[Site], only: Collection[str]) -> tuple[Site, ...]:
    """The sites of those names.

    Raises:
        LapqError: there is no site of one of the names.
    """
    names = [site.name for site in sites]
    for name in only:
        if name not in names:
            near = difflib.get_close_matches(name, names, n=3, cutoff=0.3) or names[:3]
            raise LapqError(
                f"there is no step {name!r} at these widths; the nearest are {', '.join(map(repr, near))}"
            )
    return tuple(site for site in sites if site.name in only)


def _shares(study: Study, sites: Sequence[Site]) -> list[float]:
    """The part of a forward pass's multiply-accumulates in a site's layer and those called after it."""
    layers = [layer for block in study.blocks() for layer in block.layers]
    total = sum(layer.macs for layer in layers) or 1
    after = {layer.name: sum(each.macs for each in layers[i:]) / total for i, layer in enumerate(layers)}
    return [after.get(site.layer, 1.0) for site in sites]
