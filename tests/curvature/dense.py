"""Whole Hessians of small networks, by another route: torch.func.hessian of the loss in float64."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.attention import SDPBackend, sdpa_kernel

from explorer.studies.study import Study
from tests.curvature.networks import in_double


def dense_hessian(study: Study, parameters: Sequence[str], rows: Tensor | None = None) -> Tensor:
    """The Hessian of the mean loss over ``rows`` of the training split (else all) in the named parameters."""
    model = study.model().double()
    for module in model.modules():
        if getattr(module, "inplace", False):
            module.inplace = False  # type: ignore[assignment]
    rows = torch.arange(study.data.size("train")) if rows is None else rows
    inputs, targets = in_double(study, rows)
    whole = {name: value.detach() for name, value in model.named_parameters()}
    parts = [whole[name] for name in parameters]

    def loss(flat: Tensor) -> Tensor:
        pieces = flat.split([part.numel() for part in parts])
        moved = {
            name: piece.view_as(part) for name, piece, part in zip(parameters, pieces, parts, strict=True)
        }
        outputs = torch.func.functional_call(model, {**whole, **moved}, (inputs,))
        return study.loss(outputs, targets)

    with sdpa_kernel(SDPBackend.MATH):
        return torch.func.hessian(loss)(torch.cat([part.flatten() for part in parts]))
