"""Plans and runs beside each other: what each weighs, what is predicted of it, what was measured, and which stand out.

A candidate is best in a number where every other one is worse by more than two standard errors of the difference, the
errors added as if the candidates had looked at different images. Where others are within them, they are as good as
one another, and none is called best: a difference that noise explains is no gain.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from math import hypot, isfinite
from typing import Any, Literal

from explorer import plans
from explorer.blocks import Block, Granularity
from explorer.errors import ExplorerError
from explorer.estimates import Estimate, within_noise
from explorer.jobs import registry
from explorer.jobs.answers import Records
from explorer.jobs.requests import spec_of
from explorer.jobs.telling import titles
from explorer.plans import Plan, read_plan
from explorer.plans.plan.plan import spelled
from explorer.questions import EvaluateQuestion
from explorer.runs.run import Run
from explorer.studies import AnyStudy

Quantity = Literal["size", "omega", "accuracy", "loss", "latency"]
Standing = Literal["best", "as good as the best"]
Judge = Callable[[Plan], Estimate | None]
KINDS = ("evaluate", "finetune", "choose", "lapq")  # of runs that are of one plan
LARGER_IS_BETTER: frozenset[Quantity] = frozenset({"accuracy"})
EXACT = 0.0


@dataclass(frozen=True)
class Candidate:
    """A plan, or a run of one.

    Attributes:
        key: ``run:`` and an id, or ``plan:`` and the widths, by which an address names it.
        name: what people call it.
        kind: ``plan``, or that of the run.
        plan: its widths.
        values: what is known of it, each with its standard error, 0 for what is exact: ``size`` of the packed weights
            in bytes, ``omega``, ``accuracy`` (the study's metric) and ``loss`` on the test split, ``latency`` in ms.
        deployed: whether the metric is that of integer arithmetic.
    """

    key: str
    name: str
    kind: str
    plan: Plan
    values: Mapping[Quantity, Estimate]
    deployed: bool = False

    def value(self, quantity: str) -> Estimate | None:
        """One of the values; None where it is not known, or is no quantity."""
        values: Mapping[Any, Estimate] = self.values
        return values.get(quantity)

    def to_json(self) -> dict[str, Any]:
        """Plain data: one flat row, standard errors beside the values, widths by block."""
        row: dict[str, Any] = {"key": self.key, "name": self.name, "kind": self.kind}
        for quantity, found in self.values.items():
            row[quantity] = found.value
            if found.stderr:
                row[f"{quantity}_stderr"] = found.stderr
        row["deployed"] = self.deployed
        row["bits"] = {block: [each.w_bits, each.a_bits] for block, each in self.plan.blocks.items()}
        return row


def of_plan(
    study: AnyStudy,
    plan: Plan,
    blocks: Sequence[Block],
    *,
    runs: Records,
    omega: Judge,
    latency: Judge = lambda plan: None,
    name: str = "",
) -> Candidate:
    """A plan without training, with its accuracy where that was measured."""
    key = f"plan:{spelled(plan.blocks)}"
    measured: Any = None
    if study.has_network:
        run = runs.find(spec_of(study, EvaluateQuestion(plan=plan.to_json())))
        measured = None if run is None or run.result is None else registry.result("evaluate", run.result)
    values = _values(plan, blocks, omega, latency, measured)
    return Candidate(key, name or plan.name or spelled(plan.blocks), "plan", plan, values)


def of_run(
    study: AnyStudy,
    run: Run,
    partitions: Sequence[tuple[Block, ...]],
    *,
    omega: Judge,
    latency: Judge = lambda plan: None,
) -> Candidate | None:
    """The plan of a finished run with what the run measured; None for one of another kind, or unfinished."""
    if run.spec.kind not in KINDS or run.result is None:
        return None
    question, found = titles.question_of(run.spec), registry.result(run.spec.kind, run.result)
    plan, blocks = _plan_of(study, run, question, found, partitions)
    if plan is None:
        return None
    if run.spec.kind == "finetune":
        measured = found.after
    else:
        measured = found.stages["joint"] if run.spec.kind == "lapq" else found
    values = _values(plan, blocks, omega, latency, measured)
    deployed = isinstance(question, EvaluateQuestion) and question.deployed
    return Candidate(f"run:{run.id}", titles.within_study(run), run.spec.kind, plan, values, deployed)


def standing(
    candidates: Sequence[Candidate], *, larger_is_better: bool = True
) -> Mapping[str, Mapping[Quantity, Standing]]:
    """By key, what each stands out in; see the module.

    Args:
        larger_is_better: of the study's metric.
    """
    found: dict[str, dict[Quantity, Standing]] = {each.key: {} for each in candidates}
    quantities = dict.fromkeys(quantity for each in candidates for quantity in each.values)
    for quantity in quantities:
        known = [(each.key, each.values[quantity]) for each in candidates if quantity in each.values]
        if len(known) < 2:
            continue
        sign = 1 if quantity in LARGER_IS_BETTER and larger_is_better else -1
        _, best = max(known, key=lambda pair: sign * pair[1].value)
        as_good = [key for key, of in known if _as_good(best, of)]
        if len(as_good) == len(known):
            continue  # none stands out
        for key in as_good:
            found[key][quantity] = "best" if len(as_good) == 1 else "as good as the best"
    return found


def differing(candidates: Sequence[Candidate], study: AnyStudy) -> Mapping[str, tuple[tuple[int, int], ...]]:
    """Blocks whose widths are not the same in all, to a pair (weights, input) a candidate.

    Where candidates are of different partitions, layers take the place of blocks.
    """
    return {name: widths for name, widths in all_widths(candidates, study).items() if len(set(widths)) > 1}


def all_widths(candidates: Sequence[Candidate], study: AnyStudy) -> Mapping[str, tuple[tuple[int, int], ...]]:
    """Every block, or layer, to a pair of widths a candidate; as `differing`."""
    names = {tuple(each.plan.blocks) for each in candidates}
    if len(names) < 2:
        rows = [{b: (w.w_bits, w.a_bits) for b, w in each.plan.blocks.items()} for each in candidates]
    else:
        rows = [each.plan.layer_bits(_partition(each.plan, study)) for each in candidates]
    order = list(rows[0]) if rows else []
    return {name: tuple(row[name] for row in rows) for name in order}


def within(
    candidates: Iterable[Candidate], ranges: Mapping[str, Sequence[tuple[float, float]]]
) -> list[Candidate]:
    """Those that lie in the ranges that were drawn on a picture's axes.

    Args:
        ranges: of a quantity, or of ``bits of `` and a block: intervals, in one of which the value must be.
    """
    return [each for each in candidates if all(_inside(each, name, of) for name, of in ranges.items())]


def together(
    widths: Mapping[str, tuple[tuple[int, int], ...]],
) -> Mapping[tuple[str, ...], tuple[tuple[int, int], ...]]:
    """Blocks whose widths are the same pairs in every candidate are one entry, in the order of the first of each."""
    groups: dict[tuple[tuple[int, int], ...], list[str]] = {}
    for name, pairs in widths.items():
        groups.setdefault(pairs, []).append(name)
    return {tuple(names): pairs for pairs, names in groups.items()}


BITS = "bits of "  # begins the name of a range of widths


def _inside(one: Candidate, name: str, intervals: Sequence[tuple[float, float]]) -> bool:
    if name.startswith(BITS):
        bits = one.plan.blocks.get(name.removeprefix(BITS))
        value = None if bits is None else float(bits.w_bits)
    else:
        known = one.value(name)
        value = None if known is None else known.value
    return not intervals or (value is not None and any(low <= value <= high for low, high in intervals))


def _as_good(best: Estimate, other: Estimate) -> bool:
    return best.value == other.value or bool(
        within_noise(best.value - other.value, hypot(best.stderr, other.stderr))
    )


def _values(
    plan: Plan, blocks: Sequence[Block], omega: Judge, latency: Judge, measured: Any
) -> dict[Quantity, Estimate]:
    """What is known of a plan; ``measured`` has accuracy and loss, or one of them, or is None."""
    found: dict[Quantity, Estimate | None] = {
        "size": Estimate(plans.size_bytes(blocks, plan.w_bits), EXACT),
        "omega": omega(plan),
        "accuracy": _estimate(measured, "accuracy"),
        "loss": _estimate(measured, "loss"),
        "latency": latency(plan),
    }
    return {name: of for name, of in found.items() if of is not None and isfinite(of.value)}


def _estimate(measured: Any, of: str) -> Estimate | None:
    value = None if measured is None else vars(measured).get(of)
    return None if value is None else Estimate(value, vars(measured).get(f"{of}_stderr") or EXACT)


def _plan_of(
    study: AnyStudy, run: Run, question: object, found: Any, partitions: Sequence[tuple[Block, ...]]
) -> tuple[Plan | None, tuple[Block, ...]]:
    """The plan that a run is of, by the study's own name, and its blocks; None where it cannot be told."""
    content = found.plan if run.spec.kind in ("finetune", "choose") else getattr(question, "plan", None)
    try:
        if content is not None:
            return read_plan({**content, "study": study.name}, study=study, partitions=partitions)
        if run.spec.kind == "lapq":
            return found.plan(study, partitions[0]), partitions[0]
        return Plan.uniform(study, partitions[0], 32, 32, name="FP32"), partitions[0]
    except ExplorerError:  # of blocks, or of weights, that the study does not have any more
        return None, partitions[0]


def _partition(plan: Plan, study: AnyStudy) -> tuple[Block, ...]:
    granularities: tuple[Granularity, ...] = ("layer", "module")
    for granularity in granularities:
        blocks = study.blocks(granularity)
        if {block.name for block in blocks} == set(plan.blocks):
            return blocks
    return study.blocks()
