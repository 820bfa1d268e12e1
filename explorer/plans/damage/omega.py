"""Ω, the damage that quantizing a network's weights is predicted to do.

    Ω = Σ_i  Tr(H_i)/n_i · ‖Q(W_i) − W_i‖₂²        (HAWQ-V2, section 2.3, eq. 10)

H_i is the Hessian of the loss over the weights W_i of block i, n_i their number, Q the quantizer at the
block's width. The factor ½ of the Taylor expansion is left out, as in the paper; it changes no order.

Signs are kept. A trace may be estimated negative (a block at a saddle, or noise): its Ω is then most
negative at the fewest bits, and the frontier is exact for what it is given. Clipping it to zero would hide
that the estimate is not to be trusted; ``stderr`` and the sign say it. A trace or an error that is not finite
is refused.

Quantized activations add a term of the same form for each block's input (HAWQ-V2, section 2.2), which a table
holds beside the weights', so that both are chosen in one plan.

Ω is linear in the traces, and the errors of the blocks' estimates are taken as independent, so the standard
error of Ω is sqrt(Σ_i (s_i · ‖Q(W_i) − W_i‖²)²), s_i being that of the mean trace. A table that was estimated from
draws shared by all blocks may say how their errors go together (`correlations`): then that counts.

Published profiles know two widths only. In between, the squared error of a uniform quantizer falls as the
squared step, 4^-b: it is taken as linear in 4^-b through the known neighbours, and outside them as the
nearest one scaled by 4^-(difference). Such values are listed as ``estimated``.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from math import hypot, isfinite, sqrt
from typing import Any

from explorer.errors import PlanError
from explorer.plans.costs.tables import FULL_PRECISION
from explorer.plans.damage.correlations import Correlations
from explorer.plans.plan.plan import listed

Widths = tuple[Mapping[str, int], Mapping[str, int]]  # block to bits, of weights and of activations

_BY_BITS = ("values", "stderr", "activation", "activation_stderr")


@dataclass(frozen=True)
class DamageTable:
    """Ω_i of every block at every width.

    Attributes:
        values: block to bits to Ω_i.
        sensitivity: block to mean trace, Tr(H_i)/n_i: what set B sorts by.
        stderr: block to bits to the standard error of Ω_i; 0 where the traces came without one.
        estimated: the (block, bits) whose squared error was interpolated.
        activation: block to the bits of its input to the damage that does; empty where activations are not
            looked at.
        activation_stderr: the standard error of that.
        correlations: of the errors of ``values``; None where they are taken as independent from block to block.
    """

    values: Mapping[str, Mapping[int, float]]
    sensitivity: Mapping[str, float]
    stderr: Mapping[str, Mapping[int, float]]
    estimated: frozenset[tuple[str, int]] = field(default_factory=frozenset)
    activation: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    activation_stderr: Mapping[str, Mapping[int, float]] = field(default_factory=dict)
    correlations: Correlations | None = field(default=None, repr=False)

    @property
    def has_activations(self) -> bool:
        """Whether the damage of quantized activations is in the table."""
        return bool(self.activation)

    def with_activation(
        self,
        activation: Mapping[str, Mapping[int, float]],
        stderr: Mapping[str, Mapping[int, float]] | None = None,
    ) -> "DamageTable":
        """The same table with the damage of the activations beside it."""
        return replace(self, activation=activation, activation_stderr=stderr or {})

    def at(self, block: str, bits: int) -> float:
        """Ω_i of one block at one width of its weights.

        Raises:
            PlanError: the table lacks the block, or the width.
        """
        return _figure(self.values, block, bits, "damage")

    def at_activation(self, block: str, bits: int) -> float:
        """What one width of a block's input adds to Ω; 0 where the table has no activations.

        Raises:
            PlanError: the table has activations and lacks this block, or the width; 32 bits do no damage.
        """
        if not self.activation or bits == FULL_PRECISION:
            return 0.0
        return _figure(self.activation, block, bits, "damage of the activations")

    def omega(self, w_bits: Mapping[str, int], a_bits: Mapping[str, int] | None = None) -> float:
        """Ω of a plan: of its weights, and with ``a_bits`` of its activations too."""
        weights = sum(self.at(block, bits) for block, bits in w_bits.items())
        return weights + sum(self.at_activation(block, bits) for block, bits in (a_bits or {}).items())

    def omega_stderr(self, w_bits: Mapping[str, int], a_bits: Mapping[str, int] | None = None) -> float:
        """Standard error of Ω of a plan."""
        return self.difference_stderr((w_bits, a_bits or {}), ({}, {}))

    def difference_stderr(self, of: Widths, than: Widths) -> float:
        """Standard error of Ω of one plan less that of another, both widths of weights and of activations.

        It may be asked of some blocks only. Errors of activations, and those of weights where there are no
        correlations, are one a block: that of its trace, which moves all its widths together.
        """
        inputs = _apart(self.activation_spread, of[1], than[1])
        if self.correlations is None:
            return hypot(inputs, _apart(self.spread, of[0], than[0]))
        picked = self.correlations.picked(of[0]) - self.correlations.picked(than[0])
        return hypot(inputs, float(self.correlations.deviations(self.stderr, picked)))

    def spread(self, block: str, bits: int) -> float:
        """Standard error of ``at``; 0 where none is known."""
        return self.stderr.get(block, {}).get(bits, 0.0)

    def activation_spread(self, block: str, bits: int) -> float:
        """Standard error of ``at_activation``; 0 where none is known."""
        return self.activation_stderr.get(block, {}).get(bits, 0.0)

    def is_estimated(self, w_bits: Mapping[str, int]) -> bool:
        """Whether Ω of a plan rests on an interpolated squared error."""
        return any((block, bits) in self.estimated for block, bits in w_bits.items())

    def to_json(self) -> dict[str, Any]:
        """Plain data; the bits, which are keys, are written as text."""
        return {
            "sensitivity": dict(self.sensitivity),
            "estimated": sorted([block, bits] for block, bits in self.estimated),
            **{name: _as_text(getattr(self, name)) for name in _BY_BITS},
            **({} if self.correlations is None else {"correlations": self.correlations.to_json()}),
        }

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "DamageTable":
        """The inverse of ``to_json``."""
        by_bits = {
            name: {block: {int(bits): v for bits, v in row.items()} for block, row in content[name].items()}
            for name in _BY_BITS
        }
        estimated = frozenset((block, bits) for block, bits in content["estimated"])
        together = content.get("correlations")
        return cls(
            sensitivity=dict(content["sensitivity"]),
            estimated=estimated,
            correlations=None if together is None else Correlations.from_json(together),
            **by_bits,
        )


def damage_table(
    mean_traces: Mapping[str, float],
    squared_errors: Mapping[str, Mapping[int, float]],
    *,
    stderr: Mapping[str, float] | None = None,
    estimated: Iterable[tuple[str, int]] = (),
) -> DamageTable:
    """Ω_i from mean traces and squared errors; 32 bits do no damage.

    Args:
        mean_traces: block to Tr(H_i)/n_i, of any sign.
        squared_errors: block to bits to ‖Q(W_i) − W_i‖².
        stderr: block to the standard error of its mean trace.
        estimated: which squared errors were interpolated.

    Raises:
        PlanError: a block has no squared errors, or a figure is not finite; the message names the block.
    """
    errors_of_traces = stderr or {}
    values: dict[str, dict[int, float]] = {}
    uncertain: dict[str, dict[int, float]] = {}
    for block, mean_trace in mean_traces.items():
        spread = errors_of_traces.get(block, 0.0)
        if not isfinite(mean_trace) or not isfinite(spread):
            raise PlanError(
                f"the mean trace of {block} is {mean_trace} ± {spread}, which no plan can use; "
                "compute the traces again"
            )
        if block not in squared_errors:
            raise PlanError(
                f"no quantization error is known for {block}; compute it for every block that has a trace"
            )
        row = {FULL_PRECISION: 0.0, **squared_errors[block]}
        for bits, error in row.items():
            if not isfinite(error) or error < 0:
                raise PlanError(
                    f"the squared error of {block} at {bits} bits is {error}; it must be a number of "
                    "at least 0"
                )
        values[block] = {bits: mean_trace * error for bits, error in row.items()}
        uncertain[block] = {bits: spread * error for bits, error in row.items()}
    return DamageTable(values, dict(mean_traces), uncertain, frozenset(estimated))


def _apart(spread: Callable[[str, int], float], of: Mapping[str, int], than: Mapping[str, int]) -> float:
    """Standard error of a difference where one error moves all widths of a block, and none two blocks."""
    return sqrt(
        sum(
            (
                (spread(name, of[name]) if name in of else 0.0)
                - (spread(name, than[name]) if name in than else 0.0)
            )
            ** 2
            for name in {**of, **than}
        )
    )


def _as_text(table: Mapping[str, Mapping[int, float]]) -> dict[str, dict[str, float]]:
    return {block: {str(bits): value for bits, value in row.items()} for block, row in table.items()}


def _figure(table: Mapping[str, Mapping[int, float]], block: str, bits: int, what: str) -> float:
    if block not in table:
        raise PlanError(f"no {what} is known for the block {block}; the table has {listed(table)}")
    if bits not in table[block]:
        known = ", ".join(str(bits) for bits in sorted(table[block]))
        raise PlanError(f"no {what} is known for {block} at {bits} bits; its table has {known or 'no width'}")
    return table[block][bits]


def interpolate_errors(
    squared_errors: Mapping[str, Mapping[int, float]], bits: Iterable[int]
) -> tuple[dict[str, dict[int, float]], frozenset[tuple[str, int]]]:
    """Squared errors at these widths too, and which (block, bits) are estimates.

    Raises:
        PlanError: a block has no figures at all.
    """
    wanted = sorted(set(bits) - {FULL_PRECISION})
    filled: dict[str, dict[int, float]] = {}
    estimated = set()
    for block, row in squared_errors.items():
        known = {width: error for width, error in row.items() if width != FULL_PRECISION}
        if not known:
            raise PlanError(f"no quantization error is published for {block}, so none can be interpolated")
        filled[block] = dict(row)
        for width in wanted:
            if width not in known:
                filled[block][width] = _at(known, width)
                estimated.add((block, width))
    return filled, frozenset(estimated)


def _at(known: Mapping[int, float], bits: int) -> float:
    below = max((width for width in known if width < bits), default=None)
    above = min((width for width in known if width > bits), default=None)
    if below is None or above is None:
        nearest = below if above is None else above
        assert nearest is not None
        return float(known[nearest] * 4.0 ** (nearest - bits))
    share = (4.0**-bits - 4.0**-above) / (4.0**-below - 4.0**-above)
    return share * known[below] + (1 - share) * known[above]
