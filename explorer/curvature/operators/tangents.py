r"""dW . H_n dW of every sample by Gauss-Newton, for several sets of dW at once; see `perturbations`.

    dW . H_n dW = sum_c l_c (u_c . J_n dW)^2,     u_c . J_n dW = <A(a_n, dW), d(u_c . f_n)/dy>

`forms` has the sum: a backward pass for each direction c carries d/dy of all layers; A(a_n, dW), the layer with dW in
place of its weight, is computed once for each set. The slopes u_c . J_n dW are linear in dW, so those of several blocks
add up (`output_changes`). `probed` has random signs z_c in its place,

    E (v . J_n dW)^2 = sum_c l_c (u_c . J_n dW)^2     for v = sum_c z_c sqrt(l_c) u_c,

with one backward pass (one for each sign that the l_c have), whose variance is 2 [(sum_c x_c)^2 - sum_c x_c^2] with
x_c the terms of the sum: a trained network's H_L has one eigenvalue that matters in most samples, and then the signs
add little. Signs of the outputs themselves, which do not know the l_c, would add more.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn

from explorer.curvature.operators.contractions import applied, contracted
from explorer.curvature.operators.output_hessian import LARGEST_EIGEN, directions, roots
from explorer.curvature.operators.subject import Subject, single_tensor
from explorer.studies.data.samples import samples_in

_NEGLIGIBLE = 1e-7  # eigenvalues at the outputs, as a share of the largest


@dataclass
class _Use:
    """One call of one layer in the current forward pass."""

    weight: int
    module: nn.Module
    inputs: Tensor
    deltas: list[Tensor] = field(default_factory=list)  # d(u_c . f)/dy, one a direction


class Tangents:
    """Hooks that keep what every layer reads, and the gradients at its output.

    Args:
        changes: K sets of one tensor a weight.
        copies: keep copies of the inputs, for a network that changes them in place.
        skipped: weights whose slopes stay 0, for they are used in an unusual way.
    """

    def __init__(
        self,
        subject: Subject,
        changes: Sequence[Sequence[Tensor]],
        *,
        copies: bool,
        skipped: Collection[int] = (),
    ) -> None:
        self._subject, self._changes, self._copies = subject, changes, copies
        self._uses: list[_Use] = []
        self._active = False
        self._handles = [
            module.register_forward_hook(self._after(i))
            for i, weight in enumerate(subject.weights)
            if i not in skipped
            for module in weight.modules
        ]

    def close(self) -> None:
        for handle in self._handles:
            handle.remove()

    def forms(self, inputs: Tensor, targets: Tensor, signs: torch.Generator) -> Tensor:
        """dW . H_n dW of every sample, set and weight, (n, K, weights) float64."""
        factors, _, slopes = self.slopes(inputs, targets, signs)
        return (factors.T[:, None, :, None] * slopes.square()).sum(2)

    def slopes(
        self, inputs: Tensor, targets: Tensor, signs: torch.Generator
    ) -> tuple[Tensor, list[Tensor], Tensor]:
        """l_c, (directions, n), u_c, each (n, C), and u_c . J_n dW, (n, K, directions, weights), all float64."""
        subject, outputs = self._subject, self._forward(inputs)
        factors, vectors = output_directions(subject, outputs, targets, signs)
        shape = (samples_in(inputs), len(self._changes), len(vectors), len(subject.weights))
        slopes = torch.zeros(shape, dtype=torch.float64)
        if outputs.requires_grad:
            for i, vector in enumerate(vectors):
                last = i + 1 == len(vectors)
                torch.autograd.backward(
                    outputs, vector.to(outputs.dtype).view_as(outputs), retain_graph=not last
                )
            with torch.no_grad():
                for use in self._uses:
                    if use.deltas:
                        slopes[..., use.weight] += _by_sample(self._slopes(use), len(slopes))
        return factors.cpu(), vectors, slopes

    def probed(self, inputs: Tensor, targets: Tensor, signs: torch.Generator) -> Tensor:
        """Values whose mean over random signs is dW . H_n dW, (n, K, weights) float64."""
        outputs = self._forward(inputs)
        found = torch.zeros(
            samples_in(inputs), len(self._changes), len(self._subject.weights), dtype=torch.float64
        )
        vectors = probes(self._subject, outputs, targets, signs) if outputs.requires_grad else []
        for i, (sign, vector) in enumerate(vectors):
            last = i + 1 == len(vectors)
            torch.autograd.backward(outputs, vector.to(outputs.dtype).view_as(outputs), retain_graph=not last)
            slopes = torch.zeros_like(found)
            with torch.no_grad():
                for use in self._uses:
                    deltas = list(use.deltas)
                    use.deltas.clear()  # the hooks go on adding to this list
                    changes = [change[use.weight] for change in self._changes]
                    for delta in deltas:
                        slope = contracted(use.module, use.inputs, delta, changes).double().cpu()
                        slopes[..., use.weight] += _by_sample(slope, len(slopes))
            found += sign * slopes.square()
        return found

    def _forward(self, inputs: Tensor) -> Tensor:
        """The outputs, with a graph from the layers on; parameters take no gradient."""
        model = self._subject.model
        model.requires_grad_(False)
        self._uses, self._active = [], True
        try:
            with torch.enable_grad():
                return single_tensor(model(inputs))
        finally:
            self._active = False
            model.requires_grad_(True)

    def _slopes(self, use: _Use) -> Tensor:
        """u_c . J_n dW of one use, (n, K, directions)."""
        moved = [applied(use.module, change[use.weight], use.inputs).flatten(1) for change in self._changes]
        deltas = torch.stack([delta.flatten(1) for delta in use.deltas], 2)  # (n, D, directions)
        return (torch.stack(moved, 1) @ deltas).double().cpu()

    def _after(self, index: int) -> Any:
        def hook(module: nn.Module, args: tuple[Any, ...], output: Any) -> Any:
            if not self._active or not args or not torch.is_tensor(output):
                return None
            inputs = args[0].detach()
            use = _Use(index, module, inputs.clone() if self._copies else inputs)
            self._uses.append(use)
            if not output.requires_grad:  # nothing before it needs a gradient
                output = output.detach().requires_grad_(True).clone()
            output.register_hook(use.deltas.append)
            return output

        return hook


def _by_sample(values: Tensor, samples: int) -> Tensor:
    """Sums over the entries of a batch that belong to one sample, where a layer is given several of each."""
    return values if len(values) == samples else values.unflatten(0, (samples, -1)).sum(1)


def can_be_summed(outputs: int) -> bool:
    """Whether `Tangents.forms` has the sum itself for so many outputs, and not a random value."""
    return outputs <= LARGEST_EIGEN


def output_directions(
    subject: Subject, outputs: Tensor, targets: Tensor, signs: torch.Generator
) -> tuple[Tensor, list[Tensor]]:
    """l_c, (directions, n), and u_c, each (n, C): Σ_c l_c (u_c . x)^2 is, or has the mean, x . H_L x.

    The mean is that over random signs, which take the place of the sum where there are more than `LARGEST_EIGEN`
    outputs.
    """
    width = outputs[0].numel()
    if width <= LARGEST_EIGEN:
        values, vectors = directions(subject.loss, outputs, targets)
        largest = values.abs().amax(0)
        chosen = (largest > _NEGLIGIBLE * largest.max()).nonzero().flatten().tolist() or [0]
        return values[:, chosen].T, [vectors[:, :, c] for c in chosen]
    found = roots(subject.loss, outputs, targets)
    z = (torch.randint(0, 2, (len(outputs), width), generator=signs) * 2 - 1).double().to(outputs.device)
    factors = torch.tensor([[float(root.sign)] for root in found], device=outputs.device, dtype=torch.float64)
    return factors.expand(-1, len(outputs)), [root.times(z) for root in found]


def probes(
    subject: Subject, outputs: Tensor, targets: Tensor, signs: torch.Generator
) -> list[tuple[int, Tensor]]:
    """Signs s and random vectors v, (n, C) each: the mean of sum s (v . x)^2 is x . H_L x."""
    width = outputs[0].numel()
    z = (torch.randint(0, 2, (len(outputs), width), generator=signs) * 2 - 1).double().to(outputs.device)
    if width > LARGEST_EIGEN:
        return [(root.sign, root.times(z)) for root in roots(subject.loss, outputs, targets)]
    values, vectors = directions(subject.loss, outputs, targets)
    found = []
    for sign in (1, -1):
        sizes = (sign * values).clamp(min=0)
        if bool((sizes > _NEGLIGIBLE * values.abs().max()).any()):
            found.append((sign, (vectors @ (sizes.sqrt() * z).unsqueeze(2)).squeeze(2)))
    return found
