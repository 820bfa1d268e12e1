"""Deleting weights: Optimal Brain Damage's saliency against magnitude, predicted and true (LeCun et al. 1990)."""

from collections.abc import Mapping
from typing import Any, Literal

from explorer.course.parts import Outcome, Picture, Quantity
from explorer.figures.lessons import second_order as pictures
from explorer.lessons import second_order
from explorer.lessons.common.longs import LongResult
from explorer.lessons.second_order import Deleting

_BY: tuple[Literal["saliency"], Literal["magnitude"]] = ("saliency", "magnitude")


def _deleted(found: Mapping[str, Deleting], deleted: int) -> tuple[tuple[Picture, ...], tuple[Quantity, ...]]:
    by_saliency, by_magnitude = found["saliency"], found["magnitude"]
    alt = (
        f"With {deleted} weights deleted the loss rises by {by_saliency.rise[deleted]:.3g} by saliency and by "
        f"{by_magnitude.rise[deleted]:.3g} by magnitude."
    )
    drawn = (
        Picture(pictures.agreement_figure(found, deleted), alt, "true against predicted rise"),
        Picture(pictures.kept_figure(found, deleted), alt, "the objective against the weights kept"),
    )
    quantities = (
        Quantity(
            "predicted Σ s", f"{by_saliency.predicted[deleted]:.3g} nats", "Of those of least saliency."
        ),
        Quantity("true rise", f"{by_saliency.rise[deleted]:.3g} nats", "The same weights deleted."),
        Quantity(
            "by magnitude", f"{by_magnitude.rise[deleted]:.3g} nats", "As many weights, the smallest first."
        ),
    )
    return drawn, quantities


def oracle(decades: int, coupling: float, deleted: int, draw: int) -> Outcome:
    """On a diagonal Hessian, or one with some coupling: the predicted rise is the true one while it is diagonal."""
    of = second_order.quadratic(decades, coupling, draw)
    found: dict[str, Deleting] = {by: second_order.deleting(of, by) for by in _BY}
    drawn, quantities = _deleted(found, deleted)
    predicted, true = (float(each[deleted]) for each in (found["saliency"].predicted, found["saliency"].rise))
    if coupling:
        finding = (
            f"With coupled weights the sum of saliencies says {predicted:.3g} and the loss rises by {true:.3g}: what "
            "lies beside the diagonal of H is missing from the prediction."
        )
    else:
        finding = (
            f"On a diagonal Hessian the prediction is exact: {predicted:.4g} and {true:.4g}. Deleting by magnitude "
            f"costs {found['magnitude'].rise[deleted]:.3g}."
        )
    return Outcome(drawn, finding, quantities)


def layer(gone: int) -> Outcome:
    """On the last layer of the thin network, with its own Hessian."""
    found: dict[str, Deleting] = {by: second_order.deleted_head(by) for by in _BY}
    drawn, quantities = _deleted(found, gone)
    ratio = found["saliency"].rise[gone] / found["saliency"].predicted[gone]
    return Outcome(
        drawn,
        f"With {gone} of {len(found['saliency'].order)} weights deleted by saliency, the loss over "
        f"{second_order.HEAD_IMAGES} training images changes by {found['saliency'].rise[gone]:.3g}, "
        f"{ratio:.2g} times what was predicted; by magnitude, by {found['magnitude'].rise[gone]:.3g}.",
        quantities,
    )


def pruned(result: LongResult) -> Outcome:
    """The long experiment: all layers, both rules, loss and accuracy."""
    rows: list[list[Any]] = result.values["rows"]
    at = {row[0]: row for row in rows if row[1] == min(row[1] for row in rows)}
    by, than = at["saliency"], at["magnitude"]
    words = (
        f"With {by[1]:.0%} of all weights left, by saliency the loss is {by[3]:.3g} ± {by[4]:.2g} and the accuracy "
        f"{by[5]:.1%} ± {by[6]:.1%}; by magnitude {than[3]:.3g} ± {than[4]:.2g} and {than[5]:.1%} ± {than[6]:.1%}. The sum of "
        f"saliencies predicted a rise of {by[2]:.2g}, and it was {by[3] - rows[0][3]:.2g}."
    )
    return Outcome(
        (
            Picture(pictures.pruned_figure(rows, 3, "test loss (nats)"), words, "loss"),
            Picture(pictures.pruned_figure(rows, 5, "test accuracy"), words, "accuracy"),
        ),
        words,
        table=dict(zip(result.values["columns"], zip(*rows, strict=True), strict=True)),
    )
