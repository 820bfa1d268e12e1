"""Trying a file on test samples, beside the simulated network that it is judged by."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils import _pytree as pytree

from explorer.errors import ExportError
from explorer.evaluation.counting import counted
from explorer.evaluation.per_sample import joined, score
from explorer.export.subject import Check, Subject
from explorer.studies.metrics import Metric

CLOSE = 1e-3  # outputs that differ by less are the same
MOST_FLIPS = 0.05  # of the samples or tokens; more is no rounding


class Arranged:
    """A file whose outputs come in the structure of a network's: a file has a list of tensors, whatever that was.

    Args:
        file: inputs to a tensor, or to a list of them in the order of the network's.
        network: called once, for the structure.
    """

    def __init__(self, file: Callable[[Any], Any], network: nn.Module) -> None:
        self._file, self._network = file, network
        self._form: tuple[list[Any], pytree.TreeSpec] | None = None

    def __call__(self, inputs: Any) -> Any:
        """Outputs for a batch.

        Raises:
            ExportError: the file gives another number of tensors than the network.
        """
        if self._form is None:
            with torch.no_grad():
                self._form = pytree.tree_flatten(self._network(inputs))
        leaves, form = self._form
        found = self._file(inputs)
        said = found if isinstance(found, list) else [found]
        wanted = sum(isinstance(leaf, Tensor) for leaf in leaves)
        if len(said) != wanted:
            raise ExportError(
                f"the file gives {len(said)} tensors and the network {wanted}; give the file of this network"
            )
        rest = iter(said)
        return pytree.tree_unflatten(
            [next(rest) if isinstance(leaf, Tensor) else leaf for leaf in leaves], form
        )


def run(subject: Subject, file: Callable[[Any], Any]) -> list[Any]:
    """What a file says of the samples it is tried on, a batch at a time, in the structure of the network's outputs."""
    arranged = Arranged(file, subject.network)
    return [arranged(inputs) for inputs, _ in subject.batches()]


def beside(subject: Subject, network: nn.Module, found: Mapping[str, list[Any]]) -> list[Check]:
    """How far what a file said, by each way of running it, agrees with a network.

    Args:
        found: name of the way to what `run` found; the first is the file's own meaning.

    Raises:
        ExportError: by its own meaning the file gives so many samples another largest output that it is no rounding.
    """
    metric = subject.study.metric
    said = subject.outputs(network)
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


def compared(metric: Metric, one: list[Any], other: list[Any]) -> dict[str, Any]:
    """How far two lists of outputs agree: share of samples that are the same, the largest difference, and where first
    tensors are scores the flips, samples (or of so many tokens, if there are) with another largest output."""
    pairs = [(_rows(a), _rows(b)) for a, b in zip(one, other, strict=True)]
    apart = torch.cat(
        [(a - b).abs().amax(dim=1) for a, b in pairs]
    )  # outputs of ragged samples differ in number
    found = {
        "samples": len(apart),
        "same": float((apart < CLOSE).double().mean()),
        "largest": float(apart.max()),
    }
    firsts = [(_tensors(a)[0], _tensors(b)[0]) for a, b in zip(one, other, strict=True)]
    largest = [(metric.largest(a), metric.largest(b)) for a, b in firsts]
    told = [(a.flatten(), b.flatten()) for a, b in largest if a is not None and b is not None]
    if told:
        found["flips"] = sum(int((a != b).sum()) for a, b in told)
        if (count := sum(map(len, (a for a, _ in told)))) != len(apart):
            found["tokens"] = count
    return found


def accuracy(subject: Subject, name: str, outputs: list[Any]) -> list[Check]:
    """The study's metric of what a file said; nothing where the targets have none."""
    study = subject.study
    pairs = zip(outputs, subject.batches(), strict=True)
    values = joined([score(said, targets, study.loss, study.metric) for said, (_, targets) in pairs]).metric
    if values is None:
        return []
    measured = counted(values)
    return [Check(f"accuracy {name}", {"value": measured.value, "stderr": measured.stderr})]


def _tensors(outputs: Any) -> list[Tensor]:
    """The tensors of an output, in order."""
    return [leaf for leaf in pytree.tree_leaves(outputs) if isinstance(leaf, Tensor)]


def _rows(outputs: Any) -> Tensor:
    """All that is said of each sample, (samples, values) float64."""
    first, *others = _tensors(outputs)
    same = [first, *(each for each in others if each.ndim and len(each) == len(first))]
    return torch.cat([each.reshape(len(first), -1).double() for each in same], dim=1)
