"""A copy of a network whose sites can be given any steps, quickly.

The input of a layer passes its quantizer on the way in; a weight is replaced by its quantized values, which are
kept by step, and only what changed since the last steps is written. Gradients with respect to the steps come from
one backward pass through the straight-through quantizers (`forms`).
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

import numpy as np
import torch
from torch import Tensor, nn

from explorer.lapq.loss.forms import Levels
from explorer.lapq.loss.sites import Site
from explorer.quantizers.bias_correction import BiasCorrection, corrected
from explorer.quantizers.modules import INPUT, quantize_input
from explorer.studies.losses import Loss

Array = np.ndarray
Chooser = Callable[[Tensor], float]

_MOST_BYTES = 2**26  # of quantized weights that are kept


class StepQuantizer(nn.Module):
    """The quantizer of one layer's input."""

    step: Tensor

    def __init__(self, levels: Levels) -> None:
        super().__init__()
        self.levels = levels
        self.choose: Chooser | None = None
        self.register_buffer("step", torch.ones(()))

    def forward(self, x: Tensor) -> Tensor:
        if self.choose is not None:
            self.step.fill_(self.choose(x))
        if torch.is_grad_enabled():
            return self.levels.learn(x, self.step)
        return self.levels.quantize(x, self.step)


class SteppedNetwork:
    """A network quantized at its sites.

    Args:
        model: an FP32 network in eval mode, which is taken over.
        bias_correction: of the weights, Banner et al. 2019.

    Attributes:
        model: the network; quantized once `place` was called.
        sites: in the order in which a forward pass meets them.
        parts: site to what changes with its step, a weight or the module that quantizes an input.
    """

    def __init__(
        self, model: nn.Module, sites: Sequence[Site], *, bias_correction: BiasCorrection = "none"
    ) -> None:
        self.model = model.requires_grad_(False)
        self.sites = tuple(sites)
        self.parts: tuple[nn.Module | Tensor, ...] = tuple(self._part(site) for site in self.sites)
        self.model.eval()  # the quantizers too
        self._correction: BiasCorrection = bias_correction
        self._originals = [part.detach().clone() if torch.is_tensor(part) else None for part in self.parts]
        self._values: OrderedDict[tuple[int, float], Tensor] = OrderedDict()
        self._bytes = 0
        self._placed = np.full(len(self.sites), np.nan, np.float32)

    def place(self, steps: Array) -> None:
        """Give every site its step, float32 (sites,)."""
        for i in np.flatnonzero(self._placed != steps):
            part = self.parts[i]
            if isinstance(part, StepQuantizer):
                part.step.fill_(float(steps[i]))
            elif isinstance(part, Tensor):
                with torch.no_grad():
                    part.copy_(self._weight(int(i), float(steps[i])))
            self._placed[i] = steps[i]

    def original(self, index: int) -> Tensor:
        """The FP32 weight of a site."""
        weight = self._originals[index]
        assert weight is not None
        return weight

    def learned_weight(self, index: int, step: Tensor) -> Tensor:
        """The quantized weight of a site as a differentiable function of its step, ()."""
        site, weight = self.sites[index], self.original(index)
        value = site.levels.learn(weight, step)
        return corrected(value, weight, axis=site.axis, kind=self._correction)

    def gradient(self, inputs: Tensor, targets: Tensor, loss: Loss) -> tuple[float, Array]:
        """Sum of the samples' losses at the placed steps, and its derivative with respect to each step."""
        leaves = [_leaf(part) for part in self.parts]
        with _differentiable(leaves), torch.enable_grad():
            total = loss.per_sample(self.model(inputs), targets).sum()
            # A batch need not reach every layer.
            found = torch.autograd.grad(total, leaves, allow_unused=True, materialize_grads=True)
            slopes = [
                grad if weight is None else self._of_weight(i, grad)
                for i, (weight, grad) in enumerate(zip(self._originals, found, strict=True))
            ]
        return float(total.detach()), np.array([float(slope) for slope in slopes])

    @contextmanager
    def choosing(self, choosers: Sequence[Chooser | None]) -> Iterator[None]:
        """Let the quantizers of inputs choose their steps as their inputs come by."""
        try:
            for part, chooser in zip(self.parts, choosers, strict=True):
                if isinstance(part, StepQuantizer):
                    part.choose = chooser
            yield
        finally:
            for i, part in enumerate(self.parts):
                if isinstance(part, StepQuantizer):
                    part.choose = None
                    self._placed[i] = float(part.step)

    @property
    def placed(self) -> Array:
        """The steps as they are, float32 (sites,)."""
        return self._placed.copy()

    def _part(self, site: Site) -> nn.Module | Tensor:
        layer = self.model.get_submodule(site.layer)
        if site.kind == "weight":
            return self.model.get_parameter(f"{site.layer}.weight")
        quantizer = StepQuantizer(site.levels)
        layer.add_module(INPUT, quantizer)
        layer.register_forward_pre_hook(quantize_input, with_kwargs=True)
        return quantizer

    def _weight(self, index: int, step: float) -> Tensor:
        key = (index, step)
        if key not in self._values:
            site, weight = self.sites[index], self.original(index)
            value = site.levels.quantize(weight, torch.tensor(step))
            value = corrected(value, weight, axis=site.axis, kind=self._correction)
            self._values[key] = value
            self._bytes += value.nbytes
            while self._bytes > _MOST_BYTES and len(self._values) > 1:
                self._bytes -= self._values.popitem(last=False)[1].nbytes
        self._values.move_to_end(key)
        return self._values[key]

    def _of_weight(self, index: int, grad: Tensor) -> Tensor:
        """The derivative with respect to a weight's step, from that with respect to its quantized values."""
        step = torch.tensor(float(self._placed[index]), requires_grad=True)
        return torch.autograd.grad(self.learned_weight(index, step), step, grad)[0]


def _leaf(part: nn.Module | Tensor) -> Tensor:
    leaf = part.step if isinstance(part, StepQuantizer) else part
    assert isinstance(leaf, Tensor)
    return leaf


@contextmanager
def _differentiable(leaves: Sequence[Tensor]) -> Iterator[None]:
    try:
        for leaf in leaves:
            leaf.requires_grad_(True)
        yield
    finally:
        for leaf in leaves:
            leaf.requires_grad_(False)
