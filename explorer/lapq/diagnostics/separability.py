r"""How separable the loss is: how much of the damage of quantizing two tensors is not the sum of their own.

    ΔL_i = L(i alone quantized) - L(FP32)
    I_ij = L(i and j) - L(i alone) - L(j alone) + L(FP32)

I_ij is the quantization interaction term of Nahshan et al. 2019, sec. 3.1, eq. 7, measured with all orders in it and
not only the second. Of everything quantized together,

    share = |ΔL_all - Σ ΔL_i| / (|ΔL_all - Σ ΔL_i| + |Σ ΔL_i|)

is 0 where steps can be chosen one by one, and near 1 where interactions are all there is. Errors are standard errors
over the calibration images, paired.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from torch import Tensor

from explorer.estimates import mean
from explorer.evaluation.per_sample import joined, score
from explorer.lapq.loss.caching import Prefixes
from explorer.lapq.loss.forms import Levels
from explorer.lapq.loss.network import Array, SteppedNetwork, StepQuantizer
from explorer.lapq.loss.objective import Objective
from explorer.watching import UNWATCHED, Watcher

OFF = math.inf  # the step of a site that is left in FP32


@dataclass(frozen=True, eq=False)
class Separability:
    """Damages and interactions of n sites.

    Attributes:
        w_bits, a_bits: of all quantized tensors; None where a plan gave the widths.
        sites: names, in the order in which a forward pass meets them.
        steps: (n,).
        samples: calibration images.
        float_loss: of the FP32 network.
        alone, alone_stderr: ΔL_i, (n,).
        pairs, pairs_stderr: I_ij, (n, n), symmetric; 0 on the diagonal, NaN where a pair was not measured.
        together, together_stderr: ΔL_all.
        interaction, interaction_stderr: ΔL_all - Σ ΔL_i.
    """

    w_bits: int | None
    a_bits: int | None
    sites: tuple[str, ...]
    steps: Array
    samples: int
    float_loss: float
    alone: Array
    alone_stderr: Array
    pairs: Array
    pairs_stderr: Array
    together: float
    together_stderr: float
    interaction: float
    interaction_stderr: float

    @property
    def share(self) -> float:
        """Share of the damage that is interaction, 0 to 1."""
        return _share(self.interaction, self.together - self.interaction)

    @property
    def pair_share(self) -> float:
        """The same for two sites, over the measured pairs: Σ|I_ij| / Σ(|I_ij| + |ΔL_i + ΔL_j|)."""
        i, j = np.triu_indices(len(self.sites), 1)
        known = ~np.isnan(self.pairs[i, j])
        i, j = i[known], j[known]
        both = np.abs(self.alone[i] + self.alone[j]).sum()
        return _share(float(np.abs(self.pairs[i, j]).sum()), float(both))

    def to_json(self) -> dict[str, Any]:
        """Plain data, shares included."""
        arrays = {key: value.tolist() for key, value in vars(self).items() if isinstance(value, np.ndarray)}
        shares = {"share": self.share, "pair_share": self.pair_share}
        return {**vars(self), **arrays, **shares, "sites": list(self.sites)}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> Separability:
        """What `to_json` wrote."""
        known = {key: value for key, value in content.items() if key in cls.__annotations__}
        arrays = ("steps", "alone", "alone_stderr", "pairs", "pairs_stderr")
        made = {key: np.array(known[key], float) for key in arrays}
        return cls(**{**known, **made, "sites": tuple(content["sites"])})


def separability(
    objective: Objective,
    steps: Array,
    *,
    reach: int | None = None,
    watcher: Watcher = UNWATCHED,
) -> Separability:
    """Measure it at these steps; what the objective's journal notes is not measured again.

    Args:
        reach: pairs further apart than this many sites are left out; None: all are measured.
        watcher: told how many of the losses are measured.
    """
    steps = np.asarray(steps, np.float32)
    n = len(steps)
    switches = _Switches(objective, steps)
    near = [(i, j) for i in range(n) for j in range(i + 1, n) if reach is None or j - i <= reach]
    asked: list[tuple[int, ...]] = [(), *((i,) for i in range(n)), *near, tuple(range(n))]
    found: dict[tuple[int, ...], Array] = {}
    for done, on in enumerate(asked, start=1):
        found[on] = switches.losses(on)
        watcher.report(done / len(asked), f"interactions: {done} of {len(asked)}")
    floating = found[()]
    alone = np.array([found[i,] - floating for i in range(n)])  # (n, samples)
    pairs, errors = np.full((n, n), np.nan), np.full((n, n), np.nan)
    np.fill_diagonal(pairs, 0.0)
    np.fill_diagonal(errors, 0.0)
    for i, j in near:
        pairs[i, j], errors[i, j] = mean(found[i, j] - floating - alone[i] - alone[j])
        pairs[j, i], errors[j, i] = pairs[i, j], errors[i, j]
    together = found[asked[-1]] - floating
    of_each = [mean(each) for each in alone]
    whole, whole_error = mean(together)
    mixed, mixed_error = mean(together - alone.sum(axis=0))
    return Separability(
        w_bits=objective.w_bits,
        a_bits=objective.a_bits,
        sites=objective.names,
        steps=steps.astype(float),
        samples=len(floating),
        float_loss=float(floating.mean()),
        alone=np.array([value for value, _ in of_each]),
        alone_stderr=np.array([error for _, error in of_each]),
        pairs=pairs,
        pairs_stderr=errors,
        together=whole,
        together_stderr=whole_error,
        interaction=mixed,
        interaction_stderr=mixed_error,
    )


def _share(part: float, rest: float) -> float:
    total = abs(part) + abs(rest)
    return abs(part) / total if total else 0.0


class _Switches:
    """The loss of every calibration image with some sites quantized and the others in FP32."""

    def __init__(self, objective: Objective, steps: Array) -> None:
        self._objective, self._steps = objective, steps
        self._name = hashlib.sha256(steps.tobytes()).hexdigest()[:16]
        self._network = _SwitchedNetwork(
            objective.study.model(), objective.sites, bias_correction=objective.bias_correction
        )
        inputs = [inputs for inputs, _ in objective.batches]
        self._prefixes = Prefixes(self._network, inputs, objective.shares)

    def losses(self, on: Sequence[int]) -> Array:
        """float64 (samples,)."""
        name = f"quantized {self._name} {' '.join(map(str, on)) if len(on) < 3 else 'all'}"
        return self._objective.journal.note(name, lambda: self._measured(on))

    def _measured(self, on: Sequence[int]) -> Array:
        steps = np.full_like(self._steps, OFF)
        steps[list(on)] = self._steps[list(on)]
        before = self._prefixes.samples_computed
        outputs = self._prefixes.outputs(steps, self._objective.check)
        found = [
            score(out, targets, self._objective.study.loss)
            for out, (_, targets) in zip(outputs, self._objective.batches, strict=True)
        ]
        cost = (self._prefixes.samples_computed - before) / len(self._objective.rows)
        self._objective.count(("quantized", self._name, tuple(on)), cost)
        return joined(found).losses.numpy()


class _SwitchedNetwork(SteppedNetwork):
    """A stepped network in which the step OFF means FP32."""

    def place(self, steps: Array) -> None:
        for site, part, step in zip(self.sites, self.parts, steps, strict=True):
            if isinstance(part, StepQuantizer):
                part.levels = site.levels if step != OFF else _EVERYTHING
        super().place(steps)

    def _weight(self, index: int, step: float) -> Tensor:
        return self.original(index) if step == OFF else super()._weight(index, step)


class _AllLevels(Levels):
    def quantize(self, x: Tensor, step: Tensor) -> Tensor:
        return x


_EVERYTHING = _AllLevels(0, 1, 0.0)
