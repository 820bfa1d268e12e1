"""Samples read when they are asked for, from map-style datasets: memory holds a bounded number of bytes of them.

A dataset has a length and gives a sample, an input and a target, by its number. Samples are stacked to batches, or put
together by a collate function. Of what was read last at most `CACHE` bytes are kept, so that a large folder is never in
memory as a whole and a small one is read once.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping, Sequence
from copy import copy
from functools import cached_property
from typing import Any, Protocol, Self

import numpy as np
import torch
from torch import Tensor

from explorer.errors import StudyError
from explorer.studies.data.samples import Noun, Rows, mapped, tensors_of
from explorer.studies.data.stacking import as_tensor, stacked

CACHE = 256 * 2**20  # bytes of samples that are kept
_OBJECT = 100  # bytes that an object takes beside its content

Collate = Callable[[Sequence[Any]], tuple[Any, Any]]


class Source(Protocol):
    """One split."""

    def __len__(self) -> int: ...

    def sample(self, row: int) -> Any:
        """Input and target of a row; what the collate function takes where there is one."""

    def target(self, row: int) -> Any:
        """The target alone."""


class DatasetSamples:
    """Samples of datasets; the calls are those of `samples.Samples`.

    Args:
        sources: split to dataset; without ``train`` the test samples serve in its place.
        noun: what a sample is called.
        identity: hash of the samples, computed when it is asked for.
        preprocessing: what is done to samples, on one line.
        ragged: inputs differ in size and go through a network one at a time.
        collate: puts samples together to inputs and targets; by default they are stacked.
        telling: split to rows that a network must be able to take if it can take any, such as the one with the highest
            number of a token.
        cache: bytes of samples that are kept.
    """

    device = torch.device("cpu")

    def __init__(
        self,
        sources: Mapping[str, Source],
        *,
        noun: Noun,
        identity: Callable[[], str],
        classes: tuple[str, ...] = (),
        preprocessing: str = "",
        ragged: bool = False,
        collate: Collate | None = None,
        telling: Mapping[str, tuple[int, ...]] | None = None,
        cache: int = CACHE,
    ) -> None:
        self.train_is_test = "train" not in sources
        self._sources = {"train": sources.get("train", sources["test"]), "test": sources["test"]}
        self.noun, self.classes, self.ragged, self.preprocessing = noun, classes, ragged, preprocessing
        self._identity, self._collate = identity, collate
        self.telling = telling or {}
        self._kept = Kept(cache)

    def on(self, device: torch.device) -> Self:
        """The same samples, whose inputs and targets come on a device."""
        moved = copy(self)
        moved.device = device
        return moved

    def size(self, split: str) -> int:
        """Number of samples in ``train`` or ``test``."""
        return len(self._source(split))

    def inputs(self, split: str, rows: Rows) -> Any:
        """Inputs of these rows, ready for the network.

        Raises:
            StudyError: a sample cannot be read, or these cannot be stacked.
        """
        return self._moved(self._inputs(split, self._numbers(split, rows)))

    def targets(self, split: str, rows: Rows) -> Any:
        """Targets of these rows: a tensor (n, ...), or a list where a target is a structure.

        Raises:
            StudyError: a sample cannot be read, or targets differ in shape.
        """
        return self._moved(self._targets(split, self._numbers(split, rows)))

    def batches(self, split: str, batch_size: int, rows: Tensor | None = None) -> Iterator[tuple[Any, Any]]:
        """Inputs and targets in order, or in the order of ``rows``; one at a time where inputs differ in size."""
        rows = torch.arange(self.size(split)) if rows is None else rows
        for chunk in rows.split(1 if self.ragged else batch_size):
            numbers = self._numbers(split, chunk)
            if self._collate is not None:
                inputs, targets = self._collated(split, numbers)
            else:
                inputs, targets = self._inputs(split, numbers), self._targets(split, numbers)
            yield self._moved(inputs), self._moved(targets)

    @cached_property
    def sha256(self) -> str:
        """Identifies the samples."""
        return self._identity()

    def ready(self, inputs: Any) -> Any:
        """Stacked inputs as the network takes them: what is cheaper to keep before it is done."""
        return inputs

    def _inputs(self, split: str, rows: Sequence[int]) -> Any:
        if self._collate is not None:
            return self._collated(split, rows)[0]
        found = stacked([self.sample(split, row)[0] for row in rows], f"{split} {self.noun.many}")
        self._check_numbers(found, split, rows, "")
        return self.ready(found)

    def _targets(self, split: str, rows: Sequence[int]) -> Any:
        if self._collate is not None:
            return self._collated(split, rows)[1]
        source = self._source(split)
        found = [source.target(row) for row in rows]
        if isinstance(found[0], Mapping):
            return found
        name = f"targets of {split} {self.noun.many}"
        targets = stacked([as_tensor(each, name) for each in found], name)
        self._check_numbers(targets, split, rows, "the target of ")
        return targets

    def _check_numbers(self, stacked: Any, split: str, rows: Sequence[int], what: str) -> None:
        """Name the first sample that holds NaN; infinities are left, since a mask may be made of them."""
        for tensor in tensors_of(stacked):
            if tensor.is_floating_point() and (bad := tensor.reshape(len(rows), -1).isnan().any(1)).any():
                raise StudyError(
                    f"{what}{split} {self.noun.one} {rows[int(bad.nonzero()[0])]}, counted from 0, holds NaN; mend it, "
                    "or leave it out"
                )

    def _collated(self, split: str, rows: Sequence[int]) -> tuple[Any, Any]:
        assert self._collate is not None
        inputs, targets = self._collate([self.sample(split, row) for row in rows])
        return inputs, targets

    def sample(self, split: str, row: int) -> Any:
        """What the dataset gives for a row, kept while there is room."""
        source = self._source(split)
        key = id(source), row  # one sample, though both splits have it
        found = self._kept.get(key)
        if found is None:
            found = source.sample(row)
            self._kept.put(key, found)
        return found

    def _source(self, split: str) -> Source:
        if split not in self._sources:
            raise StudyError(f"there is no split {split!r}; use train or test")
        return self._sources[split]

    def _numbers(self, split: str, rows: Rows) -> list[int]:
        size = self.size(split)
        return list(range(size)[rows]) if isinstance(rows, slice) else [int(row) for row in rows]

    def _moved(self, value: Any) -> Any:
        if self.device.type == "cpu":
            return value
        return mapped(lambda each: each.to(self.device), value)


class Kept:
    """Samples read last, of at most so many bytes together."""

    def __init__(self, most: int) -> None:
        self.most, self.bytes = most, 0
        self._samples: OrderedDict[Any, tuple[Any, int]] = OrderedDict()
        self._lock = threading.Lock()

    def __reduce__(self) -> tuple[type["Kept"], tuple[int]]:
        """An empty one: what was read here need not be sent elsewhere."""
        return Kept, (self.most,)

    def get(self, key: object) -> Any:
        """A sample, or None where it was not kept."""
        with self._lock:
            found = self._samples.get(key)
            if found is None:
                return None
            self._samples.move_to_end(key)
            return found[0]

    def put(self, key: object, sample: Any) -> None:
        """Keep a sample in place of those that were not asked for longest; not one whose size cannot be told."""
        taken = _bytes(sample)
        with self._lock:
            if taken is None or key in self._samples or taken > self.most:
                return
            self._samples[key] = sample, taken
            self.bytes += taken
            while self.bytes > self.most:
                self.bytes -= self._samples.popitem(last=False)[1][1]


def _bytes(value: Any) -> int | None:
    """What a sample takes in memory, roughly; None where it holds something else than tensors, arrays and numbers."""
    if isinstance(value, Tensor):
        return value.numel() * value.element_size() + _OBJECT
    if isinstance(value, np.ndarray | np.generic):
        return None if value.dtype.hasobject else value.nbytes + _OBJECT
    if value is None or isinstance(value, int | float):
        return _OBJECT
    if isinstance(value, str | bytes):
        return len(value) + _OBJECT
    if not isinstance(value, Mapping | list | tuple):
        return None
    parts = [_bytes(each) for each in (value.values() if isinstance(value, Mapping) else value)]
    return None if None in parts else sum(part or 0 for part in parts) + _OBJECT
