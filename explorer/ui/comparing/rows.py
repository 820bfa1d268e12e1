"""What can be compared of the current study: plans at hand and finished runs of plans, by the keys of an address."""

from collections.abc import Sequence

import pandas as pd

from explorer import plans
from explorer.errors import PlanError
from explorer.estimates import Estimate
from explorer.jobs.telling import candidates
from explorer.jobs.telling.candidates import Candidate
from explorer.plans import BlockBits, Plan
from explorer.studies import AnyStudy
from explorer.ui.shell import caches, latencies, results, session, yardstick

UNIFORM = (2, 4, 8)
MOST = 60
_KINDS = {"finetune": "training", "evaluate": "measured", "choose": "chosen plan", "lapq": "step sizes"}


def offered(study: AnyStudy) -> dict[str, Candidate]:
    """Candidates by key: the current plan, saved and published ones, uniform ones, then runs, the newest first."""
    blocks = session.blocks()
    found: dict[str, Candidate] = {}
    named = [] if (held := session.plan()) is None else [(held, "current plan")]
    named += [(plan, plan.name) for plan in plans.saved_plans(study, blocks)]
    named += [(each.plan, each.plan.name) for each in plans.published_plans(study, blocks)]
    named += [(Plan.uniform(study, blocks, bits, 8), f"{bits} bits everywhere") for bits in UNIFORM]
    for plan, name in named:
        made = _of_plan(study, plan, name)
        found.setdefault(made.key, made)
    partitions = tuple(caches.blocks(session.reference(), each) for each in caches.GRANULARITIES)
    for kind in candidates.KINDS:
        for run in results.runs_of(study, kind):
            of = candidates.of_run(study, run, partitions, omega=_omega(), latency=_latency)
            if of is not None:
                found[of.key] = of
    return found


def spelled_out(study: AnyStudy, key: str) -> Candidate | None:
    """The plan that an address spells, ``plan:8.4_8.8``; None where it is none of these blocks."""
    blocks, (kind, _, text) = session.blocks(), key.partition(":")
    weights, _, inputs = text.partition("_")
    try:
        pairs = list(zip(map(int, weights.split(".")), map(int, inputs.split(".")), strict=True))
        if kind != "plan" or len(pairs) != len(blocks):
            return None
        bits = {block.name: BlockBits(*pair) for block, pair in zip(blocks, pairs, strict=True)}
    except (ValueError, PlanError):
        return None
    return _of_plan(study, Plan(study.name, study.weights_sha256, bits), "")


def table(
    shown: Sequence[Candidate], study: AnyStudy, *, all_of: Sequence[Candidate], differing: bool
) -> pd.DataFrame:
    """One row a candidate.

    Args:
        all_of: that are compared, those that a brush hides included: what stands out, stands out among them.
        differing: leave out numbers and blocks in which none differs.
    """
    larger = study.metric.higher_is_better
    stands = candidates.standing(all_of, larger_is_better=larger)
    widths = candidates.all_widths(all_of, study)
    if differing:
        widths = {name: pairs for name, pairs in widths.items() if len(set(pairs)) > 1}
    places = {each.key: place for place, each in enumerate(all_of)}
    names: dict[str, str] = {"omega": "Ω", "accuracy": study.metric.name}
    lines = []
    for each in shown:
        line: dict[str, object] = {
            "name": each.name,
            "kind": _KINDS.get(each.kind, each.kind) + (", as integers" if each.deployed else ""),
            "stands out in": "; ".join(
                f"{names.get(of, of)}: {said}" for of, said in stands[each.key].items()
            ),
        }
        for quantity, scale in (("size", 1e-3), ("omega", 1), ("accuracy", 100), ("loss", 1), ("latency", 1)):
            of = each.value(quantity)
            line[quantity] = None if of is None else of.value * scale
            if quantity in ("omega", "accuracy", "loss"):
                line[f"{quantity}_error"] = None if of is None or not of.stderr else of.stderr * scale
        for blocks, pairs in candidates.together(widths).items():
            name = blocks[0] if len(blocks) == 1 else f"{blocks[0]} + {len(blocks) - 1} more"
            weights, inputs = pairs[places[each.key]]
            line[name] = f"W{weights} A{inputs}"
        lines.append(line)
    frame = pd.DataFrame(lines)
    empty = [name for name in frame.columns if frame[name].isna().all()]
    same = [
        name
        for name in ("size", "omega", "accuracy", "loss", "latency")
        if differing and _alike(all_of, name)
    ]
    return frame.drop(columns=list(dict.fromkeys([*empty, *(n for n in same if n in frame.columns)])))


def _alike(all_of: Sequence[Candidate], quantity: str) -> bool:
    return len({each.value(quantity) for each in all_of}) < 2


def _of_plan(study: AnyStudy, plan: Plan, name: str) -> Candidate:
    return candidates.of_plan(
        study,
        plan,
        session.blocks(),
        runs=results.runs(study),
        omega=_omega(),
        latency=_latency,
        name=name,
    )


def _omega() -> candidates.Judge:
    basis = yardstick.current().basis
    return (lambda plan: None) if basis is None else basis.omega


def _latency(plan: Plan) -> Estimate | None:
    found = latencies.table()
    if found is None:
        return None
    try:
        return Estimate(found.count(plan.w_bits, plan.a_bits) / found.divisor, candidates.EXACT)
    except PlanError:  # not measured at one of these widths
        return None
