"""How the errors of a damage table's figures go together, where they were estimated from the same draws.

With s the standard errors of the figures Ω_i(b) and R their correlations, a plan P that picks one figure a block has

    Var[Ω(P)] = Σ_ij s_i R_ij s_j,        Var[Ω(P) − Ω(P')] = dᵀ diag(s) R diag(s) d,

d being 1 at the figures that P alone picks, −1 at those of P' alone, and 0 elsewhere.

R is that of the draws, rounded to three decimals: a table of it takes few characters, and the rounding moves a
standard error by less than the draws leave open.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

_DECIMALS = 3

Spreads = Mapping[str, Mapping[int, float]]  # block to bits to a standard error


@dataclass(frozen=True)
class Correlations:
    """Correlations of the errors of single figures.

    Attributes:
        figures: (block, bits) of each.
        lower: a row a figure: its correlations with those before it.
        draws: that they were estimated from.
    """

    figures: tuple[tuple[str, int], ...]
    lower: tuple[tuple[float, ...], ...]
    draws: int

    @classmethod
    def of_draws(cls, figures: Sequence[tuple[str, int]], draws: np.ndarray) -> "Correlations":
        """Correlations over draws (M, figures); 0 with a figure that is the same in all."""
        off = draws - draws.mean(0)
        size = np.sqrt((off * off).sum(0))
        unit = np.divide(off, size, out=np.zeros_like(off), where=size > 0)
        rounded = np.round(unit.T @ unit, _DECIMALS)
        lower = tuple(tuple(row[:place].tolist()) for place, row in enumerate(rounded))
        return cls(tuple(figures), lower, len(draws))

    @cached_property
    def places(self) -> Mapping[tuple[str, int], int]:
        """(block, bits) to the place of that figure."""
        return {figure: place for place, figure in enumerate(self.figures)}

    @cached_property
    def matrix(self) -> np.ndarray:
        """R, (figures, figures)."""
        found = np.eye(len(self.figures))
        for place, row in enumerate(self.lower):
            found[place, :place] = found[:place, place] = row
        return found

    @cached_property
    def root(self) -> np.ndarray:
        """A with A Aᵀ = R, what rounding made negative left out."""
        values, vectors = np.linalg.eigh(self.matrix)
        found: np.ndarray = vectors * np.sqrt(np.maximum(values, 0))
        return found

    def spreads(self, spreads: Spreads) -> np.ndarray:
        """s, (figures,)."""
        return np.array([spreads.get(block, {}).get(bits, 0.0) for block, bits in self.figures])

    def deviations(self, spreads: Spreads, picked: np.ndarray) -> np.ndarray:
        """Standard errors of sums of figures, (P,).

        Args:
            picked: (P, figures), how often each is added; negative where it is taken away.
        """
        scaled = picked * self.spreads(spreads)
        found: np.ndarray = np.sqrt(np.maximum(((scaled @ self.matrix) * scaled).sum(-1), 0.0))
        return found

    def picked(self, w_bits: Mapping[str, int]) -> np.ndarray:
        """(figures,): 1 at what a plan picks. Figures that are not here have no error."""
        found = np.zeros(len(self.figures))
        for figure in w_bits.items():
            if figure in self.places:
                found[self.places[figure]] = 1.0
        return found

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "figures": [list(figure) for figure in self.figures],
            "lower": [list(row) for row in self.lower],
            "draws": self.draws,
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "Correlations":
        """The inverse of `to_json`."""
        figures = tuple((str(block), int(bits)) for block, bits in content["figures"])
        return cls(figures, tuple(tuple(map(float, row)) for row in content["lower"]), int(content["draws"]))
