r"""The gradient method: straight-through gradients on the images that matter, then short line searches on them.

Ours, in the place of Powell's method. Two things make it cheap:

*One backward pass gives the slope of all steps.* dL/d log Δ through the straight-through quantizers (`forms`) goes
to Adam (Kingma and Ba 2015) on log Δ. It follows the smooth course of the loss and cannot see what rounding does
to single weights, which at 4 bits is most of what is left to gain after phase 2: a step moved by a few percent
changes the loss by as much, at random. So Adam goes on only while L falls, and short searches along one step after
the other, as Powell makes them, do the rest.

*A few images hold nearly all of the loss.* Of a trained network quantized to 4 bits the 32 worst of 512 images have
some 90 % of it, and of its gradient, which is p - y. Slopes and searches look at the hard images alone, at first one
in 16, and replay what comes before the searched site. Which images are hard changes with the steps: after every
GROUP of sites L is measured on all images, the group's moves are kept only if it fell, and the hard images are
chosen anew, by their losses at the best steps and at any other that were measured, phase 2 included, which fade: an
image that other steps have spoilt is one that the next may spoil. After a sweep over all sites that moved next to
none there are twice as many, up to one in 4.

With 2 bits a step has to go further before it matters, and what suits six sites one by one seldom suits them
together: the searches are wider there and the groups smaller.
"""

from __future__ import annotations

import numpy as np

from explorer.lapq.loss.history import Trail
from explorer.lapq.loss.network import Array
from explorer.lapq.loss.objective import Part
from explorer.randomness import Stream, numpy_generator

FEWEST, MOST = 1 / 16, 1 / 4  # of the images that are hard
ADAM_STEPS = 8  # between measurements of L on all images
ADAM_ROUNDS = 8
RATE = 0.03  # of log Δ
GAIN = 0.01  # Adam goes on while a round lowers L by at least this share
GROUP, SPAN = 6, 0.2  # sites; of log Δ, either way
FEW_BITS = 2
GROUP_OF_FEW, SPAN_OF_FEW = 2, 0.5  # where a site has that few bits
TRIES = 8  # steps looked at in one search
SWEEPS = 3
ACCEPTED = (
    2  # groups; a sweep that moves fewer has learnt the hard images by heart, and the next looks at more
)
FADING = 0.5


def search(trail: Trail, seed: int) -> None:
    """Walk the trail. The seed draws the steps that are looked at."""
    hard = _Hard(trail)
    _adam(trail, hard)
    draw = numpy_generator(Stream.LAPQ_SEARCH, seed)
    few = min(site.bits for site in trail.objective.sites) <= FEW_BITS
    size, span = (GROUP_OF_FEW, SPAN_OF_FEW) if few else (GROUP, SPAN)
    for _ in range(SWEEPS):
        better = len(trail.path)
        for first in range(0, len(trail.start), size):
            group = range(len(trail.start))[first : first + size]
            part, steps = hard.part(), trail.best.steps
            for site in group:
                steps = _line(trail, part, steps, site, span, draw)
            hard.measure(steps)
        if len(trail.path) - better < ACCEPTED:
            hard.share = min(2 * hard.share, MOST)


class _Hard:
    """Which images are hard: by their losses at the best steps, and at those tried since."""

    def __init__(self, trail: Trail) -> None:
        self._trail = trail
        self._now = trail.losses(trail.start)
        self._worst = np.max(trail.objective.losses_seen, axis=0)
        self.share = FEWEST

    def part(self) -> Part:
        """The hard images."""
        by_loss = np.argsort(-np.maximum(self._now, FADING * self._worst), kind="stable")
        count = max(1, round(self.share * len(by_loss)))
        return self._trail.objective.part(np.sort(by_loss[:count]))

    def measure(self, steps: Array) -> None:
        """Measure L on all images, and learn from it which are hard."""
        before = self._trail.best.loss
        losses = self._trail.losses(steps)
        self._worst = np.maximum(losses, FADING * self._worst)
        better = self._trail.best.loss < before
        if better:
            self._now = losses


def _adam(trail: Trail, hard: _Hard) -> None:
    """Adam on log Δ, in rounds, each from the best steps on the images hard there."""
    for _ in range(ADAM_ROUNDS):
        before, part = trail.best.loss, hard.part()
        log_steps = np.log(trail.best.steps.astype(float))
        mean, square = np.zeros_like(log_steps), np.zeros_like(log_steps)
        for k in range(1, ADAM_STEPS + 1):
            slope = trail.slope(np.exp(log_steps).astype(np.float32), part)
            mean, square = 0.9 * mean + 0.1 * slope, 0.99 * square + 0.01 * slope**2
            rate = RATE * (1 - (k - 1) / ADAM_STEPS)
            log_steps -= rate * (mean / (1 - 0.9**k)) / (np.sqrt(square / (1 - 0.99**k)) + 1e-12)
        hard.measure(np.exp(log_steps).astype(np.float32))
        if not trail.best.loss < (1 - GAIN) * before:
            break


def _line(trail: Trail, part: Part, steps: Array, site: int, span: float, draw: np.random.Generator) -> Array:
    """The best of a few steps of one site, on a part of the images; one in each of equal intervals."""
    best, least = steps, trail.loss_of(steps, part)
    offsets = span * (2 * (np.arange(TRIES) + draw.uniform(size=TRIES)) / TRIES - 1)
    for by in offsets:
        tried = steps.copy()
        tried[site] = np.float32(steps[site] * np.exp(by))
        found = trail.loss_of(tried, part)
        if found < least:
            best, least = tried, found
    return best
