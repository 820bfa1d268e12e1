"""Single samples stacked to a batch, whatever their structure: tensors, arrays and numbers in dicts, lists and tuples.

A whole number becomes int64, a fraction float32, an array the tensor of the same type; a tensor stays what it is.
"""

from collections.abc import Iterator, Mapping, Sequence
from numbers import Integral, Real
from typing import Any

import numpy as np
import torch
from torch import Tensor

from explorer.errors import StudyError


def stacked(values: Sequence[Any], name: str) -> Any:
    """One value a sample as a batch: every tensor with the samples along a new first dimension.

    Args:
        values: of one structure.
        name: what they are, for the sentence about those that cannot be stacked.

    Raises:
        StudyError: they differ in structure or shape, or hold what is no number.
    """
    first = values[0]
    if any(_structure(each) != _structure(first) for each in values):
        raise StudyError(f"{name} differ in structure, so they make no batch; give a collate function")
    if isinstance(first, Mapping):
        return {key: stacked([each[key] for each in values], name) for key in first}
    if isinstance(first, tuple) and hasattr(first, "_fields"):
        return type(first)(*(stacked(part, name) for part in zip(*values, strict=True)))
    if isinstance(first, list | tuple):
        return type(first)(stacked(part, name) for part in zip(*values, strict=True))
    tensors = [as_tensor(each, name) for each in values]
    shapes = {tuple(each.shape) for each in tensors}
    if len(shapes) > 1:
        one, other = sorted(shapes)[:2]
        raise StudyError(
            f"{name} differ in size ({one} and {other}), so they make no batch; bring them to one size, give a collate "
            "function, or set ragged = true to take them one at a time"
        )
    return torch.stack(tensors)


def as_tensor(value: Any, name: str) -> Tensor:
    """A tensor, an array or a number as a tensor.

    Raises:
        StudyError: it is something else.
    """
    if isinstance(value, Tensor):
        return value
    if isinstance(value, np.ndarray | np.generic) and np.asarray(value).dtype.kind in "biuf":
        return torch.from_numpy(np.array(value))
    if isinstance(value, bool | Integral):
        return torch.tensor(bool(value) if isinstance(value, bool) else int(value))
    if isinstance(value, Real):
        return torch.tensor(float(value), dtype=torch.float32)
    raise StudyError(
        f"{name} hold a {type(value).__name__}; give tensors, arrays or numbers, or a collate function"
    )


def leaves(value: Any, path: str = "") -> Iterator[tuple[str, Tensor]]:
    """Every tensor of a structure with its place in it, in a fixed order."""
    if isinstance(value, Tensor):
        yield path, value
    elif isinstance(value, np.ndarray | np.generic | float | int):
        if np.asarray(value).dtype.kind in "biuf":
            yield path, as_tensor(value, "samples")
    elif isinstance(value, Mapping):
        for key in value:
            yield from leaves(value[key], f"{path}.{key}")
    elif isinstance(value, list | tuple):
        for position, each in enumerate(value):
            yield from leaves(each, f"{path}[{position}]")


def _structure(value: Any) -> object:
    if isinstance(value, Mapping):
        return tuple(value)
    if isinstance(value, list | tuple):
        return type(value), len(value)
    return None
