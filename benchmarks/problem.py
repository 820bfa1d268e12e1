"""What every method is given: the same trained network, loss and rows."""

import copy
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn

from explorer.studies.study import Study

Batch = tuple[Tensor, Tensor]


@dataclass(frozen=True)
class Problem:
    """A network with its mean cross-entropy, whose blocks are its quantizable weights.

    Attributes:
        model: in eval mode; the blocks' weights alone require gradients, as for our own blocks.
        names: dotted names of the blocks' weights, in depth order.
        rows: rows of the training split that count as the data.
    """

    study: Study
    model: nn.Module
    names: tuple[str, ...]
    rows: Tensor

    @classmethod
    def of(cls, study: Study, rows: Tensor) -> "Problem":
        """Raises ValueError where the peers' and our own conventions would not be the same."""
        loss = study.loss
        if loss.kind != "cross_entropy" or loss.label_smoothing or loss.class_weights:
            raise ValueError(f"{study.name}: the peers are given plain cross-entropy, not {loss.description}")
        names = tuple(name for block in study.blocks() for name in block.parameters)
        model = study.model().eval().requires_grad_(False)
        for name in names:
            model.get_parameter(name).requires_grad_(True)
        if names != tuple(name for name, p in model.named_parameters() if p.requires_grad):
            raise ValueError(f"{study.name}: its blocks are not in the order of its parameters")
        return cls(study, model, names, rows)

    def on(self, rows: Tensor) -> "Problem":
        """The same network on other rows."""
        return replace(self, rows=rows)

    def copy_of_model(self) -> nn.Module:
        return copy.deepcopy(self.model)

    @property
    def parameters(self) -> list[nn.Parameter]:
        return [self.model.get_parameter(name) for name in self.names]

    @property
    def size(self) -> int:
        return len(self.rows)

    def batch(self, positions: Tensor) -> Batch:
        """Inputs and targets of the data's samples at ``positions`` (0 .. size-1)."""
        rows = self.rows[positions]
        return self.study.data.inputs("train", rows), self.study.data.targets("train", rows)

    def batches(self, size: int) -> list[Batch]:
        """All samples, ``size`` at a time."""
        return [self.batch(part) for part in torch.arange(self.size).split(size)]


def drawn(study: Study, count: int | None, seed: int = 0) -> Tensor:
    """``count`` rows of the training split, different ones; all of them for None."""
    total = study.data.size("train")
    if count is None or count >= total:
        return torch.arange(total)
    return torch.randperm(total, generator=torch.Generator().manual_seed(seed))[:count].sort().values
