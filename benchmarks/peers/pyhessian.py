"""PyHessian: double backward, the first backward pass kept.

``hessian(model, criterion, data=batch)`` differentiates once and keeps the graph, so that every further product
over the same samples is one backward pass through it: its fastest form. Several batches are several such objects,
since one graph of all samples would only take more memory.
"""

import warnings
from collections.abc import Callable, Sequence

import pyhessian
import torch
from torch import Tensor

from benchmarks.peers.common import Product, ProductPeer
from benchmarks.problem import Batch


class PyHessian(ProductPeer):
    name = "PyHessian"
    library = "PyHessian"

    def operator(self, batches: Sequence[Batch]) -> Product:
        held = [self._kept(batch) for batch in batches]

        def product(vectors: Sequence[Tensor]) -> list[Tensor]:
            totals = [torch.zeros_like(v) for v in vectors]
            for each in held:
                found = pyhessian.hessian_vector_product(each.gradsH, each.params, list(vectors))
                totals = [t + h / len(held) for t, h in zip(totals, found, strict=True)]
            return totals

        return product

    def alone(self, batches: Sequence[Batch]) -> Callable[[int, Tensor], Tensor]:
        """Products with one block's own Hessian, by the number of the block."""
        held = [self._kept(batch) for batch in batches]

        def product(block: int, vector: Tensor) -> Tensor:
            total = torch.zeros_like(vector)
            for each in held:
                gradient, parameter = [each.gradsH[block]], [each.params[block]]
                total += pyhessian.hessian_vector_product(gradient, parameter, [vector])[0] / len(held)
            return total

        return product

    def _kept(self, batch: Batch) -> pyhessian.hessian:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # a gradient with a graph is what it is for
            found = pyhessian.hessian(self.problem.model, self.criterion, data=batch, cuda=False)
        self.problem.model.zero_grad(set_to_none=True)
        return found

    def top_eigenvalue(self, batches: Sequence[Batch], tol: float) -> tuple[float, int]:
        """Its power iteration, and the products that took."""
        values, products = self._iterated(batches, self.problem.parameters, self.operator(batches), tol, 1)
        return values[0], products

    def top_eigenvalues_alone(
        self, batches: Sequence[Batch], tol: float, count: int
    ) -> tuple[tuple[tuple[float, ...], ...], int]:
        """Its power iteration on the Hessian of each block, and the products of all."""
        multiply = self.alone(batches)
        found, taken = [], 0
        for block, parameter in enumerate(self.problem.parameters):

            def product(vectors: Sequence[Tensor], block: int = block) -> list[Tensor]:
                return [multiply(block, vectors[0])]

            values, products = self._iterated(batches, [parameter], product, tol, count)
            found.append(values)
            taken += products
        return tuple(found), taken

    def _iterated(
        self,
        batches: Sequence[Batch],
        parameters: Sequence[Tensor],
        multiply: Product,
        tol: float,
        count: int,
    ) -> tuple[tuple[float, ...], int]:
        products = 0
        computed = pyhessian.hessian(self.problem.model, self.criterion, dataloader=batches, cuda=False)
        computed.params = parameters  # of a data loader it takes the gradients of the first batch

        def counted(vector: Sequence[Tensor]) -> tuple[float, list[Tensor]]:
            nonlocal products
            products += 1
            found = multiply(vector)
            return float(sum((h * v).sum() for h, v in zip(found, vector, strict=True))), found

        computed.dataloader_hv_product = counted
        values, _ = computed.eigenvalues(maxIter=200, tol=tol, top_n=count)
        return tuple(values), products
