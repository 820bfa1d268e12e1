r"""What is asked of a peer that multiplies a curvature matrix with vectors.

The libraries estimate one trace of the whole network. The best use of their products for the traces of all blocks is
the joint one (NNCF's): with independent signs z, z_i . (Hz)_i estimates Tr(H_i) for every block i from one
product.
"""

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import ClassVar

import torch
from torch import Tensor

from benchmarks.problem import Batch, Problem

Product = Callable[[Sequence[Tensor]], list[Tensor]]


class ProductPeer(ABC):
    """A library's products with the Hessian, or with the Gauss-Newton matrix, of the mean loss."""

    name: ClassVar[str]
    library: ClassVar[str]
    hessian: ClassVar[bool] = True

    def __init__(self, problem: Problem) -> None:
        self.problem = problem
        self.criterion = torch.nn.CrossEntropyLoss()

    @abstractmethod
    def operator(self, batches: Sequence[Batch]) -> Product:
        """The product over batches of equal size. What can be kept between products is kept."""

    def forms(self, product: Product, signs: Sequence[Tensor]) -> list[float]:
        """z_i . (Hz)_i of every block."""
        parts = zip(signs, product(signs), strict=True)
        return [float((z.double() * h.double()).sum()) for z, h in parts]


def signs(problem: Problem, generator: torch.Generator, only: int | None = None) -> list[Tensor]:
    """Independent signs of the shape of every block; zero in all blocks but ``only``."""
    found = []
    for i, parameter in enumerate(problem.parameters):
        z = torch.randint(0, 2, parameter.shape, generator=generator, dtype=torch.int8).to(parameter.dtype)
        found.append(2 * z - 1 if only in (None, i) else torch.zeros_like(z))
    return found


def split(problem: Problem, flat: Tensor) -> list[Tensor]:
    """A flat vector over all blocks into the blocks' tensors."""
    sizes = [p.numel() for p in problem.parameters]
    return [v.view_as(p) for v, p in zip(flat.split(sizes), problem.parameters, strict=True)]
