"""From a study and its traces to the frontier: the verb that scripts, notebooks and the app share.

``study_tables`` makes the costs and the damages, ``problem`` puts them together with what a person asks for.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, TypedDict, Unpack

from explorer.errors import PlanError
from explorer.plans.costs.tables import CostTable
from explorer.plans.damage.omega import DamageTable
from explorer.plans.plan.plan import ALLOWED_BITS, allowed_sentence
from explorer.plans.problem.budget import CostName, Limit
from explorer.plans.problem.problem import Problem, build_problem
from explorer.plans.problem.ties import ties_of
from explorer.plans.solvers.frontier import Frontier, solve
from explorer.plans.study_tables import Measure, cost_table, default_menu, study_damage, with_activations
from explorer.quantizers.settings import WEIGHTS, QuantizerSettings
from explorer.studies.study import AnyStudy

if TYPE_CHECKING:
    from explorer.curvature.result import Traces

ACTIVATION_BITS = 8  # where nothing says otherwise
_COUNTING = ("bops", "latency", "activations")  # costs in which the activations' widths count


class Asked(TypedDict, total=False):
    """What can be asked of a frontier; ``study_problem`` says what each means and what holds without it."""

    bits: Collection[int] | None
    cost: CostName | CostTable
    damage: Measure | DamageTable
    monotone: bool
    ties: Iterable[Sequence[str]]
    auto_ties: bool
    keep: Mapping[str, int] | None
    minimum: Mapping[str, int] | None
    maximum: Mapping[str, int] | None
    first_last_at: int | None
    constraints: Sequence[Limit]
    a_bits: int | None
    a_menu: Collection[int]
    a_keep: Mapping[str, int] | None
    a_minimum: Mapping[str, int] | None
    a_maximum: Mapping[str, int] | None
    activation_traces: "Traces | None"
    quantizer: QuantizerSettings
    scales: bool


def frontier(
    study: AnyStudy,
    traces: "Traces | None" = None,
    *,
    resolution: float | None = None,
    **asked: Unpack[Asked],
) -> Frontier:
    """Every plan of a study that no other beats in both cost and Ω.

    Args:
        traces: of the study's weights, at either granularity; None: computed with the defaults. A profile
            study has its own.
        resolution: see ``solve``.
        **asked: see ``study_problem``.

    Raises:
        PlanError: as ``study_problem``; or no plan keeps the limits (``InfeasibleError``).
    """
    return solve(study_problem(study, traces, **asked), resolution=resolution)


def study_problem(
    study: AnyStudy,
    traces: "Traces | None" = None,
    *,
    bits: Collection[int] | None = None,
    cost: CostName | CostTable = "size",
    damage: Measure | DamageTable = "trace",
    monotone: bool = False,
    ties: Iterable[Sequence[str]] = (),
    auto_ties: bool = False,
    keep: Mapping[str, int] | None = None,
    minimum: Mapping[str, int] | None = None,
    maximum: Mapping[str, int] | None = None,
    first_last_at: int | None = None,
    constraints: Sequence[Limit] = (),
    a_bits: int | None = None,
    a_menu: Collection[int] = (),
    a_keep: Mapping[str, int] | None = None,
    a_minimum: Mapping[str, int] | None = None,
    a_maximum: Mapping[str, int] | None = None,
    activation_traces: "Traces | None" = None,
    quantizer: QuantizerSettings = WEIGHTS,
    scales: bool = False,
) -> Problem:
    """What ``frontier`` solves. Set B and the dots of a page come from it too.

    Args:
        traces: of the study's weights, at either granularity; None: computed with the defaults where they are
            needed. A profile study has its own.
        bits: the menu of widths; None: 2, 3, 4, 6, 8, or the widths that a profile was published at.
        cost: which cost, or a table of one's own.
        damage: how Ω is measured: "trace" (HAWQ-V2), "lambda-max" (HAWQ), "l2" or "product"; or a table of
            one's own.
        monotone: only HAWQ-V2's set B.
        ties: groups of blocks that share a width, besides a profile's own.
        auto_ties: tie what a residual's projection is added to, too (``ties.automatic_ties``).
        keep: block to the width its weights must have.
        minimum, maximum: block to the smallest and largest width its weights may have.
        first_last_at: the width of the first and the last block, unless ``keep`` says another; where
            activations are chosen, theirs too.
        constraints: further costs that must stay within a budget.
        a_bits: the activations' width where it is not chosen; None: 8, or that of the block's weights where
            a cost counts activations (BOPs, latencies, memory), as HAWQ-V3 does.
        a_menu: activation widths to choose from; empty: they are not chosen.
        a_keep, a_minimum, a_maximum: for the activations' widths that are chosen.
        activation_traces: of the study's activations; their damage is then part of Ω. None: it is not, unless
            the table given as ``damage`` has it.
        quantizer: of the weights.
        scales: whether a size counts the quantizer's scales too.

    Raises:
        PlanError: the traces are of other blocks or not finite, a width, block, cost or measure is unknown, or
            wishes contradict each other.
    """
    menu = default_menu(study) if bits is None else tuple(sorted(set(bits)))
    kept = dict(keep or {})
    ends = () if first_last_at is None else (first_last_at,)
    widths = sorted({*menu, *kept.values(), *ends})
    inputs = sorted({*a_menu, *(a_keep or {}).values(), *(ends if a_menu else ()), *_given(a_bits)})
    wrong = [width for width in (*widths, *inputs) if width not in ALLOWED_BITS]
    if wrong:
        raise PlanError(f"there is no width of {wrong[0]} bits; {allowed_sentence()}")
    blocks, table = study_damage(study, traces, damage, widths, quantizer)
    if activation_traces is not None:
        table = with_activations(
            study, activation_traces, blocks, table, inputs or [*widths, ACTIVATION_BITS]
        )
    names = [block.name for block in blocks]
    kept_inputs = dict(a_keep or {})
    if first_last_at is not None:
        for name in (names[0], names[-1]):
            kept.setdefault(name, first_last_at)
            if a_menu:
                kept_inputs.setdefault(name, first_last_at)
    tables = [
        asked
        if isinstance(asked, CostTable)
        else cost_table(study, blocks, asked, widths, a_bits, inputs, scales=scales, quantizer=quantizer)
        for asked in (cost, *(limit.cost for limit in constraints))
    ]
    follows = a_bits is None and any(each.name in _COUNTING for each in tables)
    own_ties = () if study.has_network else study.ties
    found_ties = ties_of(study, blocks) if auto_ties else ()
    return build_problem(
        names,
        menu=menu,
        cost=tables[0],
        damage=table,
        weights={block.name: block.weights for block in blocks},
        ties=(*own_ties, *found_ties, *ties),
        keep=kept,
        minimum=minimum,
        maximum=maximum,
        monotone=monotone,
        a_bits=None if follows else a_bits or ACTIVATION_BITS,
        a_menu=a_menu,
        a_keep=kept_inputs,
        a_minimum=a_minimum,
        a_maximum=a_maximum,
        constraints=[(each, limit.budget) for each, limit in zip(tables[1:], constraints, strict=True)],
    )


def _given(bits: int | None) -> tuple[int, ...]:
    return () if bits is None else (bits,)
