"""Every image by itself: its loss, and whether it is right, so that two networks can be compared pair by pair."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from explorer.lapq.loss.network import Array
from explorer.lapq.rivals.table import Difference
from explorer.studies.study import Study


@dataclass(frozen=True, eq=False)
class Measured:
    """Of every test image, float64 (images,): its loss, and whether it is right; nan where there are no classes."""

    losses: Array
    rights: Array

    def over(self, other: Measured) -> Difference:
        return Difference(*mean(self.losses - other.losses), *share(self.rights - other.rights))


@torch.no_grad()
def each_image(
    study: Study, model: nn.Module, batches: Iterable[tuple[Tensor, Tensor]], check: Callable[[], None]
) -> tuple[Array, Array]:
    """Loss and rightness of every image."""
    losses, rights = [], []
    for inputs, targets in batches:
        check()
        outputs = model(inputs)
        found = study.loss.per_sample(outputs, targets).double()
        right = study.loss.correct(outputs, targets)
        losses.append(found)
        rights.append(torch.full_like(found, math.nan) if right is None else right.double())
    return torch.cat(losses).numpy(), torch.cat(rights).numpy()


def mean(values: Array) -> tuple[float, float]:
    """With its standard error."""
    error = float(values.std(ddof=1)) / math.sqrt(len(values)) if len(values) > 1 else math.inf
    return float(values.mean()), error


def share(rights: Array) -> tuple[float | None, float | None]:
    """As `mean`; None where there are no classes."""
    return (None, None) if np.isnan(rights).any() else mean(rights)
