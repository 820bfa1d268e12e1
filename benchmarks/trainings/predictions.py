"""Does the proxy hold after training? Plans of a run of ``proxy``, trained alike, in the order of their losses.

The plans, what every measure predicts of them and the rank correlations are those of `explorer.proxy`; new is that the
losses are of trained networks, on all test images, beside those of the same plans without training.
"""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from benchmarks.tables import Column, Table
from benchmarks.trainings.comparing import Trained
from explorer.estimates import Correlation
from explorer.plans import Plan
from explorer.proxy import Agreement, ProxyResult, agreement
from explorer.proxy.experiment import BY_SIZE, PlanMeasured
from explorer.studies import Study

LEVELS = (0, 1, 2)  # of the sizes of the proxy's plans, the smallest: above them there is little to choose
NAMES = {
    "product": "ΔWᵀHΔW",
    "interactions": "the same with terms between blocks",
    "trace": "mean trace × ‖ΔW‖²",
    "lambda-max": "λ × ‖ΔW‖²",
    "l2": "‖ΔW‖² alone",
    BY_SIZE: "size alone",
}
COLUMNS = (
    Column("measure", "Ω by"),
    Column("spearman", "Spearman's ρ"),
    Column("kendall", "Kendall's τ"),
    Column("equal_size", "τ at equal size"),
)
LEAST = ("least product", "least trace", "least lambda-max", "least l2", "most trace", "set B")


def places(result: ProxyResult) -> list[int]:
    """Places of the plans that are trained."""
    return [
        place for place, plan in enumerate(result.plans) if any(level in LEVELS for _, level in plan.roles)
    ]


def plan_at(study: Study, result: ProxyResult, place: int) -> Plan:
    """One of the plans, to be trained."""
    bits = dict(zip(result.blocks, result.plans[place].bits, strict=True))
    return Plan.of_weights(study, study.blocks(), bits, a_bits=result.a_bits)


def table(result: ProxyResult, title: str, agreements: Callable[[str], Agreement]) -> Table:
    """A row a measure."""
    rows: list[dict[str, Any]] = []
    pairs = 0
    for measure, name in NAMES.items():
        if measure == BY_SIZE or measure in result.omega:
            found = agreements(measure)
            pairs = found.pairs
            shown = {key: written(getattr(found, key)) for key in ("spearman", "kendall", "equal_size")}
            rows.append({"measure": name, **shown})
    return Table("proxy", f"{title}; {pairs} pairs of one size", COLUMNS, tuple(rows))


def untrained(result: ProxyResult) -> Table:
    """What the run of ``proxy`` found, on all of its plans."""
    title = f"{result.study}: {len(result.plans)} plans without training, {result.samples:,} {result.split} images"
    return table(result, title, lambda measure: result.agreement[measure])


def of_losses(result: ProxyResult, chosen: Sequence[int], losses: np.ndarray, title: str) -> Table:
    """The same for some of the plans and their losses (P, N)."""
    sizes = np.array([result.plans[place].size_bytes * 8 for place in chosen])

    def agreements(measure: str) -> Agreement:
        predicted = -sizes if measure == BY_SIZE else np.array(result.omega[measure])[list(chosen)]
        return agreement(predicted, losses, sizes)

    return table(result, f"{result.study}: {title}", agreements)


def by_size(result: ProxyResult, chosen: Sequence[int], trained: Sequence[Trained]) -> Table:
    """Accuracy without and with training of the plan that each rule takes at a size."""
    after = dict(zip(chosen, trained, strict=True))
    rows = []
    for level in LEVELS:
        taken = {kind: place for place in chosen for kind, at in result.plans[place].roles if at == level}
        if "least trace" not in taken:
            continue
        sizes = [result.plans[place].size_bytes for kind, place in taken.items() if kind.startswith("least")]
        line: dict[str, Any] = {"size": max(sizes)}
        for kind in LEAST:
            if kind in taken:
                done = after[taken[kind]]
                line[kind] = f"{100 * done.before:.1f} → {100 * done.after:.1f}"
        rows.append(line)
    columns = [Column("size", "bytes, at most", "count"), *(Column(kind, kind) for kind in LEAST)]
    return Table(
        "sizes", f"{result.study}: accuracy in % without training → after it", tuple(columns), tuple(rows)
    )


def written(found: Correlation) -> str:
    """``0.81 (0.63 to 0.94)``."""
    return f"{found.value:.2f} ({found.low:.2f} to {found.high:.2f})".replace("-", "−")


def roles(plan: PlanMeasured) -> str:
    """Why a plan is there, in words."""
    named = dict.fromkeys(kind if level is None else f"{kind} {level}" for kind, level in plan.roles)
    return ", ".join(named)
