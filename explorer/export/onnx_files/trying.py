"""Trying a file on test samples, beside the simulated network that it is judged by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from explorer.errors import ExportError
from explorer.evaluation.counting import counted
from explorer.evaluation.per_sample import joined, score
from explorer.export.subject import Check, Subject
from explorer.studies.metrics import Metric

CLOSE = 1e-3  # outputs that differ by less are the same
MOST_FLIPS = 0.05  # of the samples or tokens; more is no rounding


def run(subject: Subject, file: Callable[[Any], Any]) -> list[Tensor]:
    """What a file says of the samples it is tried on, a batch at a time; the first tensor of its outputs."""
    return [_first(file(inputs)) for inputs, _ in subject.batches()]


def beside(subject: Subject, network: nn.Module, found: Mapping[str, list[Tensor]]) -> list[Check]:
    """How far what a file said, by each way of running it, agrees with a network.

    Args:
        found: name of the way to what `run` found; the first is the file's own meaning.

    Raises:
        ExportError: by its own meaning the file gives so many samples another largest output that it is no rounding.
    """
    metric = subject.study.metric
    said = [_first(each) for each in subject.outputs(network)]
    checks = [
        Check(f"{name} beside the simulated network", compared(metric, each, said))
        for name, each in found.items()
    ]
    own = checks[0].found
    flips, told = own.get("flips", 0), "tokens" if "tokens" in own else "samples"
    if flips > MOST_FLIPS * own[told]:
        raise ExportError(
            f"the file has another largest output than the simulated network for {flips} of {own[told]} {told}; "
            "report this"
        )
    return checks


def compared(metric: Metric, one: list[Tensor], other: list[Tensor]) -> dict[str, Any]:
    """How far two lists of outputs agree: share of samples that are the same, the largest difference, and where outputs
    are scores the flips, samples (or of so many tokens, if there are) with another largest output."""
    pairs = [
        [each.reshape(len(each), -1).double() for each in batch] for batch in zip(one, other, strict=True)
    ]
    apart = torch.cat(
        [(a - b).abs().amax(dim=1) for a, b in pairs]
    )  # outputs of ragged samples differ in number
    found = {
        "samples": len(apart),
        "same": float((apart < CLOSE).double().mean()),
        "largest": float(apart.max()),
    }
    largest = [(metric.largest(a), metric.largest(b)) for a, b in zip(one, other, strict=True)]
    told = [(a.flatten(), b.flatten()) for a, b in largest if a is not None and b is not None]
    if told:
        found["flips"] = sum(int((a != b).sum()) for a, b in told)
        if (count := sum(map(len, (a for a, _ in told)))) != len(apart):
            found["tokens"] = count
    return found


def accuracy(subject: Subject, name: str, outputs: list[Tensor]) -> list[Check]:
    """The study's metric of what a file said; nothing where the targets have none."""
    study = subject.study
    pairs = zip(outputs, subject.batches(), strict=True)
    values = joined([score(said, targets, study.loss, study.metric) for said, (_, targets) in pairs]).metric
    if values is None:
        return []
    measured = counted(values)
    return [Check(f"accuracy {name}", {"value": measured.value, "stderr": measured.stderr})]


def _first(outputs: Any) -> Tensor:
    """The first tensor of an output."""
    leaves = torch.utils._pytree.tree_leaves(outputs)
    found: Tensor = next(leaf for leaf in leaves if isinstance(leaf, Tensor))
    return found
