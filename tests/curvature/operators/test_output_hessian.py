"""Roots of the Hessian at the outputs against the Hessian by differentiating twice."""

import torch

from explorer.curvature.operators.output_hessian import output_hessians, roots
from explorer.studies.losses import Loss


def test_the_root_of_tokens_squares_to_their_hessian() -> None:
    """S S^T column by column, with tokens that do not count, a sequence without any, and smoothed labels."""
    draw = torch.Generator().manual_seed(0)
    outputs = torch.randn(3, 3, 4, generator=draw, dtype=torch.float64)
    targets = torch.tensor([[0, 3, 1], [2, -100, 0], [-100, -100, -100]])
    for smoothing in (0.0, 0.3):
        loss = Loss("token_cross_entropy", label_smoothing=smoothing)
        (root,) = roots(loss, outputs, targets)
        columns = [root.times(torch.eye(12, dtype=torch.float64)[c].expand(3, 12)) for c in range(12)]
        s = torch.stack(columns, 2)
        expected = output_hessians(loss, outputs, targets)
        torch.testing.assert_close(s @ s.mT, expected, rtol=0, atol=1e-12)
        torch.testing.assert_close(root.trace, expected.diagonal(dim1=1, dim2=2).sum(1), rtol=0, atol=1e-12)
