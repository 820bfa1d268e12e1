"""When to keep what comes before a site: renting and buying.

Evaluations come as they please: one site after another (Powell's first directions), two sites over a grid, all at
once. Replaying from the deepest site that a run of evaluations leaves the front untouched is cheapest, but a
recording costs a full forward pass. So each evaluation that a deeper cut would have made cheaper adds the
difference to a debt, and when the debt is what a new recording costs more than a replay, the recording is made:
never more than twice the work of knowing the future (the ski-rental argument; Karlin et al. 1988).

A recording holds for any steps that agree with its own before the cut.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from explorer.lapq.loss.network import Array, SteppedNetwork
from explorer.replay import Batch, Replay
from explorer.studies.data.samples import samples_in, some

_WORTH = 0.95  # a cut that leaves more of the network than this is not recorded


@dataclass(frozen=True)
class _Recording:
    cut: int
    before: Array  # steps of the sites before the cut
    replay: Replay
    batches: tuple[Batch, ...]


class Prefixes:
    """Forward passes of a stepped network over fixed inputs.

    Args:
        inputs: the batches.
        shares: site to the part of a forward pass that comes after it is met, by multiply-accumulates.

    Attributes:
        samples_computed: work so far, in full forward passes of one sample each.
    """

    def __init__(self, network: SteppedNetwork, inputs: Sequence[Tensor], shares: Sequence[float]) -> None:
        self._network, self._inputs, self._shares = network, inputs, shares
        self._recording: _Recording | None = None
        self._last: Array | None = None
        self._debt = 0.0
        self._plain = 0
        self._replayed = 0.0

    @property
    def samples_computed(self) -> float:
        return self._plain + self._replayed

    def outputs(self, steps: Array, check: Callable[[], None]) -> list[Tensor]:
        """Outputs of every batch at these steps; ``check`` is called before each and may raise."""
        self._network.place(steps)
        cut = 0 if self._last is None else _first_difference(self._last, steps)
        self._last = steps.copy()
        held = self._recording
        if held is None or not np.array_equal(held.before, steps[: held.cut]):
            if self._shares[cut] > _WORTH:
                return self._in_full(check)
            return self._record(steps, cut, check)
        self._debt += max(0.0, self._shares[held.cut] - self._shares[cut])
        if self._debt > 1 - self._shares[cut]:
            return self._record(steps, cut, check)
        return self._replay_of(held, check)

    def _in_full(self, check: Callable[[], None]) -> list[Tensor]:
        found = []
        with torch.no_grad():
            for inputs in self._inputs:
                check()
                found.append(self._network.model(inputs))
                self._plain += samples_in(inputs)
        return found

    def _replay_of(self, held: _Recording, check: Callable[[], None]) -> list[Tensor]:
        before, found = held.replay.samples_computed, []
        try:
            for batch in held.batches:
                check()
                found.append(batch.outputs())
        finally:
            self._replayed += held.replay.samples_computed - before
        return found

    def _record(self, steps: Array, cut: int, check: Callable[[], None]) -> list[Tensor]:
        self._recording, self._debt = None, 0.0  # its memory, before that of the next is taken
        replay = Replay(self._network.model, self._network.parts[cut:])
        found, batches = [], []
        try:
            one = some(self._inputs[0], slice(0, 1))
            replay.batch(one).forget()  # observed and checked on one sample, which is cheap
            for inputs in self._inputs:
                check()
                batch = replay.batch(inputs)
                found.append(batch.recorded)
                batch.recorded = None
                batches.append(batch)
        finally:
            self._replayed += replay.samples_computed
        self._recording = _Recording(cut, steps[:cut].copy(), replay, tuple(batches))
        return found


def _first_difference(one: Array, other: Array) -> int:
    """The first site at which two sets of steps differ; the last site if none does."""
    different = np.flatnonzero(one != other)
    return int(different[0]) if len(different) else len(one) - 1
