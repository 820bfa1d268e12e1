r"""Results of a search for eigenpairs, and what their errors cover.

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
        products: Hessian-vector products taken, those for the errors included; none with ``gram``.
        method: ``gram`` (`gram`, with residuals by the same gradients), ``lanczos`` or ``power``; None in records
            of earlier versions, which do not say.
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
    method: str | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain data without the vectors; what is not known is null."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self) if f.name != "vectors"}

    @classmethod
    def from_json(
        cls, record: Mapping[str, Any], vectors: tuple[Mapping[str, Tensor], ...] = ()
    ) -> "Eigenpairs":
        """Eigenpairs from what `to_json` gives, and eigenvectors that were kept apart."""
        lists = {
            key: tuple(math.nan if item is None else item for item in value)
            for key, value in record.items()
            if isinstance(value, list | tuple)
        }
        return cls(**{**record, **lists}, vectors=vectors)


@dataclass(frozen=True)
class Eigenvalues:
    """Eigenpairs of many Hessians of one study.

    Attributes:
        study: its name.
        found: those of every block in depth order, then those of the whole network where they were wanted.
    """

    study: str
    found: tuple[Eigenpairs, ...]

    @property
    def seconds(self) -> float:
        """Time spent on all."""
        return sum(pairs.seconds for pairs in self.found)

    def of(self, block: str | None) -> Eigenpairs | None:
        """Eigenpairs of one block, or of the whole network (None), where there are any."""
        return next((pairs for pairs in self.found if pairs.block == block), None)

    def tensors(self) -> dict[str, Tensor]:
        """Eigenvectors by ``block/rank/parameter``: rank 0 is the first, "whole network" the block of that."""
        return {
            f"{pairs.block or WHOLE}/{rank}/{name}": tensor
            for pairs in self.found
            for rank, vector in enumerate(pairs.vectors)
            for name, tensor in vector.items()
        }

    def to_json(self) -> dict[str, Any]:
        """Plain data without the eigenvectors."""
        return {
            "study": self.study,
            "eigenvalues": [pairs.to_json() for pairs in self.found],
            "seconds": self.seconds,
        }

    @classmethod
    def from_json(
        cls, record: Mapping[str, Any], tensors: Mapping[str, Tensor] | None = None
    ) -> "Eigenvalues":
        """Eigenvalues from what `to_json` gives, with the eigenvectors of `tensors` where they are given."""
        vectors: dict[str, dict[int, dict[str, Tensor]]] = {}
        for key, tensor in (tensors or {}).items():
            block, rank, name = key.rsplit("/", 2)
            vectors.setdefault(block, {}).setdefault(int(rank), {})[name] = tensor
        return cls(
            record["study"],
            tuple(
                Eigenpairs.from_json(
                    each, tuple(v for _, v in sorted(vectors.get(each["block"] or WHOLE, {}).items()))
                )
                for each in record["eigenvalues"]
            ),
        )


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value
