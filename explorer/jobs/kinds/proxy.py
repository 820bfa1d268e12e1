"""The run kind ``proxy``: plans along and off the frontier, their Ω by every measure and their measured loss.

Options: those of `ProxyQuestion`. Series ``plans``: one point a plan, its place and its loss. Keeps the losses of
every plan and image as the artifact ``losses``, FP32 first.

Traces, eigenvalues and products that finished runs have are taken from there; the eigenvalues are in the result too.
The terms between blocks are left out where the loss has more outputs than its Hessian can be had for.
A run that is interrupted goes on with the eigenvalue, or after the plan, at which it stopped.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from explorer.blocks import Block
from explorer.curvature import Eigenvalues, Traces, weight_traces
from explorer.curvature.output_changes import DRAWS
from explorer.errors import TooManyOutputs
from explorer.estimates import Estimate
from explorer.evaluation import PerSample
from explorer.evaluation.per_sample import stacked, unstacked
from explorer.jobs.kinds.damage import Resumable, eigenvalues, proposal
from explorer.jobs.requests import spec_of
from explorer.plans import DamageTable, error_damage, network_damage, network_errors
from explorer.plans.damage import interactions
from explorer.plans.damage.measures import eigenvalue_damage, product_damage
from explorer.proxy import ProxyResult, measure_proxy, sample_plans
from explorer.quantizers import QuantizerSettings
from explorer.questions import DamageQuestion, ProxyQuestion, TracesQuestion
from explorer.runs.context import RunContext
from explorer.studies import Study
from explorer.timing import Timed
from explorer.watching import Part

LOSSES = "losses"
_SHARES = {
    "trace": (0.0, 0.15),
    "lambda-max": (0.15, 0.55),
    "product": (0.55, 0.6),
    "interactions": (0.6, 0.65),
    "plans": (0.65, 1.0),
}


def run(study: Study, question: ProxyQuestion, context: RunContext) -> ProxyResult:
    """Find the damage by every measure, then measure plan after plan."""
    asked: dict[str, Any] = question.options()
    quantizer = QuantizerSettings(**dict(question.quantizer))
    blocks = study.blocks(asked["granularity"])
    saved = context.restore()
    if saved is not None and "tables" in saved.state:
        tables = {name: DamageTable.from_json(table) for name, table in saved.state["tables"].items()}
        found, known = _eigenvalues_of(study, saved.state["found"]), unstacked(saved.tensors)
        between = _Between.from_json(saved.state["interactions"])
    else:
        traces = _traces(context, study, asked["granularity"])
        found = _eigenvalues(context, study, asked)
        tables = {
            "trace": network_damage(study, traces, blocks, asked["bits"], quantizer),
            "lambda-max": eigenvalue_damage(study, found, blocks, asked["bits"], quantizer),
            "l2": error_damage(network_errors(study, blocks, asked["bits"], quantizer)),
            "product": _products(context, study, blocks, asked, quantizer),
        }
        between = _interactions(context, study, blocks, asked, quantizer, tables)
        known = []
    state = {
        "tables": {name: table.to_json() for name, table in tables.items()},
        "found": found.to_json()["eigenvalues"],
        "interactions": between.to_json(),
    }

    losses = known

    def on_plan(measured: Sequence[PerSample]) -> None:
        nonlocal losses
        losses = list(measured)
        point = {"place": len(measured) - 1, "loss": measured[-1].losses.mean().item()}
        context.point("plans", point)
        context.save(stacked(measured), state)

    result = measure_proxy(
        study,
        blocks,
        tables,
        bits=asked["bits"],
        plans=asked["plans"],
        samples=asked["samples"],
        split=asked["split"],
        quantizer=quantizer,
        a_bits=asked["a_bits"],
        seed=context.spec.seed,
        further={"interactions": between.of} if between.estimates else {},
        known=known,
        on_plan=on_plan,
        watcher=Part(Timed(context), *_SHARES["plans"]),
    )
    context.keep(LOSSES, stacked(losses))
    return replace(result, eigenvalues=tuple(state["found"]))


@dataclass(frozen=True)
class _Between:
    """What the form with the terms between blocks says of the plans that will be measured, in few numbers.

    Attributes:
        blocks: names, in depth order.
        estimates: weight bits in that order to q; empty where it cannot be had.
    """

    blocks: tuple[str, ...]
    estimates: Mapping[tuple[int, ...], Estimate]

    def of(self, w_bits: Mapping[str, int]) -> Estimate:
        """q of one of the plans."""
        return self.estimates[tuple(w_bits[name] for name in self.blocks)]

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return {"blocks": self.blocks, "plans": [[bits, *each] for bits, each in self.estimates.items()]}

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "_Between":
        """The inverse of ``to_json``."""
        estimates = {tuple(bits): Estimate(value, error) for bits, value, error in content["plans"]}
        return cls(tuple(content["blocks"]), estimates)


def _interactions(
    context: RunContext,
    study: Study,
    blocks: Sequence[Block],
    asked: Mapping[str, Any],
    quantizer: QuantizerSettings,
    tables: Mapping[str, DamageTable],
) -> _Between:
    names = tuple(block.name for block in blocks)
    seed = context.spec.seed
    try:
        form = interactions.compute(
            study,
            blocks,
            asked["bits"],
            quantizer=quantizer,
            samples=asked["damage_samples"] or DRAWS,
            seed=seed,
            watcher=Part(context, *_SHARES["interactions"]),
        )
    except TooManyOutputs:
        return _Between(names, {})
    sampled = sample_plans(blocks, tables, menu=asked["bits"], plans=asked["plans"], seed=seed)
    return _Between(
        names, {plan.bits: form.value_of(dict(zip(names, plan.bits, strict=True))) for plan in sampled}
    )


def _eigenvalues(context: RunContext, study: Study, asked: Mapping[str, Any]) -> Eigenvalues:
    """Eigenvalues, also those of a run with another quantizer or on other images, of which they know nothing."""
    for apart in ("quantizer", "split"):
        for relative in context.relatives(but=apart):
            if relative.result is not None:
                return _eigenvalues_of(study, relative.result["eigenvalues"])
    watcher = Resumable(context, *_SHARES["lambda-max"])
    return eigenvalues(context, watcher, study, asked["granularity"], asked["eigen_samples"])


def _eigenvalues_of(study: Study, records: Sequence[Mapping[str, Any]]) -> Eigenvalues:
    return Eigenvalues.from_json({"study": study.name, "eigenvalues": records})


def _traces(context: RunContext, study: Study, granularity: Any) -> Traces:
    question = TracesQuestion(granularity=granularity, seed=context.spec.seed)
    known = context.result_of(spec_of(study, question))
    if known is not None:
        return Traces.from_json(known)
    return weight_traces(study, question, watcher=Part(context, *_SHARES["trace"]))


def _products(
    context: RunContext,
    study: Study,
    blocks: Sequence[Block],
    asked: Mapping[str, Any],
    quantizer: QuantizerSettings,
) -> DamageTable:
    options = {key: asked[key] for key in ("granularity", "quantizer")}
    usual = DamageQuestion.default("bits")
    if set(asked["bits"]) <= set(usual):
        spec = spec_of(
            study, DamageQuestion(samples=asked["damage_samples"], seed=context.spec.seed, **options)
        )
        known = context.result_of(spec)
        if known is not None:
            return DamageTable.from_json(known["table"])
    return product_damage(
        study,
        blocks,
        asked["bits"],
        quantizer=quantizer,
        samples=asked["damage_samples"],
        seed=context.spec.seed,
        proposal=proposal(context, study),
        watcher=Part(context, *_SHARES["product"]),
    )
