"""hessian-eigenthings (2026): double backward anew for every product; its operator's Lanczos for eigenvalues."""

from collections.abc import Sequence

import torch
from hessian_eigenthings import HessianOperator, lanczos, supervised_loss
from torch import Tensor

from benchmarks.peers.common import Product, ProductPeer, split
from benchmarks.problem import Batch


class Eigenthings(ProductPeer):
    name = "hessian-eigenthings"
    library = "hessian-eigenthings"

    def operator(self, batches: Sequence[Batch]) -> Product:
        made = self._operator(batches)

        def product(vectors: Sequence[Tensor]) -> list[Tensor]:
            return split(self.problem, made.matvec(torch.cat([v.flatten() for v in vectors])))

        return product

    def top_eigenvalue(self, batches: Sequence[Batch], steps: int) -> tuple[float, int]:
        """The largest Ritz value after so many Lanczos steps, and the products they took."""
        found = lanczos(self._operator(batches), k=1, max_iter=steps, which="LA", seed=0)
        return float(found.eigenvalues[0]), found.iterations

    def _operator(self, batches: Sequence[Batch]) -> HessianOperator:
        return HessianOperator(self.problem.model, list(batches), supervised_loss(self.criterion))
