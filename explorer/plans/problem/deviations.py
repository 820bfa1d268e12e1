"""Standard errors of Ω of many plans at once, and of its differences between plans.

Where the damage table knows how the errors of its figures go together (`Correlations`), all of that counts. Else
one error moves all widths of a block (that of its trace), and those of different blocks are independent:
Var[Ω(P) − Ω(P')] = Σ_i (s_i(b_i) − s_i(b'_i))², with s' = 0 for Ω(P) alone. Errors of activations always are of
this second kind.
"""

from collections.abc import Sequence

import numpy as np

from explorer.plans.costs.tables import FULL_PRECISION
from explorer.plans.damage.correlations import Spreads
from explorer.plans.problem.problem import Problem

_TOGETHER = 4096  # plans at once


def deviations(
    problem: Problem, bits: np.ndarray, a_bits: np.ndarray, than: tuple[np.ndarray, np.ndarray] | None = None
) -> np.ndarray:
    """Standard errors of Ω of plans, (P,).

    Args:
        bits, a_bits: (P, L) widths of weights and activations.
        than: widths of the plans whose Ω is subtracted, (P, L) or one plan (L,) for all.
    """
    damage, names = problem.damage, problem.blocks
    inputs = _spreads(names, damage.activation_stderr)
    other = None if than is None else np.broadcast_to(than[1], a_bits.shape)
    variance = _apart(inputs, a_bits, other)
    other = None if than is None else np.broadcast_to(than[0], bits.shape)
    if damage.correlations is None:
        variance += _apart(_spreads(names, damage.stderr), bits, other)
        found: np.ndarray = np.sqrt(variance)
        return found
    places = np.full((len(names), inputs.shape[1]), -1)
    for (block, width), place in damage.correlations.places.items():
        if block in names:
            places[names.index(block), width] = place
    figures = len(damage.correlations.figures)
    for start in range(0, len(bits), _TOGETHER):
        part = slice(start, start + _TOGETHER)
        picked = _picked(places, bits[part], figures)
        if other is not None:
            picked -= _picked(places, other[part], figures)
        variance[part] += damage.correlations.deviations(damage.stderr, picked) ** 2
    found = np.sqrt(variance)
    return found


def _apart(spreads: np.ndarray, bits: np.ndarray, other: np.ndarray | None) -> np.ndarray:
    blocks = np.arange(len(spreads))
    each = spreads[blocks, bits]
    if other is not None:
        each = each - spreads[blocks, other]
    found: np.ndarray = (each**2).sum(axis=1)
    return found


def _spreads(names: Sequence[str], table: Spreads) -> np.ndarray:
    """(L, 33) standard errors by bits."""
    found = np.zeros((len(names), FULL_PRECISION + 1))
    for place, block in enumerate(names):
        for bits, spread in table.get(block, {}).items():
            found[place, bits] = spread
    return found


def _picked(places: np.ndarray, bits: np.ndarray, figures: int) -> np.ndarray:
    """(P, figures): 1 at the figures that each plan picks."""
    found = np.zeros((len(bits), figures + 1))  # the last column takes what has no error
    chosen = places[np.arange(len(places)), bits]
    np.put_along_axis(found, np.where(chosen < 0, figures, chosen), 1.0, axis=1)
    return found[:, :figures]
