"""Second-order expansion of the loss: slopes and curvatures along vectors among the weights."""

import torch
from torch import Tensor

from explorer.curvature.estimators.choice import chunk_size
from explorer.curvature.operators.hessian import HessianOperator
from explorer.estimates import mean
from explorer.landscape.target import Target, Vector


class Quadratic:
    """g and H of the mean loss over the subject's samples, with respect to a target's weights.

    Attributes:
        taken: gradients, Hessian-vector products and per-sample forms so far.
    """

    def __init__(self, target: Target) -> None:
        subject = target.subject
        shares = torch.full((subject.size,), 1 / subject.size, dtype=torch.float64)
        everything = torch.arange(subject.size)
        self._operator = HessianOperator(
            subject, block=target.index, positions=everything, shares=shares, chunk=chunk_size(subject)
        )
        self._population = subject.study.data.size("train")
        self._gradient: Tensor | None = None
        self.taken = 0

    def slope(self, vector: Vector) -> float:
        """Slope g . v."""
        if self._gradient is None:
            self._gradient = self._operator.gradient().double()
            self.taken += 1
        return float(self._gradient @ self._operator.join(vector).double())

    def image(self, vector: Vector) -> Vector:
        """Product Hv."""
        self.taken += 1
        return self._operator.split(self._operator.matvec(self._operator.join(vector)))

    def stderr(self, vector: Vector) -> float:
        """Standard error of v . Hv over samples."""
        self.taken += 1
        forms = self._operator.per_sample_forms(self._operator.join(vector))
        return mean(forms, self._population).stderr
