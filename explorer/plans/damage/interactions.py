r"""Damage with its terms between blocks: a quadratic form in the choice of widths.

    q(b) = E[ (Σ_i u_i(b_i))ᵀ H_L (Σ_i u_i(b_i)) ]  =  mean_m Σ_c ± ( Σ_i s_{m,i,c}(b_i) )²

u_i(b) is the change of the network's outputs when block i alone has b bits, H_L the Hessian of the loss at the
outputs, and s_{m,i,c} the part of it that `curvature.output_changes` keeps for every sample drawn. Its terms for one
block alone are ΔWᵀHΔW where the network is piecewise linear (`measures`, "product"), and Ω by that measure is their
sum; the rest is LAPQ's interaction between layers (Nahshan et al. 2019, section 3.1). As in Ω of HAWQ-V2 the factor ½
of the Taylor expansion is left out.

The samples are drawn independently, so the standard error of a plan's q, and of the difference of two plans' on the
same samples, is that of a mean over M values.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from torch import Tensor

from explorer.blocks import Block
from explorer.curvature.output_changes import DRAWS, How, output_changes
from explorer.errors import PlanError
from explorer.estimates import Estimate, mean, means, paired
from explorer.plans.costs.tables import FULL_PRECISION
from explorer.plans.damage.measures import weight_changes
from explorer.plans.damage.omega import DamageTable
from explorer.plans.plan.plan import listed
from explorer.quantizers.settings import WEIGHTS, QuantizerSettings
from explorer.studies.study import Study
from explorer.watching import UNWATCHED, Watcher


@dataclass(frozen=True)
class Interactions:
    """The form, sample by sample.

    Attributes:
        blocks: names, in depth order.
        bits: the widths it knows, ascending; 32 bits, which change nothing, besides.
        parts: (M, blocks, widths, C) float64, s_{m,i,c}(b) times the root of the sample's weight.
        signs: (M, C) float64, 1 or −1: −1 only where the loss is not convex in the outputs.
        how: whether the outputs' changes are ``tangents`` J ΔW or ``differences`` of outputs.
        distinct: how many of the M samples are different ones.
        passes: forward passes of one sample that it took.
    """

    blocks: tuple[str, ...]
    bits: tuple[int, ...]
    parts: Tensor
    signs: Tensor
    how: How
    distinct: int
    passes: float

    @property
    def samples(self) -> int:
        """How many were drawn, M."""
        return len(self.parts)

    def per_sample(self, w_bits: Mapping[str, int]) -> Tensor:
        """(M,) values whose mean is the damage of a plan; blocks that it does not name are left in FP32.

        Raises:
            PlanError: a block or a width is not known.
        """
        moved = torch.zeros_like(self.parts[:, 0, 0])
        for name, width in w_bits.items():
            if (place := self.place(name, width)) is not None:
                moved += self.parts[:, place[0], place[1]]
        return (self.signs * moved.square()).sum(1)

    def value_of(self, w_bits: Mapping[str, int]) -> Estimate:
        """q of a plan, from block to weight bits.

        Raises:
            PlanError: a block or a width is not known.
        """
        return mean(self.per_sample(w_bits))

    def difference(self, of: Mapping[str, int], than: Mapping[str, int]) -> Estimate:
        """q of one plan less that of another, paired by samples.

        Raises:
            PlanError: a block or a width is not known.
        """
        return paired(self.per_sample(of), self.per_sample(than))

    @cached_property
    def matrix(self) -> np.ndarray:
        """(blocks · widths)² of the form, symmetric, width after width in each block.

        q of a plan is the sum of the entries whose row and column it chooses. Positive semi-definite for a loss that
        is convex in the outputs.
        """
        flat = self.parts.flatten(1, 2)
        summed = torch.zeros(flat.shape[1], flat.shape[1], dtype=flat.dtype)
        for part, signs in zip(flat.split(64), self.signs.split(64), strict=True):
            summed += torch.einsum("mic,mc,mjc->ij", part, signs, part)
        found: np.ndarray = ((summed + summed.T) / (2 * self.samples)).numpy()
        return found

    def alone(self) -> DamageTable:
        """Ω without the terms between blocks: of every block and width by itself."""
        values, stderrs = means((self.signs[:, None, None] * self.parts.square()).sum(3))
        by_block: dict[str, dict[int, float]] = {}
        spread: dict[str, dict[int, float]] = {}
        for place, name in enumerate(self.blocks):
            by_block[name] = dict(zip(self.bits, values[place].tolist(), strict=True)) | {FULL_PRECISION: 0.0}
            spread[name] = dict(zip(self.bits, stderrs[place].tolist(), strict=True))
        sensitivity = dict(zip(self.blocks, values.mean(1).tolist(), strict=True))
        return DamageTable(by_block, sensitivity, spread)

    def place(self, block: str, bits: int) -> tuple[int, int] | None:
        """Where a block's part at a width is, by block and width; None for 32 bits, which change nothing.

        Raises:
            PlanError: the block or the width is not known.
        """
        if block not in self.blocks:
            raise PlanError(
                f"no terms between {block} and other blocks are known; they are of {listed(self.blocks)}"
            )
        if bits == FULL_PRECISION:
            return None
        if bits not in self.bits:
            known = ", ".join(map(str, self.bits))
            raise PlanError(
                f"no terms between blocks are known for {block} at {bits} bits; known are {known}"
            )
        return self.blocks.index(block), self.bits.index(bits)


def compute(
    study: Study,
    blocks: Sequence[Block],
    bits: Iterable[int],
    *,
    quantizer: QuantizerSettings = WEIGHTS,
    how: How = "tangents",
    samples: int = DRAWS,
    seed: int = 0,
    watcher: Watcher = UNWATCHED,
) -> Interactions:
    """The form for these blocks and widths.

    Args:
        samples: training rows drawn, by their curvature at the outputs.
        watcher: told how far it is; may stop before every few samples.

    Raises:
        CurvatureError: a value is not finite, or the loss's Hessian at the outputs is too large.
        Stopped: the watcher asked for it.
    """
    widths = tuple(sorted(set(bits) - {FULL_PRECISION}))
    found = output_changes(
        study,
        [weight_changes(study.model(), blocks, width, quantizer) for width in widths],
        how=how,
        blocks=tuple(blocks),
        samples=samples,
        seed=seed,
        watcher=watcher,
    )
    return Interactions(found.blocks, widths, found.parts, found.signs, how, found.distinct, found.passes)
