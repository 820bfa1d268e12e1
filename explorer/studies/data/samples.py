"""Samples: what the data of a study must offer to everything that measures, quantizes or trains.

A sample has an input and a target. Inputs are whatever the network takes: a tensor, or a dict, list or tuple of
tensors, each with the samples along its first dimension. What the samples are called (images, sentences, pairs) is a
property of the data, so that no page or message has to guess.
"""

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple, Protocol, Self

import torch
from torch import Tensor

from explorer.errors import StudyError

Rows = Tensor | slice
SPLITS = ("train", "test")


class Noun(NamedTuple):
    """What samples are called."""

    one: str
    many: str


IMAGES = Noun("image", "images")
SAMPLES = Noun("sample", "samples")


class Samples(Protocol):
    """Two splits of samples, ``train`` and ``test``.

    Attributes:
        ragged: inputs differ in size, so that they go through a network one at a time.
        train_is_test: there are no training samples, and the test samples serve in their place.
        classes: names of the classes; empty where targets are none.
    """

    @property
    def ragged(self) -> bool: ...

    @property
    def train_is_test(self) -> bool: ...

    @property
    def classes(self) -> tuple[str, ...]: ...

    @property
    def noun(self) -> Noun:
        """What the samples are called."""

    @property
    def sha256(self) -> str:
        """Identifies all samples as they are stored, wherever they lie."""

    @property
    def preprocessing(self) -> str:
        """What is done to samples on their way to the network, on one line."""

    def size(self, split: str) -> int:
        """Number of samples in a split."""

    def inputs(self, split: str, rows: Rows) -> Any:
        """Inputs of these rows, ready for the network."""

    def targets(self, split: str, rows: Rows) -> Tensor:
        """Targets of these rows, (n, ...)."""

    def batches(
        self, split: str, batch_size: int, rows: Tensor | None = None
    ) -> Iterator[tuple[Any, Tensor]]:
        """Inputs and targets in order, or in the order of ``rows``; the last batch may be smaller."""

    def on(self, device: torch.device) -> Self:
        """The same samples, whose inputs and targets come on a device."""


def training_name(data: Samples) -> str:
    """What the samples of the split ``train`` are called."""
    return f"{'test' if data.train_is_test else 'training'} {data.noun.many}"


def remark_on(data: Samples) -> str | None:
    """What a person must know before trusting a number that was measured on these samples, if anything."""
    if not data.train_is_test:
        return None
    many = data.noun.many
    return (
        f"This study has no training {many}, so the test {many} serve in their place: traces, step sizes and training "
        f"use the {many} that test losses and accuracies are measured on, and what was chosen on them looks better "
        f"than it is."
    )


def mapped(function: Callable[[Tensor], Tensor], inputs: Any) -> Any:
    """Inputs of the same structure with every tensor replaced."""
    if isinstance(inputs, Tensor):
        return function(inputs)
    if isinstance(inputs, dict):
        return {key: mapped(function, each) for key, each in inputs.items()}
    if isinstance(inputs, tuple) and hasattr(inputs, "_fields"):
        return type(inputs)(*(mapped(function, each) for each in inputs))
    if isinstance(inputs, list | tuple):
        return type(inputs)(mapped(function, each) for each in inputs)
    return inputs


def samples_in(inputs: Any) -> int:
    """Number of samples in inputs: the length of the first of their tensors.

    >>> samples_in(torch.zeros(3, 2)), samples_in({"words": (torch.zeros(5), torch.zeros(5, 1))})
    (3, 5)
    """
    for tensor in tensors_of(inputs):
        return len(tensor)
    raise StudyError(f"inputs are a {type(inputs).__name__} without tensors; give at least one")


def some(inputs: Any, rows: slice) -> Any:
    """Inputs of some of the samples only."""
    return mapped(lambda each: each[rows], inputs)


def bytes_of(inputs: Any) -> int:
    """What the tensors of inputs take in memory."""
    return sum(tensor.numel() * tensor.element_size() for tensor in tensors_of(inputs))


def tensors_of(inputs: Any) -> Iterator[Tensor]:
    """Every tensor of inputs or outputs, in order."""
    if isinstance(inputs, Tensor):
        yield inputs
    elif isinstance(inputs, Mapping):
        for each in inputs.values():
            yield from tensors_of(each)
    elif isinstance(inputs, list | tuple):
        for each in inputs:
            yield from tensors_of(each)
