"""The costs and damages of a study's blocks.

A network's squared errors are computed from its weights with the quantizer that will be used (HAWQ-V2,
section 2.3). A profile study brings its own traces, errors, latencies and ties; widths it does not know are
interpolated for Ω (see ``damage``), never for latency.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, get_args

from explorer.blocks import Block
from explorer.curvature.traces import weight_traces
from explorer.errors import PlanError
from explorer.plans.costs.activation_memory import activations_table
from explorer.plans.costs.tables import CostTable, bops_table, latency_table, size_table
from explorer.plans.damage.measures import activation_damage, measured_damage
from explorer.plans.damage.network_errors import network_errors
from explorer.plans.damage.omega import DamageTable, damage_table, interpolate_errors
from explorer.plans.plan.plan import ALLOWED_BITS, listed
from explorer.quantizers.settings import WEIGHTS, QuantizerSettings
from explorer.questions.frontier import CostName, Measure
from explorer.studies.study import AnyStudy, ProfileStudy, Study

if TYPE_CHECKING:
    from explorer.curvature.result import Traces

MENU = (2, 3, 4, 6, 8)
COSTS: tuple[CostName, ...] = get_args(CostName)
MEASURES: tuple[Measure, ...] = get_args(Measure)


def usual_measure(study: AnyStudy, traces: "Traces | None" = None) -> Measure:
    """How damage is predicted where nothing else is asked: by ΔWᵀHΔW itself (docs/does-the-proxy-hold.md).

    Published figures know no more than traces, and whoever hands over traces wants them used.
    """
    return "product" if study.has_network and traces is None else "trace"


def default_menu(study: AnyStudy) -> tuple[int, ...]:
    """2, 3, 4, 6, 8 for a network; for a profile the widths that every block was published at."""
    if study.has_network:
        return MENU
    published = set.intersection(*(set(row) for row in study.squared_errors.values()))
    return tuple(sorted(published & set(ALLOWED_BITS))) or MENU


def cost_table(
    study: AnyStudy,
    blocks: Sequence[Block],
    cost: CostName,
    bits: Iterable[int],
    *,
    scales: bool = False,
    quantizer: QuantizerSettings = WEIGHTS,
) -> CostTable:
    """The named cost of a study's blocks at these widths, of weights and of activations.

    Published latencies are of activations as wide as the weights and know no others.

    Args:
        scales: count the scales of ``quantizer`` in a size too.

    Raises:
        PlanError: there is no such cost, or the study has no latencies.
    """
    if cost == "size":
        return size_table(blocks, bits, scales=scales, quantizer=quantizer)
    if cost == "bops":
        return bops_table(blocks, bits)
    if cost == "activations":
        return activations_table(blocks, bits)
    if cost != "latency":
        raise PlanError(f"there is no cost called {cost!r}; take one of {', '.join(COSTS)}")
    if study.has_network or not any(study.latency_ms.values()):
        raise PlanError(
            f"{study.name} has no table of latencies; choose size or bops, or give a table of your own"
        )
    as_wide = {
        block: {**row, **{(bits, bits): ms for bits, ms in row.items()}}
        for block, row in study.latency_ms.items()
    }
    return latency_table(as_wide)


def study_damage(
    study: AnyStudy,
    traces: "Traces | None",
    damage: Measure | DamageTable,
    bits: Iterable[int],
    quantizer: QuantizerSettings = WEIGHTS,
) -> tuple[tuple[Block, ...], DamageTable]:
    """The blocks that a frontier is of, and what each width does to each of them.

    Raises:
        PlanError: the measure is unknown, or it cannot be had from what is given.
    """
    if not isinstance(damage, DamageTable) and damage not in MEASURES:
        raise PlanError(f"there is no damage called {damage!r}; take one of {', '.join(MEASURES)}")
    if not study.has_network:
        if isinstance(damage, DamageTable):
            return study.blocks(), damage
        if damage not in ("trace", "l2"):
            raise PlanError(
                f"{study.name} is published without what {damage} needs; take trace or l2, or a study with "
                "weights"
            )
        return study.blocks(), profile_damage(study, bits, damage)
    if isinstance(damage, DamageTable):
        return _named(study, list(damage.values), "the damage table is"), damage
    if damage == "trace" and traces is None:
        traces = weight_traces(study)
    blocks = study.blocks("layer") if traces is None else matching_blocks(study, traces)
    if damage == "trace":
        assert traces is not None
        return blocks, network_damage(study, traces, blocks, bits, quantizer)
    if damage == "l2":
        return blocks, error_damage(network_errors(study, blocks, bits, quantizer))
    return blocks, measured_damage(study, damage, blocks, sorted(set(bits)), quantizer=quantizer)


def with_activations(
    study: AnyStudy, traces: "Traces", blocks: Sequence[Block], table: DamageTable, bits: Iterable[int]
) -> DamageTable:
    """The table with the damage of the activations at these widths beside it.

    Raises:
        PlanError: the study has no weights, or the traces are not of its activations.
    """
    if not study.has_network:
        raise PlanError(
            f"{study.name} has published figures only and no activations; use a study with weights"
        )
    if traces.of != "activations":
        raise PlanError(
            f"these are traces of {traces.of}; the damage of activations needs traces of activations"
        )
    return table.with_activation(*activation_damage(study, traces, blocks, sorted(set(bits))))


def profile_damage(study: ProfileStudy, bits: Iterable[int], damage: Measure = "trace") -> DamageTable:
    """Ω of a profile study at these widths, interpolated where nothing was published."""
    errors, estimated = interpolate_errors(study.squared_errors, bits)
    return (
        error_damage(errors, estimated)
        if damage == "l2"
        else damage_table(study.mean_traces, errors, estimated=estimated)
    )


def error_damage(
    errors: Mapping[str, Mapping[int, float]], estimated: Iterable[tuple[str, int]] = ()
) -> DamageTable:
    """The squared errors alone, every block as sensitive as every other (HAWQ-V2's ablation)."""
    return damage_table(dict.fromkeys(errors, 1.0), errors, estimated=estimated)


def network_damage(
    study: Study,
    traces: "Traces",
    blocks: Sequence[Block],
    bits: Iterable[int],
    quantizer: QuantizerSettings = WEIGHTS,
) -> DamageTable:
    """Ω of a network at these widths: its traces times the squared errors of its own weights."""
    errors = network_errors(study, blocks, bits, quantizer)
    return damage_table(
        {trace.name: trace.mean_trace for trace in traces.blocks},
        errors,
        stderr={trace.name: trace.stderr / trace.n for trace in traces.blocks},
    )


def matching_blocks(study: Study, traces: "Traces") -> tuple[Block, ...]:
    """The partition of the study whose blocks the traces are of.

    Raises:
        PlanError: the traces are of activations or of other blocks.
    """
    if traces.of != "weights":
        raise PlanError(
            f"these are traces of {traces.of}; the frontier of weight bits needs traces of weights"
        )
    return _named(study, [trace.name for trace in traces.blocks], "the traces are")


def _named(study: Study, names: Sequence[str], what: str) -> tuple[Block, ...]:
    """The partition of the study with these names."""
    for granularity in ("layer", "module"):
        blocks = study.blocks(granularity)
        if sorted(names) == sorted(block.name for block in blocks):
            return blocks
    raise PlanError(
        f"{what} of {listed(names)}, which are not the blocks of {study.name}; compute them again"
    )
