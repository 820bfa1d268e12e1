"""Ranking blocks: HAWQ's eigenvalues, HAWQ-V2's traces, and the bits of HAWQ's Table VI."""

from functools import cache

import numpy as np

from explorer.course import prepared
from explorer.course.parts import Outcome, Picture, Quantity
from explorer.figures.lessons import second_order as pictures
from explorer.lessons import second_order
from explorer.lessons.common import material
from explorer.plans import network_errors
from explorer.plans.plan.published import TABLE_VI
from explorer.questions import EigenvaluesQuestion, TracesQuestion

RULES = {
    "eigenvalue": "λ, the largest eigenvalue",
    "eigenvalue-share": "S = λ/n (HAWQ)",
    "eigenvalue-error": "Ω = λ ‖Q(W) − W‖² (HAWQ)",
    "trace": "mean trace Tr(H)/n (HAWQ-V2)",
    "trace-error": "Ω = Tr(H)/n · ‖Q(W) − W‖²",
}
_FP32 = 32


@cache
def _figures(network: str) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """λ and the trace of every block, each with its standard error, as they ship."""
    traces = prepared.result(network, TracesQuestion())
    eigen = prepared.result(network, EigenvaluesQuestion())
    pairs = [eigen.of(block.name) for block in traces.blocks]
    return {
        "eigenvalue": (
            np.array([each.values[0] for each in pairs]),
            np.array([each.stderrs[0] for each in pairs]),
        ),
        "trace": (
            np.array([block.mean_trace for block in traces.blocks]),
            np.array([block.mean_stderr for block in traces.blocks]),
        ),
    }


@cache
def _errors(network: str, bits: int) -> np.ndarray:
    study = material.study(network)
    return np.array([row[bits] for row in network_errors(study, study.blocks(), [bits]).values()])


def ranking(network: str, rule: str, width: int) -> Outcome:
    """Every block by one rule, beside the places that HAWQ-V2 gives them."""
    blocks = material.study(network).blocks()
    names = tuple(block.name for block in blocks)
    kind, _, more = rule.partition("-")
    values, errors = _figures(network)[kind]
    factor = {
        "": np.ones(len(names)),
        "share": 1 / np.array([block.weights for block in blocks]),
        "error": _errors(network, width),
    }[more]
    values, errors = values * factor, errors * factor
    other = _figures(network)["trace"][0] * _errors(network, width)
    order = [names[place] for place in np.argsort(-values)[:3]]
    moved = int(np.abs(second_order.ranks(values) - second_order.ranks(other)).max())
    unit = "nats per squared weight" if more != "error" else "nats"
    return Outcome(
        (
            Picture(
                pictures.ranking_figure(
                    pictures.Ranking(
                        names, tuple(values), tuple(errors), f"{RULES[rule].split(' (')[0]} ({unit})"
                    )
                ),
                f"{order[0]} is the most sensitive block by {RULES[rule]}, then {order[1]}.",
            ),
        ),
        finding=(
            f"Most sensitive by this rule: {', '.join(order)}. Beside HAWQ-V2's Ω at {width} bits a block moves by at most "
            f"{moved} of {len(names)} places."
        ),
        quantities=(
            Quantity(
                "largest over smallest",
                f"{values.max() / values.min():.3g}",
                "Of the figures that are drawn.",
            ),
            Quantity(
                "standard errors",
                f"up to {(errors / np.abs(values)).max():.0%}",
                "Drawn where they are larger than dots.",
            ),
        ),
        table={"block": names, "value": values.tolist(), "standard error": errors.tolist()},
    )


def table_vi(block: str, to: int) -> Outcome:
    """HAWQ's Table VI with other bits for one block."""
    weights = {name: n for name, (n, _, _) in TABLE_VI.items()}
    bits = {name: b for name, (_, b, _) in TABLE_VI.items()}
    published = sum(weights[name] * bits[name] for name in bits)
    changed = {**bits, block: to}
    total = sum(weights[name] * changed[name] for name in bits)
    full = _FP32 * sum(weights.values())
    sizes = [weights[name] * changed[name] / 8 for name in bits]
    return Outcome(
        (
            Picture(
                pictures.sizes_figure(tuple(bits), sizes, tuple(changed.values()), block),
                f"{max(zip(sizes, bits, strict=True))[1]} is the largest block; the whole has {total / 8:,.0f} bytes.",
            ),
        ),
        finding=(
            f"With {to} bits in {block} (published: {bits[block]}), which holds {weights[block] / sum(weights.values()):.1%} "
            f"of the weights, the compression is {full / total:.2f} instead of {full / published:.2f}."
        ),
        quantities=(
            Quantity("size", f"{total / 8:,.0f} B"),
            Quantity("compression", f"{full / total:.3f}", "FP32 size over size."),
            Quantity("bits a weight", f"{_FP32 * total / full:.3f}"),
        ),
        table={"block": tuple(bits), "weights": tuple(weights.values()), "bits": tuple(changed.values())},
    )


def compression() -> float:
    """Of Table VI, from its own weights and bits."""
    weights = sum(n for n, _, _ in TABLE_VI.values())
    return _FP32 * weights / sum(n * bits for n, bits, _ in TABLE_VI.values())
