"""curvlinops: forward over reverse mode for the Hessian; forward and backward for the Gauss-Newton matrix."""

from collections.abc import Sequence
from typing import Any, ClassVar

from curvlinops import GGNLinearOperator, HessianLinearOperator
from torch import Tensor

from benchmarks.peers.common import Product, ProductPeer
from benchmarks.problem import Batch


class _Curvlinops(ProductPeer):
    library = "curvlinops"
    kind: ClassVar[Any]

    def operator(self, batches: Sequence[Batch]) -> Product:
        made = self.kind(
            self.problem.model,
            self.criterion,
            self.problem.parameters,
            list(batches),
            check_deterministic=False,
            num_data=sum(len(targets) for _, targets in batches),
        )

        def product(vectors: Sequence[Tensor]) -> list[Tensor]:
            found: list[Tensor] = made @ list(vectors)
            return found

        return product


class CurvlinopsHessian(_Curvlinops):
    name = "curvlinops, Hessian"
    kind = HessianLinearOperator


class CurvlinopsGaussNewton(_Curvlinops):
    name = "curvlinops, Gauss-Newton"
    hessian = False
    kind = GGNLinearOperator
