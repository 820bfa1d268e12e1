"""From a study and its traces to the frontier: the verb that scripts, notebooks and the app share.

``study_tables`` makes the costs and the damages, ``problem`` puts them together with what a person asks for.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from explorer.errors import PlanError
from explorer.plans.costs.latency_file import read_latency_csv
from explorer.plans.costs.tables import CostTable
from explorer.plans.damage.omega import DamageTable
from explorer.plans.plan.plan import ALLOWED_BITS, allowed_sentence
from explorer.plans.problem.budget import Budget, Limit
from explorer.plans.problem.problem import Problem, build_problem
from explorer.plans.problem.ties import ties_of
from explorer.plans.solvers.frontier import Frontier, solve
from explorer.plans.study_tables import (
    cost_table,
    default_menu,
    study_damage,
    usual_measure,
    with_activations,
)
from explorer.quantizers.settings import WEIGHTS, QuantizerSettings
from explorer.questions.base import question_of
from explorer.questions.frontier import CostName, FrontierQuestion
from explorer.studies.study import AnyStudy

if TYPE_CHECKING:
    from explorer.curvature.result import Traces

ACTIVATION_BITS = 8  # where nothing says otherwise


def frontier(
    study: AnyStudy, traces: "Traces | None" = None, *, resolution: float | None = None, **asked: Any
) -> Frontier:
    """Every plan of a study that no other beats in both cost and Ω.

    Args:
        traces: of the study's weights, at either granularity: Ω is then predicted by them, unless another measure is
            named. Without them it is by ΔWᵀHΔW, computed here. A profile study has traces of its own.
        resolution: see `solve`.
        **asked: as `study_problem` takes it: ``question=``, or its options as plain keywords.

    Raises:
        PlanError: as `study_problem`; or no plan keeps the limits (`InfeasibleError`).
    """
    return solve(study_problem(study, traces, **asked), resolution=resolution)


def study_problem(
    study: AnyStudy,
    traces: "Traces | None" = None,
    *,
    question: FrontierQuestion | None = None,
    cost: CostTable | str | None = None,
    damage: DamageTable | str | None = None,
    constraints: Sequence[Limit] = (),
    activation_traces: "Traces | None" = None,
    quantizer: QuantizerSettings = WEIGHTS,
    **options: Any,
) -> Problem:
    """What `frontier` solves. Set B and the dots of a page come from it too.

    Args:
        traces: of the study's weights, at either granularity; computed with the defaults where they are needed
            and not given. A profile study has its own.
        question: what is asked; else its options are given as plain keywords, with the same defaults.
        cost: a table of one's own in place of the question's; or its name, as any option.
        damage: a table of one's own in place of the question's measure; or its name, as any option.
        constraints: budgets of further costs, besides the question's limits: named or tables of one's own.
        activation_traces: of the study's activations; their damage is then part of Ω. Without them it is not,
            unless the table given as ``damage`` has it.
        quantizer: of the weights.
        **options: see `FrontierQuestion`.

    Raises:
        PlanError: the traces are of other blocks or not finite, a width, block, cost or measure is unknown, or
            constraints contradict each other.
    """
    if isinstance(cost, str):
        options["cost"] = cost
    if isinstance(damage, str):
        options["damage"] = damage
    asked = question_of(FrontierQuestion, question, options)
    menu, kept, widths, inputs = _widths(study, asked)
    named = asked.damage or usual_measure(study, traces)
    measure = damage if isinstance(damage, DamageTable) else named
    blocks, table = study_damage(study, traces, measure, widths, quantizer)
    if activation_traces is not None:
        table = with_activations(
            study, activation_traces, blocks, table, inputs or [*widths, ACTIVATION_BITS]
        )
    names = [block.name for block in blocks]
    kept_inputs = dict(asked.a_keep)
    if asked.first_last_at is not None:
        for name in (names[0], names[-1]):
            kept.setdefault(name, asked.first_last_at)
            if asked.a_menu:
                kept_inputs.setdefault(name, asked.first_last_at)
    own = read_latency_csv(asked.latencies.encode(), blocks) if asked.latencies else None
    limits = [
        *constraints,
        *(Limit(name, Budget("at_most", most)) for name, most in asked.limits.items()),
    ]
    axis = cost if isinstance(cost, CostTable) else asked.cost
    rule = activation_rule(asked, axis, *(limit.cost for limit in limits))

    def counted(cost: CostTable | CostName) -> CostTable:
        if isinstance(cost, CostTable):
            return cost
        if cost == "latency" and own is not None:
            return own
        if cost == "latency" and (asked.a_menu or rule != "weights"):
            raise PlanError(
                f"the latencies of {study.name} are for activations as wide as the weights; let the activations "
                "be as wide, or give a table of your own"
            )
        # Of every width, so that the cost of any plan can be told, not only of those that are chosen from.
        return cost_table(study, blocks, cost, ALLOWED_BITS, scales=asked.scales, quantizer=quantizer)

    own_ties = () if study.has_network else study.ties
    found_ties = ties_of(study, blocks) if asked.auto_ties else ()
    return build_problem(
        names,
        menu=menu,
        cost=counted(axis),
        damage=table,
        weights={block.name: block.weights for block in blocks},
        ties=(*own_ties, *found_ties, *asked.ties),
        keep=kept,
        minimum=asked.minimum,
        maximum=asked.maximum,
        monotone=asked.monotone,
        a_bits=None if rule == "weights" else rule,
        a_menu=asked.a_menu,
        a_keep=kept_inputs,
        a_minimum=asked.a_minimum,
        a_maximum=asked.a_maximum,
        constraints=[(counted(limit.cost), limit.budget) for limit in limits],
    )


def activation_rule(asked: FrontierQuestion, *costs: CostTable | CostName) -> int | Literal["weights"]:
    """Width of activations that are not chosen: HAWQ-V3 counts them as wide as the weights.

    Args:
        costs: the axis and the costs that are limited; none: those of the question.
    """
    if asked.a_bits is not None:
        return asked.a_bits
    counted = costs or (asked.cost, *asked.limits)
    names = {cost.name if isinstance(cost, CostTable) else cost for cost in counted}
    return "weights" if names & {"bops", "latency", "activations"} else ACTIVATION_BITS


def _widths(
    study: AnyStudy, asked: FrontierQuestion
) -> tuple[tuple[int, ...], dict[str, int], list[int], list[int]]:
    """The menu, the blocks' fixed widths, and every width that weights and chosen inputs may have.

    Raises:
        PlanError: there is no such width.
    """
    menu = default_menu(study) if asked.bits is None else asked.bits
    kept = dict(asked.keep)
    ends = () if asked.first_last_at is None else (asked.first_last_at,)
    fixed = (asked.a_bits,) if isinstance(asked.a_bits, int) else ()
    widths = sorted({*menu, *kept.values(), *ends})
    inputs = sorted({*asked.a_menu, *asked.a_keep.values(), *(ends if asked.a_menu else ()), *fixed})
    wrong = [width for width in (*widths, *inputs) if width not in ALLOWED_BITS]
    if wrong:
        raise PlanError(f"there is no width of {wrong[0]} bits; {allowed_sentence()}")
    return menu, kept, widths, inputs
