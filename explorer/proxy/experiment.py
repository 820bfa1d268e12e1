"""The experiment: sampled plans, Ω by every measure, measured loss, and what each table of the papers asks.

The rise of the loss is the mean over test images of (loss of the quantized network − loss of FP32), with the
standard error of that paired mean. Ω is a sum over blocks by the measures that plans are chosen by; "interactions"
stands for ΔWᵀHΔW with its terms between blocks, a quadratic form in the choice (`plans.damage.interactions`), which
ranks the same plans. Weights alone are quantized unless ``a_bits`` says otherwise, since Ω of the
weights predicts nothing else.
"""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from types import MappingProxyType
from typing import Any

import torch

from explorer.blocks import Block
from explorer.errors import PlanError
from explorer.estimates import Estimate, mean, paired
from explorer.evaluation import PerSample
from explorer.evaluation.counting import apart
from explorer.plans import BlockBits, DamageTable
from explorer.proxy.measuring import Measurer
from explorer.proxy.rank_agreement import Agreement, agreement
from explorer.proxy.sampling import Sampled, sample_plans
from explorer.quantizers import FLOAT_BITS, WEIGHTS, QuantizerSettings
from explorer.studies import Study
from explorer.watching import UNWATCHED, Watcher

MEASURES = ("trace", "lambda-max", "l2", "product", "interactions")
BY_SIZE = "size"  # what size alone predicts: the smaller the worse
COMPARED = (
    ("least against most Ω at equal size (HAWQ-V2, Table 3a)", "least trace", "most trace"),
    ("least Ω against the most in set B (HAWQ-V2, Table 3a)", "least trace", "set B"),
    ("trace against no trace (HAWQ-V2, Table 3b)", "least trace", "least l2"),
    ("trace against largest eigenvalue (HAWQ-V2, Table 5)", "least trace", "least lambda-max"),
    ("trace against the products themselves", "least trace", "least product"),
)


@dataclass(frozen=True)
class PlanMeasured:
    """One plan without training.

    Attributes:
        bits: weight bits, blocks in depth order.
        roles: why it was measured: kind and number of the size.
        size_bytes: packed weights.
        loss, accuracy: on the images; accuracy None where the targets are no classes.
        rise, rise_stderr: of the loss over FP32, paired.
    """

    bits: tuple[int, ...]
    roles: tuple[tuple[str, int | None], ...]
    size_bytes: float
    loss: float
    rise: float
    rise_stderr: float
    accuracy: float | None

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "PlanMeasured":
        """From plain data, as ``asdict`` gives it."""
        roles = tuple((kind, level) for kind, level in content["roles"])
        return cls(**{**content, "bits": tuple(content["bits"]), "roles": roles})


@dataclass(frozen=True)
class Compared:
    """Two plans of one size, each the choice of another rule.

    Attributes:
        question: which rules, and the paper's table.
        level: number of the size.
        first, second: places of the two plans.
        rise, rise_stderr: loss of the second minus that of the first, paired.
        accuracy, accuracy_stderr: accuracy of the second minus that of the first, paired.
    """

    question: str
    level: int
    first: int
    second: int
    rise: float
    rise_stderr: float
    accuracy: float | None
    accuracy_stderr: float | None


@dataclass(frozen=True)
class ProxyResult:
    """What was measured, and how well each measure predicted it.

    Attributes:
        study: its name.
        blocks: names, in depth order.
        split, samples: the images.
        quantizer: of the weights.
        a_bits: width of the activations; 32: as they are.
        loss, loss_stderr, accuracy: of FP32 on the images.
        plans: cheapest roles first, as they were sampled.
        omega, omega_stderr: measure to Ω of every plan; results recorded before have no "interactions".
        agreement: measure to rank correlations; "size" stands for the order by size alone.
        compared: pairs of plans of one size.
        seconds: of measuring.
        eigenvalues: records of the largest eigenvalue of every block, where they were computed.
    """

    study: str
    blocks: tuple[str, ...]
    split: str
    samples: int
    quantizer: QuantizerSettings
    a_bits: int
    loss: float
    loss_stderr: float
    accuracy: float | None
    plans: tuple[PlanMeasured, ...]
    omega: Mapping[str, tuple[float, ...]]
    omega_stderr: Mapping[str, tuple[float, ...]]
    agreement: Mapping[str, Agreement]
    compared: tuple[Compared, ...]
    seconds: float
    eigenvalues: tuple[Mapping[str, Any], ...] = ()

    def to_json(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)

    @classmethod
    def from_json(cls, content: Mapping[str, Any]) -> "ProxyResult":
        """The inverse of ``to_json``."""
        lists = {name: tuple(content[name]) for name in ("blocks", "eigenvalues")}
        by_measure = {
            name: {measure: tuple(values) for measure, values in content[name].items()}
            for name in ("omega", "omega_stderr")
        }
        return cls(
            **{
                **content,
                **lists,
                **by_measure,
                "quantizer": QuantizerSettings(**content["quantizer"]),
                "plans": tuple(PlanMeasured.from_json(plan) for plan in content["plans"]),
                "agreement": {m: Agreement.from_json(a) for m, a in content["agreement"].items()},
                "compared": tuple(Compared(**each) for each in content["compared"]),
            }
        )


def measure_proxy(
    study: Study,
    blocks: Sequence[Block],
    tables: Mapping[str, DamageTable],
    *,
    bits: Sequence[int] = (2, 3, 4, 6, 8),
    plans: int = 80,
    samples: int = 1000,
    quantizer: QuantizerSettings = WEIGHTS,
    a_bits: int = FLOAT_BITS,
    split: str = "test",
    seed: int = 0,
    further: Mapping[str, Callable[[Mapping[str, int]], Estimate]] = MappingProxyType({}),
    known: Sequence[PerSample] = (),
    on_plan: Callable[[Sequence[PerSample]], None] | None = None,
    watcher: Watcher = UNWATCHED,
) -> ProxyResult:
    """Measure plans along and off the frontier, and compare with what each of ``tables`` predicts.

    Args:
        tables: measure to the damage of these blocks, "trace" among them.
        bits: the menu of widths.
        plans: how many, at least.
        samples: test images.
        further: measures that are no sum over blocks, to what they predict for block to weight bits; no plan is
            chosen by them.
        known: FP32 and the first plans, measured by an earlier attempt with the same arguments.
        on_plan: told all losses so far after each, FP32 first.
        watcher: told how far it is; may stop before every batch.

    Raises:
        PlanError: a table is missing or lacks a width, or there are too few images.
        Stopped: the watcher asked for it.
    """
    if "trace" not in tables:
        raise PlanError("the damage by the trace is missing; give its table under the name trace")
    if samples < 2:
        raise PlanError(f"{samples} samples give no standard error; take at least 2")
    started = time.monotonic()
    sampled = sample_plans(blocks, tables, menu=bits, plans=plans, seed=seed)
    names = tuple(block.name for block in blocks)
    asked = [[FLOAT_BITS] * len(names), *(plan.bits for plan in sampled)]
    measurer = Measurer(study, blocks, samples=samples, split=split, weights=quantizer, watcher=watcher)
    found = list(known)
    for place in range(len(found), len(asked)):
        watcher.report(place / len(asked), f"plan {place} of {len(sampled)}" if place else "FP32")
        inputs = (
            a_bits if place else FLOAT_BITS
        )  # FP32 is FP32 throughout, whatever the plans' activations have
        widths = {name: BlockBits(w, inputs) for name, w in zip(names, asked[place], strict=True)}
        found.append(measurer.measure(widths))
        if on_plan is not None:
            on_plan(found)
    return _result(
        study.name,
        names,
        split,
        quantizer,
        a_bits,
        sampled,
        tables,
        further,
        found,
        seed,
        time.monotonic() - started,
    )


def _result(
    study: str,
    names: tuple[str, ...],
    split: str,
    quantizer: QuantizerSettings,
    a_bits: int,
    sampled: Sequence[Sampled],
    tables: Mapping[str, DamageTable],
    further: Mapping[str, Callable[[Mapping[str, int]], Estimate]],
    found: Sequence[PerSample],
    seed: int,
    seconds: float,
) -> ProxyResult:
    full, of_plans = found[0], found[1:]
    loss = mean(full.losses)
    widths = [dict(zip(names, plan.bits, strict=True)) for plan in sampled]
    omega = {measure: tuple(table.omega(w) for w in widths) for measure, table in tables.items()}
    stderr = {measure: tuple(table.omega_stderr(w) for w in widths) for measure, table in tables.items()}
    for measure, predict in further.items():
        estimates = [predict(w) for w in widths]
        omega[measure] = tuple(each.value for each in estimates)
        stderr[measure] = tuple(each.stderr for each in estimates)
    sizes = torch.tensor([plan.count for plan in sampled], dtype=torch.float64).numpy()
    losses = torch.stack([each.losses for each in of_plans]).numpy()
    predictions = {m: torch.tensor(values, dtype=torch.float64).numpy() for m, values in omega.items()}
    return ProxyResult(
        study=study,
        blocks=names,
        split=split,
        samples=len(full),
        quantizer=quantizer,
        a_bits=a_bits,
        loss=loss.value,
        loss_stderr=loss.stderr,
        accuracy=full.mean_metric,
        plans=tuple(
            PlanMeasured(
                plan.bits,
                plan.roles,
                plan.count / 8,
                each.losses.mean().item(),
                *paired(each.losses, full.losses),
                each.mean_metric,
            )
            for plan, each in zip(sampled, of_plans, strict=True)
        ),
        omega=omega,
        omega_stderr=stderr,
        agreement={
            measure: agreement(values, losses, sizes, seed=seed)
            for measure, values in {**predictions, BY_SIZE: -sizes}.items()
        },
        compared=tuple(_compared(sampled, of_plans)),
        seconds=seconds,
    )


def _compared(sampled: Sequence[Sampled], found: Sequence[PerSample]) -> list[Compared]:
    place = {role: i for i, plan in enumerate(sampled) for role in plan.roles if role[1] is not None}
    levels = sorted({level for _, level in place if level is not None})
    rows = []
    for question, first, second in COMPARED:
        for level in levels:
            if (first, level) in place and (second, level) in place:
                a, b = place[first, level], place[second, level]
                rise = paired(found[b].losses, found[a].losses)
                rows.append(Compared(question, level, a, b, *rise, *_accuracies(found[a], found[b])))
    return rows


def _accuracies(first: PerSample, second: PerSample) -> tuple[float | None, float | None]:
    a, b = first.metric, second.metric
    return (None, None) if a is None or b is None else apart(b, a)
