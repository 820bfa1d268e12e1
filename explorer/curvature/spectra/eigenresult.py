r"""What a search for eigenpairs returns, and what its errors cover.

H is the Hessian of the mean loss over m training rows drawn once a seed, uniformly and without replacement
(`hessian.hessian_rows`), of the N there are. Three numbers stand beside an eigenvalue lambda with unit vector v:

- the residual |Hv - lambda v|: some eigenvalue of H lies within it of lambda.
- the sampling error. With v fixed lambda = v . Hv is a mean over rows of v . H_n v, so its standard error is
  sqrt((1 - m/N) s^2 / m) with s^2 the variance of the v . H_n v: first-order perturbation, d lambda = v . dH v.
  The largest eigenvalue of a sample's Hessian is also biased upward, since v is fitted to the sample
  (E max >= max E), and the error does not cover that.
- held out: the same form of the same v over as many rows that were not drawn. There v is fitted to nothing, so
  it is unbiased for those rows and at most their lambda_max: what the bias is, is seen from the pair. The
  largest eigenvalue over all rows lies between the two, to within their errors.
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

from torch import Tensor

WHOLE = "whole network"


@dataclass(frozen=True)
class Eigenpairs:
    """The k extreme eigenpairs of one Hessian, the wanted extreme first.

    Attributes:
        block: its name; None for the whole network.
        values: eigenvalues with their signs.
        residuals: |Hv - lambda v|.
        stderrs: sampling error of each value, first order.
        held_out: v . Hv over rows that were not drawn; nan where that was not asked for or no rows are left.
        held_out_stderrs: its sampling error.
        converged: whether the residual is small enough (power iteration: whether the value settled), rather
            than the largest number of products reached.
        vectors: unit eigenvectors by dotted parameter name; the entry of largest size is positive.
        n: number of weights.
        samples: rows that H is a mean over, m.
        products: Hessian-vector products taken, those for the errors included.
    """

    block: str | None
    values: tuple[float, ...]
    residuals: tuple[float, ...]
    stderrs: tuple[float, ...]
    held_out: tuple[float, ...]
    held_out_stderrs: tuple[float, ...]
    converged: tuple[bool, ...]
    vectors: tuple[Mapping[str, Tensor], ...]
    n: int
    samples: int
    products: int
    seconds: float

    def to_json(self) -> dict[str, Any]:
        """Plain data without the vectors; what is not known is null."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self) if f.name != "vectors"}


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
