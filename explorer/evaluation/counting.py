"""A study's metric over many samples: the mean of its values, or what is computed of records of all samples together.

Values (N,) are averaged, and differences of two networks on the same samples are paired. Records (N, entries, 3) of
detections give the mean average precision; errors are the bootstrap's, with the same draws for both networks.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from explorer import detections
from explorer.estimates import Estimate, paired, share


def averaged(values: Tensor) -> bool:
    """Whether the metric of all samples is the mean of these values."""
    return values.ndim == 1


def counted(values: Tensor) -> Estimate:
    """The metric over all samples.

    Raises:
        StudyError: there is no true box in records of detections.
    """
    return share(values) if averaged(values) else detections.average_precision(values)


def apart(of: Tensor, than: Tensor) -> Estimate:
    """The metric of ``of`` less that of ``than``, measured on the same samples.

    Raises:
        StudyError: as `counted`.
    """
    return paired(of, than) if averaged(of) else detections.apart(of, than)


def in_a_row(parts: Sequence[Tensor]) -> Tensor:
    """Values or records of parts of the samples, one after another."""
    return torch.cat(list(parts)) if averaged(parts[0]) else detections.joined(parts)


def side_by_side(of: Sequence[Tensor]) -> Tensor:
    """Values (k, N) or records (k, N, entries, 3) of k networks."""
    if averaged(of[0]):
        return torch.stack(list(of))
    entries = max(each.shape[1] for each in of)
    return torch.stack([detections.filled(each, entries) for each in of])
