"""How sure a plan is: traces come with standard errors, so widths and frontier do too.

Each block's trace is drawn anew from a normal distribution around its estimate with its standard error, the
blocks independently of one another, activations apart from weights. Ω_i of a block is its trace times a squared
error that is known exactly, so one draw moves all its widths together: Ω_i(b) + z_i·s_i(b), z_i ~ N(0, 1), s_i(b)
being the standard error of Ω_i(b). Each draw is solved again at the same budget; a monotone order stays that of
the estimates.

The difference of Ω between two plans is much surer than either: blocks of equal widths cancel,

    Var[Ω(P) − Ω(P')] = Σ_i (s_i(b_i) − s_i(b'_i))².

Where the table knows how the errors of its figures go together (`plans.damage.correlations`), they are drawn so, and
the variance of a difference is theirs.

Plans whose difference is less than z of its standard errors are within the noise of one another.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from explorer import estimates
from explorer.errors import PlanError
from explorer.plans.damage.correlations import Correlations
from explorer.plans.damage.omega import DamageTable
from explorer.plans.problem.budget import Budget
from explorer.plans.problem.deviations import deviations
from explorer.plans.problem.groups import Option
from explorer.plans.problem.point import Point
from explorer.plans.problem.problem import Problem
from explorer.plans.solvers.curve import Curve
from explorer.plans.solvers.frontier import solve
from explorer.randomness import Stream, numpy_generator

DRAWS = 100
LEVEL = 0.6827  # of the band: one standard error either way, were it normal


@dataclass(frozen=True)
class Uncertainty:
    """What becomes of the plan and the frontier when the traces are drawn again.

    Attributes:
        draws: how often.
        seed: of the draws.
        point: the plan of the traces as they are.
        changes: block to the share of draws in which it got other widths.
        widths: block to weight bits to the share of draws that chose them; only what was chosen.
        a_widths: the same for the activations.
        regret: (draws,) by how much Ω of ``point``, under the drawn traces, was above the best of that draw.
        cost: (P,) budgets in the cost's unit at which the band is given.
        lower, upper: (P,) between these the least Ω within the budget lay in ``level`` of the draws.
        level: the share of draws inside the band.
    """

    draws: int
    seed: int
    point: Point
    changes: Mapping[str, float]
    widths: Mapping[str, Mapping[int, float]]
    a_widths: Mapping[str, Mapping[int, float]]
    regret: np.ndarray
    cost: np.ndarray
    lower: np.ndarray
    upper: np.ndarray
    level: float = LEVEL


def resample(
    found: Curve,
    budget: Budget,
    *,
    draws: int = DRAWS,
    seed: int = 0,
    level: float = LEVEL,
    progress: Callable[[float], None] | None = None,
) -> Uncertainty:
    """Draw the traces again and again, and solve each time.

    Args:
        found: the frontier; the band is given at the costs of its points.
        budget: at which the plan is chosen.
        draws: how often.
        level: share of draws inside the band.
        progress: is told the fraction done.

    Raises:
        PlanError: the traces have no errors, or no plan is within the budget.
    """
    problem = found.problem
    point = found.best_under(budget)
    if not problem.lookup("variance").any():
        raise PlanError(
            "the traces of this study came without standard errors, so there is nothing to draw from; "
            "estimate traces of a network"
        )
    if draws < 2 or not 0 < level < 1:
        raise PlanError(f"{draws} draws at level {level:g} give no band; take 2 or more, and a level below 1")
    rng = numpy_generator(Stream.REDRAWN_TRACES, seed)
    held = np.array([[point.bits[b], point.a_bits[b]] for b in problem.blocks], dtype=np.uint8)
    chosen = np.empty((draws, len(problem.blocks), 2), dtype=np.uint8)
    regret, least = np.empty(draws), np.empty((draws, len(found)))
    for draw in range(draws):
        again = solve(drawn(problem, rng))
        best = again.best_under(budget)
        chosen[draw] = [[best.bits[b], best.a_bits[b]] for b in problem.blocks]
        mine = again.problem.damage.omega(point.bits, point.a_bits)
        regret[draw] = mine - best.omega
        least[draw] = again.omega[np.searchsorted(again.counts, found.counts, side="right") - 1]
        if progress is not None:
            progress((draw + 1) / draws)
    changed = (chosen != held).any(axis=2).mean(axis=0)
    tail = (1 - level) / 2
    lower, upper = np.quantile(least, [tail, 1 - tail], axis=0)
    return Uncertainty(
        draws,
        seed,
        point,
        dict(zip(problem.blocks, changed.tolist(), strict=True)),
        _shares(problem, chosen[:, :, 0]),
        _shares(problem, chosen[:, :, 1]),
        regret,
        found.cost,
        lower,
        upper,
        level,
    )


def drawn(problem: Problem, rng: np.random.Generator) -> Problem:
    """The problem with every trace drawn anew."""
    table = problem.damage
    z = dict(zip(problem.blocks, rng.standard_normal(len(problem.blocks)), strict=True))
    z_inputs = dict(zip(problem.blocks, rng.standard_normal(len(problem.blocks)), strict=True))
    together = table.correlations
    damage = replace(
        table,
        values=_moved(table.values, table.stderr, z)
        if together is None
        else _moved_together(table, together, rng),
        activation=_moved(table.activation, table.activation_stderr, z_inputs),
    )
    groups = tuple(
        replace(
            group,
            omegas=tuple(
                sum(_at(damage, problem.blocks[member], option) for member in group.members)
                for option in group.options
            ),
        )
        for group in problem.groups
    )
    return replace(problem, damage=damage, groups=groups)


def paired_stderr(found: Curve, index: int) -> np.ndarray:
    """(P,) standard error of the difference of Ω between every plan of a curve and one of them."""
    place = index % len(found)
    return deviations(found.problem, found.bits, found.a_bits, than=(found.bits[place], found.a_bits[place]))


def within_noise(found: Curve, index: int, *, z: float = 1.0) -> np.ndarray:
    """Indices of the plans whose Ω differs from that of one by less than ``z`` standard errors; its own too.

    They may as well be better: between them the cost decides.
    """
    differs = found.omega - found.omega[index]
    near: np.ndarray = np.flatnonzero(estimates.within_noise(differs, paired_stderr(found, index), z=z))
    return near


def neighbours_within_noise(found: Curve, *, z: float = 1.0) -> np.ndarray:
    """(P−1,) bool: whether each point and the next are within the noise of one another."""
    deviation = deviations(
        found.problem, found.bits[1:], found.a_bits[1:], than=(found.bits[:-1], found.a_bits[:-1])
    )
    near: np.ndarray = estimates.within_noise(np.diff(found.omega), deviation, z=z)
    return near


def _moved(
    values: Mapping[str, Mapping[int, float]],
    spreads: Mapping[str, Mapping[int, float]],
    z: Mapping[str, float],
) -> dict[str, dict[int, float]]:
    return {
        block: {
            bits: value + z.get(block, 0.0) * spreads.get(block, {}).get(bits, 0.0)
            for bits, value in row.items()
        }
        for block, row in values.items()
    }


def _moved_together(
    table: DamageTable, together: Correlations, rng: np.random.Generator
) -> dict[str, dict[int, float]]:
    off = together.spreads(table.stderr) * (together.root @ rng.standard_normal(len(together.figures)))
    return {
        block: {
            bits: value
            + (float(off[together.places[block, bits]]) if (block, bits) in together.places else 0.0)
            for bits, value in row.items()
        }
        for block, row in table.values.items()
    }


def _at(damage: DamageTable, block: str, option: Option) -> float:
    return damage.at(block, option.w_bits) + damage.at_activation(block, option.a_bits)


def _shares(problem: Problem, chosen: np.ndarray) -> dict[str, dict[int, float]]:
    """Block to width to the share of draws that chose it; ``chosen`` is (draws, L)."""
    found: dict[str, dict[int, float]] = {}
    for place, block in enumerate(problem.blocks):
        widths, counts = np.unique(chosen[:, place], return_counts=True)
        found[block] = {int(w): int(c) / len(chosen) for w, c in zip(widths, counts, strict=True)}
    return found
