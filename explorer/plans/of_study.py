"""From a study and its traces to the frontier: the verb that scripts, notebooks and the app share.

A network's squared errors are computed from its weights with the quantizer that will be used (HAWQ-V2,
section 2.3). A profile study brings its own traces, errors, latencies and ties; widths it does not know are
interpolated for Ω (see ``damage``), never for latency.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Literal
from weakref import WeakKeyDictionary

from torch import nn

from explorer.blocks import Block, Layer, study_blocks
from explorer.errors import PlanError
from explorer.plans.costs import CostTable, bops_table, latency_table, size_table
from explorer.plans.damage import DamageTable, damage_table, interpolate_errors
from explorer.plans.frontier import Frontier, solve
from explorer.plans.plan import ALLOWED_BITS, allowed_sentence, listed
from explorer.plans.problem import Problem, build_problem
from explorer.quantizers.settings import WEIGHTS, QuantizerSettings
from explorer.quantizers.weights import squared_errors
from explorer.studies.study import AnyStudy, ProfileStudy, Study

if TYPE_CHECKING:
    from explorer.curvature.result import Traces

MENU = (2, 3, 4, 6, 8)
CostName = Literal["size", "bops", "latency"]
COSTS: tuple[CostName, ...] = ("size", "bops", "latency")


def frontier(
    study: AnyStudy,
    traces: "Traces | None" = None,
    *,
    bits: Collection[int] | None = None,
    cost: CostName | CostTable = "size",
    monotone: bool = False,
    ties: Iterable[Sequence[str]] = (),
    keep: Mapping[str, int] | None = None,
    a_bits: int | None = None,
    quantizer: QuantizerSettings = WEIGHTS,
    resolution: float | None = None,
) -> Frontier:
    """Every plan of a study that no other beats in both cost and Ω.

    Args:
        traces: of the study's weights, at either granularity; None: computed with the defaults. A profile
            study has its own.
        bits: the menu of widths; None: 2, 3, 4, 6, 8, or the widths that a profile was published at.
        cost: which cost, or a table of one's own.
        monotone: only HAWQ-V2's set B.
        ties: groups of blocks that share a width, besides the study's own.
        keep: block to the width it must have.
        a_bits: width of the activations where the cost counts them (BOPs); None: that of their block's
        weights. quantizer: of the weights. resolution: see ``solve``.

    Raises:
        PlanError: the traces are of other blocks or not finite, a width, block or cost is unknown, ties and
            kept widths contradict each other, or set B is too large to enumerate.
    """
    problem = study_problem(
        study,
        traces,
        bits=bits,
        cost=cost,
        monotone=monotone,
        ties=ties,
        keep=keep,
        a_bits=a_bits,
        quantizer=quantizer,
    )
    return solve(problem, resolution=resolution)


def study_problem(
    study: AnyStudy,
    traces: "Traces | None" = None,
    *,
    bits: Collection[int] | None = None,
    cost: CostName | CostTable = "size",
    monotone: bool = False,
    ties: Iterable[Sequence[str]] = (),
    keep: Mapping[str, int] | None = None,
    a_bits: int | None = None,
    quantizer: QuantizerSettings = WEIGHTS,
) -> Problem:
    """What ``frontier`` solves; the arguments are the same. Set B and the dots of a page come from it too."""
    menu = default_menu(study) if bits is None else tuple(sorted(set(bits)))
    widths = sorted({*menu, *(keep or {}).values()})
    wrong = [width for width in widths if width not in ALLOWED_BITS]
    if wrong:
        raise PlanError(f"there is no width of {wrong[0]} bits; {allowed_sentence()}")
    if isinstance(study, ProfileStudy):
        blocks, damage = study.blocks, profile_damage(study, widths)
    else:
        if traces is None:
            from explorer.curvature import weight_traces  # only this default needs it

            traces = weight_traces(study)
        blocks = matching_blocks(study, traces)
        damage = network_damage(study, traces, blocks, widths, quantizer)
    own_ties = study.ties if isinstance(study, ProfileStudy) else ()
    return build_problem(
        [block.name for block in blocks],
        menu=menu,
        cost=cost if isinstance(cost, CostTable) else cost_table(study, blocks, cost, widths, a_bits),
        damage=damage,
        weights={block.name: block.weights for block in blocks},
        ties=(*own_ties, *ties),
        keep=keep,
        monotone=monotone,
    )


def default_menu(study: AnyStudy) -> tuple[int, ...]:
    """2, 3, 4, 6, 8 for a network; for a profile the widths that every block was published at."""
    if not isinstance(study, ProfileStudy):
        return MENU
    published = set.intersection(*(set(row) for row in study.squared_errors.values()))
    return tuple(sorted(published & set(ALLOWED_BITS))) or MENU


def cost_table(
    study: AnyStudy, blocks: Sequence[Block], cost: CostName, bits: Iterable[int], a_bits: int | None = None
) -> CostTable:
    """The named cost of a study's blocks at these widths.

    Raises:
        PlanError: there is no such cost, or the study has no latencies.
    """
    if cost == "size":
        return size_table(blocks, bits)
    if cost == "bops":
        return bops_table(blocks, bits, a_bits=a_bits)
    if cost != "latency":
        raise PlanError(f"there is no cost called {cost!r}; take one of {', '.join(COSTS)}")
    if not isinstance(study, ProfileStudy) or not any(study.latency_ms.values()):
        raise PlanError(
            f"{study.name} has no table of latencies; choose size or bops, or give a table of your own"
        )
    return latency_table(study.latency_ms)


def profile_damage(study: ProfileStudy, bits: Iterable[int]) -> DamageTable:
    """Ω of a profile study at these widths, interpolated where nothing was published."""
    errors, estimated = interpolate_errors(study.squared_errors, bits)
    return damage_table(study.mean_traces, errors, estimated=estimated)


def network_damage(
    study: Study,
    traces: "Traces",
    blocks: Sequence[Block],
    bits: Iterable[int],
    quantizer: QuantizerSettings = WEIGHTS,
) -> DamageTable:
    """Ω of a network at these widths: its traces times the squared errors of its own weights."""
    widths = sorted(set(bits))
    errors: dict[str, dict[int, float]] = {}
    for block in blocks:
        errors[block.name] = dict.fromkeys(widths, 0.0)
        for layer in block.layers:
            for width in widths:
                errors[block.name][width] += _squared_error(study.network, layer, width, quantizer)
    return damage_table(
        {trace.name: trace.mean_trace for trace in traces.blocks},
        errors,
        stderr={trace.name: trace.stderr / trace.n for trace in traces.blocks},
    )


# A page asks for the same errors again and again, and choosing a step is what takes the time. A study's network
# is never changed, so what was found for it holds as long as it lives.
_KNOWN: WeakKeyDictionary[nn.Module, dict[tuple[str, int, QuantizerSettings], float]] = WeakKeyDictionary()


def _squared_error(network: nn.Module, layer: Layer, bits: int, quantizer: QuantizerSettings) -> float:
    known = _KNOWN.setdefault(network, {})
    key = (layer.parameter, bits, quantizer)
    if key not in known:
        weight = network.get_parameter(layer.parameter).detach()
        axis = 1 if layer.kind.startswith("ConvTranspose") else 0  # where the output channels are
        known[key] = squared_errors(weight, (bits,), quantizer, axis=axis)[bits]
    return known[key]


def matching_blocks(study: Study, traces: "Traces") -> tuple[Block, ...]:
    """The partition of the study whose blocks the traces are of.

    Raises:
        PlanError: the traces are of activations or of other blocks.
    """
    if traces.of != "weights":
        raise PlanError(
            f"these are traces of {traces.of}; the frontier of weight bits needs traces of weights"
        )
    names = [trace.name for trace in traces.blocks]
    for granularity in ("layer", "module"):
        blocks = study_blocks(study, granularity)
        if sorted(names) == sorted(block.name for block in blocks):
            return blocks
    raise PlanError(
        f"the traces are of {listed(names)}, which are not the blocks of {study.name}; compute them again"
    )
